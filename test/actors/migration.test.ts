import { describe, expect, it } from 'vitest';
import { assign, type AnyStateMachine, fromPromise, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import type { StoredState } from '../../runtime/stored-machine.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

type Order = { type: 'add'; n: number } | { type: 'go' } | { type: 'back' } | { type: 'get'; replyTo: string };

/** A machine with a total, and with states of the given names; `waiting` waits a minute. */
function orders(names: { readonly idle: string; readonly waiting: string; readonly total: string }): AnyStateMachine {
  const { idle, waiting, total } = names;
  return setup({
    types: { events: {} as Order },
    actors: { never: fromPromise(() => new Promise<never>(() => undefined)) },
  }).createMachine({
    id: 'orders',
    context: { [total]: 0, since: new Date(5) },
    initial: idle,
    on: {
      add: {
        actions: assign(({ context, event }) => ({ ...context, [total]: Number(context[total]) + event.n })),
      },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context, self }) => ({ type: 'state', value: self.getSnapshot().value, context }),
        ),
      },
    },
    states: {
      [idle]: { on: { go: waiting } },
      [waiting]: { after: { 60_000: idle }, on: { back: idle } },
    },
  });
}

const V1 = { name: 'orders', version: '1.0.0', keyed: true } as const;
const first = defineAgent({ ...V1, machine: orders({ idle: 'idle', waiting: 'waiting', total: 'total' }) });
const renamed = orders({ idle: 'resting', waiting: 'waiting', total: 'sum' });

const second = (more: Partial<AgentOptions> = {}): AgentDefinition =>
  defineAgent({ ...V1, version: '2.0.0', machine: renamed, ...more });

/** 1 → 2: `idle` is `resting` now, `total` is `sum`. */
function rename(state: StoredState): StoredState {
  const { total, ...rest } = state.context as { total: number };
  return { ...state, value: state.value === 'idle' ? 'resting' : state.value, context: { ...rest, sum: total } };
}

async function state(on: WorkNode, key: string): Promise<unknown> {
  const answer = on.desk.ask('orders', key, { type: 'get' }, 5_000).catch((error: unknown) => error);
  await on.world.settle();
  return await answer;
}

async function tell(on: WorkNode, key: string, ...events: readonly Order[]): Promise<void> {
  for (const event of events) void on.desk.tell('orders', key, event);
  await on.world.settle();
}

/** A node with version 1 that has `a` in `waiting` with 3, and `b` in `idle` with 4; then killed, and another one on its disk. */
async function upgraded(...agents: readonly AgentDefinition[]): Promise<WorkNode> {
  const before = await createWorkNode({ agents: [first] });
  await tell(before, 'a', { type: 'add', n: 3 }, { type: 'go' });
  await tell(before, 'b', { type: 'add', n: 4 });
  before.kill();
  return await createWorkNode({ agents, disk: before.disk, seed: 2, startMs: before.world.nowMs() });
}

const since = new Date(5);

