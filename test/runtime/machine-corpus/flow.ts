/** States, transitions, guards, actions: what needs nothing but a machine. */
import { and, assign, createMachine, emit, enqueueActions, log, not, raise, setup, stateIn } from 'xstate';
import type { Case } from './case.ts';

const counting = setup({
  types: { context: {} as { n: number } },
  actions: { add: assign({ n: ({ context }) => context.n + 1 }) },
});

export const flowCases: readonly Case[] = [
  {
    name: 'a flat counter',
    machine: () => counting.createMachine({ context: { n: 0 }, on: { ADD: { actions: 'add' } } }),
    steps: ['ADD', 'ADD', 'OTHER', 'ADD'],
  },
  {
    name: 'nested states three deep',
    machine: () =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            initial: 'b',
            states: { b: { initial: 'c', states: { c: { on: { GO: 'd' } }, d: { on: { UP: '#out' } } } } },
          },
          out: { id: 'out', on: { BACK: 'a.b.d' } },
        },
      }),
    steps: ['GO', 'UP', 'BACK', 'UP'],
  },
  {
    name: 'parallel regions that finish one by one',
    machine: () =>
      createMachine({
        type: 'parallel',
        states: {
          left: { initial: 'a', states: { a: { on: { L: 'b' } }, b: { type: 'final' } } },
          right: { initial: 'a', states: { a: { on: { R: 'b' } }, b: { type: 'final' } } },
        },
      }),
    steps: ['L', 'R'],
  },
  {
    name: 'a final state with output from context and event',
    machine: () =>
      setup({ types: { context: {} as { n: number } } }).createMachine({
        context: { n: 2 },
        initial: 'a',
        states: { a: { on: { END: 'z' } }, z: { type: 'final', output: ({ context }) => ({ twice: context.n * 2 }) } },
        output: ({ event, context }) => ({ of: (event as { output?: unknown }).output, n: context.n }),
      }),
    steps: ['END'],
  },
  {
    name: 'onDone of a nested final state',
    machine: () =>
      createMachine({
        initial: 'a',
        states: {
          a: { initial: 'x', states: { x: { on: { F: 'y' } }, y: { type: 'final' } }, onDone: 'b' },
          b: { on: { A: 'a' } },
        },
      }),
    steps: ['F', 'A', 'F'],
  },
  {
    name: 'always transitions with guards',
    machine: () =>
      counting.createMachine({
        context: { n: 0 },
        initial: 'low',
        states: {
          low: { on: { ADD: { actions: 'add' } }, always: { guard: ({ context }) => context.n >= 2, target: 'high' } },
          high: { always: { guard: ({ context }) => context.n >= 9, target: 'low' }, on: { ADD: { actions: 'add' } } },
        },
      }),
    steps: ['ADD', 'ADD', 'ADD'],
  },
  {
    name: 'raised events are handled in the same turn',
    machine: () =>
      counting.createMachine({
        context: { n: 0 },
        on: { START: { actions: [raise({ type: 'MORE' }), 'add', raise({ type: 'MORE' })] }, MORE: { actions: 'add' } },
      }),
    steps: ['START', 'START'],
  },
  {
    name: 'guards of all combinations',
    machine: () =>
      setup({
        types: { context: {} as { n: number } },
        guards: { small: ({ context }) => context.n < 2, above: ({ context }, limit: number) => context.n > limit },
      }).createMachine({
        context: { n: 0 },
        initial: 'a',
        states: {
          a: {
            on: {
              ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
              GO: [
                { guard: and(['small', not(stateIn('b'))]), target: 'b' },
                { guard: { type: 'above', params: 2 }, target: 'c' },
              ],
            },
          },
          b: { on: { BACK: 'a' } },
          c: {},
        },
      }),
    steps: ['GO', 'BACK', 'ADD', 'ADD', 'GO', 'ADD', 'GO'],
  },
  {
    name: 'shallow history',
    machine: () =>
      createMachine({
        initial: 'on',
        states: {
          on: { initial: 'a', states: { a: { on: { N: 'b' } }, b: {}, h: { type: 'history' } }, on: { OFF: 'off' } },
          off: { on: { ON: 'on.h' } },
        },
      }),
    steps: ['N', 'OFF', 'ON', 'OFF', 'ON'],
  },
  {
    name: 'deep history under ids with dots',
    machine: () =>
      createMachine({
        id: 'my.machine',
        initial: 'on',
        states: {
          on: {
            initial: 'a.1',
            states: {
              'a.1': { initial: 'x', states: { x: { on: { N: 'y\\.z' } }, 'y.z': { id: 'custom.id' } } },
              h: { type: 'history', history: 'deep' },
            },
            on: { OFF: 'off' },
          },
          off: { on: { ON: 'on.h' } },
        },
      }),
    steps: ['N', 'OFF', 'ON', 'OFF', 'ON'],
  },
  {
    name: 'history in parallel regions',
    machine: () =>
      createMachine({
        initial: 'up',
        states: {
          up: {
            type: 'parallel',
            states: {
              l: { initial: '1', states: { 1: { on: { L: '2' } }, 2: {} } },
              r: { initial: '1', states: { 1: { on: { R: '2' } }, 2: {} } },
              h: { type: 'history', history: 'deep' },
            },
            on: { DOWN: 'down' },
          },
          down: { on: { UP: 'up.h' } },
        },
      }),
    steps: ['L', 'DOWN', 'UP', 'R', 'DOWN', 'UP'],
  },
  {
    name: 'entry and exit actions, reentering and not',
    machine: () =>
      setup({ types: { context: {} as { log: string[] } } }).createMachine({
        context: { log: [] },
        initial: 'a',
        states: {
          a: {
            entry: assign({ log: ({ context }) => [...context.log, 'in'] }),
            exit: assign({ log: ({ context }) => [...context.log, 'out'] }),
            on: { SAME: { target: 'a' }, AGAIN: { target: 'a', reenter: true } },
          },
        },
      }),
    steps: ['SAME', 'AGAIN', 'SAME'],
  },
  {
    name: 'wildcards and partial wildcards',
    machine: () =>
      counting.createMachine({
        context: { n: 0 },
        initial: 'a',
        states: { a: { on: { 'mouse.*': 'b', '*': { actions: 'add' } } }, b: { on: { 'key.up': 'a' } } },
      }),
    steps: ['x', 'mouse.up.left', 'key.down', 'key.up', 'y'],
  },
  {
    name: 'tags and meta',
    machine: () =>
      createMachine({
        initial: 'a',
        states: { a: { tags: ['idle', 'calm'], on: { N: 'b' } }, b: { tags: 'busy', meta: { of: 1 } } },
      }),
    steps: ['N'],
  },
  {
    name: 'input into context',
    machine: () =>
      setup({ types: { context: {} as { sum: number }, input: {} as { of: number[] } } }).createMachine({
        context: ({ input }) => ({ sum: input.of.reduce((a, b) => a + b, 0) }),
        on: { ADD: { actions: assign({ sum: ({ context, event }) => context.sum + Number(event['n']) }) } },
      }),
    input: { of: [1, 2, 3] },
    steps: [{ type: 'ADD', n: 4 }],
  },
  {
    name: 'enqueueActions, emit and log',
    machine: () =>
      counting.createMachine({
        context: { n: 0 },
        on: {
          GO: {
            actions: enqueueActions(({ context, enqueue, check }) => {
              enqueue('add');
              enqueue.emit({ type: 'went', n: context.n } as never);
              if (check(() => context.n > 0)) enqueue(log(({ context: now }) => `at ${now.n}`));
            }),
          },
          TELL: { actions: emit({ type: 'told' }) },
        },
      }),
    steps: ['GO', 'GO', 'TELL'],
  },
  {
    name: 'an event that the making of the context sends to itself',
    machine: () =>
      counting.createMachine({
        context: ({ self }) => {
          self.send({ type: 'ADD' });
          return { n: 0 };
        },
        on: { ADD: { actions: 'add' } },
      }),
    steps: ['ADD'],
  },
  {
    name: 'a machine that is done at once',
    machine: () =>
      createMachine({ initial: 'a', states: { a: { always: 'z' }, z: { type: 'final' } }, output: { ok: true } }),
    steps: ['LATE'],
  },
  {
    name: 'routes to states by id',
    machine: () =>
      createMachine({ initial: 'a', states: { a: {}, b: { id: 'b', route: {} }, c: { id: 'c', route: {} } } } as never),
    steps: [
      { type: 'xstate.route', to: '#c' },
      { type: 'xstate.route', to: '#b' },
    ],
  },
  {
    name: 'provided implementations',
    machine: () =>
      counting
        .createMachine({ context: { n: 0 }, on: { ADD: { actions: 'add' } } })
        .provide({ actions: { add: assign({ n: 42 }) } }),
    steps: ['ADD'],
  },
];
