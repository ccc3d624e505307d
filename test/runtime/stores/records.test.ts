import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodePlain, RECORD_BYTES_MAX } from '../../../runtime/stores/plain-encoder.ts';
import {
  assertKeepable,
  frameBytes,
  frameValue,
  packValue,
  readBytes,
  readValue,
  RECORD_FORMAT,
  unpackValue,
} from '../../../runtime/stores/records.ts';
import { failureOf } from '../../contract/store-answers.ts';

const VALUE = { text: 'hello', list: [1, 2.5, null], big: 'x'.repeat(300) };
const copyOf = (frame: Uint8Array): Uint8Array => Uint8Array.from(frame);
const failure = (run: () => unknown) => failureOf((async () => run())());

describe('a record', () => {
  it('gives its value back under its own key', () => {
    expect(readValue('t/a', copyOf(frameValue('t/a', VALUE)))).toEqual(VALUE);
    expect(readBytes('c/a', copyOf(frameBytes('c/a', new Uint8Array([1, 2, 3]))))).toEqual(new Uint8Array([1, 2, 3]));
  });

  it.each([
    { what: 'a value', record: copyOf(frameValue('t/a', { n: 1, s: 'text' })), read: readValue },
    {
      what: 'a value that is not plain',
      record: copyOf(frameValue('t/a', new Map([[1, new Date(0)]]))),
      read: readValue,
    },
    { what: 'bytes', record: copyOf(frameBytes('t/a', new Uint8Array(20))), read: readBytes },
  ])('of $what is refused when any one of its bits is flipped', async ({ record, read }) => {
    for (let bit = 0; bit < record.length * 8; bit++) {
      const damaged = copyOf(record);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await failure(() => read('t/a', damaged)), `bit ${bit}`).toEqual({ code: 'STORE_CORRUPT', key: 't/a' });
    }
  });

  it('is refused when it is cut short or has something behind it, anywhere', async () => {
    const record = copyOf(frameValue('t/a', VALUE));
    for (let length = 0; length < record.length; length++) {
      expect(await failure(() => readValue('t/a', record.subarray(0, length)))).toEqual({
        code: 'STORE_CORRUPT',
        key: 't/a',
      });
    }
    expect(await failure(() => readValue('t/a', Buffer.concat([record, new Uint8Array(1)])))).toEqual({
      code: 'STORE_CORRUPT',
      key: 't/a',
    });
  });

  it('is refused under another key', async () => {
    const record = copyOf(frameValue('t/a', VALUE));
    expect(await failure(() => readValue('t/b', record))).toEqual({ code: 'STORE_CORRUPT', key: 't/b' });
  });

  it('is refused as what it is not', async () => {
    expect(await failure(() => readBytes('t/a', copyOf(frameValue('t/a', VALUE))))).toEqual({
      code: 'STORE_CORRUPT',
      key: 't/a',
    });
    expect(await failure(() => readValue('t/a', copyOf(frameBytes('t/a', new Uint8Array([0xc1])))))).toEqual({
      code: 'STORE_CORRUPT',
      key: 't/a',
    });
  });

  it('of a newer format is told from a damaged one', async () => {
    const record = Buffer.from(frameValue('t/a', VALUE));
    record[2] = RECORD_FORMAT + 1;
    record.writeUInt32BE(crc32(record.subarray(0, -4), crc32('t/a')), record.length - 4);
    expect(await failure(() => readValue('t/a', record))).toEqual({ code: 'VERSION_MISMATCH', key: 't/a' });
  });

  it('has a bound, and the next one is written all the same', async () => {
    const big = 'x'.repeat(RECORD_BYTES_MAX);
    expect(await failure(() => frameValue('t/a', [big]))).toEqual({ code: 'PROTOCOL_TOO_BIG', key: 't/a' });
    expect(await failure(() => frameBytes('t/a', new Uint8Array(RECORD_BYTES_MAX + 1)))).toEqual({
      code: 'PROTOCOL_TOO_BIG',
      key: 't/a',
    });
    expect(readValue('t/a', copyOf(frameValue('t/a', VALUE)))).toEqual(VALUE);
  });

  it('does not grow without end on parts that are shared again and again', async () => {
    let tree: unknown = ['leaf'];
    for (let i = 0; i < 60; i++) tree = [tree, tree];
    expect(await failure(() => frameValue('t/a', tree))).toEqual({ code: 'PROTOCOL_TOO_BIG', key: 't/a' });
  }, 120_000); // It writes up to the bound, which takes its time under coverage.
});

