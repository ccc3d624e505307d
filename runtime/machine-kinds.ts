/**
 * The kinds of values that the state of a machine is made of, as packing sees them (runtime/machine-values.ts,
 * runtime/machine-marks.ts).
 */

import type { KeptClasses } from './machine-classes.ts';

/** The key that tells a mark from data. */
export const MARK = '$troupe';

/** A value that stands for another one. */
export interface Mark {
  readonly [MARK]: string;
  readonly [field: string]: unknown;
}

/** Knows the references to actors, and the classes whose instances may be held. */
export interface ReferenceWriter {
  /** None where instances of classes may not be held at all: in what goes to other cells. */
  readonly classes?: KeptClasses;
  /** The mark of a reference; undefined if the object is none. Errors: any, for one that cannot be kept; the message says what it is. */
  write(value: object): Mark | undefined;
}

/** `bare` has no prototype; `native` is copied as bytes. */
export type Kind = 'object' | 'array' | 'bare' | 'map' | 'set' | 'date' | 'native' | 'regexp' | 'url';

const KINDS: ReadonlyMap<unknown, Kind> = new Map<unknown, Kind>([
  [Object.prototype, 'object'],
  [Array.prototype, 'array'],
  [null, 'bare'],
  [Map.prototype, 'map'],
  [Set.prototype, 'set'],
  [Date.prototype, 'date'],
  [RegExp.prototype, 'regexp'],
  [URL.prototype, 'url'],
  ...[
    ArrayBuffer,
    DataView,
    Buffer,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((made) => [made.prototype, 'native'] as const),
]);

/** Keys that msgpackr, or assignment to a fresh object, would treat as something else than data. */
const AWKWARD_KEYS: ReadonlySet<string> = new Set([MARK, '__proto__', 'constructor', 'hasOwnProperty', 'toJSON']);

/** Whether an object with this key needs a mark. */
export function isAwkward(key: string): boolean {
  return AWKWARD_KEYS.has(key) || !key.isWellFormed();
}

/** What kind of container or value it is; undefined for an instance of any other class. */
export function kindOf(value: object): Kind | undefined {
  return KINDS.get(Object.getPrototypeOf(value));
}

/** Arrays that were looked at once and had no fields beside their items: listing the keys of an array is slow. */
const PLAIN_ARRAYS = new WeakSet<readonly unknown[]>();

/** Arrays with holes, and those that have fields beside their items, as `match` and template tags make them. */
export function isSparse(array: readonly unknown[]): boolean {
  if (PLAIN_ARRAYS.has(array)) {
    if (Object.hasOwn(array, 'index') || Object.hasOwn(array, 'raw')) return true;
    if (!array.includes(undefined)) return false;
  }
  const keys = Object.keys(array);
  // Keys that are numbers come first.
  const isPlain = keys.length === array.length && (keys.length === 0 || keys.at(-1) === String(keys.length - 1));
  if (isPlain) PLAIN_ARRAYS.add(array);
  return !isPlain;
}

/** Whether something that is no array and no plain object was given fields of its own, which would not come back. */
export function hasFields(value: object): boolean {
  // Those of a typed array are its items too: listing them takes longer than packing them.
  return (!ArrayBuffer.isView(value) || value instanceof DataView) && Object.keys(value).length > 0;
}
