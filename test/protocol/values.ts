/** Generators of what messages hold, and what becomes of it in each codec. */
import fc from 'fast-check';

/** Any character of Unicode, ASCII more often than not. (fast-check's own unit takes seconds to set up.) */
export const character = fc
  .oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 0x7f }) },
    { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xd7ff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0xe000, max: 0x10ffff }) },
  )
  .map((code) => String.fromCodePoint(code));

const safeKey = fc.string({ unit: character, maxLength: 40 }).filter((key) => key !== '__proto__');

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: character, maxLength: 60 }),
  fc.string({ minLength: 30, maxLength: 70 }),
  fc.string({ unit: 'grapheme', minLength: 40, maxLength: 300 }),
);

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 2 ** 60, 1e20, 1e21),
  fc.constantFrom(-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53), -(2 ** 62)),
);

/** BigInts that stay BigInts: beyond what a number holds exactly, within 64 bits. */
const wideInteger = fc.oneof(
  fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
);

const date = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.date({ noInvalidDate: true, min: new Date(-1), max: new Date(4_000_000_000_000) }),
  fc.constantFrom(-8.64e15, -1, 0, 1, 999, 1000, 2 ** 32 * 1000, 2 ** 34 * 1000, 8.64e15).map((ms) => new Date(ms)),
);

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

function treesOf(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 20 }),
      fc.dictionary(safeKey, tie('tree'), { maxKeys: 20, noNullPrototype: true }),
    ),
  }));
  return tree;
}

const jsonLeaf = fc.oneof(text, number, fc.boolean(), fc.constant(null), wideInteger).map(withoutMinusZero);

/** Values that come back from both codecs as they were. */
export const jsonTree = treesOf(jsonLeaf);
/** Values that come back from MessagePack as they were. */
export const msgpackTree = treesOf(fc.oneof(jsonLeaf, date, bytes));

/** There is one zero on the wire. */
function withoutMinusZero(value: unknown): unknown {
  return Object.is(value, -0) ? 0 : value;
}

/** What JSON makes of a value that has dates and bytes in it. */
export function asJson(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]));
}
