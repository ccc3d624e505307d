import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { type FrameBounds, NODE_FRAME } from '../../protocol/limits.ts';
import { checkMsgpack } from '../../protocol/msgpack-guard.ts';
import { writeMsgpack } from '../../protocol/msgpack-writer.ts';
import { readReference } from './reference-msgpack.ts';
import { msgpackTree } from './values.ts';

const hex = (value: unknown, bounds: FrameBounds = NODE_FRAME): string =>
  Buffer.from(writeMsgpack(value, bounds)).toString('hex');

function refusalOf(value: unknown, bounds: FrameBounds = NODE_FRAME): OperatingError {
  try {
    writeMsgpack(value, bounds);
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the bytes of plain values', () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['nil', null, 'c0'],
    ['booleans', [true, false], '92c3c2'],
    ['zero, and zero with a sign', [0, -0], '920000'],
    [
      'unsigned integers',
      [127, 128, 255, 256, 65_535, 65_536, 4_294_967_295],
      '977fcc80ccffcd0100cdffffce00010000ceffffffff',
    ],
    ['negative integers', [-1, -32, -33, -128, -129], '95ffe0d0dfd080d1ff7f'],
    ['more negative integers', [-32_768, -32_769, -2_147_483_648], '93d18000d2ffff7fffd280000000'],
    ['integers beyond 32 bits', [4_294_967_296, -2_147_483_649], '92cb41f0000000000000cbc1e0000000200000'],
    ['fractions', [0.5, -1.25], '92cb3fe0000000000000cbbff4000000000000'],
    [
      'BigInts',
      [1n, -1n, 2n ** 63n, -(2n ** 63n)],
      '94d30000000000000001d3ffffffffffffffffcf8000000000000000d38000000000000000',
    ],
    ['the widest BigInt', 2n ** 64n - 1n, 'cfffffffffffffffff'],
    ['empty text', '', 'a0'],
    ['short text', 'abc', 'a3616263'],
    ['text of 31 and 32 bytes', ['a'.repeat(31), 'a'.repeat(32)], `92bf${'61'.repeat(31)}d920${'61'.repeat(32)}`],
    ['text that needs a longer head than its characters', 'é'.repeat(16), `d920${'c3a9'.repeat(16)}`],
    [
      'text of 255 and 256 bytes',
      ['a'.repeat(255), 'a'.repeat(256)],
      `92d9ff${'61'.repeat(255)}da0100${'61'.repeat(256)}`,
    ],
    ['long text that needs a longer head than its characters', 'é'.repeat(128), `da0100${'c3a9'.repeat(128)}`],
    ['text of 65,536 bytes', 'a'.repeat(65_536), `db00010000${'61'.repeat(65_536)}`],
    ['text of 65,536 bytes in fewer characters', 'é'.repeat(32_768), `db00010000${'c3a9'.repeat(32_768)}`],
    ['characters of two, three and four bytes', 'ß日🎭', 'a9c39fe697a5f09f8ead'],
    ['halves of surrogate pairs', ['a\ud83c', `${'x'.repeat(40)}\udfad`], `92a461efbfbdd92b${'78'.repeat(40)}efbfbd`],
    ['arrays of 15 and 16', [Array(15).fill(0), Array(16).fill(0)], `929f${'00'.repeat(15)}dc0010${'00'.repeat(16)}`],
    ['an array of 65,536', Array(65_536).fill(0), `dd00010000${'00'.repeat(65_536)}`],
    ['maps', { a: 1, b: { c: [] } }, '82a16101a16281a16390'],
    ['a map without a prototype', Object.assign(Object.create(null), { a: 1 }), '81a16101'],
    [
      'a map of 16',
      Object.fromEntries(Array.from('abcdefghijklmnop', (key) => [key, 0])),
      `de0010${Array.from('abcdefghijklmnop', (key) => `a1${key.charCodeAt(0).toString(16)}00`).join('')}`,
    ],
    ['bytes', new Uint8Array([1, 2]), 'c4020102'],
    ['256 bytes', new Uint8Array(256), `c50100${'00'.repeat(256)}`],
    ['65,536 bytes', new Uint8Array(65_536), `c600010000${'00'.repeat(65_536)}`],
    [
      'a date of whole seconds',
      new Date(1_763_800_000_000),
      'd6ff692173c0'.replace('692173c0', (1_763_800_000).toString(16)),
    ],
    ['a date with milliseconds', new Date(1_001), 'd7ff003d090000000001'],
    ['a date after 2106', new Date(2 ** 32 * 1000), 'd7ff0000000100000000'],
    ['a date before 1970', new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'],
    ['a date after 2514', new Date(2 ** 34 * 1000), 'c70cff000000000000000400000000'],
    ['an invalid date', new Date(Number.NaN), 'c0'],
    ['not a number, and infinity', [Number.NaN, Number.POSITIVE_INFINITY], '92cb7ff8000000000000cb7ff0000000000000'],
  ];
  for (const [what, value, expected] of cases) {
    it(what, () => {
      expect(hex(value)).toBe(expected);
    });
  }
});

