/** References to actors, wherever they may be kept. */
import { type AnyActorRef, assign, createMachine, raise, sendParent, sendTo, setup, stopChild } from 'xstate';
import { addressOf } from '../../../runtime/machine-references.ts';
import type { Case } from './case.ts';

type KidInput = { friend: AnyActorRef } | undefined;
const kid = setup({
  types: {
    context: {} as { log: string[]; friend: AnyActorRef | null },
    input: {} as KidInput,
  },
}).createMachine({
  context: ({ input }) => ({ log: [], friend: input?.friend ?? null }),
  on: {
    MEET: { actions: assign({ friend: ({ event }) => event['who'] as AnyActorRef }) },
    GREET: {
      actions: sendTo(
        ({ context }) => context.friend as AnyActorRef,
        ({ self }) => ({ type: 'HELLO', from: self }),
      ),
    },
    '*': { actions: assign({ log: ({ context, event }) => [...context.log, event.type] }) },
  },
});
interface Held {
  held: unknown;
}
const holding = setup({ types: { context: {} as Held }, actors: { kid } });
const heldRef = ({ context }: { context: Held }): AnyActorRef => context.held as AnyActorRef;

export const referenceCases: readonly Case[] = [
  {
    name: 'a reference to itself in context',
    machine: () =>
      holding.createMachine({
        context: ({ self }) => ({ held: self }),
        on: { GO: { actions: sendTo(heldRef, { type: 'BACK' }) }, BACK: '.b' },
        initial: 'a',
        states: { a: {}, b: {} },
      }),
    steps: ['GO'],
  },
  {
    name: 'references in arrays, Maps, Sets and as Map keys',
    machine: () =>
      holding.createMachine({
        context: ({ spawn, self }) => {
          const [a, b] = [spawn('kid', { id: 'a' }), spawn('kid', { id: 'b' })];
          return {
            held: {
              list: [a, { b }],
              map: new Map<unknown, unknown>([
                ['a', a],
                [b, 'b'],
              ]),
              set: new Set([a, b, self]),
            },
          };
        },
        on: {
          GO: {
            actions: sendTo(
              ({ context }) => (context.held as { map: Map<string, AnyActorRef> }).map.get('a') as AnyActorRef,
              { type: 'HI' },
            ),
          },
        },
      }),
    steps: ['GO', 'GO'],
  },
  {
    name: 'siblings that know each other',
    machine: () =>
      holding.createMachine({
        context: { held: null },
        invoke: [
          { src: 'kid', id: 'one' },
          { src: 'kid', id: 'two' },
        ],
        on: {
          MEET: {
            actions: sendTo('one', ({ self }) => ({
              type: 'MEET',
              who: (self.getSnapshot().children as Record<string, AnyActorRef>)['two'],
            })),
          },
          GREET: { actions: sendTo('one', { type: 'GREET' }) },
        },
      }),
    steps: ['MEET', 'GREET', 'GREET'],
  },
  {
    name: 'a child that knows its parent from its input',
    machine: () =>
      holding.createMachine({
        context: { held: 0 },
        invoke: { src: 'kid', id: 'k', input: ({ self }) => ({ friend: self }) },
        on: {
          GREET: { actions: sendTo('k', { type: 'GREET' }) },
          HELLO: { actions: assign({ held: ({ event }) => event['from'] }) },
          CALL: { actions: sendTo(heldRef, { type: 'CALLED' }) },
        },
      }),
    steps: ['GREET', 'CALL'],
  },
  {
    name: 'a reference to a child that was stopped',
    machine: () =>
      holding.createMachine({
        context: ({ spawn }) => ({ held: spawn('kid', { id: 'k' }) }),
        on: {
          STOP: { actions: stopChild('k') },
          SEND: { actions: sendTo(heldRef, { type: 'NOBODY' }) },
          STOPREF: { actions: stopChild(heldRef) },
          NOBODY: '.wrong',
        },
        initial: 'right',
        states: { right: {}, wrong: {} },
      }),
    steps: ['SEND', 'STOP', 'SEND', 'STOPREF', 'SEND'],
  },
  {
    name: 'a reference to a child that ended by itself and is not there any more',
    machine: () => {
      const ending = createMachine({ initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } } });
      return setup({ types: { context: {} as Held }, actors: { ending } }).createMachine({
        context: ({ spawn }) => ({ held: spawn('ending', { id: 'e' }) }),
        on: {
          GO: { actions: sendTo(heldRef, { type: 'END' }) },
          'xstate.done.actor.e': { actions: stopChild('e') },
        },
      });
    },
    steps: ['GO', 'X'],
  },
  {
    name: 'a promise whose input holds references and an error',
    machine: (lab) =>
      setup({ types: { context: {} as Held }, actors: { wait: lab.promise('p'), kid } }).createMachine({
        context: { held: 0 },
        invoke: [
          { src: 'kid', id: 'k' },
          {
            src: 'wait',
            id: 'w',
            input: ({ self }: { self: AnyActorRef }) => ({
              toJSON: 0,
              self,
              error: Object.assign(new Error('e'), { code: 'E' }),
            }),
            onDone: { actions: assign({ held: 1 }) },
          },
        ],
      }),
    steps: ['X', { resolve: 'p' }],
  },
  {
    name: 'a reference in a delayed event',
    machine: () =>
      holding.createMachine({
        context: ({ spawn }) => ({ held: spawn('kid', { id: 'k' }) }),
        on: {
          ARM: { actions: raise(({ context }) => ({ type: 'LATER', who: context.held }), { delay: 100 }) },
          LATER: { actions: sendTo(({ event }) => event['who'] as AnyActorRef, { type: 'ARRIVED' }) },
        },
      }),
    steps: ['ARM', 100],
  },
  {
    name: 'messages to an address, at once and delayed, from a child too',
    machine: () => {
      const caller = createMachine({
        on: { CALL: { actions: sendTo(() => addressOf('agent/b'), { type: 'FROM_CHILD' }) } },
      });
      return setup({ types: { context: {} as Held }, actors: { caller } }).createMachine({
        context: { held: addressOf('agent/a') },
        invoke: { src: 'caller', id: 'c' },
        on: {
          NOW: { actions: sendTo(heldRef, ({ self }) => ({ type: 'NOW', from: self, list: [1] })) },
          SOON: { actions: sendTo(heldRef, { type: 'SOON' }, { delay: 10, id: 'soon' }) },
          KID: { actions: sendTo('c', { type: 'CALL' }) },
          LET: { actions: ({ context }) => (context.held as AnyActorRef).send({ type: 'DIRECT' }) },
        },
      });
    },
    steps: ['NOW', 'SOON', 'KID', 10, 'LET'],
    // Addresses mean nothing to plain XState.
    plain: false,
  },
  {
    name: 'addresses from input and events, kept and answered',
    machine: () =>
      setup({
        types: { context: {} as { asker: AnyActorRef | null; boss: AnyActorRef }, input: {} as { boss: AnyActorRef } },
      }).createMachine({
        context: ({ input }) => ({ asker: null, boss: input.boss }),
        on: {
          ASK: { actions: assign({ asker: ({ event }) => event['who'] as AnyActorRef }) },
          ANSWER: {
            actions: [
              sendTo(({ context }) => context.asker as AnyActorRef, { type: 'ANSWER' }),
              sendTo(({ context }) => context.boss, { type: 'ANSWERED' }),
            ],
          },
        },
      }),
    input: { boss: { $troupe: 'address', address: 'agent/boss' } },
    steps: [{ type: 'ASK', who: { $troupe: 'address', address: 'session/1' } }, 'ANSWER'],
    plain: false,
  },
  {
    name: 'its own address comes back as itself',
    machine: () =>
      setup({ types: { context: {} as Held } }).createMachine({
        context: { held: null },
        on: { WHO: { actions: assign({ held: ({ event, self }) => event['who'] === self }) } },
      }),
    steps: [{ type: 'WHO', who: { $troupe: 'address', address: 'task/self' } }],
    plain: false,
  },
  {
    name: 'sendParent to the parent that the input names, at once and delayed',
    machine: () =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            on: {
              GO: { actions: [sendParent({ type: 'PROGRESS' }), sendParent({ type: 'LATE' }, { delay: 5 })] },
              END: 'z',
            },
          },
          z: { type: 'final' },
        },
      }),
    parent: 'task/parent',
    steps: ['GO', 5, 'END'],
    plain: false,
  },
];
