/** States in states: nested, parallel, history, final, and how transitions choose between them. */
import { and, type AnyStateMachine, assign, createMachine, not, or, raise, stateIn } from 'xstate';
import type { Case } from './case.ts';
import { EMPTY, notebook } from './notebook.ts';

const said = (word: string) => ({ type: 'say', params: word }) as const;
const inAndOut = (word: string) => ({ entry: said(`+${word}`), exit: said(`-${word}`) });

export const structureCases: readonly Case[] = [
  {
    name: 'entry and exit run from the outside in and from the inside out',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: {
            ...inAndOut('a'),
            initial: 'b',
            states: { b: { ...inAndOut('b'), initial: 'c', states: { c: { ...inAndOut('c'), on: { OUT: '#z' } } } } },
          },
          z: { id: 'z', ...inAndOut('z'), on: { IN: 'a.b.c' } },
        },
      }),
    steps: ['OUT', 'IN', 'OUT'],
  },
  {
    name: 'the deepest transition wins, and a guarded one lets the parent have it',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: {
            initial: 'b',
            on: { GO: { actions: said('outer') }, ADD: { actions: 'add' } },
            states: { b: { on: { GO: { guard: 'many', actions: said('inner') } } } },
          },
        },
      }),
    steps: ['GO', 'ADD', 'ADD', 'GO'],
  },
  {
    name: 'an event forbidden by an inner state',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        on: { GO: { actions: 'note' } },
        states: { a: { on: { GO: undefined, N: 'b' } }, b: {} },
      }),
    steps: ['GO', 'N', 'GO'],
  },
  {
    name: 'parallel regions that hear one event in their order',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        type: 'parallel',
        states: {
          one: { initial: 'a', states: { a: { on: { E: { target: 'b', actions: said('one') } } }, b: {} } },
          two: { initial: 'a', states: { a: { on: { E: { target: 'b', actions: said('two') } } }, b: {} } },
          three: { on: { E: { actions: said('three') } } },
        },
      }),
    steps: ['E', 'E'],
  },
  {
    name: 'a region that waits for another by stateIn',
    machine: () =>
      createMachine({
        type: 'parallel',
        states: {
          light: { initial: 'red', states: { red: { on: { TURN: 'green' } }, green: { id: 'green' } } },
          car: {
            initial: 'waits',
            states: { waits: { on: { GO: { guard: stateIn('#green'), target: 'goes' } } }, goes: {} },
          },
        },
      }),
    steps: ['GO', 'TURN', 'GO'],
  },
  {
    name: 'parallel in parallel, with one transition out of all of it',
    machine: () =>
      createMachine({
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            on: { OUT: 'out' },
            states: {
              l: {
                type: 'parallel',
                states: {
                  x: { initial: '1', states: { 1: { on: { X: '2' } }, 2: {} } },
                  y: { initial: '1', states: { 1: { on: { Y: '2' } }, 2: {} } },
                },
              },
              r: { initial: '1', states: { 1: { on: { X: '2' } }, 2: {} } },
            },
          },
          out: { on: { IN: 'p.l.y.2' } },
        },
      }),
    steps: ['X', 'Y', 'OUT', 'IN'],
  },
  {
    name: 'several targets at once',
    machine: () =>
      createMachine({
        initial: 'off',
        states: {
          off: { on: { ON: { target: ['p.a.two', 'p.b.two'] } } },
          p: {
            type: 'parallel',
            states: {
              a: { initial: 'one', states: { one: {}, two: {} } },
              b: { initial: 'one', states: { one: {}, two: {} } },
            },
          },
        },
      }),
    steps: ['ON', 'ON'],
  },
  {
    name: 'onDone of a parallel state whose regions end one by one',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            onDone: { target: 'z', actions: 'note' },
            states: {
              a: { initial: 'x', states: { x: { on: { A: 'y' } }, y: { type: 'final' } } },
              b: { initial: 'x', states: { x: { on: { B: 'y' } }, y: { type: 'final' } } },
            },
          },
          z: { type: 'final' },
        },
      }),
    steps: ['B', 'A'],
  },
  {
    name: 'the output of an inner final state goes with onDone',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: {
            initial: 'x',
            states: { x: { on: { F: 'y' } }, y: { type: 'final', output: ({ context }) => ({ n: context.n }) } },
            onDone: { target: 'b', actions: assign({ held: ({ event }) => event.output }) },
          },
          b: {},
        },
      }),
    steps: ['F'],
  },
  {
    name: 'always from state to state to an end',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { always: { target: 'b', actions: 'add' } },
          b: { always: { target: 'c', actions: 'add' } },
          c: { always: { guard: 'many', target: 'd', actions: said('over') } },
          d: { on: { BACK: 'a' } },
        },
      }),
    steps: ['BACK'],
  },
  {
    name: 'raise in entry is handled before always goes on from a state that has none',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { entry: raise({ type: 'NEXT' }), on: { NEXT: { target: 'b', actions: 'note' } } },
          b: { entry: [raise({ type: 'X' }), raise({ type: 'Y' })], on: { X: { actions: 'note' }, Y: 'c' } },
          c: { on: { AGAIN: 'a' } },
        },
      }),
    steps: ['AGAIN'],
  },
  {
    name: 'raise with what the event and the context say',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: { actions: ['add', raise(({ context, event }) => ({ type: `GOT_${context.n}_${String(event['x'])}` }))] },
          '*': { actions: 'note' },
        },
      }),
    steps: [
      { type: 'GO', x: 1 },
      { type: 'GO', x: 2 },
    ],
  },
  {
    name: 'guards: or, and, not inside one another, with params from the event',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          ADD: { actions: 'add' },
          GO: [
            { guard: and(['few', not(stateIn({}))]), actions: said('never') },
            { guard: or([and(['few', not('many')]), { type: 'over', params: 3 }]), actions: said('first') },
            { guard: { type: 'over', params: ({ event }) => Number(event['limit']) }, actions: said('second') },
            { actions: said('third') },
          ],
        },
      }),
    steps: [
      { type: 'GO', limit: 0 },
      'ADD',
      'ADD',
      { type: 'GO', limit: 1 },
      { type: 'GO', limit: 9 },
      'ADD',
      'ADD',
      'GO',
    ],
  },
  {
    name: 'shallow history forgets what lies deeper',
    machine: () =>
      createMachine({
        initial: 'on',
        states: {
          on: {
            initial: 'a',
            states: {
              a: { initial: 'x', states: { x: { on: { N: 'y' } }, y: { on: { N: '#b' } } } },
              b: { id: 'b', initial: 'x', states: { x: { on: { N: 'y' } }, y: {} } },
              h: { type: 'history' },
            },
            on: { OFF: 'off' },
          },
          off: { on: { ON: 'on.h' } },
        },
      }),
    steps: ['N', 'OFF', 'ON', 'N', 'N', 'N', 'OFF', 'ON'],
  },
  {
    name: 'history that was never filled goes to its default',
    machine: () =>
      createMachine({
        initial: 'off',
        states: {
          on: {
            initial: 'a',
            states: { a: {}, b: { on: { N: 'a' } }, h: { type: 'history', target: 'b' } },
            on: { OFF: 'off' },
          },
          off: { on: { ON: 'on.h' } },
        },
      }),
    steps: ['ON', 'N', 'OFF', 'ON'],
  },
  {
    name: 'history of the machine itself',
    machine: () =>
      createMachine({
        initial: 'a',
        states: {
          a: { on: { N: 'b' } },
          b: { initial: 'x', states: { x: { on: { M: 'y' } }, y: {} } },
          h: { type: 'history', history: 'deep' },
        },
        on: { AGAIN: '.h' },
      }),
    steps: ['N', 'M', 'AGAIN', 'AGAIN'],
  },
  {
    name: 'two histories, deep and shallow, of the same states, under a custom id with dots',
    machine: () =>
      createMachine({
        id: 'v1.2',
        initial: 'on',
        states: {
          on: {
            id: 'the.state',
            initial: 'a.b',
            states: {
              'a.b': { initial: 'x', states: { x: { on: { N: 'y' } }, y: { id: 'y.y' } } },
              s: { type: 'history' },
              d: { type: 'history', history: 'deep' },
            },
            on: { OFF: 'off' },
          },
          off: { on: { S: 'on.s', D: 'on.d' } },
        },
      }),
    steps: ['N', 'OFF', 'D', 'OFF', 'S', 'OFF', 'D'],
  },
  {
    name: 'history of a child machine with dots in its ids',
    machine: () => {
      const child = createMachine({
        id: 'child.machine',
        initial: 'on',
        states: {
          on: {
            initial: '1.0',
            states: { '1.0': { on: { N: '2\\.0' } }, '2.0': {}, h: { type: 'history' } },
            on: { OFF: 'off' },
          },
          off: { on: { ON: 'on.h' } },
        },
      });
      return createMachine({
        invoke: { src: child, id: 'c' },
        on: { '*': { actions: ({ event, self }) => self.getSnapshot().children['c']?.send(event) } },
      });
    },
    steps: ['N', 'OFF', 'ON'],
  },
  {
    name: 'a transition to itself, to a sibling by key, by relative path and by id',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        id: 'm',
        initial: 'a',
        states: {
          a: { ...inAndOut('a'), on: { SELF: { target: 'a', reenter: true }, SIB: 'b', DEEP: 'b.y', ID: '#m.b.y' } },
          b: {
            ...inAndOut('b'),
            initial: 'x',
            states: { x: {}, y: {} },
            on: { BACK: 'a', INNER: '.x', DOWN: { target: '.y', reenter: true } },
          },
        },
      }),
    steps: ['SELF', 'SIB', 'DOWN', 'INNER', 'BACK', 'DEEP', 'BACK', 'ID'],
  },
  {
    name: 'reentering a parallel state starts its regions anew',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            ...inAndOut('p'),
            on: { AGAIN: { target: 'p', reenter: true }, SAME: { target: 'p' } },
            states: {
              a: { initial: 'x', states: { x: { on: { N: 'y' } }, y: {} } },
              b: { initial: 'x', states: { x: { on: { N: 'y' } }, y: {} } },
            },
          },
        },
      }),
    steps: ['N', 'SAME', 'N', 'AGAIN'],
  },
  {
    name: 'final of the machine from deep inside, with output from the event',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { initial: 'x', states: { x: { on: { END: { target: '#z', actions: 'add' } } } } },
          z: { id: 'z', type: 'final', output: ({ event }) => event['why'] as unknown },
        },
        output: ({ context, event }) => ({ n: context.n, why: (event as { readonly output?: unknown }).output }),
      }),
    steps: [{ type: 'END', why: new Map([[1, new Date(2)]]) }, 'LATE'],
  },
  {
    name: 'tags of all active states, nested and parallel',
    machine: () =>
      createMachine({
        tags: 'root',
        type: 'parallel',
        states: {
          l: { tags: 'left', initial: 'a', states: { a: { tags: ['a', 'both'], on: { N: 'b' } }, b: { tags: 'b' } } },
          r: { tags: ['right', 'both'] },
        },
      }),
    steps: ['N'],
  },
  {
    name: 'wildcards in an inner state stand before exact events of an outer one',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        on: { 'a.b.c': { actions: said('outer exact') }, '*': { actions: said('outer any') } },
        states: {
          a: { on: { 'a.*': { actions: said('inner part') }, 'a.b.*': { actions: said('inner longer') }, OUT: 'b' } },
          b: {},
        },
      }),
    steps: ['a.b.c', 'a.x', 'z', 'OUT', 'a.b.c', 'a.x'],
  },
  {
    name: 'a wildcard with a guard and one that goes on',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { on: { '*': [{ guard: 'many', target: 'b' }, { actions: ['add', 'note'] }] } },
          b: { on: { '*': { actions: said('b') } } },
        },
      }),
    steps: ['x', 'y', 'z', 'x'],
  },
  {
    name: 'routes with guards',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        on: { ADD: { actions: 'add' } },
        states: { a: {}, b: { id: 'b', route: { guard: 'many' } }, c: { id: 'c', route: {} } },
      } as never) as unknown as AnyStateMachine,
    steps: [
      { type: 'xstate.route', to: '#b' },
      'ADD',
      'ADD',
      { type: 'xstate.route', to: '#b' },
      { type: 'xstate.route', to: '#c' },
    ],
  },
];