describe('what becomes of other values', () => {
  class Point {
    x = 1;
    #hidden = 2;
    get sum(): number {
      return this.x + this.#hidden;
    }
  }
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ['undefined alone is nil', undefined, null],
    ['undefined, functions and symbols leave objects', { a: undefined, b: () => 1, c: Symbol('c'), d: 1 }, { d: 1 }],
    ['undefined, functions and symbols are nil in arrays', [undefined, () => 1, Symbol('c')], [null, null, null]],
    ['holes are nil', [1, , 2], [1, null, 2]], // oxlint-disable-line no-sparse-arrays
    ['a Map is a map', new Map<unknown, unknown>([['a', new Map([[1, 2]])]]), { a: { '1': 2 } }],
    ['a Set is an array', new Set([1, 'a']), [1, 'a']],
    ['typed arrays are numbers', [new Float64Array([0.5]), new Int16Array([-1])], [[0.5], [-1]]],
    [
      'an Error has no stack',
      Object.assign(new TypeError('no'), { code: 'E' }),
      { name: 'TypeError', message: 'no', code: 'E' },
    ],
    [
      'an OperatingError is its body',
      new OperatingError('BUSY', 'full'),
      { code: 'BUSY', message: 'full', retryable: true },
    ],
    ['what has a toJSON is what that gives', new URL('http://a/b'), 'http://a/b'],
    ['an instance of a class is its own fields', new Point(), { x: 1 }],
    [
      'a plain field called toJSON is a field',
      { constructor: 1, toJSON: 2, hasOwnProperty: 3 },
      { constructor: 1, toJSON: 2, hasOwnProperty: 3 },
    ],
  ];
  for (const [what, value, expected] of cases) {
    it(what, () => {
      expect(readReference(writeMsgpack(value, NODE_FRAME))).toStrictEqual(expected);
    });
  }

  it('array buffers and views are bytes', () => {
    const buffer = new Uint8Array([1, 2, 3]).buffer;
    expect(hex([buffer, new DataView(buffer, 1)])).toBe('92c403010203c4020203');
  });

  it('writes a map whose fields left in a head of its first size', () => {
    const wide = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`k${index}`, index < 2 ? index : undefined]),
    );
    expect(hex(wide)).toBe('de0002a26b3000a26b3101');
  });

  it('lets a toJSON encode something itself', () => {
    const inner = { toJSON: () => hex({ a: 1 }) };
    Object.setPrototypeOf(inner, { inherited: true });
    expect(readReference(writeMsgpack([inner, 2], NODE_FRAME))).toStrictEqual(['81a16101', 2]);
  });
});

