/**
 * The kinds of values that the state of a machine is made of, as packing sees them (runtime/machine-values.ts,
 * runtime/machine-marks.ts).
 */

/** The key that tells a mark from data. */
export const MARK = '$troupe';

/** A value that stands for another one. */
export interface Mark {
  readonly [MARK]: string;
  readonly [field: string]: unknown;
}

/** Knows the references to actors. */
export interface ReferenceWriter {
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

/** Arrays with holes, and those that `match` and template tags make, which have fields beside their items. */
export function isSparse(array: readonly unknown[]): boolean {
  return array.includes(undefined)
    ? Object.keys(array).length !== array.length
    : Object.hasOwn(array, 'index') || Object.hasOwn(array, 'raw');
}
