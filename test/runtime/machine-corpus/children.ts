/** Invoked and spawned actors. */
import {
  type AnyActorRef,
  assign,
  createMachine,
  fromTransition,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { Case } from './case.ts';

const counter = setup({
  types: { context: {} as { n: number }, input: {} as { from: number } | undefined },
}).createMachine({
  context: ({ input }) => ({ n: input?.from ?? 0 }),
  on: {
    ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    TELL: { actions: sendParent(({ context }) => ({ type: 'TOLD', n: context.n })) },
  },
});
const ending = createMachine({
  initial: 'a',
  states: { a: { on: { END: 'z' } }, z: { type: 'final' } },
  output: { well: true },
});
const crashing = createMachine({
  on: {
    CRASH: {
      actions: () => {
        throw Object.assign(new RangeError('crashed on purpose'), { code: 'E_CRASH' });
      },
    },
  },
});
const kids = setup({ types: { context: {} as { kids: AnyActorRef[]; told: number[] } }, actors: { counter } });

export const childCases: readonly Case[] = [
  {
    name: 'an invoked child machine that is sent to and answers',
    machine: () =>
      setup({ types: { context: {} as { told: number } }, actors: { counter } }).createMachine({
        context: { told: -1 },
        invoke: { src: 'counter', id: 'c', input: { from: 5 } },
        on: {
          ADD: { actions: sendTo('c', { type: 'ADD' }) },
          ASK: { actions: sendTo('c', { type: 'TELL' }) },
          TOLD: { actions: assign({ told: ({ event }) => Number(event['n']) }) },
        },
      }),
    steps: ['ADD', 'ASK', 'ADD', 'ASK'],
  },
  {
    name: 'onDone with output, the done child stays',
    machine: () =>
      setup({ types: { context: {} as { got: unknown } }, actors: { ending } }).createMachine({
        context: { got: null },
        invoke: { src: 'ending', id: 'e', onDone: { actions: assign({ got: ({ event }) => event.output }) } },
        on: { GO: { actions: sendTo('e', { type: 'END' }) }, NOTE: { actions: assign({ got: 'noted' }) } },
      }),
    steps: ['GO', 'NOTE', 'GO'],
  },
  {
    name: 'onError of a child that throws',
    machine: () =>
      setup({ types: { context: {} as { error: unknown } }, actors: { crashing } }).createMachine({
        context: { error: null },
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'crashing',
              id: 'c',
              onError: { target: 'b', actions: assign({ error: ({ event }) => event.error }) },
            },
            on: { GO: { actions: sendTo('c', { type: 'CRASH' }) } },
          },
          b: { on: { X: 'a' } },
        },
      }),
    steps: ['GO', 'NOTHING', 'X'],
  },
  {
    name: 'a child that throws and is handled where it stays',
    machine: () =>
      setup({ actors: { crashing } }).createMachine({
        invoke: { src: 'crashing', id: 'c', onError: { actions: () => {} } },
        on: { GO: { actions: sendTo('c', { type: 'CRASH' }) } },
      }),
    steps: ['GO', 'GO'],
  },
  {
    name: 'an unhandled error of a child ends the machine',
    machine: () =>
      setup({ actors: { crashing } }).createMachine({
        invoke: { src: 'crashing', id: 'c' },
        on: { GO: { actions: sendTo('c', { type: 'CRASH' }) } },
      }),
    steps: ['GO'],
  },
  {
    name: 'spawn in assign, without ids',
    machine: () =>
      kids.createMachine({
        context: { kids: [], told: [] },
        on: {
          NEW: { actions: assign({ kids: ({ context, spawn }) => [...context.kids, spawn('counter')] }) },
          DROP: {
            actions: [
              stopChild(({ context }) => context.kids[0] as AnyActorRef),
              assign({ kids: ({ context }) => context.kids.slice(1) }),
            ],
          },
          ADD: { actions: sendTo(({ context }) => context.kids.at(-1) as AnyActorRef, { type: 'ADD' }) },
        },
      }),
    steps: ['NEW', 'NEW', 'ADD', 'DROP', 'NEW', 'ADD', 'ADD'],
  },
  {
    name: 'spawn with ids in context, events by id',
    machine: () =>
      kids.createMachine({
        context: ({ spawn }) => ({ kids: [spawn('counter', { id: 'first', input: { from: 3 } })], told: [] }),
        on: {
          ADD: { actions: sendTo('first', { type: 'ADD' }) },
          ASK: { actions: sendTo('first', { type: 'TELL' }) },
          TOLD: { actions: assign({ told: ({ context, event }) => [...context.told, Number(event['n'])] }) },
        },
      }),
    steps: ['ADD', 'ASK'],
  },
  {
    name: 'spawnChild and stopChild by id, and again',
    machine: () =>
      setup({ actors: { counter } }).createMachine({
        on: {
          ON: { actions: spawnChild('counter', { id: 'c', input: { from: 9 } }) },
          OFF: { actions: stopChild('c') },
          ADD: { actions: sendTo('c', { type: 'ADD' }) },
        },
      }),
    steps: ['ON', 'ADD', 'OFF', 'ON', 'ADD'],
  },
  {
    name: 'spawnChild without an id, once',
    machine: () => setup({ actors: { counter } }).createMachine({ entry: spawnChild('counter'), on: { X: {} } }),
    steps: ['X', 'X'],
  },
  {
    name: 'systemId of a child, reached from another',
    machine: () => {
      const teller = createMachine({
        on: { TELL: { actions: sendTo(({ system }) => system.get('the-counter') as AnyActorRef, { type: 'ADD' }) } },
      });
      return setup({ actors: { counter, teller } }).createMachine({
        invoke: [
          { src: 'counter', id: 'c', systemId: 'the-counter' },
          { src: 'teller', id: 't' },
        ],
        on: { GO: { actions: sendTo('t', { type: 'TELL' }) } },
      });
    },
    steps: ['GO', 'GO'],
  },
  {
    name: 'a systemId that is free again once its child has stopped',
    machine: () =>
      setup({ actors: { counter } }).createMachine({
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'counter', id: 'c', systemId: 'the-one' },
            on: { OUT: 'b', AGAIN: { target: 'a', reenter: true } },
          },
          b: { on: { IN: 'a' } },
        },
      }),
    steps: ['OUT', 'IN', 'AGAIN'],
  },
  {
    name: 'an inline invoke of a machine and of transition logic',
    machine: () => {
      const sum = fromTransition((n: number, event: { type: string; n?: number }) => n + (event.n ?? 0), 0);
      return createMachine({
        invoke: [
          { src: counter, id: 'c' },
          { src: sum, id: 's' },
        ],
        on: { ADD: { actions: [sendTo('c', { type: 'ADD' }), sendTo('s', { type: 'ADD', n: 5 })] } },
      });
    },
    steps: ['ADD', 'ADD'],
  },
  {
    name: 'grandchildren and sendParent through two levels',
    machine: () => {
      const inner = createMachine({ on: { GO: { actions: sendParent({ type: 'UP' }) } } });
      const outer = setup({ actors: { inner } }).createMachine({
        invoke: { src: 'inner', id: 'i' },
        on: { GO: { actions: sendTo('i', { type: 'GO' }) }, UP: { actions: sendParent({ type: 'UP' }) } },
      });
      return setup({ types: { context: {} as { ups: number } }, actors: { outer } }).createMachine({
        context: { ups: 0 },
        invoke: { src: 'outer', id: 'o' },
        on: {
          GO: { actions: sendTo('o', { type: 'GO' }) },
          UP: { actions: assign({ ups: ({ context }) => context.ups + 1 }) },
        },
      });
    },
    steps: ['GO', 'GO'],
  },
  {
    name: 'onSnapshot hears each change of the child once',
    machine: () =>
      setup({ types: { context: {} as { heard: number[] } }, actors: { counter } }).createMachine({
        context: { heard: [] },
        invoke: {
          src: 'counter',
          id: 'c',
          onSnapshot: {
            actions: assign({
              heard: ({ context, event }) => [...context.heard, event.snapshot.context.n],
            }),
          },
        },
        on: { ADD: { actions: sendTo('c', { type: 'ADD' }) } },
      }),
    steps: ['ADD', 'ADD'],
  },
  {
    name: 'a child that ends the parent, others stop with it',
    machine: () =>
      setup({ actors: { ending, counter } }).createMachine({
        initial: 'a',
        invoke: { src: 'counter', id: 'c' },
        states: {
          a: { invoke: { src: 'ending', id: 'e', onDone: 'z' }, on: { GO: { actions: sendTo('e', { type: 'END' }) } } },
          z: { type: 'final' },
        },
        output: 'over',
      }),
    steps: ['GO'],
  },
  {
    name: 'a machine that spawns itself',
    machine: () => {
      const node = setup({
        types: { input: {} as { depth: number } | undefined, context: {} as { depth: number } },
        actors: { node: counter },
      }).createMachine({
        context: ({ input }) => ({ depth: input?.depth ?? 0 }),
        on: {
          GROW: { actions: spawnChild('node', { id: 'sub', input: { from: 3 } }) },
          DEEPER: { actions: sendTo('sub', { type: 'GROW' }) },
        },
      });
      node.implementations.actors['node'] = node as never;
      return node;
    },
    steps: ['GROW', 'DEEPER'],
  },
];
