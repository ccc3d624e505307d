/**
 * Wall clocks that jump, on a real process: by an hour and by a day, both ways, over restarts, over the change to summer
 * time; and a process that is stopped for ten seconds. Timers are due by the wall clock: never early by it, and never lost.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { anomaliesOf } from '../support/history/checker.ts';
import { History } from '../support/history/history.ts';
import { freePort, temporaryFolder } from '../support/node-process.ts';
import { seeded } from '../support/task-record.ts';
import { type Frame, Wire } from '../support/wire.ts';
import { FaultNode, pass, until } from './fault-rig.ts';
import { readAtRest } from './final-reading.ts';
import { MixedLoad } from './mixed-load.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WAIT_MS = 400;
const STOPPED_MS = 10_000;
const TEST = { timeout: 90_000 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(clockOffsetMs = 0, env: Readonly<Record<string, string>> = {}): Promise<FaultNode> {
  const folder = temporaryFolder('clock');
  const node = new FaultNode(folder.path, await freePort(), {}, env);
  node.clockOffsetMs = clockOffsetMs;
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

/** A wait that is asked for now, and what it comes to: how it ended, and how long that took by a clock that does not jump. */
async function wait(wire: Wire, agent: string, ms: number): Promise<() => Promise<{ end: Frame; tookMs: number }>> {
  const fromMs = performance.now();
  const task = await wire.submit({ agent, input: { ms, mark: 'waited' } });
  const ended = wire.result(task).then((end) => ({ end, tookMs: performance.now() - fromMs }));
  // What is not waited for any more is nobody's failure.
  ended.catch(() => {});
  return () => ended;
}

/** Waits begun now end in their time, by any clock. */
async function expectTimers(wire: Wire): Promise<void> {
  for (const agent of ['fault.wait', 'fault.sleep']) {
    const { end, tookMs } = await (await wait(wire, agent, WAIT_MS))();
    expect([agent, end.status]).toEqual([agent, 'completed']);
    expect(tookMs).toBeGreaterThanOrEqual(WAIT_MS - 1);
    expect(Number(end['durationMs'])).toBeGreaterThanOrEqual(WAIT_MS - 1);
  }
}

async function keyed(wire: Wire): Promise<Frame> {
  return await wire.request({ type: 'task.submit', agent: 'lab.echo', input: 1, key: 'once', watch: false });
}

