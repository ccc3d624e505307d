/** References that are handed on, kept and outlived; and promises, callbacks and calls among them. */
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createMachine,
  fromCallback,
  fromPromise,
  raise,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import { addressOf } from '../../../runtime/machine-references.ts';
import type { Case } from './case.ts';
import { EMPTY, notebook } from './notebook.ts';

const listener = notebook.createMachine({
  context: EMPTY,
  on: { HOLD: { actions: 'hold' }, '*': { actions: 'note' } },
});
interface Held {
  readonly held: unknown;
  readonly got: readonly unknown[];
}
const NOTHING: Held = { held: null, got: [] };
const meeting = setup({
  types: { context: {} as Held },
  actors: { listener },
  actions: {
    take: assign({
      got: ({ context, event }) => [...context.got, event['output'] ?? event['error'] ?? event['value'] ?? event.type],
    }),
  },
});
const ref = ({ context }: { readonly context: Held }): AnyActorRef => context.held as AnyActorRef;
const kidOf =
  (id: string) =>
  ({ self }: { readonly self: AnyActorRef }) =>
    (self.getSnapshot() as { readonly children: Readonly<Record<string, AnyActorRef>> }).children[id];

export const meetingCases: readonly Case[] = [
  {
    name: 'a Map from children to what is known of them, and a Set of them',
    machine: () =>
      meeting.createMachine({
        context: ({ spawn }) => {
          const [a, b] = [spawn('listener', { id: 'a' }), spawn('listener', { id: 'b' })];
          return {
            held: {
              of: new Map([
                [a, { score: 1 }],
                [b, { score: 2 }],
              ]),
              all: new Set([b, a]),
            },
            got: [],
          };
        },
        on: {
          ASK: {
            actions: assign({
              got: ({ context, self }) => {
                const { of, all } = context.held as {
                  readonly of: ReadonlyMap<unknown, unknown>;
                  readonly all: ReadonlySet<unknown>;
                };
                const a = kidOf('a')({ self });
                return [...context.got, of.get(a), all.has(a)];
              },
            }),
          },
        },
      }),
    steps: ['ASK', 'X', 'ASK'],
  },
  {
    name: 'a child holds its sibling, its parent and itself',
    machine: () =>
      meeting.createMachine({
        context: NOTHING,
        invoke: [
          { src: 'listener', id: 'a' },
          { src: 'listener', id: 'b' },
        ],
        on: {
          MEET: {
            actions: sendTo('a', ({ self }) => ({
              type: 'HOLD',
              value: [kidOf('b')({ self }), self, kidOf('a')({ self })],
            })),
          },
          USE: {
            actions: sendTo(
              ({ self }) => {
                const [sibling] = (
                  (kidOf('a')({ self }) as AnyActorRef).getSnapshot() as {
                    readonly context: { readonly held: readonly AnyActorRef[] };
                  }
                ).context.held;
                return sibling as AnyActorRef;
              },
              { type: 'THROUGH_A' },
            ),
          },
        },
      }),
    steps: ['MEET', 'USE', 'USE'],
  },
  {
    name: 'one child held in two places is one after a restart',
    machine: () =>
      meeting.createMachine({
        context: ({ spawn }) => {
          const kid = spawn('listener', { id: 'k' });
          return { held: [kid, { again: kid }], got: [] };
        },
        on: {
          SAME: {
            actions: assign({
              got: ({ context }) => {
                const [one, { again }] = context.held as readonly [unknown, { readonly again: unknown }];
                return [...context.got, one === again];
              },
            }),
          },
        },
      }),
    steps: ['SAME', 'SAME'],
  },
  {
    name: 'a reference to a child that was stopped and made again is one to the first',
    machine: () =>
      meeting.createMachine({
        context: ({ spawn }) => ({ held: spawn('listener', { id: 'k' }), got: [] }),
        on: {
          RENEW: { actions: [stopChild('k'), spawnChild('listener', { id: 'k' })] },
          SEND: { actions: sendTo(ref, { type: 'TO_FIRST' }) },
          NEW: { actions: sendTo('k', { type: 'TO_SECOND' }) },
        },
      }),
    steps: ['SEND', 'RENEW', 'SEND', 'NEW', 'SEND'],
  },
  {
    name: 'the status of a child that was stopped, by its reference',
    machine: () =>
      meeting.createMachine({
        context: ({ spawn }) => ({ held: spawn('listener', { id: 'k' }), got: [] }),
        on: {
          STOP: { actions: stopChild('k') },
          LOOK: {
            actions: assign({
              got: ({ context }) => [...context.got, ref({ context }).getSnapshot().status as unknown],
            }),
          },
        },
      }),
    steps: ['LOOK', 'STOP', 'X', 'LOOK'],
  },
  {
    name: 'a delayed event to a held reference, which ends before',
    machine: () =>
      meeting.createMachine({
        context: ({ spawn }) => ({ held: spawn('listener', { id: 'k' }), got: [] }),
        on: {
          ARM: { actions: sendTo(ref, { type: 'LATE' }, { delay: 100 }) },
          STOP: { actions: stopChild('k') },
        },
      }),
    steps: ['ARM', 100, 'ARM', 'STOP', 100],
  },
  {
    name: 'addresses in Maps, Sets, as keys, in delayed events and in promises',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { wait: lab.promise('p') } }).createMachine({
        context: {
          held: new Map<unknown, unknown>([[addressOf('agent/a'), new Set([addressOf('agent/b')])]]),
          got: [],
        },
        invoke: {
          src: 'wait',
          input: { to: 'x' },
          onDone: { actions: assign({ got: ({ event }) => [event.output] }) },
        },
        entry: raise({ type: 'LATER', to: addressOf('agent/c') }, { delay: 10 }),
        on: {
          LATER: { actions: sendTo(({ event }) => event['to'] as AnyActorRef, { type: 'HI' }) },
          FIRST: {
            actions: sendTo(
              ({ context }) => [...(context.held as Map<AnyActorRef, unknown>).keys()][0] as AnyActorRef,
              { type: 'FIRST' },
            ),
          },
        },
      }),
    steps: ['FIRST', 10, { resolve: 'p', value: new Date(3) }, 'FIRST'],
    plain: false,
  },
  {
    name: 'a promise in a child that is two deep',
    machine: (lab) => {
      const inner = setup({ actors: { p: lab.promise('deep') } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'p', id: 'p', onDone: 'z' } }, z: { type: 'final' } },
        output: 'inner',
      });
      const outer = setup({ actors: { inner } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'inner', id: 'i', onDone: 'z' } }, z: { type: 'final' } },
        output: 'outer',
      });
      return setup({ types: { context: {} as Held }, actors: { outer } }).createMachine({
        context: NOTHING,
        invoke: {
          src: 'outer',
          id: 'o',
          onDone: { actions: assign({ got: ({ event }) => [event.output] }) },
        },
      });
    },
    steps: ['X', { resolve: 'deep' }],
  },
  {
    name: 'five promises at once that come back in another order, one with an error',
    machine: (lab) =>
      setup({
        types: { context: {} as Held },
        actors: Object.fromEntries([0, 1, 2, 3, 4].map((at) => [`p${at}`, lab.promise(`p${at}`)])),
      }).createMachine({
        context: NOTHING,
        invoke: [0, 1, 2, 3, 4].map((at) => ({
          src: `p${at}`,
          id: `p${at}`,
          input: { at },
          onDone: { actions: assign({ got: ({ context, event }) => [...context.got, event['output'] as unknown] }) },
          onError: { actions: assign({ got: ({ context, event }) => [...context.got, event['error'] as unknown] }) },
        })) as never,
      }),
    steps: [
      { resolve: 'p3', value: 3 },
      { resolve: 'p0', value: [0] },
      { reject: 'p4', error: new RangeError('four') },
      'X',
      { resolve: 'p1', value: undefined },
      { resolve: 'p2', value: null },
    ],
  },
  {
    name: 'a promise whose state is entered again asks again',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { p: lab.promise('p') } }).createMachine({
        context: NOTHING,
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'p',
              id: 'p',
              onDone: { actions: assign({ got: ({ context, event }) => [...context.got, event.output] }) },
            },
            on: { AGAIN: { target: 'a', reenter: true } },
          },
        },
      }),
    steps: ['AGAIN', { resolve: 'p', value: 1 }, 'AGAIN', { resolve: 'p', value: 2 }],
  },
  {
    name: 'a promise that a timer overtakes',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { p: lab.promise('p') } }).createMachine({
        context: NOTHING,
        initial: 'a',
        states: {
          a: { invoke: { src: 'p', onDone: 'done' }, after: { 100: 'late' } },
          done: {},
          late: { on: { BACK: 'a' } },
        },
      }),
    steps: [100, { resolve: 'p', value: 1 }, 'BACK', 99, { resolve: 'p', value: 2 }, 100],
  },
  {
    name: 'a promise that is rejected with what is no error',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { p: lab.promise('p') } }).createMachine({
        context: NOTHING,
        invoke: { src: 'p', onError: { actions: assign({ got: ({ event }) => [event.error] }) } },
        on: { X: {} },
      }),
    steps: [{ reject: 'p', error: 'only words' }, 'X'],
  },
  {
    name: 'a promise whose error nobody handles ends the machine',
    machine: (lab) =>
      setup({ actors: { p: lab.promise('p') } }).createMachine({ invoke: { src: 'p', id: 'p' }, on: { X: {} } }),
    steps: ['X', { reject: 'p', error: new TypeError('unhandled') }, 'X'],
  },
  {
    name: 'a spawned promise by name, with an id',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { p: lab.promise('p') } }).createMachine({
        context: NOTHING,
        on: {
          GO: { actions: spawnChild('p', { id: 'mine', input: { n: 1 } }) },
          'xstate.done.actor.mine': { actions: assign({ got: ({ event }) => [event['output'] as unknown] }) },
        },
      }),
    steps: ['GO', 'X', { resolve: 'p', value: new Map([[1, { a: [2n] }]]) }],
  },
  {
    name: 'a callback that sends through a machine to another callback',
    machine: (lab) =>
      meeting.createMachine({
        context: NOTHING,
        invoke: [
          { src: lab.callback('in') as never, id: 'in' },
          { src: lab.callback('out') as never, id: 'out' },
        ],
        on: { WORD: { actions: ['take', sendTo('out', ({ event }) => ({ type: `GOT_${String(event['value'])}` }))] } },
      }),
    steps: [
      { emit: 'in', value: { type: 'WORD', value: 'a' } },
      { emit: 'in', value: { type: 'WORD', value: 'b' } },
    ],
  },
  {
    name: 'a callback that throws while it is set up',
    machine: () =>
      meeting.createMachine({
        context: NOTHING,
        invoke: {
          src: fromCallback(() => {
            throw new Error('in the setup');
          }) as never,
          id: 'c',
          onError: { actions: 'take' },
        },
        on: { X: {} },
      }),
    steps: ['X'],
  },
  {
    name: 'a callback that is stopped lets go',
    machine: (lab) =>
      meeting.createMachine({
        context: NOTHING,
        initial: 'a',
        states: { a: { invoke: { src: lab.callback('c') as never, id: 'c' }, on: { N: 'b' } }, b: { on: { B: 'a' } } },
      }),
    steps: ['N', 'B', 'N'],
  },
  {
    name: 'an observable whose last value is kept in its snapshot',
    machine: (lab) =>
      meeting.createMachine({
        context: NOTHING,
        invoke: { src: lab.observable('o') as never, id: 'o', onDone: { actions: 'take' } },
        on: {
          LOOK: {
            actions: assign({
              got: ({ context, self }) => [
                ...context.got,
                (kidOf('o')({ self }) as AnyActorRef).getSnapshot().context as unknown,
              ],
            }),
          },
        },
      }),
    steps: [{ emit: 'o', value: 1 }, 'LOOK', { emit: 'o', value: [2] }, 'LOOK', { end: 'o' }],
  },
  {
    name: 'an observable that fails, handled by a state around it',
    machine: (lab) =>
      meeting.createMachine({
        context: NOTHING,
        initial: 'a',
        on: { 'xstate.error.actor.o': { target: '.b', actions: 'take' } },
        states: {
          a: { initial: 'x', states: { x: { invoke: { src: lab.observable('o') as never, id: 'o' } } } },
          b: {},
        },
      }),
    steps: [
      { emit: 'o', value: 1 },
      { reject: 'o', error: new Error('stream') },
    ],
  },
  {
    name: 'effects one after the other in a loop, each with a key of its own',
    machine: () =>
      meeting.createMachine({
        context: NOTHING,
        initial: 'calling',
        states: {
          calling: {
            invoke: {
              src: 'effect',
              input: ({ context }: { context: Held }) => ({ name: 'next', input: context.got.length }),
              onDone: { target: 'between', actions: 'take' },
            },
          },
          between: {
            always: [
              { guard: ({ context }: { context: Held }) => context.got.length >= 3, target: 'z' },
              { target: 'calling' },
            ],
          },
          z: { type: 'final' },
        },
        output: ({ context }: { context: Held }) => context.got,
      } as never) as unknown as AnyStateMachine,
    steps: [
      { settle: 'effect:next', value: 'a' },
      'X',
      { settle: 'effect:next', value: 'b' },
      { settle: 'effect:next', value: 'c' },
    ],
    plain: false,
  },
  {
    name: 'an effect with a timeout by after, whose outcome comes too late',
    machine: () =>
      meeting.createMachine({
        context: NOTHING,
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'effect', input: { name: 'slow', kind: 'unsafe' }, onDone: 'done' },
            after: { 1_000: 'late' },
          },
          done: {},
          late: {},
        },
      } as never) as unknown as AnyStateMachine,
    steps: [1_000, { settle: 'effect:slow', value: 1 }, 'X'],
    plain: false,
  },
  {
    name: 'an effect, a promise, a timer and a child at once',
    machine: (lab) => {
      const child = createMachine({
        initial: 'a',
        states: { a: { after: { 30: 'z' } }, z: { type: 'final' } },
        output: 'child',
      });
      return setup({
        types: { context: {} as Held },
        actors: { child, p: lab.promise('p') },
        actions: { take: assign({ got: ({ context, event }) => [...context.got, event['output'] ?? event.type] }) },
      }).createMachine({
        context: NOTHING,
        invoke: [
          { src: 'effect', input: { name: 'e' }, onDone: { actions: 'take' } },
          { src: 'p', onDone: { actions: 'take' } },
          { src: 'child', onDone: { actions: 'take' } },
        ],
        after: { 20: { actions: 'take' } },
      } as never) as unknown as AnyStateMachine;
    },
    steps: [10, { settle: 'effect:e', value: 'effect' }, 10, { resolve: 'p', value: 'promise' }, 10],
    plain: false,
  },
  {
    name: 'a promise body that fails at once and one that needs no time',
    machine: () =>
      setup({
        types: { context: {} as Held },
        actors: {
          quick: fromPromise(async () => 'quick'),
          broken: fromPromise(async () => await Promise.reject(new Error('broken'))),
        },
      }).createMachine({
        context: NOTHING,
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'quick', onDone: { target: 'b', actions: assign({ got: ({ event }) => [event.output] }) } },
          },
          b: {
            invoke: { src: 'broken', onError: { target: 'c', actions: assign({ held: ({ event }) => event.error }) } },
          },
          c: {},
        },
      }),
    steps: ['X'],
  },
];
