/** The quarantine over REST, on a real node with a machine that cannot stand thirteen. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { unpackCapsule } from '../../runtime/capsule-making.ts';
import { drawerAgent, tillAgent } from '../support/tills.ts';
import { type Rig, startRig } from './rig.ts';

const API = '/api/v1/quarantine';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ agents: [tillAgent(), drawerAgent()] });
});
afterAll(async () => await rig.stop());

type Row = Readonly<Record<string, unknown>> & { readonly id: string };

async function rows(): Promise<readonly Row[]> {
  return (await rig.get(API)).json['quarantine'] as readonly Row[];
}

/** A task that failed over an event, and its capsule. */
async function poisoned(): Promise<{ readonly task: string; readonly id: string }> {
  const task = await rig.submit({ agent: 'till', input: { start: 1 } });
  await rig.send('POST', `/api/v1/tasks/${task}/signals/pay`, { amount: 13 });
  const found = await vi.waitFor(
    async () => {
      const row = (await rows()).find((one) => one['task'] === task);
      if (row === undefined) throw new TypeError('not yet');
      return row;
    },
    { timeout: 15_000, interval: 20 },
  );
  return { task, id: found.id };
}

describe('The quarantine over REST', () => {
  it('lists, shows, edits and replays a message, and then it is gone', async () => {
    const { task, id } = await poisoned();
    expect((await rows()).find((row) => row.id === id)).toMatchObject({
      task,
      step: 'main',
      cause: 'crash',
      agent: 'till@1.0.0',
      actor: `run/${task}/main/1`,
      message: 'event pay',
      edited: false,
      error: { code: 'AGENT_CRASHED', message: '13 brings bad luck' },
    });
    const shown = await rig.get(`${API}/${id}`);
    expect(shown).toMatchObject({
      status: 200,
      json: {
        kind: 'troupe.capsule',
        message: { kind: 'event', event: { type: 'pay', amount: 13 } },
        state: { status: 'active', value: 'open', context: { total: 1 } },
        supervisors: ['supervisor/agents/till', 'supervisor/agents', 'supervisor/root'],
      },
    });
    expect(unpackCapsule(Buffer.from(String(shown.json['packed']), 'base64'))).toMatchObject({ id, work: { task } });
    const edited = await rig.send('PUT', `${API}/${id}`, { input: { start: 7 } });
    expect(edited).toMatchObject({ status: 200, json: { edited: { input: { start: 7 } } } });
    const { status, json } = await rig.send('POST', `${API}/${id}/replay`);
    expect({ status, json }).toMatchObject({ status: 200, json: { id, did: 'submitted', replayOf: task } });
    const replayed = String(json['task']);
    await rig.send('POST', `/api/v1/tasks/${replayed}/signals/close`);
    await vi.waitFor(
      async () =>
        expect((await rig.get(`/api/v1/tasks/${replayed}`)).json).toMatchObject({
          status: 'completed',
          result: { output: { total: 7 } },
        }),
      { timeout: 15_000, interval: 20 },
    );
    expect(await rig.get(`${API}/${id}`)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect((await rows()).some((row) => row.id === id)).toBe(false);
  });

  it('discards, and counts what is there', async () => {
    const { id } = await poisoned();
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_quarantined [1-9]/m);
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_quarantine_total\{cause="crash"\} [1-9]/m);
    expect(await rig.send('DELETE', `${API}/${id}`)).toMatchObject({ status: 200, json: { id, discarded: true } });
    expect(await rig.send('DELETE', `${API}/${id}`)).toMatchObject({ status: 404 });
    expect(await rig.send('POST', `${API}/${id}/replay`)).toMatchObject({ status: 404 });
  });

  it('refuses an edit that says nothing, too much, or no event', async () => {
    const { id } = await poisoned();
    const words = 'give `event` (an object with a `type`) or `input`, one of them';
    for (const [body, place] of [
      [{}, ''],
      [{ foo: 5 }, ''],
      [{ event: { type: 'pay' }, input: 1 }, ''],
      [{ event: {} }, 'event.type'],
      [{ event: 'pay' }, 'event'],
      [undefined, ''],
      [5, ''],
    ] as const) {
      const { status, json } = await rig.send('PUT', `${API}/${id}`, body);
      expect([body, status, json['code']]).toEqual([body, 422, 'INVALID_INPUT']);
      expect(json['detail']).toBe(`The body is not valid: ${place === '' ? '' : `${place}: `}${words}.`);
      expect(json['details']).toEqual({ issues: [{ path: place, message: words }] });
    }
  });
});