describe('An actor that an earlier version stored', () => {
  it('is taken over by the step that leads from there, with its state, its context and its timers', async () => {
    const on = await upgraded(second({ migrate: [{ from: '1.x', run: rename }] }));
    expect(await state(on, 'b')).toEqual({ value: 'resting', context: { sum: 4, since } });
    expect(await state(on, 'a')).toEqual({ value: 'waiting', context: { sum: 3, since } });
    await tell(on, 'a', { type: 'add', n: 1 });
    await on.world.elapse(61_000);
    expect(await state(on, 'a')).toEqual({ value: 'resting', context: { sum: 4, since } });
    on.kill();
    const again = await createWorkNode({ agents: [second()], disk: on.disk, seed: 3 });
    expect(await state(again, 'a')).toEqual({ value: 'resting', context: { sum: 4, since } });
  });

  it('is taken over by several steps in a row, each from what the one before gave', async () => {
    const third = defineAgent({
      ...V1,
      version: '3.0.0',
      machine: orders({ idle: 'resting', waiting: 'queued', total: 'sum' }),
      migrate: [
        { from: '2.x', run: (at) => ({ ...at, value: at.value === 'waiting' ? 'queued' : at.value, timers: [] }) },
        { from: '1.x', to: '2.0.0', run: rename },
      ],
    });
    const on = await upgraded(third);
    expect(await state(on, 'a')).toEqual({ value: 'queued', context: { sum: 3, since } });
    await tell(on, 'a', { type: 'back' });
    expect(await state(on, 'a')).toMatchObject({ value: 'resting' });
  });

  it('goes on under its own version where that is loaded too, while new ones begin under the newest', async () => {
    const on = await upgraded(first, second());
    expect(await state(on, 'b')).toEqual({ value: 'idle', context: { total: 4, since } });
    expect(await state(on, 'new')).toEqual({ value: 'resting', context: { sum: 0, since } });
    await tell(on, 'b', { type: 'add', n: 1 });
    on.kill();
    const again = await createWorkNode({ agents: [first, second()], disk: on.disk, seed: 3 });
    expect(await state(again, 'b')).toEqual({ value: 'idle', context: { total: 5, since } });
  });

  it('is refused where nothing says how to take it over, stays as it is, and goes on when its version is back', async () => {
    const on = await upgraded(second());
    expect(await state(on, 'b')).toMatchObject({
      code: 'VERSION_MISMATCH',
      message: expect.stringContaining("add { from: '1.0.0' }"),
    });
    const told = on.desk.tell('orders', 'b', { type: 'add', n: 9 }).catch((error: unknown) => error);
    await on.world.settle();
    expect(await told).toMatchObject({ code: 'VERSION_MISMATCH' });
    expect(on.recovery.stranded).toMatchObject([{ address: 'agent/orders/b', error: { code: 'VERSION_MISMATCH' } }]);
    on.kill();
    const again = await createWorkNode({ agents: [first], disk: on.disk, seed: 3 });
    expect(await state(again, 'b')).toEqual({ value: 'idle', context: { total: 4, since } });
  });

  it('is refused where its version has another shape now, unless a step names the old shape', async () => {
    const reshaped = { ...V1, machine: renamed };
    const on = await upgraded(defineAgent(reshaped));
    const refused = (await state(on, 'b')) as { message: string };
    const structure = /structure: '(\w+)'/.exec(refused.message)?.[1] ?? '';
    expect(structure).toHaveLength(32);
    on.kill();
    const agents = [defineAgent({ ...reshaped, migrate: [{ from: '1.0.0', structure, run: rename }] })];
    const again = await createWorkNode({ agents, disk: on.disk, seed: 3 });
    expect(await state(again, 'b')).toEqual({ value: 'resting', context: { sum: 4, since } });
  });
});

