import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { cacheTerms, wishOf } from '../../../actors/cache/cache-terms.ts';
import type { Submission } from '../../../actors/desk.ts';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { setup } from 'xstate';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Counts how often it worked, costs 0.02, and takes a second; fails as often as its input says. */
function counter(more: Partial<Parameters<typeof defineAgent>[0]> = {}) {
  const made: unknown[] = [];
  const agent = defineAgent({
    ...{ name: 'counter', version: '1.0.0', cost: { usd: 0.02 }, retry: { attempts: 1 }, cache: { ttlMs: 60_000 } },
    run: async ({ input, ctx }) => {
      await ctx.sleep(1_000);
      made.push(input);
      if ((input as { fails?: number } | null)?.fails === made.length) throw new TypeError('not this time');
      return { count: made.length, input };
    },
    ...more,
  });
  return { agent, made };
}

const counting: Submission['target'] = { agent: 'counter' };

async function entriesOf(node: WorkNode) {
  await node.world.settle();
  return (await node.store.definitions('cached')).map(({ name, body }) => ({ name, ...(body as object) }));
}

describe('A kept result', () => {
  it('stands for the same input: at once, for nothing, and says what it has saved', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    await node.finish(counting, { b: 1, a: [2] });
    const { id, result } = await node.finish(counting, { a: [2], b: 1 });
    expect(result).toMatchObject({
      output: { count: 1, input: { a: [2], b: 1 } },
      usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 0 },
      durationMs: 0,
    });
    expect((await node.events(id)).slice(2).map(({ kind, data }) => [kind, data])).toEqual([
      ['agent.selected', { step: 'main', agent: 'counter@1.0.0', why: 'named' }],
      ['step.completed', { step: 'main', cached: true, savedUsd: 0.02, savedMs: 1_000 }],
      ['task.completed', {}],
    ]);
    expect(made).toHaveLength(1);
    expect(node.cache.totals).toEqual({ hits: 1, misses: 1, evictions: 0, savedUsd: 0.02, savedMs: 1_000 });
    expect(node.cache.shares()).toEqual([
      { agent: 'counter@1.0.0', entries: 1, bytes: expect.any(Number), hits: 1, savedUsd: 0.02, savedMs: 1_000 },
    ]);
  });

  it('is one of its agent in its version, for that input alone', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent, counter({ version: '2.0.0' }).agent] });
    const inputs = [null, 0, '0', false, {}, [], [null], { a: null }, new Date(0), '1970-01-01T00:00:00.000Z', 'null'];
    for (const input of [...inputs, ...inputs]) await node.finish({ agent: 'counter@1.0.0' }, input);
    expect(made).toEqual(inputs);
    await node.finish({ agent: 'counter@2.0.0' }, null);
    expect(node.cache.shares().map(({ agent: of, entries }) => [of, entries])).toEqual([
      ['counter@1.0.0', inputs.length],
      ['counter@2.0.0', 1],
    ]);
  });

  it('is made once for all who ask at the same time, and given to each', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    const graph = { steps: [{ id: 'all', agent: 'counter', forEach: [1, 1, 1, 1, 2, 2], input: '${item}' }] };
    const { result } = await node.finish({ graph });
    expect(result?.output).toMatchObject({ all: [1, 1, 1, 1, 2, 2].map((input) => ({ input })) });
    expect(result?.usage).toMatchObject({ usd: 0.04, steps: 2 });
    expect(made).toEqual([1, 2]);
  });

  it('is made by the next who waits where the first fails, is canceled, or is gone', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    const submit = () => node.submit(counting, { fails: 1 }).task;
    const [first, second, third] = [submit(), submit(), submit()];
    expect(await node.end(first)).toMatchObject({ status: 'failed' });
    expect(await node.end(second)).toMatchObject({ status: 'completed', result: { output: { count: 2 } } });
    expect(await node.end(third)).toMatchObject({ result: { output: { count: 2 }, usage: { steps: 0 } } });
    const [fourth, fifth] = [node.submit(counting, 'x').task, node.submit(counting, 'x').task];
    await node.world.elapse(500);
    const canceled = node.desk.cancel('loopback', fourth, undefined);
    await node.world.settle();
    await canceled;
    expect(await node.end(fifth)).toMatchObject({ status: 'completed', result: { usage: { steps: 1 } } });
    expect(made).toHaveLength(3);
  });

  it('leaves nothing where nobody made it', async () => {
    const { agent } = counter();
    const node = await createWorkNode({ agents: [agent] });
    await node.finish(counting, { fails: 1 });
    await node.world.settle();
    expect(node.disk.keys().filter((key) => key.includes('cached'))).toEqual([]);
    expect([...node.kernel.cells.keys()].filter((address) => address.startsWith('cached'))).toEqual([]);
  });

  it('is gone after its time, also where the node was away meanwhile', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    await node.finish(counting, 1);
    await node.world.elapse(59_000);
    await node.finish(counting, 1);
    expect(made).toHaveLength(1);
    await node.world.elapse(60_000);
    expect(await entriesOf(node)).toEqual([]);
    expect(node.disk.keys().filter((key) => key.includes('cached'))).toEqual([]);
    await node.finish(counting, 1);
    expect(made).toHaveLength(2);
    node.kill();
    const later = await createWorkNode({
      agents: [agent],
      disk: node.disk,
      seed: 2,
      startMs: node.world.nowMs() + 90_000,
    });
    await later.finish(counting, 1);
    expect(made).toHaveLength(3);
    expect(await entriesOf(later)).toHaveLength(1);
  });

  it('is there after the death of the node, with what it has saved', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    await node.finish(counting, 1);
    await node.finish(counting, 1);
    node.kill();
    const again = await createWorkNode({ agents: [agent], disk: node.disk, seed: 2, startMs: node.world.nowMs() });
    expect(again.cache.size).toMatchObject({ entries: 1 });
    await again.finish(counting, 1);
    expect(made).toHaveLength(1);
    expect(again.cache.shares()).toMatchObject([{ hits: 2, savedUsd: 0.04 }]);
    expect(await entriesOf(again)).toMatchObject([{ agent: 'counter@1.0.0', hits: 2 }]);
  });

  it('makes room for newer ones, the one first that was not used for longest', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent], cacheEntriesMax: 2 });
    for (const input of ['a', 'b', 'a', 'c', 'a', 'b']) await node.finish(counting, input);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    expect(node.cache.totals).toMatchObject({ evictions: 2 });
    expect(await entriesOf(node)).toHaveLength(2);
    expect(node.disk.keys().filter((key) => key.startsWith('d/cached'))).toHaveLength(2);
  });

  it('is dropped with all of its agent, or with all; what is being made is for those who wait alone', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent, counter({ name: 'other' }).agent] });
    for (const input of [1, 2, 3]) await node.finish(counting, input);
    await node.finish({ agent: 'other' }, 1);
    const clear = async (of?: string): Promise<number> => {
      const cleared = node.cache.clear(of);
      await node.world.settle();
      return await cleared;
    };
    expect(await clear('counter@2.0.0')).toBe(0);
    expect(await clear('count')).toBe(0);
    expect(await clear('counter')).toBe(3);
    expect(await entriesOf(node)).toMatchObject([{ agent: 'other@1.0.0' }]);
    expect(await clear()).toBe(1);
    await node.finish(counting, 1);
    expect(made).toEqual([1, 2, 3, 1]);
    const [one, two] = [node.submit(counting, 9).task, node.submit(counting, 9).task];
    await node.world.elapse(500);
    // It is not kept yet, and so it is not among those that are dropped: whoever asks for it to be dropped knows its address.
    const making = [...node.kernel.cells.values()].find(
      ({ checkpoint }) => (checkpoint as { phase?: string })?.phase === 'making',
    );
    node.kernel.deliver(making?.address ?? '', { type: 'cache.drop' });
    expect((await node.end(one)).result?.output).toEqual((await node.end(two)).result?.output);
    expect(await entriesOf(node)).toHaveLength(1);
  });

  it('is not kept where it is too large', async () => {
    const big = defineAgent({
      ...{ name: 'big', version: '1.0.0', cache: { bytesMax: 100 } },
      run: ({ input }) => 'x'.repeat(Number(input)),
    });
    const node = await createWorkNode({ agents: [big] });
    await node.finish({ agent: 'big' }, 50);
    await node.finish({ agent: 'big' }, 200);
    expect(await entriesOf(node)).toHaveLength(1);
  });

  it('is not looked for, and not kept, where any call of it is unsafe', async () => {
    let made = 0;
    const run = () => ++made;
    const paid = setup({ actors: { effect } }).createMachine({
      initial: 'paying',
      states: {
        paying: { invoke: { src: 'effect', input: { name: 'pay' }, onDone: 'paid' } },
        paid: { type: 'final' },
      },
    });
    const base = { version: '1.0.0', cache: {} };
    const agents = [
      defineAgent({ ...base, name: 'whole', kind: 'unsafe', run }),
      defineAgent({ ...base, name: 'part', run: ({ ctx }) => ctx.journal('pay', run, { kind: 'unsafe' }) }),
      defineAgent({ ...base, name: 'machine', machine: paid, effects: { pay: { kind: 'unsafe', run } } }),
    ];
    const node = await createWorkNode({ agents });
    for (const { name } of agents) {
      await node.finish({ agent: name }, 1, { options: { cache: true } });
      await node.finish({ agent: name }, 1, { options: { cache: true } });
    }
    expect(made).toBe(6);
    expect(await entriesOf(node)).toEqual([]);
  });

  it('that cannot be loaded is made again', async () => {
    const { agent, made } = counter();
    const node = await createWorkNode({ agents: [agent] });
    await node.finish(counting, 1);
    await node.world.settle();
    node.kill();
    const key = node.disk.keys().find((one) => /^[cr]\/cached/.test(one)) ?? '';
    expect(node.disk.flipBit(key, 200)).toBe(true);
    const again = await createWorkNode({ agents: [agent], disk: node.disk, seed: 2, startMs: node.world.nowMs() });
    expect((await again.finish(counting, 1)).status).toBe('completed');
    expect(made).toHaveLength(2);
  });
});

