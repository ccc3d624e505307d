/**
 * Writes messages as JSON, under the rules of wire-values.ts: a Date is its ISO text, bytes are base64, a BigInt is its
 * digits. A number that only happens to be whole beyond ±2^53 is written with an exponent, so that readers which tell
 * integers from floats (this product's own among them) get a float back.
 */
import type { FrameBounds } from './limits.ts';
import { checkInteger, isPlain, oversized, toPlain, unsendable } from './wire-values.ts';

const EXACT_MAX = 2 ** 53;
/** From here on JSON.stringify writes an exponent by itself. */
const EXPONENT_MIN = 1e21;
/** UTF-8 needs at most this many bytes for a UTF-16 unit. */
const UNIT_BYTES_MAX = 3;

/** Makes JSON.stringify write digits as they are; part of the language since ES2026, not yet of the compiler's library. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** What is left of the bounds while a message is gone through. */
interface Rest {
  readonly bounds: FrameBounds;
  bytes: number;
  elements: number;
}

/**
 * The message as JSON text. Errors: PROTOCOL_TOO_BIG for what is over the bounds, PROTOCOL_MALFORMED for what cannot be
 * put into a message; what a getter or a `toJSON` throws comes through.
 */
export function writeJson(message: unknown, bounds: FrameBounds): string {
  const rest = { bounds, bytes: bounds.bytesMax, elements: bounds.elementsMax - 1 };
  const text = JSON.stringify(formOf(message, 0, rest)) ?? 'null';
  const isOver = text.length * UNIT_BYTES_MAX > bounds.bytesMax && Buffer.byteLength(text) > bounds.bytesMax;
  if (isOver) throw oversized('bytes', bounds.bytesMax);
  return text;
}

/** The value as JSON.stringify writes it right; the same object where nothing in it has to change. */
function formOf(value: unknown, depth: number, rest: Rest): unknown {
  switch (typeof value) {
    case 'string':
      rest.bytes -= value.length;
      if (rest.bytes < 0) throw oversized('bytes', rest.bounds.bytesMax);
      return value;
    case 'number':
      return isWideWhole(value) ? rawJSON(value.toExponential()) : value;
    case 'bigint':
      checkInteger(value);
      return rawJSON(value.toString());
    case 'object':
      return value === null ? null : formOfObject(value, depth, rest);
    default:
      return typeof value === 'boolean' ? value : undefined;
  }
}

function isWideWhole(value: number): boolean {
  const size = Math.abs(value);
  return size > EXACT_MAX && size < EXPONENT_MIN;
}

function formOfObject(value: object, depth: number, rest: Rest): unknown {
  if (isPlain(value)) {
    if (depth >= rest.bounds.depthMax) throw oversized('depth', rest.bounds.depthMax);
    return Array.isArray(value) ? formOfArray(value, depth, rest) : formOfMap(value, depth, rest);
  }
  if (value instanceof Uint8Array) return formOf(base64(value, rest), depth, rest);
  const plain = toPlain(value);
  if (plain instanceof Date) return plain.toISOString();
  return formOf(plain, depth, rest);
}

function formOfArray(values: readonly unknown[], depth: number, rest: Rest): readonly unknown[] {
  enter(values.length, rest);
  let copy: unknown[] | undefined;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const form = formOf(value, depth + 1, rest);
    if (form !== value && copy === undefined) copy = values.slice(0, index);
    copy?.push(form);
  }
  return copy ?? values;
}

function formOfMap(object: object, depth: number, rest: Rest): object {
  const source = object as Record<string, unknown>;
  const keys = Object.keys(source);
  enter(keys.length * 2, rest);
  let copy: Record<string, unknown> | undefined;
  for (const key of keys) {
    const value = source[key];
    if (key === '__proto__') throw unsendable('a key is __proto__');
    const form = formOf(value, depth + 1, rest);
    if (form === value) continue;
    copy ??= { ...source };
    copy[key] = form;
  }
  return copy ?? source;
}

function enter(items: number, rest: Rest): void {
  rest.elements -= items;
  if (rest.elements < 0) throw oversized('elements', rest.bounds.elementsMax);
}

function base64(bytes: Uint8Array, rest: Rest): string {
  if (bytes.length > rest.bytes) throw oversized('bytes', rest.bounds.bytesMax);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
