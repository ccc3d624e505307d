/** Schedules on nodes that die: at every commit, with and without it on the disk. No time is lost, and none is run twice. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { settled } from '../../support/indoor-node.ts';
import { createScheduleNode, ME, MINUTE_MS, reborn } from './schedule-rig.ts';

/** Six minutes of a schedule whose runs take one and a half, and wait for one another; the node dies with its `dieAt`th commit. */
async function lifeOf(dieAt: number, outcome: WriteOutcome) {
  let commits = Number.NEGATIVE_INFINITY;
  let isDead = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (++commits !== dieAt) return 'done';
      isDead = true;
      return outcome;
    },
  });
  let node = await createScheduleNode({ disk });
  await node.put('beat', {
    ...{ everyMs: MINUTE_MS, overlap: 'queue', missed: 'all', endAt: node.world.nowMs() + 5.5 * MINUTE_MS },
    task: { agent: 'lab.delay', input: { ms: 1.5 * MINUTE_MS } },
  });
  commits = 0;
  for (let step = 0; step < 72; step++) {
    await node.world.elapse(10_000);
    if (!isDead) continue;
    isDead = false;
    node = await reborn(node, disk);
    expect(node.recovered.stranded).toEqual([]);
  }
  const made = commits;
  commits = Number.NEGATIVE_INFINITY;
  const tasks = await node.tasksOf('beat');
  const view = await node.show('beat');
  await settled(node.world, node.schedules.remove(ME, 'beat'));
  await node.world.elapse(1);
  const rest = disk.keys().filter((key) => /schedule|(?:step|run|task)\/01/.test(key));
  node.kill();
  return { tasks, view, rest, commits: made };
}

describe('A schedule on a node that dies', () => {
  it.each<WriteOutcome>(['lost', 'kept'])(
    'runs each time once, whichever commit it dies with, when that is %s',
    async (outcome) => {
      const { commits } = await lifeOf(Number.POSITIVE_INFINITY, outcome);
      expect(commits).toBeGreaterThan(7);
      for (let dieAt = 1; dieAt <= commits; dieAt++) {
        const { tasks, view, rest } = await lifeOf(dieAt, outcome);
        const times = tasks.map(({ options }) => options.labels?.['scheduled-at']?.slice(14, 16));
        expect(times, `commit ${dieAt}`).toEqual(['01', '02', '03', '04', '05']);
        expect(view, `commit ${dieAt}`).toMatchObject({ state: 'done', queued: 0 });
        expect(view.runs.map(({ task }) => task).toReversed()).toEqual(tasks.map(({ id }) => id));
        expect(rest, `commit ${dieAt}`).toEqual([]);
      }
    },
    30_000,
  );

  it('is made, replaced and removed as a whole, or not at all', async () => {
    const disk = new MemoryDisk();
    let node = await createScheduleNode({ disk });
    const spec = (minutes: number) => ({ everyMs: minutes * MINUTE_MS, task: { agent: 'lab.echo' } });
    await node.put('beat', spec(1));
    node = await reborn(node, disk);
    expect(await node.show('beat')).toMatchObject({ everyMs: MINUTE_MS });
    await node.put('beat', spec(2), 'replace');
    node = await reborn(node, disk);
    await node.world.elapse(5 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([2, 4]);
    await settled(node.world, node.schedules.remove(ME, 'beat'));
    node = await reborn(node, disk);
    await node.world.elapse(5 * MINUTE_MS);
    expect(await node.timesOf('beat')).toEqual([2, 4]);
    await expect(node.show('beat')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