const wishes: readonly (readonly [string, unknown, unknown, unknown, number | undefined])[] = [
  ['nobody asks for it', undefined, undefined, undefined, undefined],
  ['the agent asks for it', { ttlMs: 5 }, undefined, undefined, 5],
  ['the agent asks for it without a time', {}, undefined, undefined, 3_600_000],
  ['the step asks for it', undefined, true, undefined, 3_600_000],
  ['the step says for how long', { ttlMs: 5 }, { ttlMs: 7 }, undefined, 7],
  ['the step does not want it', { ttlMs: 5 }, false, undefined, undefined],
  ['the task asks for it', undefined, undefined, true, 3_600_000],
  ['the task does not want it', { ttlMs: 5 }, true, false, undefined],
  ['the step does not want what the task wants', { ttlMs: 5 }, false, true, undefined],
];

describe('Whether a result is kept', () => {
  it.each(wishes)('where %s', (_when, agent, step, task, ttlMs) => {
    const definition = defineAgent({
      ...{ name: 'x', version: '1.0.0', run: () => 1 },
      ...(agent !== undefined && { cache: agent as object }),
    });
    expect(cacheTerms(definition, wishOf(step as boolean | undefined, task as boolean | undefined))?.ttlMs).toBe(ttlMs);
  });

  it('is told by steps and tasks', async () => {
    let made = 0;
    const plain = defineAgent({ name: 'plain', version: '1.0.0', run: () => ++made });
    const node = await createWorkNode({ agents: [plain] });
    const graph = (cache: unknown) => ({
      steps: [{ id: 'a', agent: 'plain', input: 1, ...(cache !== undefined && { cache }) }],
    });
    const outputs: unknown[] = [];
    for (const cache of [undefined, true, { ttlMs: 1_000 }, false])
      outputs.push((await node.finish({ graph: graph(cache) })).result?.output);
    outputs.push((await node.finish({ graph: graph(true) }, null, { options: { cache: false } })).result?.output);
    outputs.push((await node.finish({ graph: graph(undefined) }, null, { options: { cache: true } })).result?.output);
    expect(outputs).toEqual([1, 2, 2, 3, 4, 2].map((a) => ({ a })));
  });
});

