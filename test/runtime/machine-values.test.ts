import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { MARK } from '../../runtime/machine-kinds.ts';
import { Converter, Reviver } from '../../runtime/machine-marks.ts';
import { packKept, Survey, unpackKept } from '../../runtime/machine-values.ts';

const NO_REFERENCES = { write: () => undefined, read: () => undefined };

/** What a restart makes of a value. */
function keep(value: unknown): unknown {
  const survey = new Survey(NO_REFERENCES);
  survey.keep(value, () => 'value');
  const bytes = packKept(survey.marked ? new Converter(NO_REFERENCES, false).convert(value) : value);
  return survey.marked ? new Reviver(NO_REFERENCES, false).revive(unpackKept(bytes)) : unpackKept(bytes);
}

function refusal(value: unknown): { readonly code: string; readonly message: string; readonly place: unknown } {
  try {
    new Survey(NO_REFERENCES).keep(value, () => 'context');
  } catch (error) {
    const { code, message, details } = error as OperatingError;
    return { code, message, place: (details as { place: unknown }).place };
  }
  throw new OperatingError('INTERNAL', 'It was not refused.');
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', '$troupe', 'constructor', 'toJSON', 'a\ud800'),
);
const leaf = fc.oneof(
  text,
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(undefined, null, -0, 2 ** 53, -(2 ** 31), Number.NaN),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float64Array(),
  fc.int16Array(),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 6 }),
    fc.sparseArray(tie('tree'), { maxNumElements: 4 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 6 }),
    fc.array(fc.tuple(leaf, tie('tree')), { maxLength: 5 }).map((entries) => new Map(entries)),
    fc.array(tie('tree'), { maxLength: 5 }).map((items) => new Set(items)),
    fc.tuple(text, tie('tree')).map(([message, details]) => new OperatingError('BUSY', message, { details })),
  ),
}));