describe('what is refused', () => {
  it('values without a form', () => {
    const selfish: { toJSON?: () => unknown } = Object.create({});
    selfish.toJSON = () => Object.assign(Object.create({}), { toJSON: selfish.toJSON });
    const own = JSON.parse('{"a":{"__proto__":1}}') as unknown;
    const cases: readonly unknown[] = [
      2n ** 64n,
      -(2n ** 63n) - 1n,
      Promise.resolve(1),
      new Map([[{}, 1]]),
      new Map<unknown, unknown>([
        ['1', 1],
        [1, 2],
      ]),
      new Map([['__proto__', 1]]),
      own,
      selfish,
    ];
    for (const [index, value] of cases.entries())
      expect(refusalOf({ value }).code, String(index)).toBe('PROTOCOL_MALFORMED');
  });

  it('what is over its bounds, without making it first', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const bounds = { bytesMax: 100, depthMax: 3, elementsMax: 10 };
    const cases: readonly (readonly [unknown, string])[] = [
      [loop, 'depth'],
      [[[[[]]]], 'depth'],
      [[[['a'.repeat(95)]]], ''],
      [Array(10).fill(0), 'elements'],
      [new Array(4_000_000_000), 'elements'],
      [{ a: [1, 2, 3, 4], b: [5, 6, 7, 8] }, 'elements'],
      ['a'.repeat(98), ''],
      ['a'.repeat(99), 'bytes'],
      ['a'.repeat(500_000_000), 'bytes'],
      ['é'.repeat(50), 'bytes'],
      [new Uint8Array(99), 'bytes'],
      [['a'.repeat(40), 'a'.repeat(40), 'a'.repeat(40)], 'bytes'],
      [Array(9).fill('é'.repeat(6)), 'bytes'],
    ];
    for (const [value, limit] of cases) {
      if (limit === '') expect(hex(value, bounds)).toHaveLength(200);
      else expect(refusalOf(value, bounds)).toMatchObject({ code: 'PROTOCOL_TOO_BIG', details: { limit } });
    }
  });

  it('and the next message is written as if nothing had happened', () => {
    expect(() => writeMsgpack({ a: [1, Promise.resolve(1)] }, NODE_FRAME)).toThrow(OperatingError);
    expect(hex({ a: 1 })).toBe('81a16101');
  });
});

describe('frames', () => {
  it('are never written to again', () => {
    const frames = Array.from({ length: 2_000 }, (_, index) =>
      writeMsgpack({ index, pad: 'x'.repeat(index % 300) }, NODE_FRAME),
    );
    for (const [index, frame] of frames.entries()) expect(readReference(frame)).toMatchObject({ index });
  });

  it('are whole wherever the room of the writer ends', () => {
    for (const leaf of ['a', 'é', new Uint8Array(1)]) {
      for (let length = 16_365; length < 16_388; length++) {
        writeMsgpack('x'.repeat(300_000), NODE_FRAME);
        const value = typeof leaf === 'string' ? leaf.repeat(length) : Buffer.alloc(length, 7);
        expect(readReference(writeMsgpack([value, 2 ** 40, true], NODE_FRAME))).toStrictEqual([value, 2 ** 40, true]);
      }
    }
  });

  it('hold little memory beyond their own, even after a large one', () => {
    writeMsgpack('x'.repeat(900_000), NODE_FRAME);
    const frame = writeMsgpack({ a: 1 }, NODE_FRAME);
    expect(frame.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
  });

  it('pass the guard and say the same to every reader', () => {
    const unpackr = new Unpackr({
      useRecords: false,
      mapsAsObjects: true,
      int64AsType: 'auto' as 'bigint',
      copyBuffers: true,
    });
    fc.assert(
      fc.property(msgpackTree, (value) => {
        const frame = writeMsgpack(value, NODE_FRAME);
        checkMsgpack(frame, NODE_FRAME);
        expect(readReference(frame)).toStrictEqual(value);
        expect(unpackr.unpack(frame)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});
