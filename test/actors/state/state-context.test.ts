import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

const ME = 'loopback';

/** Adds one to a number that all share, then to one of its own task. */
const adder = defineAgent({
  name: 'adder',
  version: '1.0.0',
  run: async ({ ctx }) => {
    const total = await ctx.state('global').update<number>('total', (value = 0) => value + 1);
    await ctx.state().set('mine', total);
    const { version, value } = await ctx.state().get('mine');
    return { total, version, value };
  },
});

/** Holds a lease while it waits. */
const writer = defineAgent({
  name: 'writer',
  version: '1.0.0',
  run: async ({ ctx }) => {
    const shared = ctx.state('tenant:acme');
    const { token } = await shared.lock('report', { ttlMs: 60_000, waitMs: 300_000 });
    const { value } = await shared.get('report');
    await ctx.sleep(5_000);
    await shared.set('report', `${(value as string | undefined) ?? ''}${ctx.task.slice(-1)}`, { token });
    await shared.unlock('report', token);
    return token;
  },
});

const state = async (node: WorkNode, scope: string, name: string): Promise<unknown> => {
  const reading = node.state.get(ME, { scope, name });
  await node.world.settle();
  return (await reading).value;
};

describe("An agent's shared state", () => {
  it('is changed by many at once without losing a change', async () => {
    const node = await createWorkNode({ agents: [adder] });
    const tasks = Array.from({ length: 20 }, () => node.submit({ agent: 'adder' }).task);
    const outputs: { readonly total: number; readonly value: number }[] = [];
    for (const task of tasks) outputs.push((await node.end(task)).result?.output as never);
    expect(outputs.map(({ total }) => total).toSorted((a, b) => a - b)).toEqual(tasks.map((_, i) => i + 1));
    for (const { total, value } of outputs) expect(value).toBe(total);
    expect(await state(node, 'global', 'total')).toBe(20);
  });

  it('is changed once by each, wherever the process is killed', async () => {
    let kills = 0;
    for (let stopAfter = 1; ; stopAfter++) {
      let node = await createWorkNode({ agents: [adder], seed: stopAfter });
      const { task } = node.submit({ agent: 'adder' });
      let commits = 0;
      const { store } = node;
      const commit = store.commit.bind(store);
      const cut = Promise.withResolvers<void>();
      store.commit = async (epoch, fence) => {
        await commit(epoch, fence);
        if (++commits === stopAfter) cut.resolve();
      };
      const ended = node.end(task).then(() => 'ended');
      const first = await Promise.race([ended, cut.promise.then(() => 'cut')]);
      if (first === 'ended') break;
      node.kill();
      kills++;
      node = await createWorkNode({ agents: [adder], disk: node.disk, seed: stopAfter + 1_000 });
      expect((await node.end(task)).result).toMatchObject({
        status: 'completed',
        output: { total: 1, version: 1, value: 1 },
      });
      expect(await state(node, 'global', 'total')).toBe(1);
      node.kill();
    }
    expect(kills).toBeGreaterThan(3);
  });

  it('is written by one at a time, who holds the lease', async () => {
    const node = await createWorkNode({ agents: [writer] });
    const tasks = Array.from({ length: 4 }, () => node.submit({ agent: 'writer' }).task);
    const tokens: unknown[] = [];
    for (const task of tasks) tokens.push((await node.end(task)).result?.output);
    expect(new Set(tokens).size).toBe(4);
    const written = String(await state(node, 'tenant:acme', 'report'));
    expect(written.split('').toSorted().join('')).toBe(
      tasks
        .map((task) => task.slice(-1))
        .toSorted()
        .join(''),
    );
  });

  it('of its task is named by a keyed agent, which has none', async () => {
    const bare = defineAgent({
      name: 'bare',
      version: '1.0.0',
      retry: { attempts: 1 },
      run: ({ ctx }) => ctx.state('nowhere').get('x'),
    });
    const node = await createWorkNode({ agents: [bare] });
    const { result } = await node.finish({ agent: 'bare' });
    expect(result?.error).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('"nowhere" is no scope'),
    });
  });
});
