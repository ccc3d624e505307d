import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { asker } from '../actors/approvals/approval-rig.ts';
import type { Wire } from '../support/wire.ts';
import { type Answer, type Rig, startRig } from './rig.ts';

const APPROVALS = '/api/v1/approvals';

let rig: Rig;
let wire: Wire;
beforeAll(async () => {
  rig = await startRig({ agents: [asker] });
  wire = await rig.open();
});
afterAll(() => rig.stop());

/** A task that asks this, once it waits; gives its id and that of what it asks. */
async function asks(request: object): Promise<{ readonly task: string; readonly approval: string }> {
  const task = await rig.submit({ agent: 'asker', input: { ask: [request] } });
  const { json } = await vi.waitFor(async () => {
    const answer = await rig.get(`${APPROVALS}?task=${task}`);
    expect(answer.json['approvals']).toHaveLength(1);
    return answer;
  });
  const [view] = json['approvals'] as { readonly approval: string }[];
  return { task, approval: String(view?.approval) };
}

async function endOf(task: string): Promise<Answer['json']> {
  return await vi.waitFor(async () => {
    const { json } = await rig.get(`/api/v1/tasks/${task}`);
    expect(json['result']).toBeDefined();
    return json['result'] as Answer['json'];
  });
}

describe('Approvals over REST', () => {
  it('are listed with what a person must know, and looked into one by one', async () => {
    const { task, approval } = await asks({
      role: 'editor',
      message: 'Send it?',
      details: { to: 'all' },
      deadlineMs: 60_000,
    });
    const { json } = await rig.get(`${APPROVALS}?role=editor`);
    expect(json).toEqual({
      approvals: [
        {
          ...{ approval, state: 'pending', task, step: 'main', name: 'approval', role: 'editor', message: 'Send it?' },
          ...{ since: expect.any(Number), expiresAt: expect.any(Number), onExpire: 'fail' },
        },
      ],
      cursor: null,
    });
    expect((await rig.get(`${APPROVALS}/${approval}`)).json).toMatchObject({ approval, details: { to: 'all' } });
    expect((await rig.get(`${APPROVALS}?role=nobody`)).json).toEqual({ approvals: [], cursor: null });
    expect((await rig.get(`/api/v1/tasks/${task}`)).json).toMatchObject({ status: 'input-required' });
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_approvals_pending 1$/m);
    const { json: why } = await rig.get(`/api/v1/tasks/${task}/why`);
    expect((why['waits'] as { kind: string }[]).filter(({ kind }) => kind !== 'call')).toEqual([
      {
        ...{ kind: 'approval', actor: `approval/${task}/main/approval`, step: 'main', item: null },
        ...{
          what: 'An approval of editor is waited for.',
          next: expect.stringContaining(`troupe approve ${approval}`),
        },
        ...{ since: expect.any(Number), until: expect.any(Number) },
      },
    ]);
    const tree = await rig.get(`/api/v1/tasks/${task}/tree`);
    expect(tree.text).toContain('pending, asked of editor');

    const answer = await rig.send('POST', `${APPROVALS}/${approval}`, { decision: 'approve', comment: 'Go.' });
    expect(answer).toMatchObject({
      status: 200,
      json: { approval, state: 'resolved', decision: { decision: 'approve', by: 'loopback', comment: 'Go.' } },
    });
    expect(await endOf(task)).toMatchObject({ output: [{ decision: 'approve', comment: 'Go.' }] });
    expect((await rig.get(`${APPROVALS}?state=closed&task=${task}`)).json).toMatchObject({
      approvals: [{ approval, state: 'resolved' }],
    });
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_approvals_pending 0$/m);
  });

  it('come in pages', async () => {
    const all = [await asks({ role: 'pages' }), await asks({ role: 'pages' }), await asks({ role: 'pages' })];
    const first = await rig.get(`${APPROVALS}?role=pages&limit=2`);
    const cursor = String(first.json['cursor']);
    const second = await rig.get(`${APPROVALS}?role=pages&limit=2&cursor=${cursor}`);
    expect([first, second].flatMap(({ json }) => json['approvals'])).toMatchObject(all);
    expect(second.json['cursor']).toBeNull();
    for (const { approval } of all) await rig.send('POST', `${APPROVALS}/${approval}`, { decision: 'reject' });
  });

  it('are decided once: the same again is fine, another decision is a conflict, an unknown one is not there', async () => {
    const { task, approval } = await asks({});
    for (let time = 0; time < 2; time++)
      expect((await rig.send('POST', `${APPROVALS}/${approval}`, { decision: 'reject' })).status).toBe(200);
    const other = await rig.send('POST', `${APPROVALS}/${approval}`, { decision: 'approve' });
    expect([other.status, other.json['code']]).toEqual([409, 'STATE_CONFLICT']);
    expect(await endOf(task)).toMatchObject({ status: 'completed', output: [{ decision: 'reject' }] });
    const unknown = await rig.send('POST', `${APPROVALS}/nothing`, { decision: 'approve' });
    expect([unknown.status, unknown.json['code']]).toEqual([404, 'NOT_FOUND']);
    expect((await rig.get(`${APPROVALS}/nothing`)).status).toBe(404);
    for (const body of [{}, { decision: 'maybe' }, { decision: 'approve', comment: '' }])
      expect((await rig.send('POST', `${APPROVALS}/${approval}`, body)).json['code']).toBe('INVALID_INPUT');
  });
});

describe('Approvals over the socket', () => {
  it('are heard of by who watches the task, and decided', async () => {
    wire.send({
      ...{ type: 'task.submit', id: 's', agent: 'asker' },
      input: { ask: [{ role: 'editor', escalate: [{ afterMs: 1, role: 'lead' }] }] },
    });
    const { task } = await wire.until(({ re }) => re === 's');
    const { data } = await wire.until(
      (frame) => frame.task === task && frame.kind === 'approval.requested' && frame.data?.['role'] === 'lead',
    );
    const approval = data?.['approval'];
    expect(await wire.request({ type: 'task.get', task })).toMatchObject({ status: 'input-required' });
    const resolve = { type: 'approval.resolve', approval, decision: 'approve', comment: 'Go.' };
    expect(await wire.request(resolve)).toMatchObject({ type: 'ok' });
    expect(await wire.request(resolve)).toMatchObject({ type: 'ok' });
    expect(await wire.request({ ...resolve, decision: 'reject' })).toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await wire.request({ ...resolve, approval: 'nothing' })).toMatchObject({ code: 'NOT_FOUND' });
    const ended = await wire.until((frame) => frame.task === task && frame.type === 'task.result');
    expect(ended.output).toMatchObject([{ decision: 'approve', by: 'loopback' }]);
  });
});
