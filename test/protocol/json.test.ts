import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { readJson } from '../../protocol/json-guard.ts';
import { writeJson } from '../../protocol/json-writer.ts';
import { CLIENT_FRAME, type FrameBounds, MESH_FRAME, NODE_FRAME } from '../../protocol/limits.ts';

function refusalOf(action: () => unknown): OperatingError {
  try {
    action();
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const read = (text: string, bounds: FrameBounds = CLIENT_FRAME): unknown => readJson(text, bounds);

describe('reading JSON', () => {
  it('takes what the platform takes', () => {
    for (const text of [
      'null',
      ' [ ] ',
      '{"a":{},"b":[[]]}',
      '{"a\\"b":"]}{[,:"}',
      '"\\\\"',
      '-0.5e-3',
      '[{"a":1},{"a":1}]',
    ]) {
      expect(read(text)).toEqual(JSON.parse(text));
    }
  });

  it('refuses what is no JSON', () => {
    const bad = [
      '',
      '{',
      '[1,]',
      '{"a":1,}',
      "{'a':1}",
      '{"a" 1}',
      'NaN',
      '[1] 2',
      '"\n"',
      '\ufeff{}',
      '"',
      '"\\',
      ']',
      '{"a":1 "a":2}',
      '[1e]',
      '01',
    ];
    for (const text of bad) expect(refusalOf(() => read(text)).code, text).toBe('PROTOCOL_MALFORMED');
  });

  it('refuses a key that comes twice, however it is written', () => {
    for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"c":2,"a":3}}]', '{"":1,"":2}']) {
      expect(refusalOf(() => read(text)).code, text).toBe('PROTOCOL_MALFORMED');
    }
  });

  it('refuses the key __proto__, however it is written', () => {
    for (const text of ['{"__proto__":1}', '[{"a":{"\\u005f_proto__":{}}}]', '{"__proto__":{"polluted":true}}']) {
      expect(refusalOf(() => read(text)).message, text).toContain('__proto__');
    }
    expect(read('["__proto__"]')).toEqual(['__proto__']);
  });

  it('refuses numbers that a double cannot hold', () => {
    expect(refusalOf(() => read('[1e400]')).code).toBe('PROTOCOL_MALFORMED');
    expect(refusalOf(() => read(`-${'9'.repeat(400)}`)).code).toBe('PROTOCOL_MALFORMED');
  });

  it('reads whole numbers beyond 2^53 exactly, while they fit into 64 bits', () => {
    expect(read('[9007199254740991,9007199254740992,-9007199254740992]')).toEqual([2 ** 53 - 1, 2 ** 53, -(2 ** 53)]);
    expect(read('[9007199254740993,-9007199254740993]')).toEqual([2n ** 53n + 1n, -(2n ** 53n) - 1n]);
    expect(read('[18446744073709551615,-9223372036854775808]')).toEqual([2n ** 64n - 1n, -(2n ** 63n)]);
    expect(read('[18446744073709551616,1.8446744073709551615e19]')).toEqual([2 ** 64, 2 ** 64]);
    expect(read('{"1234567890123456789":"1234567890123456789","x":0.1234567890123456}')).toEqual({
      '1234567890123456789': '1234567890123456789',
      x: 0.1234567890123456,
    });
  });

  it('counts depth and elements as MessagePack does', () => {
    const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '0' + '}]'.repeat(depth / 2);
    expect(read(nested(32))).toBeDefined();
    expect(refusalOf(() => read(nested(34))).details).toEqual({ limit: 'depth', max: 32 });
    const bounds = { ...CLIENT_FRAME, elementsMax: 7 };
    expect(read('{"a":[1,2],"b":{}}', bounds)).toBeDefined();
    expect(refusalOf(() => read('{"a":[1,2],"b":[ 3 ]}', bounds)).details).toEqual({ limit: 'elements', max: 7 });
    expect(read('[[],{},[ ],{ },[],[]]', bounds)).toBeDefined();
    expect(refusalOf(() => read('[[],{},[ ],{ },[],[],[]]', bounds)).code).toBe('PROTOCOL_TOO_BIG');
    expect(refusalOf(() => read('[0]', { ...CLIENT_FRAME, elementsMax: 1 })).code).toBe('PROTOCOL_TOO_BIG');
  });

  it('refuses bombs', () => {
    for (const bomb of [
      '['.repeat(1_000_000),
      '{"a":'.repeat(200_000),
      `[${'0,'.repeat(400_000)}0]`,
      `[${'[],'.repeat(300_000)}0]`,
    ]) {
      expect(refusalOf(() => read(bomb, MESH_FRAME)).code).toBe('PROTOCOL_TOO_BIG');
    }
  });
});

