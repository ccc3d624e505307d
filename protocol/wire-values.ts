/**
 * What may travel in a message, and what becomes of what may not. Both codecs follow these rules:
 *
 * - null, booleans, numbers, strings, arrays and plain objects are themselves; a half of a surrogate pair becomes U+FFFD
 *   in MessagePack, which is UTF-8, and an escape in JSON.
 * - `undefined`, functions and symbols are left out of objects and are null in arrays.
 * - BigInts must fit into 64 bits (-2^63 to 2^64 - 1).
 * - Date and Uint8Array have a form of their own in each codec. An invalid Date is null.
 * - Map is an object with its keys as text, Set an array, ArrayBuffer and DataView are bytes, other typed arrays are
 *   arrays of numbers, an Error is {name, message, code?} without its stack, an OperatingError its body.
 * - An instance of a class with a `toJSON` is what that returns; of other classes, their own enumerable fields.
 * - Promises, keys that are `__proto__`, and what is over a bound are refused with a code.
 */
import { OperatingError } from './errors.ts';

/** BigInts outside of these do not fit into 64 bits. */
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;
/** How often a `toJSON` may give another value that has to be made plain. */
const ROUNDS_MAX = 8;

/** Whether a value needs nothing done to it: an array, or an object without a class. */
export function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The plain form of any object: an array, a plain object, a valid Date, a Uint8Array or a primitive. What it holds may
 * still have to be made plain. Errors: PROTOCOL_MALFORMED for what has no form.
 */
export function toPlain(value: object): unknown {
  let form: unknown = value;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (typeof form !== 'object' || form === null || isPlain(form) || form instanceof Uint8Array) return form;
    if (form instanceof Date) return Number.isNaN(form.getTime()) ? null : form;
    const next: unknown = reshape(form);
    if (next === form) return { ...form };
    form = next;
  }
  throw unsendable('the toJSON of a value gives another such value, again and again');
}

/** Refuses a BigInt that does not fit into 64 bits. Errors: PROTOCOL_MALFORMED. */
export function checkInteger(value: bigint): void {
  if (value < INTEGER_MIN || value > INTEGER_MAX) throw unsendable('a BigInt does not fit into 64 bits');
}

/** The error for a value that cannot be put into a message. */
export function unsendable(why: string): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `This cannot be put into a message: ${why}.`);
}

/** The error for a message that would be over one of its bounds. */
export function oversized(limit: 'bytes' | 'depth' | 'elements', max: number): OperatingError {
  const what = limit === 'depth' ? 'levels of depth' : limit;
  const hint = limit === 'depth' ? '; does it hold itself?' : '';
  const message = `The message is over its limit of ${max} ${what}${hint}.`;
  return new OperatingError('PROTOCOL_TOO_BIG', message, { details: { limit, max } });
}

function reshape(value: object): unknown {
  if (value instanceof Map) return mapToObject(value);
  if (value instanceof Set) return Array.from(value);
  if (value instanceof OperatingError) return value.toBody();
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>);
  if (value instanceof Promise) throw unsendable('it holds a promise; was an await forgotten?');
  if ('toJSON' in value && typeof value.toJSON === 'function') return (value.toJSON as () => unknown)();
  if (value instanceof Error) return errorToObject(value);
  return value;
}

function mapToObject(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of map) {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw unsendable('a key of a Map is neither text nor a number');
    const name = String(key);
    if (name === '__proto__' || Object.hasOwn(object, name)) throw unsendable(`a Map has no place for its key ${name}`);
    object[name] = value;
  }
  return object;
}

function errorToObject(error: Error): Record<string, unknown> {
  const code: unknown = 'code' in error ? error.code : undefined;
  const isCode = typeof code === 'string' || typeof code === 'number';
  return { name: error.name, message: error.message, ...(isCode ? { code } : {}) };
}
