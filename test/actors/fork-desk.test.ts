import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { FORK_LABEL } from '../../actors/fork-desk.ts';
import type { TaskResult } from '../../protocol/tasks.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createIndoorNode, type IndoorNode, type IndoorOptions, settled } from '../support/indoor-node.ts';

const calls: string[] = [];

const scribe = defineAgent({
  name: 'scribe',
  version: '1.0.0',
  run: async ({ input, ctx }) => {
    const { name } = input as { name: string };
    const first = await ctx.journal('first', async (key) => {
      calls.push(`${name} first ${key.slice(0, 6)}`);
      return calls.length;
    });
    await ctx.sleep(1_000);
    const second = await ctx.journal('second', async () => {
      calls.push(`${name} second`);
      return calls.length;
    });
    return { first, second };
  },
});

const paid: string[] = [];
const probed: string[] = [];

const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  run: async ({ ctx }) =>
    await ctx.journal(
      'pay',
      async (key) => {
        paid.push(key);
        await ctx.sleep(2_000);
        return 'paid';
      },
      {
        kind: 'unsafe',
        probe: ({ idempotencyKey }) => {
          probed.push(idempotencyKey);
          return { happened: false };
        },
      },
    ),
});

const node = (options: IndoorOptions = {}): Promise<IndoorNode> =>
  createIndoorNode({ agents: [scribe, payer], ...options });

async function resultOf({ world, store }: IndoorNode, task: string): Promise<TaskResult> {
  for (let round = 0; round < 100; round++) {
    await world.settle();
    const record = await store.readTask(task);
    if (record?.result !== undefined) return record.result;
    await world.elapse(500);
  }
  throw new TypeError(`${task} has not ended.`);
}

const graph = {
  name: 'three',
  version: '1.0.0',
  steps: [
    { id: 'one', agent: 'lab.delay', input: { ms: 1_000, value: 1 } },
    { id: 'many', agent: 'lab.delay', forEach: '${[1, 2, 3]}', input: { ms: 500, value: '${item}' } },
    { id: 'last', agent: 'lab.delay', needs: ['one', 'many'], input: { ms: 10, value: '${steps.one.output + 1}' } },
  ],
  output: { one: '${steps.one.output}', many: '${steps.many.output}', last: '${steps.last.output}' },
};

