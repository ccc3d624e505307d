/** What may be in context. */
import { assign, createMachine, setup } from 'xstate';
import { OperatingError } from '../../../protocol/errors.ts';
import type { Case } from './case.ts';

interface Held {
  held: unknown;
}

/** A machine that holds what `make` gives, touches it in place and goes on. */
function holder(make: () => unknown): () => ReturnType<typeof createMachine> {
  return () =>
    setup({ types: { context: {} as Held } }).createMachine({
      context: () => ({ held: make() }),
      on: {
        SET: { actions: assign({ held: ({ event }) => event['value'] }) },
        WRAP: { actions: assign({ held: ({ context }) => ({ was: context.held }) }) },
      },
    }) as unknown as ReturnType<typeof createMachine>;
}

const steps = ['NOTHING', 'WRAP', 'NOTHING'];

class OwnError extends RangeError {
  override readonly name = 'OwnError';
  readonly status = 418;
}

export const dataCases: readonly Case[] = [
  {
    name: 'numbers of all kinds',
    machine: holder(() => [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 10n ** 30n, -7n]),
    steps,
  },
  { name: 'strings of all kinds', machine: holder(() => ['', 'ü€😀', 'a\ud800b', 'x'.repeat(5000)]), steps },
  {
    name: 'undefined, null and missing',
    machine: holder(() => ({ a: undefined, b: null, c: [undefined, null] })),
    steps,
  },
  {
    name: 'dates, expressions, addresses of pages',
    machine: holder(() => [new Date(1e12 + 7), new Date(Number.NaN), /a+/giu, new URL('https://example.org/a?b#c')]),
    steps,
  },
  {
    name: 'Map and Set with keys that are objects',
    machine: holder(() => ({ m: new Map<unknown, unknown>([[{ k: 1 }, new Set([1, 'a'])]]), s: new Set([new Map()]) })),
    steps,
  },
  {
    name: 'bytes and typed arrays',
    machine: holder(() => [
      new Uint8Array([1, 2]),
      Buffer.from('abc'),
      new Float64Array([1.5, -0]),
      new BigInt64Array([5n]),
    ]),
    steps,
  },
  {
    name: 'cycles and shared objects',
    machine: holder(() => {
      const shared = { n: 1 };
      const cycle: { self?: unknown; list: unknown[]; map: Map<string, unknown> } = {
        list: [shared, shared],
        map: new Map(),
      };
      cycle.self = cycle;
      cycle.map.set('again', cycle.list);
      return cycle;
    }),
    steps,
  },
  {
    name: 'keys that mean something to JavaScript',
    machine: holder(
      () => JSON.parse('{"__proto__":1,"constructor":2,"toJSON":3,"$troupe":"x","hasOwnProperty":{"a":1}}') as unknown,
    ),
    steps,
  },
  {
    name: 'objects without a prototype, sparse arrays, matches',
    machine: holder(() => [
      Object.assign(Object.create(null), { a: 1 }),
      Object.assign(new Array(3), { 0: 1, 2: 3 }),
      'abc'.match(/b(?<c>x)?/),
    ]),
    steps,
  },
  {
    name: 'errors with codes, causes and classes of their own',
    machine: holder(() => [
      new OperatingError('BUSY', 'wait', { retryAfterMs: 5, details: { a: [1] }, cause: new TypeError('inner') }),
      Object.assign(new Error('plain', { cause: { why: 1 } }), { code: 'E_X', socket: () => 1 }).message,
      new AggregateError([new Error('one'), 'two'], 'both'),
      Object.assign(new SyntaxError('s'), { code: 'E_S' }),
    ]),
    steps,
  },
  {
    name: 'objects that actions change in place',
    machine: () =>
      setup({ types: { context: {} as { list: number[]; map: Map<string, number> } } }).createMachine({
        context: () => ({ list: [], map: new Map() }),
        on: {
          ADD: {
            actions: ({ context }) => {
              context.list.push(context.list.length);
              context.map.set('n', context.list.length);
            },
          },
        },
      }),
    steps: ['ADD', 'ADD', 'OTHER', 'ADD'],
  },
  {
    name: 'values that come with events',
    machine: holder(() => 0),
    steps: [
      { type: 'SET', value: new Map([['d', new Date(3)]]) },
      'WRAP',
      { type: 'SET', value: [new Set([1n])] },
      'WRAP',
    ],
  },
  {
    name: 'an error of a class of its own in the state of a child',
    machine: (lab) => createMachine({ invoke: { src: lab.promise('p'), id: 'p', onError: { actions: () => {} } } }),
    steps: [{ reject: 'p', error: new RangeError('out') }, 'X'],
  },
];

/** Its class is not known after a restart, so that only its name and fields come back. */
export const ownError = (): Error => new OwnError('teapot');