describe('packed values', () => {
  it('are the own bytes of whoever asked', () => {
    const first = packValue({ a: 1 });
    const second = packValue({ a: new Date(2) });
    packValue({ b: 'something else' });
    frameValue('t/a', { c: 'more' });
    expect(unpackValue(first)).toEqual({ a: 1 });
    expect(unpackValue(second)).toEqual({ a: new Date(2) });
  });

  it('can be tried without being written', async () => {
    expect(() => assertKeepable({ fine: new Set([1]) })).not.toThrow();
    const own: unknown[] = [];
    own.push(own);
    expect(await failure(() => assertKeepable(own))).toEqual({ code: 'PROTOCOL_TOO_BIG' });
  });
});

describe('the encoder of plain values', () => {
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(null, undefined, true, false),
      fc.double(),
      fc.integer(),
      fc.nat(),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(
        fc.string({ maxLength: 40 }).filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  })).value;

  it('writes MessagePack that msgpackr reads as the same value', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = encodePlain(value, 0, 0);
        expect(unpackr.unpack(Buffer.from(bytes ?? []))).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it.each<{ what: string; value: unknown }>([
    { what: 'a Date', value: new Date() },
    { what: 'a Map', value: new Map() },
    { what: 'a class instance', value: new (class Thing {})() },
    { what: 'a function', value: () => 1 },
    { what: 'a symbol', value: Symbol('x') },
    { what: 'a BigInt', value: 1n },
    { what: 'a Buffer', value: Buffer.from('x') },
  ])('leaves $what to others, wherever it is', ({ value }) => {
    expect(encodePlain(value, 0, 0)).toBeUndefined();
    expect(encodePlain([1, { deep: [value] }], 0, 0)).toBeUndefined();
  });

  it.each([0, 255, 256, 65_535, 65_536, 3_000_000])(
    'writes %i bytes that stand in the outermost array as msgpackr does',
    (length) => {
      const packr = new Packr({ useRecords: false, structuredClone: true, moreTypes: true, variableMapSize: true });
      const value = ['before', Buffer.alloc(length, 7), { after: 'it' }];
      const bytes = Buffer.from(encodePlain(value, 0, 0) ?? []);
      expect(bytes.equals(packr.pack(value))).toBe(true);
      expect(
        Buffer.from(encodePlain(value, 9, 4) ?? [])
          .subarray(9, -4)
          .equals(bytes),
      ).toBe(true);
    },
  );

  it('leaves other bytes in the outermost array to msgpackr, which tells their kinds apart', () => {
    expect(encodePlain([new Uint8Array(2)], 0, 0)).toBeUndefined();
    expect(unpackValue(packValue([new Uint8Array(2), Buffer.alloc(2)]))).toStrictEqual([
      new Uint8Array(2),
      Buffer.alloc(2),
    ]);
  });

  it.each([0, 1, 15, 16, 17, 300])('writes objects and arrays of %i parts', (count) => {
    const object = Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, [i]]));
    const value = { object, list: Object.values(object), after: 'it' };
    expect(unpackr.unpack(Buffer.from(encodePlain(value, 0, 0) ?? []))).toStrictEqual(value);
  });

  it('leaves room in front and behind, however long the value is', () => {
    for (const length of [0, 1, 31, 32, 85, 86, 1_000, 65_500, 65_520, 65_535, 65_536, 200_000, 3_000_000]) {
      const text = 'y'.repeat(length);
      const bytes = encodePlain(text, 40, 4);
      expect(unpackr.unpack(Buffer.from(bytes?.subarray(40, -4) ?? []))).toBe(text);
    }
  });
});