describe('writing JSON', () => {
  const write = (value: unknown, bounds: FrameBounds = NODE_FRAME): string => writeJson(value, bounds);

  it('follows the rules for what may travel', () => {
    const value = {
      map: new Map([['a', 1]]),
      set: new Set([1]),
      error: new RangeError('no'),
      refusal: new OperatingError('BUSY', 'full', { retryAfterMs: 5 }),
      bytes: new Uint8Array([255, 254]),
      numbers: new Float32Array([0.5]),
      gone: undefined,
      fn: () => 1,
      list: [undefined, () => 1, Symbol('s')],
      url: new URL('http://a/'),
      never: new Date(Number.NaN),
      nan: Number.NaN,
      own: { toJSON: () => 'not called' },
    };
    expect(JSON.parse(write(value))).toEqual({
      map: { a: 1 },
      set: [1],
      error: { name: 'RangeError', message: 'no' },
      refusal: { code: 'BUSY', message: 'full', retryable: true, retryAfterMs: 5 },
      bytes: '//4=',
      numbers: [0.5],
      list: [null, null, null],
      url: 'http://a/',
      never: null,
      nan: null,
      own: {},
    });
    expect(write(undefined)).toBe('null');
  });

  it('does not change what it is given', () => {
    const value = Object.freeze({ a: Object.freeze([1n, new Set([2])]), b: undefined });
    expect(write(value)).toBe('{"a":[1,[2]]}');
    expect(value.a[0]).toBe(1n);
  });

  it('writes BigInts as digits, and wide floats so that they stay floats', () => {
    expect(write([2n ** 64n - 1n, -5n])).toBe('[18446744073709551615,-5]');
    expect(write([2 ** 60, -(2 ** 60), 2 ** 53, 1e21, 0.1])).toBe(
      '[1.152921504606847e+18,-1.152921504606847e+18,9007199254740992,1e+21,0.1]',
    );
    expect(jsonCodec.decode(write([2 ** 60]))).toEqual([2 ** 60]);
  });

  it('refuses what has no form', () => {
    const own = JSON.parse('{"__proto__":1}') as unknown;
    for (const value of [2n ** 64n, Promise.resolve(), new Map([[{}, 1]]), own, [own]]) {
      expect(refusalOf(() => write({ value })).code).toBe('PROTOCOL_MALFORMED');
    }
  });

  it('refuses what is over its bounds, without making it first', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const bounds = { bytesMax: 100, depthMax: 3, elementsMax: 10 };
    const cases: readonly (readonly [unknown, string])[] = [
      [loop, 'depth'],
      [{ a: { b: { c: {} } } }, 'depth'],
      [Array(10).fill(0), 'elements'],
      [new Array(4_000_000_000), 'elements'],
      ['a'.repeat(500_000_000), 'bytes'],
      [Array(9).fill('a'.repeat(12)), 'bytes'],
      [new Uint8Array(80), 'bytes'],
      ['"'.repeat(60), 'bytes'],
    ];
    for (const [value, limit] of cases) {
      expect(refusalOf(() => write(value, bounds))).toMatchObject({ code: 'PROTOCOL_TOO_BIG', details: { limit } });
    }
    expect(refusalOf(() => write(loop)).message).toContain('does it hold itself?');
    expect(write([[['a'.repeat(10)]]], bounds)).toBe('[[["aaaaaaaaaa"]]]');
    expect(write('a'.repeat(98), bounds)).toHaveLength(100);
  });
});