describe.each([
  ['an hour', HOUR_MS],
  ['a day', DAY_MS],
])('a wall clock that jumps by %s', (_words, jumpMs) => {
  it('forward: what is due by then comes, what is not stays, and what begins then takes its time', TEST, async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const due = await wait(wire, 'fault.wait', jumpMs - MINUTE_MS);
    const slept = await wait(wire, 'fault.wait', jumpMs - 2 * MINUTE_MS);
    const later = await wait(wire, 'fault.wait', jumpMs + HOUR_MS);
    const late = await wire.submit({ agent: 'lab.stall', input: null, options: { deadlineMs: jumpMs - MINUTE_MS } });
    let isOver = false;
    later().then(
      () => (isOver = true),
      () => {},
    );
    await node.setClock(jumpMs);
    await expectTimers(wire);
    expect((await due()).end).toMatchObject({ status: 'completed', output: 'waited' });
    expect((await slept()).end.status).toBe('completed');
    expect(await wire.result(late)).toMatchObject({ status: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(isOver).toBe(false);
    await node.setClock(jumpMs + HOUR_MS + MINUTE_MS);
    await expectTimers(wire);
    expect((await later()).end.status).toBe('completed');
  });

  it('back: nothing comes early or is lost, and what begins then takes its time', TEST, async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const before = [await wait(wire, 'fault.wait', WAIT_MS), await wait(wire, 'lab.delay', WAIT_MS)];
    const deadline = await wire.submit({ agent: 'lab.stall', input: null, options: { deadlineMs: WAIT_MS } });
    await node.setClock(-jumpMs);
    await expectTimers(wire);
    // What was due by the clock that was wrong is due when that time comes round; a restart does not lose it either.
    await node.kill();
    await node.start();
    const after = await Wire.open(node.socketUrl);
    await expectTimers(after);
    const { tasks } = (await after.request({ type: 'task.list', status: 'working' })) as unknown as { tasks: object[] };
    expect(tasks).toHaveLength(before.length + 1);
    await node.setClock(WAIT_MS);
    await expectTimers(after);
    await until(
      async () => (await after.request({ type: 'task.get', task: deadline })).status === 'failed',
      'it is over',
    );
    await until(
      async () => {
        const page = (await after.request({ type: 'task.list', status: 'working' })) as unknown as { tasks: object[] };
        return page.tasks.length === 0;
      },
      'all that was due has come',
      { timeoutMs: 80_000 },
    );
  });

  it('keeps what a key stands for, for a day of that clock', TEST, async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const first = await keyed(wire);
    await node.setClock(-jumpMs);
    expect(await keyed(wire)).toMatchObject({ task: first.task, duplicate: true });
    await node.setClock(jumpMs - MINUTE_MS);
    expect(await keyed(wire)).toMatchObject({ task: first.task, duplicate: true });
    await node.setClock(DAY_MS + MINUTE_MS);
    const second = await keyed(wire);
    expect(second).toMatchObject({ type: 'task.accepted', duplicate: false });
    expect(second.task).not.toBe(first.task);
    expect(await keyed(wire)).toMatchObject({ task: second.task, duplicate: true });
  });

  it('while it is down: what is due by then comes at once', TEST, async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const task = await wire.submit({ agent: 'fault.wait', input: { ms: jumpMs - MINUTE_MS, mark: 'waited' } });
    await node.kill();
    await node.setClock(jumpMs);
    await node.start();
    const after = await Wire.open(node.socketUrl);
    after.send({ type: 'task.watch', id: 'w', task, after: 0 });
    expect(await after.result(task)).toMatchObject({ status: 'completed', output: 'waited' });
  });
});

describe.each([
  ['to summer time', Date.UTC(2026, 2, 29, 1)],
  ['to winter time', Date.UTC(2026, 9, 25, 1)],
])('a night in which clocks change %s', (_words, changeMs) => {
  it('changes nothing for timers that run over it', TEST, async () => {
    const node = await freshNode(changeMs - Date.now() - WAIT_MS / 2, { TZ: 'Europe/Berlin' });
    const wire = await Wire.open(node.socketUrl);
    await node.setClock(changeMs - Date.now() - WAIT_MS / 2);
    await expectTimers(wire);
    expect(Date.now() + node.clockOffsetMs).toBeGreaterThan(changeMs);
  });
});

describe('a process that is stopped for a while', () => {
  it('goes on where it was: no timer early, none lost, none twice, nothing acknowledged lost', TEST, async () => {
    const node = await freshNode();
    const history = new History();
    const random = seeded(Math.floor(Math.random() * 2 ** 31));
    const load = new MixedLoad({ url: node.url, socketUrl: node.socketUrl, history, random });
    await until(() => load.acknowledged > 100, 'work is taken on');
    const wire = await Wire.open(node.socketUrl);
    const before = await wait(wire, 'lab.delay', 1_000);
    const behind = await wait(wire, 'lab.delay', STOPPED_MS + 1_000);
    node.signal('SIGSTOP');
    await pass(STOPPED_MS);
    node.signal('SIGCONT');
    const first = await before();
    expect(first.end.status).toBe('completed');
    expect(first.tookMs).toBeGreaterThanOrEqual(STOPPED_MS - 50);
    const second = await behind();
    expect(second.tookMs).toBeGreaterThanOrEqual(STOPPED_MS + 1_000 - 1);
    const acknowledged = load.acknowledged;
    await until(() => load.acknowledged > acknowledged + 50, 'work is taken on again');
    await load.stop();
    const findings = await readAtRest(node, history);
    // The waits of this test are not of the load that is judged.
    const own = new Set(findings.tasks.filter(({ mark }) => mark === '').map(({ task }) => task));
    const entries = history.entries.filter((entry) => !('task' in entry && own.has(entry.task)));
    const tasks = findings.tasks.filter(({ task }) => !own.has(task));
    expect(anomaliesOf(entries, { ...findings, tasks })).toEqual([]);
  });
});
