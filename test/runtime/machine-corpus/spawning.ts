/** Children: made, named, stopped, done, failed, many, deep, and what they know of each other. */
import {
  type AnyActorRef,
  type AnyEventObject,
  assign,
  createMachine,
  enqueueActions,
  fromPromise,
  fromTransition,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { Case } from './case.ts';
import { EMPTY, notebook } from './notebook.ts';

const listener = notebook.createMachine({ context: EMPTY, on: { '*': { actions: 'note' } } });
interface Saying {
  readonly says: unknown;
}
type SayingInput = Saying | undefined;
const ending = setup({
  types: { input: {} as SayingInput, context: {} as { says: unknown } },
}).createMachine({
  context: ({ input }) => ({ says: input?.says ?? 'over' }),
  initial: 'a',
  states: { a: { on: { END: 'z' }, after: { 500: 'z' } }, z: { type: 'final' } },
  output: ({ context }) => context.says,
});
const crashing = createMachine({
  on: {
    CRASH: {
      actions: () => {
        throw new TypeError('on purpose');
      },
    },
  },
});
interface Kids {
  readonly kids: readonly AnyActorRef[];
  readonly heard: readonly unknown[];
}
const NONE: Kids = { kids: [], heard: [] };
const family = setup({
  types: { context: {} as Kids },
  actors: { listener, ending, crashing, wait: fromPromise(() => new Promise(() => {})) },
  actions: {
    hear: assign({
      heard: ({ context, event }) => [...context.heard, event['output'] ?? event['error'] ?? event.type],
    }),
  },
});

export const spawningCases: readonly Case[] = [
  {
    name: 'ten children, some told something, some stopped',
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({
          ...NONE,
          kids: Array.from({ length: 10 }, (_, at) => spawn('listener', { id: `k${at}` })),
        }),
        on: {
          ALL: {
            actions: enqueueActions(({ context, enqueue }) =>
              context.kids.forEach((kid) => enqueue.sendTo(kid, { type: 'HI' })),
            ),
          },
          ODD: { actions: [1, 3, 5, 7, 9].map((at) => stopChild(`k${at}`)) },
          ONE: { actions: sendTo('k4', { type: 'ONLY' }) },
        },
      }),
    steps: ['ALL', 'ODD', 'ALL', 'ONE'],
  },
  {
    name: 'ten children with timers of one moment',
    machine: () =>
      family.createMachine({
        context: NONE,
        entry: Array.from({ length: 10 }, (_, at) => spawnChild('ending', { id: `e${at}`, input: { says: at } })),
        on: { 'xstate.done.actor.*': { actions: 'hear' } },
      }),
    steps: [499, 1, 'X'],
  },
  {
    name: 'children three deep, the deepest ends and all hear of it one after the other',
    machine: () => {
      const second = setup({ actors: { ending } }).createMachine({
        initial: 'a',
        states: {
          a: { invoke: { src: 'ending', id: 'third', input: { says: 'deep' }, onDone: 'z' } },
          z: { type: 'final' },
        },
        output: 'second',
      });
      const first = setup({ actors: { second } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'second', id: 'second', onDone: 'z' } }, z: { type: 'final' } },
        output: 'first',
      });
      return setup({ types: { context: {} as Kids }, actors: { first } }).createMachine({
        context: NONE,
        invoke: {
          src: 'first',
          id: 'first',
          onDone: { actions: assign({ heard: ({ event }) => [event.output] }) },
        },
      });
    },
    steps: [100, 400],
  },
  {
    name: 'a spawned child that ends, and the same id again',
    machine: () =>
      family.createMachine({
        context: NONE,
        on: {
          NEW: { actions: spawnChild('ending', { id: 'e', input: { says: 'first' } }) },
          END: { actions: sendTo('e', { type: 'END' }) },
          DROP: { actions: stopChild('e') },
          'xstate.done.actor.e': { actions: 'hear' },
        },
      }),
    steps: ['NEW', 'END', 'DROP', 'NEW', 'END'],
  },
  {
    name: 'a spawned child whose error nobody handles',
    machine: () =>
      family.createMachine({
        context: NONE,
        entry: spawnChild('crashing', { id: 'c' }),
        on: { GO: { actions: sendTo('c', { type: 'CRASH' }) } },
      }),
    steps: ['X', 'GO'],
  },
  {
    name: 'a spawned child whose error the parent handles by its event',
    machine: () =>
      family.createMachine({
        context: NONE,
        entry: spawnChild('crashing', { id: 'c' }),
        on: { GO: { actions: sendTo('c', { type: 'CRASH' }) }, 'xstate.error.actor.c': { actions: 'hear' } },
      }),
    steps: ['GO', 'GO', 'X'],
  },
  {
    name: 'an error that climbs two levels until someone handles it',
    machine: () => {
      const middle = setup({ actors: { crashing } }).createMachine({
        invoke: { src: 'crashing', id: 'inner' },
        on: { GO: { actions: sendTo('inner', { type: 'CRASH' }) } },
      });
      return setup({ types: { context: {} as Kids }, actors: { middle } }).createMachine({
        context: NONE,
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'middle',
              id: 'm',
              onError: { target: 'b', actions: assign({ heard: ({ event }) => [event.error] }) },
            },
            on: { GO: { actions: sendTo('m', { type: 'GO' }) } },
          },
          b: { on: { BACK: 'a' } },
        },
      });
    },
    steps: ['GO', 'X', 'BACK', 'GO'],
  },
  {
    name: 'a child that throws as it starts',
    machine: () => {
      const stillborn = createMachine({
        entry: () => {
          throw new Error('at birth');
        },
      });
      return setup({ types: { context: {} as Kids }, actors: { stillborn } }).createMachine({
        context: NONE,
        invoke: { src: 'stillborn', id: 's', onError: { actions: assign({ heard: ({ event }) => [event.error] }) } },
        on: { X: {} },
      });
    },
    steps: ['X'],
  },
  {
    name: 'two invokes of one state that end in the other order',
    machine: () =>
      family.createMachine({
        context: NONE,
        initial: 'a',
        states: {
          a: {
            invoke: [
              { src: 'ending', id: 'one', input: { says: 1 }, onDone: { actions: 'hear' } },
              { src: 'ending', id: 'two', input: { says: 2 }, onDone: { target: 'b', actions: 'hear' } },
            ],
            on: { ONE: { actions: sendTo('one', { type: 'END' }) }, TWO: { actions: sendTo('two', { type: 'END' }) } },
          },
          b: { on: { BACK: 'a' } },
        },
      }),
    steps: ['TWO', 'BACK', 'ONE', 'TWO'],
  },
  {
    name: 'an invoke of the machine itself, beside those of its states',
    machine: () =>
      family.createMachine({
        context: NONE,
        invoke: { src: 'listener', id: 'always' },
        initial: 'a',
        states: {
          a: { invoke: { src: 'listener', id: 'only.a' }, on: { N: 'b' } },
          b: { on: { B: 'a' } },
        },
        on: { TELL: { actions: [sendTo('always', { type: 'HI' }), sendTo('only.a', { type: 'HI' })] } },
      }),
    steps: ['TELL', 'N', 'B', 'TELL'],
  },
  {
    name: 'ids of children that look like something else',
    machine: () =>
      family.createMachine({
        context: NONE,
        entry: ['a.b', '__proto__x', 'constructor', 'x:1', '1', 'ü €'].map((id) => spawnChild('listener', { id })),
        on: { TELL: { actions: ['a.b', 'constructor', 'x:1', '1', 'ü €'].map((id) => sendTo(id, { type: 'HI' })) } },
      }),
    steps: ['TELL', 'TELL'],
  },
  {
    name: 'a child by an id from the context and with a computed input',
    machine: () =>
      setup({ types: { context: {} as { n: number } }, actors: { ending } }).createMachine({
        context: { n: 0 },
        on: {
          NEW: {
            actions: [
              assign({ n: ({ context }) => context.n + 1 }),
              spawnChild('ending', {
                id: ({ context }: { context: { n: number } }) => `kid${context.n}`,
                input: ({ context }: { context: { n: number } }) => ({ says: context.n }),
              }),
            ],
          },
          END: { actions: sendTo('kid2', { type: 'END' }) },
        },
      }),
    steps: ['NEW', 'NEW', 'END', 'NEW'],
  },
  {
    name: 'spawn without ids again and again, with one of the first stopped in between',
    machine: () =>
      family.createMachine({
        context: NONE,
        on: {
          NEW: { actions: assign({ kids: ({ context, spawn }) => [...context.kids, spawn('listener')] }) },
          DROP: {
            actions: [
              stopChild(({ context }) => context.kids[0] as AnyActorRef),
              assign({ kids: ({ context }) => context.kids.slice(1) }),
            ],
          },
          ALL: {
            actions: enqueueActions(({ context, enqueue }) =>
              context.kids.forEach((kid) => enqueue.sendTo(kid, { type: 'HI' })),
            ),
          },
        },
      }),
    steps: ['NEW', 'NEW', 'NEW', 'DROP', 'NEW', 'ALL', 'DROP', 'DROP', 'NEW', 'ALL'],
  },
  {
    name: 'a transition function as a child, with events and its context',
    machine: () => {
      const stack = fromTransition(
        (state: { readonly items: readonly unknown[] }, event: { readonly type: string; readonly item?: unknown }) => ({
          items: event.type === 'PUSH' ? [...state.items, event.item] : state.items.slice(0, -1),
        }),
        ({ input }: { input: { readonly first: unknown } }) => ({ items: [input.first] }),
      );
      return setup({ actors: { stack } }).createMachine({
        invoke: { src: 'stack', id: 's', input: { first: new Date(0) } },
        on: {
          PUSH: { actions: sendTo('s', ({ event }) => ({ type: 'PUSH', item: event['item'] })) },
          POP: { actions: sendTo('s', { type: 'POP' }) },
        },
      });
    },
    steps: [{ type: 'PUSH', item: new Set([1n]) }, 'POP', { type: 'PUSH', item: 'x' }, 'POP', 'POP'],
  },
  {
    name: 'syncSnapshot of a spawned child tells the parent of each change',
    machine: () =>
      setup({ types: { context: {} as { heard: readonly unknown[] } }, actors: { listener } }).createMachine({
        context: { heard: [] },
        entry: spawnChild('listener', { id: 'l', syncSnapshot: true }),
        on: {
          TELL: { actions: sendTo('l', { type: 'HI' }) },
          'xstate.snapshot.l': {
            actions: assign({
              heard: ({ context, event }) => [
                ...context.heard,
                (event['snapshot'] as { readonly context: typeof EMPTY }).context.log.length,
              ],
            }),
          },
        },
      }),
    steps: ['TELL', 'X', 'TELL'],
  },
  {
    name: 'onSnapshot of a child with a timer of its own',
    machine: () =>
      setup({ types: { context: {} as { heard: readonly unknown[] } }, actors: { ending } }).createMachine({
        context: { heard: [] },
        invoke: {
          src: 'ending',
          id: 'e',
          onSnapshot: {
            actions: assign({ heard: ({ context, event }) => [...context.heard, event.snapshot.value as unknown] }),
          },
        },
      }),
    steps: ['X', 499, 1, 'X'],
  },
  {
    name: 'a child that tells its parent now and later, and is stopped before',
    machine: () => {
      const teller = createMachine({
        entry: [sendParent({ type: 'BORN' }), sendParent({ type: 'GROWN' }, { delay: 100 })],
      });
      return setup({ types: { context: {} as Kids }, actors: { teller } }).createMachine({
        context: NONE,
        initial: 'a',
        on: { '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) } },
        states: { a: { invoke: { src: 'teller', id: 't' }, on: { N: 'b' } }, b: { on: { B: 'a' } } },
      });
    },
    steps: [99, 'N', 50, 'B', 100],
  },
  {
    name: 'parent and child that play ping-pong within one turn',
    machine: () => {
      const pong = createMachine({
        on: {
          PING: {
            actions: sendParent(({ event }: { readonly event: AnyEventObject }) => ({
              type: 'PONG',
              n: Number(event['n']) + 1,
            })),
          },
        },
      });
      return setup({ types: { context: {} as { n: number } }, actors: { pong } }).createMachine({
        context: { n: 0 },
        invoke: { src: 'pong', id: 'p' },
        on: {
          GO: { actions: sendTo('p', { type: 'PING', n: 0 }) },
          PONG: [
            {
              guard: ({ event }) => Number(event['n']) < 20,
              actions: sendTo('p', ({ event }) => ({ type: 'PING', n: Number(event['n']) })),
            },
            { actions: assign({ n: ({ event }) => Number(event['n']) }) },
          ],
        },
      });
    },
    steps: ['GO', 'GO'],
  },
  {
    name: 'a child reached by its systemId, from the root and from a grandchild',
    machine: () => {
      const deep = createMachine({
        on: { GO: { actions: sendTo(({ system }) => system.get('post') as AnyActorRef, { type: 'FROM_DEEP' }) } },
      });
      const middle = setup({ actors: { deep } }).createMachine({
        invoke: { src: 'deep', id: 'd', systemId: 'the.deep' },
      });
      return setup({ actors: { listener, middle } }).createMachine({
        invoke: [
          { src: 'listener', id: 'l', systemId: 'post' },
          { src: 'middle', id: 'm' },
        ],
        on: {
          ROOT: { actions: sendTo(({ system }) => system.get('post') as AnyActorRef, { type: 'FROM_ROOT' }) },
          DEEP: { actions: sendTo(({ system }) => system.get('the.deep') as AnyActorRef, { type: 'GO' }) },
        },
      });
    },
    steps: ['ROOT', 'DEEP', 'DEEP'],
  },
  {
    name: 'a child that ends in the turn it is made',
    machine: () => {
      const brief = createMachine({ initial: 'z', states: { z: { type: 'final' } }, output: { brief: true } });
      return setup({ types: { context: {} as Kids }, actors: { brief } }).createMachine({
        context: NONE,
        initial: 'a',
        states: {
          a: { on: { GO: 'b' } },
          b: {
            invoke: {
              src: 'brief',
              id: 'br',
              onDone: { target: 'c', actions: assign({ heard: ({ event }) => [event.output as unknown] }) },
            },
          },
          c: { on: { BACK: 'a' } },
        },
      });
    },
    steps: ['GO', 'BACK', 'GO'],
  },
  {
    name: 'a machine that ends with children, timers and a promise under way',
    machine: () =>
      family.createMachine({
        context: NONE,
        invoke: [
          { src: 'ending', id: 'e' },
          { src: 'wait', id: 'w' },
        ],
        initial: 'a',
        states: { a: { after: { 50: 'z' } }, z: { type: 'final' } },
        output: 'ended',
      }),
    steps: [49, 1, 500],
  },
  {
    name: 'a child whose parent sends to it as it stops it',
    machine: () =>
      family.createMachine({
        context: NONE,
        initial: 'a',
        states: {
          a: {
            invoke: { src: 'listener', id: 'l' },
            exit: sendTo('l', { type: 'BYE' }),
            on: { N: 'b' },
          },
          b: { on: { B: 'a' } },
        },
      }),
    steps: ['N', 'B', 'N'],
  },
];
