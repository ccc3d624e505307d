import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { RunLine } from '../../../actors/schedules/schedule-run.ts';
import { MISSED_POLICIES, OVERLAP_POLICIES } from '../../../protocol/schedules.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { settled } from '../../support/indoor-node.ts';
import { createScheduleNode, ME, MINUTE_MS, reborn, START_MS } from './schedule-rig.ts';

const ECHO = { agent: 'lab.echo', input: 'hi' };
const EVERY_MINUTE = { everyMs: MINUTE_MS, task: ECHO };
const taking = (ms: number) => ({ agent: 'lab.delay', input: { ms }, options: { labels: { team: 'a' } } });

describe('A schedule', () => {
  it('submits its task at its times, tells it the time, and keeps what became of its runs', async () => {
    const node = await createScheduleNode();
    const input = { for: '${schedule.time}', of: '${schedule.name}' };
    const view = await node.put('beat', { everyMs: MINUTE_MS, task: { agent: 'lab.echo', input } });
    expect(view).toMatchObject({
      schedule: 'beat',
      state: 'active',
      nextAt: START_MS + MINUTE_MS,
      runs: [],
      queued: 0,
    });
    expect(view.upcoming).toEqual([1, 2, 3, 4, 5].map((minute) => START_MS + minute * MINUTE_MS));
    await node.world.elapse(2 * MINUTE_MS);
    const tasks = await node.tasksOf('beat');
    expect(tasks).toMatchObject([
      {
        status: 'completed',
        principal: ME,
        options: { labels: { schedule: 'beat', 'scheduled-at': '2026-01-01T00:01:00.000Z' } },
        result: { output: { for: '2026-01-01T00:01:00.000Z', of: 'beat' } },
      },
      { options: { labels: { 'scheduled-at': '2026-01-01T00:02:00.000Z' } } },
    ]);
    const { runs, nextAt, running } = await node.show('beat');
    expect(runs).toMatchObject([
      { at: START_MS + 2 * MINUTE_MS, by: 'time', state: 'started', task: tasks[1]?.id, status: 'completed' },
      { at: START_MS + MINUTE_MS, by: 'time', state: 'started', task: tasks[0]?.id, endedAt: START_MS + MINUTE_MS },
    ]);
    expect([nextAt, running]).toEqual([START_MS + 3 * MINUTE_MS, []]);
  });

  it('goes by a cron expression in a time zone', async () => {
    const node = await createScheduleNode();
    await node.put('noon', { cron: '0 12 * * *', timeZone: 'Asia/Tokyo', task: ECHO });
    await node.world.elapse(24 * 60 * MINUTE_MS);
    expect(await node.timesOf('noon')).toEqual([3 * 60]);
  });

  it('runs once where it names one moment, and is done', async () => {
    const node = await createScheduleNode();
    await node.put('once', { at: '2026-01-01T01:05:00+01:00', task: ECHO });
    await node.world.elapse(60 * MINUTE_MS);
    expect(await node.timesOf('once')).toEqual([5]);
    const view = await node.show('once');
    expect([view.state, view.nextAt, view.upcoming]).toEqual(['done', undefined, []]);
    expect(node.kernel.timersPending).toBe(0);
  });

  it('begins at startAt and ends before endAt', async () => {
    const node = await createScheduleNode();
    const [startAt, endAt] = [START_MS + 10 * MINUTE_MS, START_MS + 13 * MINUTE_MS];
    await node.put('some', { ...EVERY_MINUTE, startAt, endAt });
    await node.world.elapse(60 * MINUTE_MS);
    expect(await node.timesOf('some')).toEqual([10, 11, 12]);
    expect((await node.show('some')).state).toBe('done');
  });

  it('spreads its runs by its jitter, which does not move its times', async () => {
    const node = await createScheduleNode();
    await node.put('spread', { everyMs: 10 * MINUTE_MS, jitterMs: 5 * MINUTE_MS, task: ECHO });
    await node.world.elapse(100 * MINUTE_MS);
    const lines = (await node.show('spread')).runs.toReversed();
    const delays = lines.map(({ at, startedAt = 0 }) => startedAt - at);
    expect(lines.map(({ at }) => (at - START_MS) / MINUTE_MS)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(delays.every((delayMs) => delayMs >= 0 && delayMs < 5 * MINUTE_MS)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(5);
  });

  it('runs any target that a submission may have', async () => {
    const node = await createScheduleNode();
    const steps = [{ id: 'a', agent: 'lab.echo', input: '${input}' }];
    await node.put('graph', { everyMs: MINUTE_MS, task: { graph: { steps, output: '${steps.a.output}' }, input: 7 } });
    await node.put('capability', { everyMs: MINUTE_MS, task: { capability: 'lab.echo', input: 8 } });
    await node.world.elapse(MINUTE_MS);
    expect((await node.tasksOf('graph')).map(({ result }) => result?.output)).toEqual([7]);
    expect((await node.tasksOf('capability')).map(({ result }) => result?.output)).toEqual([8]);
    expect((await node.show('graph')).target).toEqual({ graph: true });
  });

  it('goes on where a run is refused, and says why', async () => {
    const disk = new MemoryDisk();
    const reporter = defineAgent({ name: 'reporter', version: '1.0.0', run: () => 'done' });
    const first = await createScheduleNode({ disk, agents: [reporter] });
    await first.put('beat', { everyMs: MINUTE_MS, task: { agent: 'reporter' } });
    const second = await reborn(first, disk);
    await second.world.elapse(MINUTE_MS);
    expect((await second.show('beat')).runs).toMatchObject([{ state: 'refused', code: 'NO_AGENT' }]);
    const third = await reborn(second, disk, 0, [reporter]);
    await third.world.elapse(MINUTE_MS);
    expect(await third.timesOf('beat')).toEqual([2]);
  });

  it('waits for room where the node has none, and loses no run', async () => {
    const node = await createScheduleNode({ tasksInFlightMax: 1 });
    await node.put('beat', { ...EVERY_MINUTE, overlap: 'allow' });
    const { task } = node.submit({ agent: 'lab.delay' }, { ms: 130_000 });
    await node.world.elapse(2 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([]);
    expect((await node.show('beat')).queued).toBe(2);
    await node.world.elapse(2 * MINUTE_MS);
    expect((await node.store.readTask(task))?.status).toBe('completed');
    expect(await node.timesOf('beat')).toEqual([1, 2, 3, 4]);
    expect((await node.show('beat')).queued).toBe(0);
  });

  it('rests in the store between its times', async () => {
    const node = await createScheduleNode({ passivateAfterMs: MINUTE_MS });
    await node.put('rare', { everyMs: 60 * MINUTE_MS, task: ECHO });
    await node.world.elapse(30 * MINUTE_MS);
    expect(node.kernel.cells.has('schedule/rare')).toBe(false);
    await node.world.elapse(31 * MINUTE_MS);
    expect(await node.timesOf('rare')).toEqual([60]);
  });
});

describe('A schedule that is held', () => {
  it('begins no run, and has missed none when it goes on', async () => {
    const node = await createScheduleNode();
    await node.put('beat', { ...EVERY_MINUTE, missed: 'all' });
    await node.world.elapse(MINUTE_MS);
    expect(await settled(node.world, node.schedules.pause(ME, 'beat'))).toMatchObject({ state: 'paused' });
    expect((await node.show('beat')).nextAt).toBeUndefined();
    await node.world.elapse(5 * MINUTE_MS);
    expect(await settled(node.world, node.schedules.resume(ME, 'beat'))).toMatchObject({
      state: 'active',
      nextAt: START_MS + 7 * MINUTE_MS,
    });
    await node.world.elapse(MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([1, 7]);
  });

  it('holds runs that wait, and runs what someone asks for', async () => {
    const node = await createScheduleNode();
    await node.put('beat', { everyMs: MINUTE_MS, overlap: 'queue', task: taking(90_000) });
    await node.world.elapse(2 * MINUTE_MS);
    await settled(node.world, node.schedules.pause(ME, 'beat'));
    await node.world.elapse(10 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([1]);
    expect(await settled(node.world, node.schedules.trigger(ME, 'beat'))).toMatchObject({
      by: 'trigger',
      state: 'started',
    });
    await node.world.elapse(10 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([1, 12]);
    await settled(node.world, node.schedules.resume(ME, 'beat'));
    await node.world.settle();
    expect(await node.timesOf('beat')).toEqual([1, 12, 2]);
  });

  it('may be made so', async () => {
    const node = await createScheduleNode();
    expect(await node.put('beat', { ...EVERY_MINUTE, paused: true })).toMatchObject({ state: 'paused', upcoming: [] });
    await node.world.elapse(5 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([]);
  });
});

describe('A run that someone asks for', () => {
  it('begins beside the times, of which it moves none', async () => {
    const node = await createScheduleNode();
    await node.put('beat', { everyMs: 10 * MINUTE_MS, task: ECHO });
    await node.world.elapse(3 * MINUTE_MS);
    const run = await settled(node.world, node.schedules.trigger(ME, 'beat'));
    expect(run).toMatchObject({ at: START_MS + 3 * MINUTE_MS, by: 'trigger', state: 'started' });
    expect((await node.store.readTask(run?.task ?? ''))?.status).toBe('completed');
    await node.world.elapse(7 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([3, 10]);
  });

  it('goes by the policy for overlaps', async () => {
    const node = await createScheduleNode();
    const slow = { everyMs: 10 * MINUTE_MS, task: taking(5 * MINUTE_MS) };
    for (const overlap of OVERLAP_POLICIES) await node.put(overlap, { ...slow, overlap });
    await node.world.elapse(11 * MINUTE_MS);
    const trigger = (name: string): Promise<RunLine | undefined> =>
      settled(node.world, node.schedules.trigger(ME, name));
    await expect(trigger('skip')).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'An earlier run is still under way.',
    });
    expect(await trigger('queue')).toBeUndefined();
    expect(await trigger('cancel-previous')).toMatchObject({ state: 'started' });
    expect(await trigger('allow')).toMatchObject({ state: 'started' });
    const states = async (name: string) => (await node.tasksOf(name)).map(({ status }) => status);
    expect(await states('cancel-previous')).toEqual(['canceled', 'working']);
    expect(await states('allow')).toEqual(['working', 'working']);
    await node.world.elapse(5 * MINUTE_MS);
    expect(await states('queue')).toEqual(['completed', 'working']);
    expect(await states('skip')).toEqual(['completed']);
  });
});

/** What has begun by minute 95, of times that come every ten; the node is down from minute 15 to minute 75. */
const QUICK: Readonly<Record<string, readonly number[]>> = {
  'skip, skip': [10, 80, 90],
  'skip, queue': [10, 80, 90],
  'skip, cancel-previous': [10, 80, 90],
  'skip, allow': [10, 80, 90],
  'once, skip': [10, 70, 80, 90],
  'once, queue': [10, 70, 80, 90],
  'once, cancel-previous': [10, 70, 80, 90],
  'once, allow': [10, 70, 80, 90],
  'all, skip': [10, 20, 80, 90],
  'all, queue': [10, 20, 30, 40, 50, 60, 70, 80, 90],
  'all, cancel-previous': [10, 70, 80, 90],
  'all, allow': [10, 20, 30, 40, 50, 60, 70, 80, 90],
};
/** The same where the first run is under way all the time; behind it, how many wait then. */
const SLOW: Readonly<Record<string, readonly [began: readonly number[], waiting: number]>> = {
  'skip, skip': [[10], 0],
  'skip, queue': [[10], 2],
  'skip, cancel-previous': [[10, 80, 90], 0],
  'skip, allow': [[10, 80, 90], 0],
  'once, skip': [[10], 0],
  'once, queue': [[10], 3],
  'once, cancel-previous': [[10, 70, 80, 90], 0],
  'once, allow': [[10, 70, 80, 90], 0],
  'all, skip': [[10], 0],
  'all, queue': [[10], 8],
  'all, cancel-previous': [[10, 70, 80, 90], 0],
  'all, allow': [[10, 20, 30, 40, 50, 60, 70, 80, 90], 0],
};

const cells = MISSED_POLICIES.flatMap((missed) => OVERLAP_POLICIES.map((overlap) => [missed, overlap] as const));

describe.each(cells)('Times that were missed: %s; runs that meet: %s', (missed, overlap) => {
  const downtime = async (ms: number) => {
    const disk = new MemoryDisk();
    const first = await createScheduleNode({ disk });
    await first.put('beat', { everyMs: 10 * MINUTE_MS, missed, overlap, task: taking(ms) });
    await first.world.elapse(15 * MINUTE_MS);
    const node = await reborn(first, disk, 60 * MINUTE_MS);
    await node.world.elapse(20 * MINUTE_MS);
    return node;
  };

  it('with runs that are quick', async () => {
    const node = await downtime(MINUTE_MS);
    const began = QUICK[`${missed}, ${overlap}`];
    expect(await node.timesOf('beat')).toEqual(began);
    const { runs, queued } = await node.show('beat');
    expect(queued).toBe(0);
    expect(runs.filter(({ state }) => state === 'started')).toHaveLength(began?.length ?? 0);
    const made = runs.filter(({ by, state }) => by === 'missed' && state === 'started').map(({ at }) => minute(at));
    expect(made.toReversed()).toEqual(began?.filter((time) => time > 10 && time < 80));
    const skipped = runs
      .filter(({ state }) => state === 'skipped')
      .map(({ at, until }) => [minute(at), until && minute(until)]);
    if (missed === 'skip') expect(skipped).toEqual([[20, 70]]);
    else if (missed === 'all' && overlap === 'skip') expect(skipped).toEqual([[30, 70]]);
    else if (missed === 'all' && overlap === 'cancel-previous') expect(skipped).toEqual([[20, 60]]);
    else expect(skipped).toEqual([]);
  });

  it('with a run that is under way all the time', async () => {
    const node = await downtime(100 * MINUTE_MS);
    const [began, waiting] = SLOW[`${missed}, ${overlap}`] ?? [];
    expect(await node.timesOf('beat')).toEqual(began);
    expect((await node.show('beat')).queued).toBe(waiting);
    const states = (await node.tasksOf('beat')).map(({ status }) => status);
    const isCanceling = overlap === 'cancel-previous';
    expect(states).toEqual(states.map((_, at) => (isCanceling && at < states.length - 1 ? 'canceled' : 'working')));
  });
});

function minute(atMs: number): number {
  return (atMs - START_MS) / MINUTE_MS;
}

describe('Bounds of a schedule', () => {
  it('hold for the runs that it makes up for: the latest, the others are told of', async () => {
    const disk = new MemoryDisk();
    const first = await createScheduleNode({ disk });
    await first.put('beat', { ...EVERY_MINUTE, missed: 'all', missedMax: 3, overlap: 'allow' });
    await first.world.settle();
    const node = await reborn(first, disk, 60 * MINUTE_MS);
    await node.world.elapse(1);
    expect(await node.timesOf('beat')).toEqual([58, 59, 60]);
    const { runs } = await node.show('beat');
    expect(runs.at(-1)).toMatchObject({ state: 'skipped', by: 'missed', code: 'TIMEOUT' });
    expect([minute(runs.at(-1)?.at ?? 0), minute(runs.at(-1)?.until ?? 0)]).toEqual([1, 57]);
  });

  it('hold for runs that wait, and for those under way', async () => {
    const node = await createScheduleNode();
    await node.put('queue', { everyMs: 10_000, overlap: 'queue', queueMax: 2, task: taking(60 * MINUTE_MS) });
    await node.put('allow', { everyMs: 1_000, overlap: 'allow', task: taking(60 * MINUTE_MS) });
    await node.world.elapse(105_000);
    const queue = await node.show('queue');
    expect(queue.queued).toBe(2);
    expect(queue.runs[0]).toMatchObject({ state: 'skipped', code: 'BUSY', message: '2 runs wait already.', count: 7 });
    const allow = await node.show('allow');
    expect(allow.running).toHaveLength(100);
    expect(allow.runs[0]).toMatchObject({ state: 'skipped', code: 'BUSY', count: 5 });
  });

  it('hold for its history', async () => {
    const node = await createScheduleNode();
    await node.put('beat', EVERY_MINUTE);
    await node.world.elapse(30 * MINUTE_MS);
    const { runs } = await node.show('beat');
    expect(runs.map(({ at }) => minute(at))).toEqual(Array.from({ length: 20 }, (_, back) => 30 - back));
  });
});

describe('A wall clock that jumps', () => {
  it('forward makes times missed: what the policy says is done at once', async () => {
    const node = await createScheduleNode();
    await node.put('once', { everyMs: 10 * MINUTE_MS, missed: 'once', task: ECHO });
    await node.put('skip', { everyMs: 10 * MINUTE_MS, missed: 'skip', task: ECHO });
    await node.world.elapse(5 * MINUTE_MS);
    node.world.setWallClock(START_MS + 65 * MINUTE_MS);
    await node.world.elapse(MINUTE_MS);
    expect(await node.timesOf('once')).toEqual([60]);
    expect(await node.timesOf('skip')).toEqual([]);
    await node.world.elapse(10 * MINUTE_MS);
    expect(await node.timesOf('once')).toEqual([60, 70]);
    expect(await node.timesOf('skip')).toEqual([70]);
  });

  it('back a little runs no time twice', async () => {
    const node = await createScheduleNode();
    await node.put('beat', { everyMs: 10 * MINUTE_MS, task: ECHO });
    await node.world.elapse(25 * MINUTE_MS);
    node.world.setWallClock(START_MS + 5 * MINUTE_MS);
    await node.world.elapse(40 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([10, 20, 30, 40]);
  });

  it('back by hours was a correction: the schedule goes by the new time', async () => {
    const node = await createScheduleNode({ startMs: START_MS + 600 * MINUTE_MS });
    await node.put('beat', { everyMs: 10 * MINUTE_MS, task: ECHO });
    await node.world.elapse(15 * MINUTE_MS);
    node.world.setWallClock(START_MS + 5 * MINUTE_MS);
    await node.world.elapse(4 * MINUTE_MS);
    // Counted from when it was made, by the clock of then.
    expect((await node.show('beat')).nextAt).toBe(START_MS + 610 * MINUTE_MS);
  });

  it('back by hours while the node was down is noticed when it begins', async () => {
    const disk = new MemoryDisk();
    const first = await createScheduleNode({ disk, startMs: START_MS + 24 * 60 * MINUTE_MS });
    await first.put('noon', { cron: '0 12 * * *', task: ECHO });
    await first.world.elapse(MINUTE_MS);
    const node = await reborn(first, disk, -23 * 60 * MINUTE_MS);
    await node.world.settle();
    expect((await node.show('noon')).nextAt).toBe(START_MS + 12 * 60 * MINUTE_MS);
    await node.world.elapse(12 * 60 * MINUTE_MS);
    expect(await node.timesOf('noon')).toEqual([12 * 60]);
  });
});
