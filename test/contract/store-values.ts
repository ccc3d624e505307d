/** Users' values on their way through the store. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../runtime/stores/store.ts';
import { bytes } from './epochs.ts';
import { failureOf } from './store-answers.ts';
import { type Bench, type MakeMedium, openBench } from './store-medium.ts';
import { createdOf, eventsOf, finished, recordOf, resultOf } from './task-writes.ts';

const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  'a Date': new Date('2026-11-22T10:00:00.123Z'),
  'a Date before 1970': new Date(-1),
  'an invalid Date': new Date(Number.NaN),
  'a Map': new Map<unknown, unknown>([
    ['a', 1],
    [{ key: 'object' }, new Map([[1, 2]])],
  ]),
  'a Set': new Set<unknown>([1, 'two', { three: 3 }]),
  BigInts: [1n, -1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(2n ** 100n)],
  'typed arrays': [
    new Uint8Array([1, 2]),
    new Float64Array([1.5, -0]),
    new Int16Array([-1]),
    new BigUint64Array([5n]),
    Float32Array.of(1, 2, 3).subarray(1),
  ],
  'an ArrayBuffer': new Uint8Array([7, 8]).buffer,
  'a Buffer': Buffer.from('bytes'),
  'an Error with a cause': new RangeError('too far', { cause: new Error('because') }),
  'a RegExp': /a+/gi,
  'odd numbers': [
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.MAX_SAFE_INTEGER,
    -(2 ** 31),
    2 ** 31,
    2 ** 32,
    0.1,
    5e-324,
  ],
  'edges of integers': [127, 128, 255, 256, 65_535, 65_536, -32, -33, -128, -129, -32_768, -32_769],
  'long and odd text': [
    '',
    'ä'.repeat(31),
    'x'.repeat(31),
    'x'.repeat(32),
    'ß'.repeat(85),
    '€'.repeat(86),
    'y'.repeat(70_000),
    '\u{1f600}',
    '\0',
  ],
  'undefined in an array': [undefined, 1],
  'many keys': Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key ${i}`, i])),
  'sixteen keys': Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, { i }])),
  'a long array': Array.from({ length: 70_000 }, (_, i) => i),
  'keys that packers trip over': {
    __keys__: 1,
    constructor: 'x',
    toJSON: 2,
    hasOwnProperty: 3,
    length: 4,
    '': 6,
  },
  'those keys beside a Date': [{ __keys__: { a: 1 } }, {}, { toJSON: 1, constructor: 2 }, new Date(0)],
  'everything nested': {
    list: [{ map: new Map([['set', new Set([new Date(5), 3n])]]) }, [[[{ deep: new Uint8Array(3) }]]]],
  },
};

async function roundTrip({ commit, store }: Bench, value: unknown): Promise<unknown> {
  await commit({
    tasks: [
      {
        id: 'v',
        created: createdOf({ input: value }),
        progress: {
          status: 'completed',
          seq: 1,
          updatedAtMs: 1,
          result: resultOf('completed', { output: { is: value } }),
        },
        events: [{ ...eventsOf(1, 1)[0], data: { is: value } } as never],
      },
    ],
  });
  const task = await store.readTask('v');
  const [event] = await store.readEvents('v', 0, 1);
  expect(task?.result?.output).toEqual({ is: task?.input });
  expect(event?.data).toEqual({ is: task?.input });
  return task?.input;
}

/** See the file's first line. */
export function valueCases(makeMedium: MakeMedium): void {
  describe('a value', () => {
    it.each(Object.keys(VALUES))('that is or has %s comes back the same', async (name) => {
      const bench = await openBench(makeMedium);
      const back = await roundTrip(bench, VALUES[name]);
      expect(back).toStrictEqual(VALUES[name]);
    });

    it('of any shape comes back as structuredClone would give it', async () => {
      const bench = await openBench(makeMedium);
      const values = fc.anything({
        withDate: true,
        withMap: true,
        withSet: true,
        withBigInt: true,
        withTypedArray: true,
        withSparseArray: false,
        stringUnit: 'grapheme',
        // msgpackr writes -0 as 0; it comes through only in values that are plain.
        values: [
          fc.boolean(),
          fc.integer(),
          fc.double().map((n) => n + 0),
          fc.string({ unit: 'grapheme' }),
          fc.constantFrom(null, undefined),
        ],
      });
      await fc.assert(
        fc.asyncProperty(
          values.filter((value) => !JSON.stringify(keysIn(value)).includes('__proto__')),
          async (value) => {
            expect(await roundTrip(bench, value)).toEqual(structuredClone(value));
          },
        ),
        { numRuns: 150 },
      );
    });

    it('keeps an Error as an Error of its name, message and cause', async () => {
      const bench = await openBench(makeMedium);
      const error = Object.assign(new TypeError('no', { cause: { code: 7 } }), { name: 'MyError', extra: 1 });
      const back = (await roundTrip(bench, [error])) as [Error];
      expect(back[0]).toBeInstanceOf(Error);
      expect({ name: back[0].name, message: back[0].message, cause: back[0].cause }).toEqual({
        name: 'MyError',
        message: 'no',
        cause: { code: 7 },
      });
    });

    it('keeps instances of other classes as JSON does, and drops functions and symbols', async () => {
      const bench = await openBench(makeMedium);
      class Point {
        x = 1;
        y = [2n];
        move(): void {}
      }
      const back = await roundTrip(bench, {
        point: new Point(),
        url: new URL('http://a.b/'),
        fn: () => 1,
        symbol: Symbol('s'),
      });
      expect(back).toEqual({ point: { x: 1, y: [2n] }, url: 'http://a.b/', fn: undefined, symbol: undefined });
    });

    it('keeps what is used twice within it as one', async () => {
      const bench = await openBench(makeMedium);
      const part = { when: new Date(0) };
      const back = (await roundTrip(bench, [part, part])) as unknown[];
      expect(back).toEqual([part, part]);
      expect(back[0]).toBe(back[1]);
    });

    it('is refused when it is too deep or contains itself, and the store goes on', async () => {
      const bench = await openBench(makeMedium);
      const own: { self?: unknown; other?: unknown } = {};
      own.self = own;
      own.other = own;
      const map = new Map<string, unknown>();
      map.set('me', [map]);
      let deep: unknown = 1;
      for (let i = 0; i < 100_000; i++) deep = { deep };
      for (const value of [own, map, deep]) {
        const refused = bench.commit({ tasks: [finished('bad', 'completed', createdOf({ input: value }))] });
        expect(await failureOf(refused)).toEqual({ code: 'PROTOCOL_TOO_BIG', key: 't/bad' });
      }
      expect(await roundTrip(bench, { fine: true })).toEqual({ fine: true });
    });
  });

  describe('what is handed over and what is read', () => {
    const mutations: Readonly<Record<string, (store: Store) => Promise<unknown[]>>> = {
      'a task': async (store) => {
        const task = (await store.readTask('a')) as unknown as {
          input: { text: string; bytes: Uint8Array };
          options: { labels?: object };
        };
        task.input.text = 'changed';
        task.input.bytes[0] = 99;
        task.options.labels = {};
        return [await store.readTask('a')];
      },
      'an event': async (store) => {
        const [event] = await store.readEvents('a', 0, 1);
        Object.assign(event?.data ?? {}, { step: 'changed' });
        return [...(await store.readEvents('a', 0, 1))];
      },
      'a cell': async (store) => {
        const cell = await store.readCell('task/a');
        cell?.head.fill(0);
        cell?.attachments.get('k')?.fill(0);
        const again = await store.readCell('task/a');
        return [again?.head, again?.attachments.get('k')];
      },
    };

    it.each(Object.keys(mutations))('is not shared: changing %s that was read changes nothing', async (name) => {
      const bench = await openBench(makeMedium);
      const created = () => createdOf({ input: { text: 'hello', bytes: Buffer.from([1]) } });
      await bench.commit({
        tasks: [finished('a', 'completed', created())],
        cells: [{ address: 'task/a', head: bytes('head'), awake: true }],
        attachments: [{ address: 'task/a', key: 'k', value: bytes('value') }],
      });
      const expected: Record<string, unknown[]> = {
        'a task': [recordOf(finished('a', 'completed', created()))],
        'an event': [eventsOf(1, 1)[0]],
        'a cell': [bytes('head'), bytes('value')],
      };
      expect(await mutations[name]?.(bench.store)).toEqual(expected[name]);
    });

    it('is not shared: what changes after commit was called is not written', async () => {
      const bench = await openBench(makeMedium);
      const input = { text: 'before', bytes: new Uint8Array([1]) };
      const head = bytes('before');
      const busy = bench.commit({ cells: [{ address: 'agent/other', head: bytes('x'), awake: true }] });
      const committing = bench.commit({
        tasks: [finished('a', 'completed', createdOf({ input }))],
        cells: [{ address: 'task/a', head, awake: true }],
      });
      input.text = 'after';
      input.bytes[0] = 2;
      head.fill(0);
      await Promise.all([busy, committing]);
      expect((await bench.store.readTask('a'))?.input).toEqual({ text: 'before', bytes: new Uint8Array([1]) });
      expect((await bench.store.readCell('task/a'))?.head).toEqual(bytes('before'));
    });
  });
}

/** All keys of objects in a value: msgpackr renames one of them. */
function keysIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const parts =
    value instanceof Map
      ? [...value.keys(), ...value.values()]
      : value instanceof Set
        ? [...value]
        : Object.values(value);
  return [...Object.keys(value), ...parts.flatMap(keysIn)];
}