describe('The checkpoints of a task', () => {
  it('are there for each commit while it ran, and show its actors as they were', async () => {
    const one = await node();
    const task = one.submit({ agent: 'lab.delay' }, { ms: 1_000, value: 7 });
    await resultOf(one, task);
    const [first] = await one.forks.list('me', task);
    expect(first).toMatchObject({ seq: 4 });
    const actors = await one.forks.inspect('me', task, first?.checkpoint ?? '');
    expect(actors.map(({ actor }) => actor).toSorted()).toEqual([
      `run/${task}/main/1`,
      `step/${task}/main`,
      `task/${task}`,
    ]);
    const run = actors.find(({ actor }) => actor.startsWith('run/'));
    expect(run?.state).toMatchObject({ status: 'active', value: 'waiting', context: { ms: 1_000, value: 7 } });
    expect(run?.timers).toHaveLength(1);
  });

  it('are not made of a task that begins and ends in one commit', async () => {
    const one = await node();
    const task = one.submit({ agent: 'lab.echo' }, 'hi');
    await resultOf(one, task);
    expect(await one.forks.list('me', task)).toEqual([]);
    await expect(settled(one.world, one.forks.fork('me', task, '01M'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are nobody else’s to see', async () => {
    const one = await node();
    const task = one.submit({ agent: 'lab.delay' }, { ms: 1_000 });
    await resultOf(one, task);
    await expect(one.forks.list('you', task)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('end where the bound is met, also for a later run of the node, which does not know what was left out', async () => {
    const disk = new MemoryDisk();
    const one = await node({ disk, checkpointsMax: 1 });
    const task = one.submit({ graph }, null);
    await one.world.settle();
    await one.world.elapse(600);
    expect((await one.store.checkpoints(task)).length).toBe(2);
    expect(await one.forks.list('me', task)).toHaveLength(1);
    one.kernel.stop();
    one.committer.stop();
    disk.crash();
    const next = await node({ disk, seed: 2, checkpointsMax: 1 });
    await resultOf(next, task);
    expect((await next.store.checkpoints(task)).length).toBeGreaterThan(2);
    expect(await next.forks.list('me', task)).toHaveLength(1);
  });

  it('of tasks that ended go when too many have ended since', async () => {
    const one = await node({ checkpointTasksMax: 2 });
    const tasks: string[] = [];
    for (let index = 0; index < 4; index++) {
      const task = one.submit({ agent: 'lab.delay' }, { ms: 100 });
      await resultOf(one, task);
      tasks.push(task);
    }
    await one.world.settle();
    expect(await one.store.tasksWithCheckpoints(undefined, 10)).toEqual(tasks.slice(2));
  });
});

describe('A fork', () => {
  it('from any checkpoint of a workflow ends as the workflow did, with the log of the first up to there', async () => {
    const one = await node();
    const task = one.submit({ graph }, null);
    const { output } = await resultOf(one, task);
    const found = await one.forks.list('me', task);
    expect(found.length).toBeGreaterThanOrEqual(3);
    for (const { checkpoint, seq } of found) {
      const fork = await settled(one.world, one.forks.fork('me', task, checkpoint));
      expect(await resultOf(one, fork)).toMatchObject({ status: 'completed', output });
      const events = await one.store.readEvents(fork, 0, 1_000);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.slice(0, seq)).toEqual(await one.store.readEvents(task, 0, seq));
      expect(events[seq]).toMatchObject({ kind: 'task.resumed', data: { forkOf: task, checkpoint } });
      expect((await one.store.readTask(fork))?.options.labels).toEqual({ [FORK_LABEL]: task });
    }
    expect(await resultOf(one, task)).toMatchObject({ output });
  });

  it('does not do again what was recorded by then, and does the rest under keys of its own', async () => {
    const one = await node();
    calls.length = 0;
    const task = one.submit({ agent: 'scribe' }, { name: 'a' });
    const { output } = await resultOf(one, task);
    expect(calls).toHaveLength(2);
    const found = await one.forks.list('me', task);
    const last = found.at(-1)?.checkpoint ?? '';
    const fork = await settled(one.world, one.forks.fork('me', task, last));
    const forked = await resultOf(one, fork);
    expect((forked.output as { first: number }).first).toBe((output as { first: number }).first);
    expect(calls.slice(2)).toEqual(['a second']);
    const again = await settled(one.world, one.forks.fork('me', task, found[0]?.checkpoint ?? ''));
    await resultOf(one, again);
    const firsts = calls.filter((call) => call.includes('first'));
    expect(firsts).toHaveLength(2);
    expect(new Set(firsts).size).toBe(2);
  });

  it('does not make an unsafe call that was under way again, nor ask a probe by a key that nobody knows', async () => {
    const one = await node();
    paid.length = probed.length = 0;
    const task = one.submit({ agent: 'payer' }, null);
    await one.world.settle();
    const found = await one.forks.list('me', task);
    const fork = await settled(one.world, one.forks.fork('me', task, found.at(-1)?.checkpoint ?? ''));
    await one.world.elapse(5_000);
    expect(await resultOf(one, task)).toMatchObject({ status: 'completed' });
    expect((await one.store.readTask(fork))?.status).toBe('input-required');
    expect(paid).toHaveLength(1);
    expect(probed).toEqual([]);
    const { effects } = await one.store.listEffects({ state: 'unknown', limit: 10 });
    // The key is the one that the first task paid under: that is what the other side can be asked for.
    expect(effects).toMatchObject([{ task: fork, idempotencyKey: paid[0] }]);
    expect(effects[0]?.why).toContain(task);
    await settled(one.world, one.effects.resolve('me', effects[0]?.id ?? '', { decision: 'done', output: 'paid' }));
    expect(await resultOf(one, fork)).toMatchObject({ status: 'completed', output: 'paid' });
    expect(paid).toHaveLength(1);
  });

  it('survives the node that made it, as soon as it was answered', async () => {
    const disk = new MemoryDisk();
    const one = await node({ disk });
    const task = one.submit({ graph }, null);
    const { output } = await resultOf(one, task);
    const [first] = await one.forks.list('me', task);
    const fork = await settled(one.world, one.forks.fork('me', task, first?.checkpoint ?? ''));
    one.kernel.pause(true);
    one.kernel.stop();
    one.committer.stop();
    disk.crash();
    const next = await node({ disk, seed: 2 });
    expect(await resultOf(next, fork)).toMatchObject({ status: 'completed', output });
  });
});
