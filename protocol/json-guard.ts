/**
 * Reads JSON under the same bounds and refusals as MessagePack: depth, elements, no key twice, no `__proto__`, no number
 * that a double cannot hold. Whole numbers beyond ±2^53 that fit into 64 bits are read as BigInts, as from MessagePack,
 * instead of losing their last digits.
 *
 * Depth and elements are counted in the text before anything is built from it; the platform's parser then says whether
 * the text is JSON at all.
 */
import { OperatingError } from './errors.ts';
import type { FrameBounds } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const ZERO = 0x30;
const NINE = 0x39;

/** A whole number beyond ±2^53 has at least this many digits. */
const LONG_DIGITS = 16;
const EXACT_MAX = 2 ** 53;
const INTEGER = /^-?\d+$/;
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

interface TextFigures {
  readonly keys: number;
  readonly hasLongDigits: boolean;
}

/**
 * The value that a JSON text says. The caller has checked its bytes. Errors: PROTOCOL_TOO_BIG for depth or elements over
 * the bounds, PROTOCOL_MALFORMED for everything else.
 */
export function readJson(text: string, bounds: FrameBounds): unknown {
  const figures = scan(text, bounds);
  const value = parse(text, figures.hasLongDigits);
  if (countKeys(value) !== figures.keys) throw malformed('a key comes twice in one object');
  return value;
}

/** Counts without building. A text that is not JSON gives any figures; the parser refuses it later. */
function scan(text: string, bounds: FrameBounds): TextFigures {
  let depth = 0;
  let keys = 0;
  let elements = 1;
  let digits = 0;
  let hasLongDigits = false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= ZERO && unit <= NINE) {
      if (++digits === LONG_DIGITS) hasLongDigits = true;
      continue;
    }
    digits = 0;
    if (unit === QUOTE) index = endOfText(text, index);
    else if (unit === COMMA || unit === COLON) {
      elements++;
      if (unit === COLON) keys++;
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      if (++depth > bounds.depthMax) throw tooBig('depth', bounds.depthMax);
      if (!isEmpty(text, index)) elements++;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
  }
  if (elements > bounds.elementsMax) throw tooBig('elements', bounds.elementsMax);
  return { keys, hasLongDigits };
}

/** The place of the quote that ends the text which begins at `from`. */
function endOfText(text: string, from: number): number {
  let index = from + 1;
  for (; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === QUOTE) break;
    if (unit === BACKSLASH) index++;
  }
  return index;
}

function isEmpty(text: string, open: number): boolean {
  let index = open + 1;
  while (text.charCodeAt(index) <= 0x20) index++;
  const unit = text.charCodeAt(index);
  return unit === CLOSE_OBJECT || unit === CLOSE_ARRAY;
}

function parse(text: string, hasLongDigits: boolean): unknown {
  try {
    return hasLongDigits
      ? JSON.parse(text, readLongInteger as (key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error), error);
  }
}

/** A reviver that sees the digits as they were written. */
function readLongInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Math.abs(value) < EXACT_MAX || context.source === undefined) return value;
  if (!INTEGER.test(context.source)) return value;
  const exact = BigInt(context.source);
  if (Math.abs(value) === EXACT_MAX && BigInt(value) === exact) return value;
  return exact >= INTEGER_MIN && exact <= INTEGER_MAX ? exact : value;
}

/** Recursion is safe here: the depth has been checked. */
function countKeys(value: unknown): number {
  if (typeof value === 'number' && !Number.isFinite(value)) throw malformed('a number is too large');
  if (typeof value === 'string' && !value.isWellFormed())
    throw malformed('a text holds half of a character (a lone surrogate)');
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw malformed('a key is __proto__');
    if (!key.isWellFormed()) throw malformed('a key holds half of a character (a lone surrogate)');
    count += 1 + countKeys((value as Record<string, unknown>)[key]);
  }
  return count;
}

function malformed(why: string, cause?: unknown): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `The frame is not valid JSON: ${why}.`, { cause });
}

function tooBig(limit: 'depth' | 'elements', max: number): OperatingError {
  const message = `The frame is over its limit of ${max} ${limit === 'depth' ? 'levels of depth' : limit}.`;
  return new OperatingError('PROTOCOL_TOO_BIG', message, { details: { limit, max } });
}