describe('A kept result on a node that dies', () => {
  it.each(['lost', 'kept'] as const)(
    'at any commit (%s) is made once by one, and nobody waits for ever',
    async (outcome) => {
      let hasEnded = false;
      let deaths = 0;
      for (let dieAt = 1; !hasEnded; dieAt++) {
        const { agent } = counter();
        let commits = Number.NEGATIVE_INFINITY;
        let isDead = false;
        const onWrite = (): WriteOutcome => {
          if (isDead) return 'lost';
          if (++commits !== dieAt) return 'done';
          isDead = true;
          return outcome;
        };
        const disk = new MemoryDisk({ onWrite });
        let node = await createWorkNode({ agents: [agent], disk });
        commits = 0;
        const submit = (): string => node.submit(counting, 'same').task;
        const tasks: string[] = [];
        for (let round = 0; round < 8 && !isDead; round++) {
          if (round < 4) tasks.push(submit());
          await node.world.elapse(300);
        }
        hasEnded = !isDead;
        node.kill();
        isDead = false;
        commits = Number.NEGATIVE_INFINITY;
        node = await createWorkNode({ agents: [agent], disk, seed: 2, startMs: node.world.nowMs() });
        tasks.push(submit());
        const outputs: unknown[] = [];
        for (const task of tasks) {
          // One whose submission was not committed is not there.
          if ((await node.store.readTask(task)) === undefined && task !== tasks.at(-1)) continue;
          const { status, result } = await node.end(task);
          expect([dieAt, status]).toEqual([dieAt, 'completed']);
          outputs.push(result?.output);
        }
        expect(new Set(outputs.map((output) => JSON.stringify(output))).size).toBe(1);
        expect(await entriesOf(node)).toHaveLength(1);
        deaths += hasEnded ? 0 : 1;
        node.kill();
      }
      expect(deaths).toBeGreaterThan(5);
    },
  );
});
