/**
 * User values that are not plain, on their way into a record: they are copied into what msgpackr keeps, which is plain
 * values and Date, Map, Set, BigInt, typed arrays, RegExp, Error (its name, message and cause).
 *
 * An instance of any other class is kept as JSON would keep it: through its `toJSON`, or else by its own fields. Functions
 * and symbols become `undefined`. Identity within a value is kept, except that a value may not contain itself. What is lost
 * in reading or packing with msgpackr: a key `__proto__` comes back as `__proto_`, and -0 as 0 where the value is not plain.
 */
import { addExtension } from 'msgpackr';
import { OperatingError } from '../../protocol/errors.ts';
import { VALUE_DEPTH_MAX } from './plain-encoder.ts';

/** Extension code of a Map; msgpackr has none of its own when maps of MessagePack stand for plain objects. */
const MAP_EXTENSION = 0x4d;

/** A Map as the packer takes it: msgpackr would write a bare one as a plain object. */
class MapEntries {
  readonly entries: readonly unknown[];
  constructor(entries: readonly unknown[]) {
    this.entries = entries;
  }
}

addExtension({
  Class: MapEntries,
  type: MAP_EXTENSION,
  write: (map: MapEntries) => map.entries,
  read: (entries: [unknown, unknown][]) => new Map(entries),
});

/** The typed arrays that the packer knows by name, and Buffer. */
const ARRAYS_KEPT: ReadonlySet<unknown> = new Set([
  Buffer,
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
]);

/** A copy of any value that the packer can take. Errors: PROTOCOL_TOO_BIG (too deep, or it contains itself). */
export function keepableCopy(value: unknown): unknown {
  return copyOf(value, new Map(), VALUE_DEPTH_MAX);
}

/** Stands for an object in `seen` while its copy is being made. */
const UNDERWAY = Symbol('underway');

function copyOf(value: unknown, seen: Map<object, unknown>, depthLeft: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known === UNDERWAY || depthLeft === 0) {
    throw new OperatingError(
      'PROTOCOL_TOO_BIG',
      `A value is nested deeper than ${VALUE_DEPTH_MAX} levels, or contains itself.`,
    );
  }
  if (known !== undefined) return known;
  seen.set(value, UNDERWAY);
  const copy = copyObject(value, (part) => copyOf(part, seen, depthLeft - 1));
  seen.set(value, copy);
  return copy;
}

function copyObject(value: object, copyPart: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) return Array.from(value, copyPart);
  if (value instanceof Map) return new MapEntries(Array.from(value, (entry) => entry.map(copyPart)));
  if (value instanceof Set) return new Set(Array.from(value, copyPart));
  if (value instanceof Date) return new Date(value);
  if (value instanceof RegExp) return new RegExp(value);
  if (value instanceof ArrayBuffer || ARRAYS_KEPT.has(value.constructor)) return value;
  if (value instanceof Error) {
    const error: unknown = Object.create(Error.prototype);
    return Object.assign(error as Error, { name: value.name, message: value.message, cause: copyPart(value.cause) });
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && 'toJSON' in value && typeof value.toJSON === 'function') {
    return copyPart(value.toJSON());
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyPart(part)]));
}
