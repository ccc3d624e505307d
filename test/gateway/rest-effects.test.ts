import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { type Rig, startRig } from './rig.ts';

/** Does not know whether it has paid, until someone says so. */
const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  run: ({ input, ctx }) =>
    ctx.journal(
      'pay',
      () => {
        throw new OperatingError('EFFECT_UNKNOWN', 'The line went dead.');
      },
      { kind: 'unsafe', args: input },
    ),
});

let rig: Rig;
const dataDir = mkdtempSync(path.join(tmpdir(), 'troupe-effects-'));
beforeAll(async () => {
  rig = await startRig({ agents: [payer], dataDir, store: 'level' });
});
afterAll(async () => {
  await rig.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface View {
  readonly effect: string;
  readonly state: string;
}

async function list(query = ''): Promise<{ readonly effects: readonly View[]; readonly cursor: string | null }> {
  const { status, json, text } = await rig.get(`/api/v1/effects${query}`);
  expect(status, text).toBe(200);
  return json as never;
}

/** A task that waits for a word, and the call that it waits for. */
async function inDoubt(to: string): Promise<{ readonly task: string; readonly effect: string }> {
  const task = await rig.submit({ agent: 'payer', input: { to } });
  const effect = await vi.waitFor(
    async () => {
      const found = (await list()).effects.find((view) => (view as unknown as { task: string }).task === task);
      if (found === undefined) throw new TypeError('It is not in the list yet.');
      return found.effect;
    },
    { timeout: 10_000, interval: 10 },
  );
  return { task, effect };
}

async function endOf(task: string): Promise<unknown> {
  return await vi.waitFor(
    async () => {
      const { json } = await rig.get(`/api/v1/tasks/${task}`);
      if (json['result'] === undefined) throw new TypeError('It has not ended yet.');
      return json;
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe('Effects over REST', () => {
  it('are listed, shown, decided about once, and the task goes on', async () => {
    const { task, effect } = await inDoubt('Ada');
    expect((await rig.get(`/api/v1/tasks/${task}`)).json).toMatchObject({
      status: 'input-required',
      waiting: expect.stringContaining(effect),
    });
    const view = (await rig.get(`/api/v1/effects/${effect}`)).json;
    expect(view).toMatchObject({
      ...{ effect, state: 'unknown', task, step: 'main', attempt: 1, agent: 'payer@1.0.0', name: 'pay' },
      ...{ input: { to: 'Ada' }, idempotencyKey: expect.stringMatching(/^[0-9a-f]{64}$/), since: expect.any(Number) },
    });
    expect(Object.keys(view)).not.toContain('owner');
    const body = { decision: 'done', output: { receipt: 1 }, comment: 'asked the bank' };
    const { status, json } = await rig.send('POST', `/api/v1/effects/${effect}`, body);
    expect([status, json]).toMatchObject([200, { effect, state: 'resolved', decision: { ...body, by: 'loopback' } }]);
    expect(await endOf(task)).toMatchObject({ status: 'completed', result: { output: { receipt: 1 } } });
    const again = await rig.send('POST', `/api/v1/effects/${effect}`, { decision: 'retry' });
    expect([again.status, again.json]).toMatchObject([409, { code: 'STATE_CONFLICT', retryable: false }]);
    expect((await rig.get(`/api/v1/effects/${effect}`)).json).toEqual(json);
    expect((await list('?state=resolved')).effects.map((one) => one.effect)).toContain(effect);
  });

  it('that are said to have failed fail with what was said', async () => {
    const { task, effect } = await inDoubt('Bo');
    const error = { code: 'UNAVAILABLE', message: 'no such account' };
    expect(await rig.send('POST', `/api/v1/effects/${effect}`, { decision: 'failed', error })).toMatchObject({
      status: 200,
      json: { decision: { decision: 'failed', error } },
    });
    expect(await endOf(task)).toMatchObject({ status: 'failed', result: { error } });
  });

  it('come in pages', async () => {
    const all = [await inDoubt('one'), await inDoubt('two'), await inDoubt('three')].map(({ effect }) => effect);
    const first = await list('?limit=2');
    expect(first.effects.map(({ effect }) => effect)).toEqual(all.slice(0, 2));
    const rest = await list(`?limit=2&cursor=${first.cursor}`);
    expect(rest.effects.map(({ effect }) => effect)).toEqual(all.slice(2));
    expect(rest.cursor).toBeNull();
  });

  it.each([
    ['no decision', {}],
    ['a decision of another kind', { decision: 'maybe' }],
    ['an output of a failure', { decision: 'failed', output: 1 }],
    ['an error of what is done', { decision: 'done', error: { code: 'BUSY' } }],
    ['a code that is none', { decision: 'failed', error: { code: 'NO_LUCK' } }],
    ['an empty comment', { decision: 'done', comment: '' }],
  ])('are not decided about with %s', async (_what, body) => {
    const { effect } = await inDoubt('Cy');
    expect(await rig.send('POST', `/api/v1/effects/${effect}`, body)).toMatchObject({
      status: 422,
      json: { code: 'INVALID_INPUT' },
    });
    expect((await rig.get(`/api/v1/effects/${effect}`)).json).toMatchObject({ state: 'unknown' });
  });

  it('that are not there are not found', async () => {
    expect(await rig.get('/api/v1/effects/01NIX')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect(await rig.send('POST', '/api/v1/effects/01NIX', { decision: 'done' })).toMatchObject({ status: 404 });
    expect(await rig.get('/api/v1/effects?state=lost')).toMatchObject({ status: 422 });
  });
});
