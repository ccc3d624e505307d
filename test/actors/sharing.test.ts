/** What code of users is given, and what it gives, is nobody's but its own: what it does to it later changes nothing. */
import { assign, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { effect } from '../../runtime/machine-effects.ts';
import { createWorkNode } from '../support/work-node.ts';

type Run = NonNullable<AgentOptions['run']>;
type Queue = { queue: string[] };

const agent = (name: string, run: Run, more: Partial<AgentOptions> = {}): AgentDefinition =>
  defineAgent({ name, version: '1.0.0', retry: { attempts: 3, backoffMs: 1 }, breaker: { failures: 0 }, ...more, run });

describe('What an agent is given', () => {
  it('is the same for each attempt, whatever the one before has done to it', async () => {
    const seen: string[] = [];
    const taker = agent('taker', ({ input, ctx }) => {
      const { queue } = input as Queue;
      seen.push(queue.join());
      const first = queue.shift();
      if (ctx.attempt < 3) throw new Error('again');
      return first;
    });
    const node = await createWorkNode({ agents: [taker] });
    const { result } = await node.finish({ agent: 'taker' }, { queue: ['a', 'b', 'c'] });
    expect([seen, result?.output]).toEqual([['a,b,c', 'a,b,c', 'a,b,c'], 'a']);
  });

  it('is not shared with other steps, nor are the outputs that it is made of', async () => {
    const spoiler = agent('spoiler', ({ input }) => {
      const { queue } = input as Queue;
      queue.push('spoiled');
      return queue.length;
    });
    const node = await createWorkNode({ agents: [spoiler] });
    const given = { agent: 'spoiler', input: '${steps.list.output}' };
    const steps = [
      { id: 'list', agent: 'lab.echo', input: { queue: ['a'] } },
      { id: 'one', ...given },
      { id: 'two', needs: ['one'], ...given },
      { id: 'whole', needs: ['two'], agent: 'spoiler', input: '${input}' },
    ];
    const graph = {
      steps,
      output: {
        list: '${steps.list.output}',
        sizes: '${[steps.one.output, steps.two.output, steps.whole.output]}',
        input: '${input}',
      },
    };
    const { result } = await node.finish({ graph }, { queue: [] });
    expect(result?.output).toEqual({ list: { queue: ['a'] }, sizes: [2, 2, 1], input: { queue: [] } });
  });
});

describe('What an agent has returned', () => {
  it('is as it was then, whatever becomes of it', async () => {
    const held: { n: number; self?: unknown } = { n: 1 };
    const keeper = agent('keeper', () => held);
    const node = await createWorkNode({ agents: [keeper] });
    const graph = {
      steps: [
        { id: 'keep', agent: 'keeper' },
        { id: 'wait', needs: ['keep'], agent: 'lab.delay', input: { ms: 100 } },
        { id: 'say', needs: ['wait'], agent: 'lab.echo', input: '${steps.keep.output}' },
      ],
    };
    const { task } = node.submit({ graph });
    await node.world.elapse(50);
    held.n = 2;
    held.self = held;
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: { say: { n: 1 } } });
    expect(node.fatal).toEqual([]);
  });

  it('is an error of its own where it cannot be read, alone and in a workflow', async () => {
    const lazy = agent('lazy', () => ({
      get value(): never {
        throw new Error('not now');
      },
    }));
    const node = await createWorkNode({ agents: [lazy] });
    for (const target of [{ agent: 'lazy' }, { graph: { steps: [{ id: 'a', agent: 'lazy' }] } }]) {
      const { result } = await node.finish(target);
      expect(result?.error).toMatchObject({ code: 'INVALID_OUTPUT', message: expect.stringContaining('not now') });
    }
    expect(node.fatal).toEqual([]);
  });

  it('is read once: what gives another answer each time counts as the first', async () => {
    let reads = 0;
    const fickle = agent('fickle', () => ({
      get value() {
        return ++reads;
      },
    }));
    const node = await createWorkNode({ agents: [fickle] });
    const { result } = await node.finish({ agent: 'fickle' });
    expect([result?.output, reads]).toEqual([{ value: 1 }, 1]);
  });

  it('is what a restart would give: dates and sets are kept, functions are not', async () => {
    const rich = agent('rich', () => ({ at: new Date(5), all: new Set([1]), do: () => 1, list: [undefined] }));
    const node = await createWorkNode({ agents: [rich] });
    const graph = {
      steps: [
        { id: 'a', agent: 'rich' },
        { id: 'b', agent: 'lab.echo', input: '${steps.a.output}' },
      ],
    };
    const { result } = await node.finish({ graph });
    expect(result?.output).toMatchObject({ b: { at: new Date(5), all: new Set([1]) } });
  });

  it('may hold one part many times over: it is copied, or refused, in no time', async () => {
    let value: unknown = 'x';
    for (let level = 0; level < 30; level++) value = { a: value, b: value };
    const folded = agent('folded', () => value);
    const node = await createWorkNode({ agents: [folded] });
    const { result } = await node.finish({ agent: 'folded' });
    expect(result?.error).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  it('may have many rows that share a table: it is refused before it is unfolded', async () => {
    const table = Array.from({ length: 5_000 }, (_, n) => ({ n }));
    const rows = agent('rows', () => Array.from({ length: 20_000 }, () => ({ table })));
    const sparse = agent('sparse', () => Object.assign([], { length: 200_000_000 }));
    const node = await createWorkNode({ agents: [rows, sparse] });
    for (const name of ['rows', 'sparse'])
      expect((await node.finish({ agent: name })).result?.error).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  it.each(['pure', 'keyed', 'unsafe'] as const)(
    'by a call of kind %s has failed for good where it cannot be kept: the call is not made again, nor in doubt',
    async (kind) => {
      let calls = 0;
      const payer = agent('payer', ({ ctx }) =>
        ctx.journal(
          'pay',
          () => ({
            calls: ++calls,
            get receipt(): never {
              throw new Error('not now');
            },
          }),
          { kind },
        ),
      );
      const node = await createWorkNode({ agents: [payer] });
      const { result } = await node.finish({ agent: 'payer' });
      expect([result?.error?.code, calls]).toEqual(['INVALID_OUTPUT', 1]);
    },
  );

  it('to a machine by its effect is what machines can keep, which is more than plain data', async () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
      get words(): string {
        return `${this.cents / 100} EUR`;
      }
    }
    const machine = setup({ types: { context: {} as { words: string } }, actors: { effect } }).createMachine({
      ...{ id: 'm', context: { words: '' }, initial: 'asks', output: ({ context }) => context.words },
      states: {
        asks: {
          invoke: {
            src: 'effect',
            input: { name: 'price' },
            onDone: {
              target: 'done',
              actions: assign(({ event }) => {
                const { price, at } = event.output as { price: Money; at: URL };
                return { words: `${price.words} at ${at.host}` };
              }),
            },
          },
        },
        done: { type: 'final' },
      },
    });
    const money = {
      name: 'Money',
      type: Money,
      pack: (one: Money) => one.cents,
      unpack: (n: unknown) => new Money(Number(n)),
    };
    const priced = defineAgent({
      ...{ name: 'm', version: '1.0.0', machine, classes: [money] },
      effects: { price: { run: () => ({ price: new Money(1_250), at: new URL('http://shop/') }) } },
    });
    const node = await createWorkNode({ agents: [priced] });
    expect((await node.finish({ agent: 'm' })).result).toMatchObject({
      status: 'completed',
      output: '12.5 EUR at shop',
    });
  });

  it('that was thrown, and cannot be read, is an error all the same', async () => {
    const thrower = agent('thrower', () => {
      throw Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('inner');
        },
      });
    });
    const node = await createWorkNode({ agents: [thrower] });
    const { result } = await node.finish({ agent: 'thrower' });
    expect(result?.error).toMatchObject({ code: 'AGENT_FAILED' });
    expect(result?.error?.message).toContain('cannot be read');
  });

  it('a machine as its output is as it was at its end', async () => {
    const context = { list: ['a'] };
    const machine = setup({}).createMachine({
      ...{ id: 'm', context, initial: 'on', output: ({ context: own }) => own },
      states: { on: { type: 'final' } },
    });
    const node = await createWorkNode({ agents: [defineAgent({ name: 'm', version: '1.0.0', machine })] });
    const { task } = node.submit({ agent: 'm' });
    node.kernel.drain();
    context.list.push('late');
    expect((await node.end(task)).result?.output).toEqual({ list: ['a'] });
  });
});

describe('What goes through the context', () => {
  it('is not shared: entries of the journal, and shared state', async () => {
    const seen: Record<string, unknown> = {};
    const writer = agent('writer', async ({ ctx }) => {
      const mine = { list: ['a'] };
      const entry = await ctx.journal('entry', () => mine);
      const state = ctx.state('global');
      await state.set('piece', mine);
      entry.list.push('b');
      const got = (await state.get('piece')).value as typeof mine;
      got.list.push('c');
      const next = await state.update<typeof mine>('piece', (value) => {
        value?.list.push('d');
        return value ?? mine;
      });
      next.list.push('e');
      seen['state'] = (await state.get('piece')).value;
      if (ctx.attempt < 2) throw new Error('again');
      return await ctx.journal('entry', () => mine);
    });
    const node = await createWorkNode({ agents: [writer] });
    const { result } = await node.finish({ agent: 'writer' });
    expect(result).toMatchObject({ status: 'completed', output: { list: ['a'] } });
    expect(seen['state']).toEqual({ list: ['a', 'd'] });
  });
});
