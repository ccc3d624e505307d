/** Logic that works outside of the machine: promises, callbacks, observables, and the registered actors. */
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createMachine,
  fromCallback,
  fromPromise,
  sendTo,
  setup,
} from 'xstate';
import { effect } from '../../../runtime/machine-effects.ts';
import type { Case } from './case.ts';

interface Got {
  got: unknown[];
}
const getting = setup({
  types: { context: {} as Got },
  actions: {
    take: assign({
      got: ({ context, event }) => [...context.got, event['output'] ?? event['error'] ?? event['value'] ?? event.type],
    }),
    meet: assign({ got: ({ event }) => [event['who'] as unknown] }),
    see: assign({ got: ({ context, event }) => [...context.got, (event['snapshot'] as { context: unknown }).context] }),
  },
});

/** With a context of `got`; logic may stand inline, and registered actors need not be defined. */
function taking(config: object): AnyStateMachine {
  return getting.createMachine({ context: { got: [] }, ...config } as never) as unknown as AnyStateMachine;
}

export const outsideCases: readonly Case[] = [
  {
    name: 'a promise that resolves',
    machine: (lab) =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: { invoke: { src: lab.promise('p'), input: { of: 1 }, onDone: { target: 'b', actions: 'take' } } },
          b: {},
        },
      }),
    steps: ['X', { resolve: 'p', value: { deep: [1, new Date(5)] } }, 'Y'],
  },
  {
    name: 'a promise that resolves to what MessagePack cannot carry',
    machine: (lab) => taking({ invoke: { src: lab.promise('p'), onDone: { actions: 'take' } } }),
    steps: [{ resolve: 'p', value: [-0, /x/g, new URL('https://example.org/'), 'a\ud800'] }, 'X'],
  },
  {
    name: 'a callback that sends back a reference',
    machine: () =>
      taking({
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: fromCallback(({ sendBack, self }) => sendBack({ type: 'HERE', who: self })),
              id: 'c',
            },
            on: { HERE: { target: 'b', actions: 'meet' } },
          },
          b: {},
        },
      }),
    steps: ['X'],
  },
  {
    name: 'a promise that rejects with a coded error',
    machine: (lab) => taking({ invoke: { src: lab.promise('p'), onError: { actions: 'take' } } }),
    steps: [
      { reject: 'p', error: Object.assign(new TypeError('no', { cause: 'why' }), { code: 'E_NO', details: { n: 1 } }) },
      'X',
    ],
  },
  {
    name: 'a promise of the state that was left is not heard',
    machine: (lab) =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: { invoke: { src: lab.promise('p'), onDone: { actions: 'take' } }, on: { N: 'b' } },
          b: { on: { B: 'a' } },
        },
      }),
    steps: ['N', { resolve: 'p', value: 1 }, 'B', { resolve: 'p', value: 2 }],
  },
  {
    name: 'promises one after the other, by name',
    machine: (lab) =>
      setup({
        types: { context: {} as Got },
        actors: { first: lab.promise('first'), second: lab.promise('second') },
      }).createMachine({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'first', onDone: { target: 'b', actions: assign({ got: ({ event }) => [event.output] }) } },
          },
          b: { invoke: { src: 'second', input: ({ context }: { context: Got }) => context.got, onDone: 'z' } },
          z: { type: 'final' },
        },
        output: ({ context }) => context.got,
      }),
    steps: [{ resolve: 'first', value: 'one' }, 'X', { resolve: 'second' }],
  },
  {
    name: 'a promise that throws before it begins',
    machine: () =>
      taking({
        context: { got: [] },
        invoke: {
          src: fromPromise(() => {
            throw new Error('at once');
          }),
          onError: { actions: 'take' },
        },
      }),
    steps: ['X'],
  },
  {
    name: 'a callback that is sent to and sends back',
    machine: (lab) =>
      taking({
        context: { got: [] },
        invoke: { src: lab.callback('c'), id: 'c' },
        on: { PUSH: { actions: sendTo('c', { type: 'PUSHED' }) }, IN: { actions: 'take' } },
      }),
    steps: ['PUSH', { emit: 'c', value: { type: 'IN', value: 7 } }, 'PUSH'],
  },
  {
    name: 'a callback that is sent to before it can have started',
    machine: () =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: { on: { GO: 'b' } },
          b: {
            invoke: {
              src: fromCallback(({ receive, sendBack }) =>
                receive((event) => sendBack({ type: 'ECHO', value: (event as { n?: number }).n })),
              ),
              id: 'echo',
            },
            entry: [sendTo('echo', { type: 'SAY', n: 1 }), sendTo('echo', { type: 'SAY', n: 2 })],
            on: { ECHO: { actions: 'take' }, SAY: { actions: sendTo('echo', { type: 'SAY', n: 3 }) }, OUT: 'a' },
          },
        },
      }),
    steps: ['GO', 'SAY', 'OUT', 'GO'],
  },
  {
    name: 'a callback that is sent a reference before it can have started',
    machine: () =>
      taking({
        invoke: {
          src: fromCallback(({ receive }) =>
            receive((event) => (event as unknown as { who: AnyActorRef }).who.send({ type: 'BACK' })),
          ),
          id: 'back',
        },
        entry: sendTo('back', ({ self }) => ({ type: 'SAY', who: self })),
        on: { BACK: { actions: 'take' } },
      }),
    steps: ['X'],
  },
  {
    name: 'an observable with values and an end',
    machine: (lab) =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: lab.observable('o'),
              id: 'o',
              onSnapshot: { actions: 'see' },
              onDone: 'b',
            },
          },
          b: {},
        },
      }),
    steps: [{ emit: 'o', value: 1 }, { emit: 'o', value: { two: 2 } }, { end: 'o' }],
  },
  {
    name: 'an observable of events, an error of it, and one that is stopped',
    machine: (lab) =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: { src: lab.eventObservable('o'), id: 'o', onError: { target: 'b', actions: 'take' } },
            on: { IN: { actions: 'take' }, OUT: 'b' },
          },
          b: { on: { B: 'a' } },
        },
      }),
    steps: [
      { emit: 'o', value: { type: 'IN', value: 1 } },
      'OUT',
      'B',
      { emit: 'o', value: { type: 'IN', value: 2 } },
      { reject: 'o', error: new Error('gone') },
    ],
  },
  {
    name: 'an effect by name, its outcome and a second round',
    machine: () =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'effect',
              input: { name: 'charge', kind: 'unsafe', input: { cents: 5 } },
              onDone: { target: 'b', actions: 'take' },
            },
          },
          b: { on: { AGAIN: 'a' } },
        },
      }),
    steps: [
      'X',
      { settle: 'effect:charge', value: { paid: true } },
      'AGAIN',
      { settle: 'effect:charge', value: 2 },
      { settle: 'effect:charge', value: 3 },
    ],
    // Only the host makes calls.
    plain: false,
  },
  {
    name: 'an effect that fails, and one that nobody handles',
    machine: () =>
      setup({ types: { context: {} as Got }, actors: { effect } }).createMachine({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'effect',
              input: { name: 'one' },
              onError: { target: 'b', actions: assign({ got: ({ event }) => [event.error] }) },
            },
          },
          b: { invoke: { src: 'effect', input: { name: 'two' } } },
        },
      }),
    steps: [
      { settle: 'effect:one', error: 'TIMEOUT' },
      { settle: 'effect:two', error: 'BUDGET_EXCEEDED' },
    ],
    plain: false,
  },
  {
    name: 'effects, workers, models and tools at once; leaving the state cancels them',
    machine: () =>
      taking({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: [
              { src: 'worker', input: { module: './sum.ts', input: [1, 2] }, onDone: { actions: 'take' } },
              { src: 'model', input: { name: 'small', input: 'hi' } },
              { src: 'tool', input: { name: 'search', input: { q: 'x' } } },
            ],
            on: { OUT: 'b' },
          },
          b: {},
        },
      }),
    steps: [{ settle: 'worker', value: 3 }, 'OUT', { settle: 'model:small', value: 'late' }],
    plain: false,
  },
  {
    name: 'effects of two children have keys of their own',
    machine: () => {
      const payer = setup({ actors: { effect } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'effect', input: { name: 'pay' }, onDone: 'z' } }, z: { type: 'final' } },
        output: 'paid',
      });
      return setup({ types: { context: {} as { paid: number } }, actors: { payer } }).createMachine({
        context: { paid: 0 },
        invoke: ['one', 'two'].map((id) => ({
          src: 'payer' as const,
          id,
          onDone: { actions: assign({ paid: ({ context }: { context: { paid: number } }) => context.paid + 1 }) },
        })),
      });
    },
    steps: [{ settle: 'effect:pay' }, 'X', { settle: 'effect:pay' }],
    plain: false,
  },
  {
    name: 'an effect with an input that names nothing fails at once',
    machine: () =>
      taking({
        context: { got: [] },
        invoke: { src: 'effect', input: {}, onError: { actions: 'take' } },
      }),
    steps: ['X'],
    plain: false,
  },
  {
    name: 'a throw in an action ends the machine and takes what was sent back',
    machine: () =>
      createMachine({
        on: {
          BAD: {
            actions: [
              sendTo(({ self }) => self, { type: 'NEVER' }),
              () => {
                throw new Error('on purpose');
              },
            ],
          },
          NEVER: '.b',
        },
        initial: 'a',
        states: { a: {}, b: {} },
      }),
    steps: ['OK', 'BAD', 'OK'],
  },
];