describe('what a machine holds comes back', () => {
  it('as it was, whatever it is', () => {
    fc.assert(
      fc.property(tree, (value) => {
        // vitest's own comparison stumbles over a key named `constructor`.
        expect(isDeepStrictEqual(keep(value), value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with its cycles and with what is shared in it', () => {
    fc.assert(
      fc.property(tree, fc.boolean(), (part, isAwkward) => {
        const value: Record<string, unknown> = {
          part,
          twice: [part, { part }],
          map: new Map([['part', part]]),
          ...(isAwkward ? { [MARK]: 1 } : {}),
        };
        value['self'] = value;
        (value['map'] as Map<unknown, unknown>).set('all', value);
        const back = keep(value) as typeof value;
        expect(back['self']).toBe(back);
        expect((back['map'] as Map<unknown, unknown>).get('all')).toBe(back);
        const [first, second] = back['twice'] as [unknown, { part: unknown }];
        if (typeof part === 'object')
          expect([first, second.part, (back['map'] as Map<unknown, unknown>).get('part')]).toEqual([
            back['part'],
            back['part'],
            back['part'],
          ]);
        if (typeof part === 'object' && part !== null)
          expect(first === back['part'] && second.part === first).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('in another object: neither bytes nor copy follow what happens to the first', () => {
    const value = { list: [1], bytes: new Uint8Array([1]), date: new Date(1), zero: -0 };
    const bytes = packKept(new Converter(NO_REFERENCES, false).convert(value));
    const copy = new Converter(NO_REFERENCES, true).convert(value) as typeof value;
    value.list.push(2);
    value.bytes[0] = 9;
    value.date.setTime(9);
    const back = new Reviver(NO_REFERENCES, false).revive(unpackKept(bytes)) as typeof value;
    for (const one of [back, copy])
      expect(one).toStrictEqual({ list: [1], bytes: new Uint8Array([1]), date: new Date(1), zero: -0 });
    back.bytes[0] = 7;
    expect((new Reviver(NO_REFERENCES, false).revive(unpackKept(bytes)) as typeof value).bytes[0]).toBe(1);
  });

  it('without marks where it is plain, so that most states are packed as they are', () => {
    const survey = new Survey(NO_REFERENCES);
    survey.keep(
      { zero: 0, text: 'x', at: new Date(1), bytes: new Uint8Array(1), list: [1, undefined, { a: new Map() }] },
      () => 'value',
    );
    expect(survey.marked).toBe(false);
  });

  it('with cycles that lie deep inside', () => {
    const inner: Record<string, unknown> = { list: [] };
    inner['self'] = inner;
    (inner['list'] as unknown[]).push(inner);
    const back = keep({ a: { b: [inner] } }) as { a: { b: [typeof inner] } };
    expect(back.a.b[0]['self']).toBe(back.a.b[0]);
    expect(back.a.b[0]['list']).toEqual([back.a.b[0]]);
  });

  it('with the code, details, cause and class of errors, but without their stack', () => {
    const inner = Object.assign(new TypeError('inner'), { code: 'E_INNER', at: new Map([[1, 2]]) });
    const back = keep(
      new OperatingError('BUSY', 'outer', { details: { n: -0 }, retryAfterMs: 7, cause: inner }),
    ) as OperatingError;
    expect(back).toBeInstanceOf(OperatingError);
    expect(back).toMatchObject({
      code: 'BUSY',
      message: 'outer',
      retryable: true,
      retryAfterMs: 7,
      details: { n: -0 },
    });
    expect(back.cause).toBeInstanceOf(TypeError);
    expect(back.cause).toMatchObject({ message: 'inner', code: 'E_INNER', at: new Map([[1, 2]]) });
    expect(back.stack).toContain('its stack is not kept');
    expect(Object.keys(keep(inner) as object)).toEqual(['code', 'at']);
    expect(Object.keys(back)).not.toContain('cause');
  });

  it('with the name and fields of errors of unknown classes, as the nearest class that is known', () => {
    class HttpError extends RangeError {
      override readonly name = 'HttpError';
      readonly status = 503;
      readonly socket = { write: () => {} };
    }
    const back = keep({ error: new HttpError('gone') }) as { error: HttpError };
    expect(back.error).toBeInstanceOf(RangeError);
    expect(back.error).toMatchObject({ name: 'HttpError', message: 'gone', status: 503 });
    expect(back.error.socket).toBeUndefined();
    expect((keep(new AggregateError([new Error('one'), 2], 'all')) as AggregateError).errors).toMatchObject([
      { message: 'one' },
      2,
    ]);
  });

  it('with expressions, addresses of pages, bare objects and matches', () => {
    const expression = /a(?<b>b)?/g;
    expression.test('xxa');
    const back = keep([
      expression,
      new URL('https://a.example/?q#h'),
      Object.assign(Object.create(null), { a: 1 }),
      /(x)(?<y>y)?/.exec('zx'),
      /b/.exec('abc'),
    ]) as unknown[];
    expect(back[0]).toMatchObject({ source: 'a(?<b>b)?', flags: 'g', lastIndex: 3 });
    expect((back[1] as URL).href).toBe('https://a.example/?q#h');
    expect(Object.getPrototypeOf(back[2])).toBeNull();
    expect(back[4]).toMatchObject({ 0: 'b', index: 1, input: 'abc', length: 1 });
    expect(back[3]).toMatchObject({ 0: 'x', 1: 'x', 2: undefined, index: 1, input: 'zx', length: 3 });
  });

  it('as the same bytes where nothing has changed', () => {
    const bytes = packKept({ a: [1, 2] });
    expect(packKept({ a: [1, 2] }, bytes)).toBe(bytes);
    expect(packKept({ a: [1, 3] }, bytes)).not.toBe(bytes);
    const copy = Uint8Array.from(bytes);
    for (let n = 0; n < 100; n++) packKept({ b: [n, 'x'.repeat(n)] });
    expect(Uint8Array.from(bytes)).toEqual(copy);
  });
});

function twoViews(): unknown {
  const bytes = new ArrayBuffer(4);
  return [new Uint8Array(bytes), new Uint16Array(bytes, 2)];
}

describe('arrays with fields beside their items', () => {
  it.each([
    ['dense', Object.assign([1, 2], { note: 'x' })],
    ['empty', Object.assign([], { note: [] })],
    ['as many holes as fields', Object.assign(new Array(2), { 1: 1, note: 1 })],
  ])('come back with them: %s', (_, array) => {
    expect(isDeepStrictEqual(keep({ array }), { array })).toBe(true);
    expect(Object.keys((keep({ array }) as { array: object }).array)).toEqual(Object.keys(array));
  });

  it('even where they are matches that were plain arrays before', () => {
    const array: unknown[] = [1];
    keep(array);
    Object.assign(array, { index: 3 });
    expect(Object.keys(keep(array) as object)).toEqual(['0', 'index']);
  });
});

describe('what cannot be kept is refused with its place', () => {
  class Client {}
  it.each([
    ['context.client.fetch', { client: { fetch: () => {} } }, /a function \(fetch\)/],
    ['context.list[1]', { list: [1, Symbol('x')] }, /a symbol/],
    ['context.client', { client: new Client() }, /an instance of Client/],
    ['context["a b"].later', { 'a b': { later: Promise.resolve() } }, /an instance of Promise/],
    ['context.map.k[0]', { map: new Map([['k', [new WeakMap()]]]) }, /an instance of WeakMap/],
    ['context.map[0]', { map: new Map([[() => {}, 1]]) }, /a function/],
    ['context.set[1]', { set: new Set([1, () => {}]) }, /a function/],
    ['context.sparse[2]', { sparse: Object.assign(new Array(3), { 2: class {} }) }, /a function/],
    ['context.o', { o: { [Symbol('k')]: 1 } }, /whose name is a symbol/],
    ['context.made', { made: Object.create({ inherited: 1 }) }, /an object with a prototype of its own/],
    ['context', new (class Table extends Map {})(), /an instance of Table/],
    ['context.at', { at: Object.assign(new Date(1), { zone: 'UTC' }) }, /a date with fields of its own/],
    ['context[0]', [Object.assign(new Map(), { name: 'm' })], /a map with fields of its own/],
    ['context[1]', twoViews(), /a view of bytes that another one there shares/],
  ])('%s', (place, value, what) => {
    expect(refusal(value)).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place });
    expect(refusal(value).message).toMatch(what);
  });

  it('and so is what lies too deep', () => {
    let deep: object = {};
    for (let level = 0; level < 300; level++) deep = { deep };
    expect(refusal(deep).message).toMatch(/more than 256 levels/);
    expect(refusal(deep).code).toBe('UNSUPPORTED_LOGIC');
  });
});

describe('at the border of a machine', () => {
  it('only references and errors are marked; the rest stays what it is', () => {
    const out = new Converter(NO_REFERENCES, true).convert({
      zero: -0,
      odd: 'a\ud800',
      at: new Date(3),
      re: /x/g,
      [MARK]: 'mine',
      list: Object.assign(new Array(3), { 0: 1, 2: 3 }),
    });
    expect(out).toStrictEqual({
      zero: -0,
      odd: 'a\ud800',
      at: new Date(3),
      re: /x/g,
      [MARK]: 'mine',
      list: [1, undefined, 3],
    });
    expect(
      new Reviver(NO_REFERENCES, true).revive(
        new Converter(NO_REFERENCES, true).convert(new OperatingError('BUSY', 'x')),
      ),
    ).toBeInstanceOf(OperatingError);
  });

  it('data that looks like a mark is data', () => {
    const forged = [
      { [MARK]: 'error', class: 'Error', name: 5, message: 'm', fields: {} },
      { [MARK]: 'error', class: 'Error', name: 'x', message: 'm', fields: null },
      { [MARK]: 'bare', keys: 1 },
      { [MARK]: 'regexp', source: '(' },
      { [MARK]: 'error', class: 1 },
      { [MARK]: 'error', class: 'OperatingError', name: 'x', message: 'm', fields: { code: 'NONE' } },
    ];
    const [one, two, bare, expression, error, coded] = new Reviver(NO_REFERENCES, true).revive(forged) as unknown[];
    expect([one, two, bare, expression, error]).toStrictEqual(forged.slice(0, 5));
    expect(coded).toBeInstanceOf(Error);
  });

  it('a key named __proto__ is a key', () => {
    const sent = JSON.parse('{"__proto__":{"admin":true},"list":[{"__proto__":1}]}') as object;
    for (const back of [
      new Converter(NO_REFERENCES, true).convert(sent),
      new Reviver(NO_REFERENCES, true).revive(sent),
    ]) {
      expect(JSON.stringify(back)).toBe('{"__proto__":{"admin":true},"list":[{"__proto__":1}]}');
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
      expect((back as { admin?: unknown }).admin).toBeUndefined();
      expect(Object.getOwnPropertyDescriptor(back, '__proto__')).toMatchObject({ enumerable: true, writable: true });
    }
  });

  it('buffers and views are copied', () => {
    const buffer = Uint8Array.of(1, 2, 3).buffer;
    const copy = new Converter(NO_REFERENCES, true).convert([buffer, new DataView(buffer, 1)]) as [
      ArrayBuffer,
      DataView,
    ];
    new Uint8Array(buffer).fill(9);
    expect([[...new Uint8Array(copy[0])], copy[1].byteLength, copy[1].getUint8(0)]).toEqual([[1, 2, 3], 2, 2]);
  });
});

describe('whatever a machine takes into its state', () => {
  const unkeepable = fc.constantFrom<(() => unknown)[]>(
    () => () => {},
    () => Symbol('s'),
    () => Promise.resolve(),
    () => new WeakMap(),
    () => new (class Client {})(),
    () => Object.assign(new Date(1), { zone: 'UTC' }),
    () => ({ [Symbol('k')]: 1 }),
    () => Object.create({ inherited: 1 }) as object,
  );

  it('comes back as it was, or is refused with the way to it, and never in between', () => {
    fc.assert(
      fc.property(
        tree,
        unkeepable,
        fc.array(fc.constantFrom('list', 'map', 'field'), { maxLength: 4 }),
        (good, make, way) => {
          const bad = way.reduceRight<unknown>(
            (inner, kind) =>
              kind === 'list' ? [good, inner] : kind === 'map' ? new Map([['k', inner]]) : { a: good, k: inner },
            make(),
          );
          const place = `context${way.map((kind) => (kind === 'list' ? '[1]' : '.k')).join('')}`;
          expect(refusal(bad)).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place });
          expect(isDeepStrictEqual(keep(good), good)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
