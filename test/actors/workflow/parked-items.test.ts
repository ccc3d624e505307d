import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

const ME = 'loopback';

/** Pays each item once; those of the first node never come back. */
function payer() {
  const begun: number[] = [];
  const together = { now: 0, most: 0 };
  let isFirst = true;
  const agent = defineAgent({
    name: 'payer',
    version: '1.0.0',
    run: async ({ input, ctx }) => {
      const { item } = input as { readonly item: number };
      return await ctx.journal(
        'pay',
        async () => {
          begun.push(item);
          if (isFirst) await new Promise<never>(() => undefined);
          together.most = Math.max(together.most, ++together.now);
          await Promise.resolve();
          together.now--;
          return item * 10;
        },
        { kind: 'unsafe' },
      );
    },
  });
  return { agent, begun, together, next: () => (isFirst = false) };
}

const graph = (more: object = {}) => ({
  steps: [
    { id: 'pay', agent: 'payer', forEach: '${input}', concurrency: 2, input: { item: '${item}' }, ...more },
    { id: 'beside', agent: 'lab.echo', input: 'beside' },
  ],
  output: { paid: '${steps.pay.output}', beside: '${steps.beside.output}' },
});

async function cutOff(more: object = {}) {
  const disk = new MemoryDisk();
  const { agent, begun, together, next } = payer();
  const first = await createWorkNode({ agents: [agent], disk });
  const { task } = first.submit({ graph: graph(more) }, [1, 2, 3, 4, 5]);
  await first.world.settle();
  expect(begun).toEqual([1, 2]);
  first.kill();
  next();
  const node = await createWorkNode({ agents: [agent], disk, seed: 2 });
  await node.world.settle();
  return { node, disk, agent, task, begun, together };
}

async function unknownOf(node: WorkNode) {
  return (await node.effects.list(ME, { limit: 50 })).effects;
}

async function decide(node: WorkNode, id: string, output: unknown): Promise<void> {
  const decided = node.effects.resolve(ME, id, { decision: 'done', output });
  await node.world.settle();
  await decided;
}

describe('Items of a fan-out whose calls are in doubt', () => {
  it('give their places to the others, which all end while nobody has said a word', async () => {
    const { node, task, begun, together } = await cutOff();
    expect(begun).toEqual([1, 2, 3, 4, 5]);
    expect(together.most).toBeLessThanOrEqual(2);
    expect(await unknownOf(node)).toMatchObject([
      { task, step: 'pay', item: 0 },
      { task, step: 'pay', item: 1 },
    ]);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    const lines = await node.events(task);
    const completed = lines.filter(({ kind, data }) => kind === 'step.completed' && data['item'] !== undefined);
    expect(completed.map(({ data }) => data['item'])).toEqual([2, 3, 4]);
    expect(lines.some(({ kind, data }) => kind === 'step.completed' && data['step'] === 'beside')).toBe(true);
  });

  it('let the task wait until the last of them is decided, and give what was said of each', async () => {
    const { node, task, begun } = await cutOff();
    const [one, two] = await unknownOf(node);
    await decide(node, String(two?.id), 'two');
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    await decide(node, String(one?.id), 'one');
    expect(await node.end(task)).toMatchObject({
      status: 'completed',
      result: { output: { paid: ['one', 'two', 30, 40, 50], beside: 'beside' } },
    });
    expect(begun).toEqual([1, 2, 3, 4, 5]);
  });

  it('are where they were after another death of the node', async () => {
    const { node, disk, agent, task, begun } = await cutOff();
    const [one] = await unknownOf(node);
    await decide(node, String(one?.id), 'one');
    node.kill();
    const last = await createWorkNode({ agents: [agent], disk, seed: 3 });
    await last.world.settle();
    const [two] = await unknownOf(last);
    await decide(last, String(two?.id), 'two');
    expect(await last.end(task)).toMatchObject({
      status: 'completed',
      result: { output: { paid: ['one', 'two', 30, 40, 50] } },
    });
    expect(begun).toEqual([1, 2, 3, 4, 5]);
  });

  it('are given up when enough of the others have ended, and the task works on', async () => {
    const { node, task } = await cutOff({ merge: 'first:3' });
    expect(await node.end(task)).toMatchObject({
      status: 'completed',
      result: { output: { paid: [30, 40, 50], beside: 'beside' } },
    });
    expect(await unknownOf(node)).toEqual([]);
    expect((await node.effects.list(ME, { state: 'abandoned', limit: 10 })).effects).toHaveLength(2);
    const [end] = (await node.events(task)).filter(
      ({ data }) => data['step'] === 'pay' && data['canceled'] !== undefined,
    );
    expect(end).toMatchObject({ kind: 'step.completed', data: { items: 5, completed: 3, failed: 0, canceled: 2 } });
  });

  it('are asked for no more by the task whose step gave them up', async () => {
    const steps = [
      { id: 'pay', agent: 'payer', forEach: [1, 2, 3], concurrency: 2, merge: 'any', input: { item: '${item}' } },
      { id: 'after', agent: 'lab.delay', needs: ['pay'], input: { ms: 60_000 } },
    ];
    const disk = new MemoryDisk();
    const { agent, next } = payer();
    const first = await createWorkNode({ agents: [agent], disk });
    const { task } = first.submit({ graph: { steps } });
    await first.world.settle();
    first.kill();
    next();
    const node = await createWorkNode({ agents: [agent], disk, seed: 2 });
    await node.world.settle();
    expect((await node.events(task)).map(({ kind }) => kind)).toContain('effect.unknown');
    const record = await node.store.readTask(task);
    expect(record?.status).toBe('working');
    expect(record?.waiting).toBeUndefined();
  });

  it('of an optional step that fail are left out, when all have been decided', async () => {
    const { node, task } = await cutOff({ optional: true });
    const [one, two] = await unknownOf(node);
    const decided = node.effects.resolve(ME, String(one?.id), { decision: 'failed' });
    await node.world.settle();
    await decided;
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    await decide(node, String(two?.id), 'two');
    expect(await node.end(task)).toMatchObject({
      status: 'completed',
      result: { output: { paid: [null, 'two', 30, 40, 50] }, degraded: [{ step: 'pay' }] },
    });
  });

  it('are ended with their task', async () => {
    const { node, task } = await cutOff();
    const canceled = node.desk.cancel(ME, task, undefined);
    await node.world.settle();
    await canceled;
    expect(await unknownOf(node)).toEqual([]);
    expect([...node.kernel.cells.keys()].filter((address) => address.includes(task))).toEqual([]);
  });
});