describe('What a step gives', () => {
  const refusal = async (more: Partial<AgentOptions>): Promise<unknown> =>
    await state(await upgraded(second(more)), 'a');
  const step = (change: (state: StoredState) => unknown): Partial<AgentOptions> => ({
    migrate: [{ from: '1.0.0', run: (at) => change(rename(at)) as StoredState }],
  });

  it.each<[string, Partial<AgentOptions>, string]>([
    ['is in a state that is not there', step((at) => ({ ...at, value: 'gone' })), 'value.gone: the state "gone"'],
    ['has no value', step((at) => ({ ...at, value: undefined })), 'value: it has no state'],
    [
      'waits for a delay that is not there',
      step((at) => ({
        ...at,
        timers: at.timers.map((timer) => ({ ...timer, event: { type: 'xstate.after.7.orders.gone' } })),
      })),
      'no state waits for it any more',
    ],
    [
      'has a child whose actor is not there',
      step((at) => ({ ...at, children: { pay: { src: 'pay', snapshot: { status: 'active' } } } })),
      'children.pay: the actor "pay"',
    ],
    [
      'remembers a state that is not there',
      step((at) => ({ ...at, history: { 'orders.hist': [['gone']] } })),
      'history.orders.hist: the history state',
    ],
    [
      'has a context that the schema rejects',
      { ...step((at) => at), context: z.object({ sum: z.number().max(2) }) },
      'context.sum: Too big',
    ],
    ['holds what cannot be kept', step((at) => ({ ...at, context: { sum: () => 1 } })), 'context.sum holds a function'],
    ['is nothing', step(() => undefined), 'did not give the state back'],
    [
      'is an error',
      step(() => {
        throw new TypeError('no such order');
      }),
      'no such order',
    ],
  ])('is refused when it %s', async (_what, more, words) => {
    expect(await refusal(more)).toMatchObject({
      code: 'VERSION_MISMATCH',
      message: expect.stringContaining(words),
    });
  });

  it('may hold a child that begins, references, and all that a machine may hold', async () => {
    const on = await upgraded(
      second({
        migrate: [
          {
            from: '1.x',
            run: (at) => ({
              ...rename(at),
              context: { sum: 1, other: addressOf('agent/orders/b'), since: new Map([['x', 1n]]), text: /a/ },
              children: { wait: { src: 'never', snapshot: { status: 'active', input: undefined } } },
            }),
          },
        ],
      }),
    );
    expect(await state(on, 'a')).toMatchObject({ context: { since: new Map([['x', 1n]]) } });
    const host = on.kernel.cells.get('agent/orders/a')?.host;
    expect(host?.describe().children).toEqual([{ id: 'wait', src: 'never', state: 'active' }]);
  });
});

describe('Unfinished work of a function', () => {
  const calls: string[] = [];
  const slow = (version: string, more: Partial<AgentOptions> = {}): AgentDefinition =>
    defineAgent({
      name: 'slow',
      version,
      run: async ({ ctx }) => {
        const a = await ctx.journal('a', () => {
          calls.push(`a of ${version}`);
          return version;
        });
        await ctx.sleep(60_000);
        return `${a}, then ${version}`;
      },
      ...more,
    });

  async function interrupted(...agents: readonly AgentDefinition[]) {
    const before = await createWorkNode({ agents: [slow('1.0.0')] });
    const { task } = before.submit({ agent: 'slow' });
    await before.world.elapse(1_000);
    before.kill();
    const on = await createWorkNode({ agents, disk: before.disk, seed: 2, startMs: before.world.nowMs() });
    return { on, task };
  }

  it('goes on by another version that says so: it runs again, against its journal', async () => {
    const { on, task } = await interrupted(slow('2.0.0', { migrate: [{ from: '1.x' }] }));
    expect((await on.end(task)).result).toMatchObject({ status: 'completed', output: '1.0.0, then 2.0.0' });
    expect(calls).not.toContain('a of 2.0.0');
  });

  it('waits in the store for its own version where nobody says so', async () => {
    const { on } = await interrupted(slow('2.0.0'));
    expect(on.recovered.stranded).toMatchObject([{ error: { code: 'VERSION_MISMATCH' } }]);
  });
});

describe('The steps of a definition', () => {
  it.each<[string, Partial<AgentOptions>, string]>([
    ['from something else than versions', { migrate: [{ from: 'old' }] }, 'migrate[0].from'],
    ['to something else than a version', { migrate: [{ from: '1.x', to: '2.x' }] }, 'migrate[0].to'],
    ['from a version to itself without its shape', { migrate: [{ from: '2.0.0' }] }, 'name the old shape'],
    ['more than anyone has', { migrate: Array.from({ length: 101 }, () => ({ from: '1.x' })) }, 'more than 100'],
  ])('%s are refused', (_what, more, fault) => {
    expect(() => second(more)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(fault) }),
    );
  });

  it('of a function have no state to change', () => {
    const run = (at: StoredState): StoredState => at;
    const define = () => defineAgent({ name: 'f', version: '2.0.0', run: () => 1, migrate: [{ from: '1.x', run }] });
    expect(define).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});
