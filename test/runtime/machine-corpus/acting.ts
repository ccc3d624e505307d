/** Actions, their params, what they emit and log, delays by all their names. */
import { assign, cancel, createMachine, emit, enqueueActions, forwardTo, log, raise, sendTo, setup } from 'xstate';
import type { Case } from './case.ts';
import { EMPTY, notebook } from './notebook.ts';

const said = (word: string) => ({ type: 'say', params: word }) as const;

export const actingCases: readonly Case[] = [
  {
    name: 'params from context and event',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: {
            actions: ['add', { type: 'say', params: ({ context, event }) => `${context.n} ${String(event['word'])}` }],
          },
        },
      }),
    steps: [
      { type: 'GO', word: 'one' },
      { type: 'GO', word: 'two' },
    ],
  },
  {
    name: 'assign of the whole context, by field and by function, one after the other',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: {
            actions: [
              assign(({ context }) => ({ n: context.n + 10 })),
              assign({ n: ({ context }) => context.n * 2, held: 'x' }),
              assign({ held: ({ context }) => ({ seen: context.n, was: context.held }) }),
            ],
          },
        },
      }),
    steps: ['GO', 'GO'],
  },
  {
    name: 'enqueueActions: raise, sendTo, cancel, assign and a check',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: {
            actions: enqueueActions(({ enqueue, check, context }) => {
              enqueue.assign({ n: context.n + 1 });
              if (check('few')) enqueue.raise({ type: 'FEW' });
              else enqueue.raise({ type: 'MANY' }, { delay: 10, id: 'many' });
              if (check({ type: 'over', params: 2 })) enqueue.cancel('many');
              enqueue.sendTo(({ self }) => self, { type: 'SELF' });
            }),
          },
          '*': { actions: 'note' },
        },
      }),
    steps: ['GO', 'GO', 10, 'GO', 'GO', 50],
  },
  {
    name: 'enqueueActions inside of one that enqueues',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: {
            actions: enqueueActions(({ enqueue }) => {
              enqueue(said('before'));
              enqueue(enqueueActions(({ enqueue: inner }) => inner(said('inside'))));
              enqueue(said('after'));
            }),
          },
        },
      }),
    steps: ['GO'],
  },
  {
    name: 'emitted events in order, from entry, exit, transitions and always',
    machine: () =>
      setup({ types: { emitted: {} as { type: string; n?: number } } }).createMachine({
        initial: 'a',
        states: {
          a: {
            entry: emit({ type: 'in.a' }),
            exit: emit({ type: 'out.a' }),
            on: { GO: { target: 'b', actions: emit(({ event }) => ({ type: 'go', n: Number(event['n']) })) } },
          },
          b: { always: { target: 'c', actions: emit({ type: 'through.b' }) } },
          c: { on: { BACK: 'a' } },
        },
      }),
    steps: [{ type: 'GO', n: 3 }, 'BACK', { type: 'GO', n: 4 }],
  },
  {
    name: 'log with labels and values',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: { GO: { actions: ['add', log('word'), log(({ context }) => ({ n: context.n }), 'label')] } },
      }),
    steps: ['GO', 'GO'],
  },
  {
    name: 'an event sent to itself comes after those that were raised',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: { actions: [sendTo(({ self }) => self, { type: 'SENT' }), raise({ type: 'RAISED' })] },
          '*': { actions: 'note' },
        },
      }),
    steps: ['GO'],
  },
  {
    name: 'provided guards, delays and actors',
    machine: () => {
      const child = createMachine({ initial: 'z', states: { z: { type: 'final' } }, output: 'provided' });
      return setup({
        actors: { child: createMachine({}) },
        guards: { may: () => false },
        delays: { pause: 1_000 },
        types: { context: {} as { got: unknown } },
      })
        .createMachine({
          context: { got: null },
          initial: 'a',
          states: {
            a: { on: { GO: { guard: 'may', target: 'b' } } },
            b: { after: { pause: 'c' } },
            c: {
              invoke: { src: 'child', onDone: { actions: assign({ got: ({ event }) => event.output }) } },
            },
          },
        })
        .provide({ actors: { child: child as never }, guards: { may: () => true }, delays: { pause: 5 } });
    },
    steps: ['GO', 5],
  },
  {
    name: 'after: many of one state, the earliest with a guard that is false',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: {
            on: { ADD: { actions: 'add' } },
            after: {
              10: { guard: 'many', target: 'early' },
              20: [{ guard: 'many', target: 'middle' }, { actions: said('not yet') }],
              soon: { actions: said('soon') },
              30: 'last',
            },
          },
          early: {},
          middle: {},
          last: {},
        },
      }),
    steps: [10, 'ADD', 'ADD', 10, 'X'],
  },
  {
    name: 'after of a delay that the context gives when the state is entered',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { on: { ADD: { actions: 'add' }, GO: 'b' } },
          b: { on: { ADD: { actions: 'add' } }, after: { counted: 'c' } },
          c: { on: { GO: 'b' } },
        },
      }),
    steps: ['ADD', 'GO', 'ADD', 99, 1, 'GO', 199, 1],
  },
  {
    name: 'after of a state that is entered again before it is due',
    machine: () =>
      createMachine({
        initial: 'a',
        states: {
          a: { after: { 100: 'b' }, on: { AGAIN: { target: 'a', reenter: true }, SAME: { target: 'a' } } },
          b: {},
        },
      }),
    steps: [60, 'AGAIN', 60, 'SAME', 39, 1],
  },
  {
    name: 'after in nested and parallel states at one moment',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        type: 'parallel',
        states: {
          l: {
            initial: 'x',
            after: { 50: { actions: said('l') } },
            states: { x: { after: { 50: 'y' } }, y: { entry: said('l.y') } },
          },
          r: {
            initial: 'x',
            after: { 50: { actions: said('r') } },
            states: { x: { after: { 50: 'y' } }, y: { entry: said('r.y') } },
          },
        },
      }),
    steps: [49, 1],
  },
  {
    name: 'after 0 is a turn of its own',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: { a: { entry: said('a'), after: { 0: 'b' } }, b: { entry: said('b'), after: { 0: 'c' } }, c: {} },
      }),
    steps: [0, 0, 1],
    // SimulatedClock takes what a timer schedules for later, whatever the time is.
    plain: false,
  },
  {
    name: 'a chain of delayed events that schedule each other',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          TICK: [
            { guard: { type: 'over', params: 3 }, actions: said('enough') },
            { actions: ['add', raise({ type: 'TICK' }, { delay: 100 })] },
          ],
        },
      }),
    steps: ['TICK', 100, 250, 50, 1_000],
    // SimulatedClock moves to the end of a step before it calls what is due within.
    plain: false,
  },
  {
    name: 'cancel by an id from the event, of what is not there, and twice',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          ARM: {
            actions: raise(({ event }) => ({ type: `RANG_${String(event['id'])}` }), {
              delay: 100,
              id: ({ event }: { event: { readonly [field: string]: unknown } }) => String(event['id']),
            } as never),
          },
          STOP: { actions: cancel(({ event }) => String(event['id'])) },
          '*': { actions: 'note' },
        },
      }),
    steps: [
      { type: 'STOP', id: 'x' },
      { type: 'ARM', id: 'x' },
      50,
      { type: 'STOP', id: 'x' },
      { type: 'STOP', id: 'x' },
      100,
    ],
    // XState does not take a function as an id here: what it makes of one differs with the process.
  },
  {
    name: 'a delayed event that is canceled in the turn that sent it',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          GO: { actions: [raise({ type: 'LATER' }, { delay: 10, id: 'l' }), cancel('l'), said('done')] },
          LATER: { actions: 'note' },
        },
      }),
    steps: ['GO', 20],
  },
  {
    name: 'a delayed event that outlives the state that sent it',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        initial: 'a',
        states: {
          a: { entry: raise({ type: 'LATE' }, { delay: 100 }), on: { N: 'b' } },
          b: { on: { LATE: { actions: 'note' } } },
        },
      }),
    steps: ['N', 100],
  },
  {
    name: 'delayed events of one moment from a parent and two children keep their order',
    machine: () => {
      const child = setup({ types: { input: {} as { name: string }, context: {} as { name: string } } }).createMachine({
        context: ({ input }) => ({ name: input.name }),
        entry: [raise({ type: 'RING' }, { delay: 100 })],
        on: { RING: { actions: ({ context, self }) => self._parent?.send({ type: `RANG_${context.name}` }) } },
      });
      return setup({ types: { context: {} as typeof EMPTY }, actors: { child } }).createMachine({
        context: EMPTY,
        entry: raise({ type: 'FIRST' }, { delay: 100 }),
        invoke: [
          { src: 'child', id: 'a', input: { name: 'a' } },
          { src: 'child', id: 'b', input: { name: 'b' } },
        ],
        on: { '*': { actions: assign({ log: ({ context, event }) => [...context.log, event.type] }) } },
      });
    },
    steps: [50, 50],
  },
  {
    name: 'a delayed event with data of all kinds',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          ARM: {
            actions: raise(
              {
                type: 'HOLD',
                value: { at: new Date(5), big: 2n ** 70n, set: new Set([-0, NaN]), bytes: new Uint8Array([1, 2]) },
              },
              { delay: 'soon' },
            ),
          },
          HOLD: { actions: 'hold' },
        },
      }),
    steps: ['ARM', 10],
  },
  {
    name: 'forwardTo with a delay, and to a child by a function',
    machine: () => {
      const child = notebook.createMachine({ context: EMPTY, on: { '*': { actions: 'note' } } });
      return setup({ actors: { child } }).createMachine({
        invoke: { src: 'child', id: 'c' },
        on: {
          LATER: { actions: forwardTo('c', { delay: 20 }) },
          NOW: { actions: forwardTo(({ self }) => self.getSnapshot().children['c'] as never) },
        },
      });
    },
    steps: ['LATER', 'NOW', 20],
  },
  {
    name: 'a throw in a guard, an assign, an entry and an output ends it as it was before',
    machine: () =>
      notebook.createMachine({
        context: EMPTY,
        on: {
          ADD: { actions: 'add' },
          GUARD: { guard: ({ context }) => fail(`guard ${context.n}`) },
        },
      }),
    steps: ['ADD', 'GUARD', 'ADD'],
  },
  {
    name: 'a throw in the context that the input makes',
    machine: () =>
      createMachine({
        context: ({ input }: { readonly input: unknown }) => fail(`no ${String(input)}`),
      } as never),
    input: 7,
    steps: ['X'],
  },
  {
    name: 'a throw in an output',
    machine: () =>
      createMachine({
        initial: 'a',
        states: { a: { on: { END: 'z' } }, z: { type: 'final' } },
        output: () => fail('no output'),
      }),
    steps: ['END'],
  },
];

function fail(why: string): never {
  throw new RangeError(why);
}
