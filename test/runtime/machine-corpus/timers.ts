/** Delayed events. */
import { assign, cancel, createMachine, forwardTo, raise, sendTo, setup, stopChild } from 'xstate';
import type { Case } from './case.ts';

const noting = setup({
  types: { context: {} as { log: string[] } },
  actions: { note: assign({ log: ({ context, event }) => [...context.log, event.type] }) },
});
const child = setup({ types: { context: {} as { log: string[] } } }).createMachine({
  context: { log: [] },
  on: { '*': { actions: assign({ log: ({ context, event }) => [...context.log, event.type] }) } },
});

export const timerCases: readonly Case[] = [
  {
    name: 'after, step by step',
    machine: () =>
      createMachine({
        initial: 'a',
        states: { a: { after: { 100: 'b' } }, b: { after: { 200: 'c' } }, c: { type: 'final' } },
      }),
    steps: [99, 1, 199, 1],
  },
  {
    name: 'after that is left before it is due',
    machine: () =>
      createMachine({
        initial: 'a',
        states: { a: { after: { 100: 'late' }, on: { N: 'b' } }, b: { on: { B: 'a' } }, late: {} },
      }),
    steps: [50, 'N', 100, 'B', 99, 1],
  },
  {
    name: 'after with several delays and guards',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        initial: 'a',
        states: { a: { after: { 10: { guard: () => false, target: 'b' }, 20: { actions: 'note' }, 30: 'b' } }, b: {} },
      }),
    steps: [10, 10, 10],
  },
  {
    name: 'delays by name and by context',
    machine: () =>
      setup({
        types: { context: {} as { ms: number } },
        delays: { slow: 500, own: ({ context }) => context.ms },
      }).createMachine({
        context: { ms: 70 },
        initial: 'a',
        states: { a: { after: { own: 'b' } }, b: { after: { slow: 'a' } } },
      }),
    steps: [70, 499, 1, 70],
  },
  {
    name: 'delayed raise, canceled by id',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        on: {
          ARM: { actions: raise({ type: 'BELL' }, { delay: 100, id: 'bell' }) },
          STOP: { actions: cancel('bell') },
          BELL: { actions: 'note' },
        },
      }),
    steps: ['ARM', 50, 'STOP', 100, 'ARM', 100],
  },
  {
    name: 'the same id twice: both fire, the later can be canceled',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        on: {
          ONE: { actions: raise({ type: 'FIRST' }, { delay: 100, id: 'x' }) },
          TWO: { actions: raise({ type: 'SECOND' }, { delay: 200, id: 'x' }) },
          STOP: { actions: cancel('x') },
          FIRST: { actions: 'note' },
          SECOND: { actions: 'note' },
        },
      }),
    steps: ['ONE', 'TWO', 300, 'ONE', 'TWO', 'STOP', 300, 'ONE', 'TWO', 100, 'STOP', 200],
  },
  {
    name: 'timers of the same moment keep their order',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        entry: ['C', 'A', 'B'].map((type) => raise({ type }, { delay: 100 })),
        on: { '*': { actions: 'note' } },
      }),
    steps: [50, 'between', 50],
  },
  {
    name: 'delayed events without ids',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        on: {
          ARM: {
            actions: raise(({ event }) => ({ type: String(event['say']) }), {
              delay: ({ event }) => Number(event['ms']),
            }),
          },
          '*': { actions: 'note' },
        },
      }),
    steps: [{ type: 'ARM', say: 'x', ms: 20 }, { type: 'ARM', say: 'y', ms: 10 }, 10, 10],
  },
  {
    name: 'delayed events to a child, and a child that stops before',
    machine: () =>
      setup({ actors: { child } }).createMachine({
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'child', id: 'kid' },
            entry: sendTo('kid', { type: 'PING' }, { delay: 100 }),
            on: { OUT: 'b' },
          },
          b: { on: { IN: 'a' } },
        },
      }),
    steps: [100, 'OUT', 'IN', 50, 'OUT', 'IN', 100],
  },
  {
    name: 'a child that is stopped and made again under its id does not get what was meant for the first',
    machine: () =>
      setup({ actors: { child } }).createMachine({
        entry: [({ system }) => void system, sendTo(({ self }) => self, { type: 'x' })],
        invoke: { src: 'child', id: 'other' },
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'child', id: 'kid' },
            on: {
              ARM: { actions: sendTo('kid', { type: 'OLD' }, { delay: 100, id: 'old' }) },
              AGAIN: { target: 'a', reenter: true },
            },
          },
        },
      }),
    steps: ['ARM', 'AGAIN', 100],
  },
  {
    name: 'timers two children deep',
    machine: () => {
      const deep = createMachine({
        initial: 'a',
        states: { a: { after: { 300: 'b' } }, b: { type: 'final' } },
        output: 'deep',
      });
      const middle = setup({ actors: { deep } }).createMachine({
        initial: 'a',
        states: {
          a: { invoke: { src: 'deep', id: 'deep', onDone: 'b' }, after: { 100: { actions: () => {} } } },
          b: { type: 'final' },
        },
        output: 'middle',
      });
      return setup({ actors: { middle } }).createMachine({
        initial: 'a',
        states: {
          a: { invoke: { src: 'middle', id: 'middle', onDone: 'c' }, after: { 200: { actions: () => {} } } },
          c: {},
        },
      });
    },
    steps: [100, 100, 99, 1],
  },
  {
    name: 'delays beyond 2^31 ms, of zero, below zero and for ever',
    machine: () =>
      noting.createMachine({
        context: { log: [] },
        entry: [
          raise({ type: 'LONG' }, { delay: 2 ** 31 + 5 }),
          raise({ type: 'NEVER' }, { delay: Number.POSITIVE_INFINITY }),
          raise({ type: 'ZERO' }, { delay: 0 }),
          raise({ type: 'LESS' }, { delay: -5 }),
        ],
        on: { '*': { actions: 'note' } },
      }),
    steps: [0, 2 ** 31, 5, 1e12],
    // SimulatedClock takes a delay below zero as a time in the past of its order.
    plain: false,
  },
  {
    name: 'forwardTo and a delayed answer',
    machine: () => {
      const echo = createMachine({
        on: { ASK: { actions: sendTo(({ self }) => self, { type: 'TICK' }, { delay: 50 }) }, TICK: '.done' },
        initial: 'w',
        states: { w: {}, done: {} },
      });
      return setup({ actors: { echo } }).createMachine({
        invoke: { src: 'echo', id: 'echo' },
        on: { ASK: { actions: forwardTo('echo') } },
      });
    },
    steps: ['ASK', 49, 1],
  },
  {
    name: 'stopChild takes the timers of the child along',
    machine: () => {
      const ticking = createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: {} } });
      return setup({ actors: { ticking } }).createMachine({
        invoke: { src: 'ticking', id: 't' },
        on: { STOP: { actions: stopChild('t') } },
      });
    },
    steps: [50, 'STOP', 100],
  },
];
