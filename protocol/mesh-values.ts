/**
 * Makes a message ready for msgpackr, which has forms for more than travels and writes some of it in ways that no guard lets
 * pass: what becomes of which value stands in wire-values.ts. What needs nothing done to it is the same object afterwards.
 */
import type { FrameBounds } from './limits.ts';
import { checkInteger, isPlain, oversized, toPlain, unsendable } from './wire-values.ts';

/** Makes values plain, one message at a time. */
export class MeshValues {
  readonly #bounds: FrameBounds;
  #elements = 0;
  /** Bytes that texts and binaries take at least: so that what is far too large is not written first. */
  #bytes = 0;

  constructor(bounds: FrameBounds) {
    this.#bounds = bounds;
  }

  /** Errors: PROTOCOL_TOO_BIG over the bounds, PROTOCOL_MALFORMED for what cannot travel; what a `toJSON` throws. */
  plain(message: unknown): unknown {
    this.#elements = 1;
    this.#bytes = 0;
    return this.#value(message, 0);
  }

  #value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#count(value.length);
        // Half of a surrogate pair has no form in UTF-8.
        return value.isWellFormed() ? value : value.toWellFormed();
      case 'bigint':
        checkInteger(value);
        return value;
      case 'number':
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return null;
    }
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (isPlain(value)) return this.#map(value as Record<string, unknown>, depth);
    if (value instanceof Uint8Array) {
      this.#count(value.length);
      return value;
    }
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
    return this.#value(toPlain(value), depth);
  }

  #array(values: readonly unknown[], depth: number): unknown {
    this.#enter(values.length, depth);
    let changed: unknown[] | undefined;
    for (let index = 0; index < values.length; index++) {
      const was = values[index];
      const is = this.#value(was, depth + 1);
      if (is !== was) (changed ??= [...values])[index] = is;
    }
    return changed ?? values;
  }

  #map(object: Record<string, unknown>, depth: number): unknown {
    const keys = Object.keys(object);
    this.#enter(keys.length * 2, depth);
    const made: Record<string, unknown> = {};
    let isSame = true;
    for (const key of keys) {
      const was = object[key];
      if (was === undefined || typeof was === 'function' || typeof was === 'symbol') {
        isSame = false;
        continue;
      }
      if (key === '__proto__') throw unsendable('a key is __proto__');
      const name = this.#value(key, depth) as string;
      const is = this.#value(was, depth + 1);
      if (is !== was || name !== key) isSame = false;
      if (name !== key && Object.hasOwn(made, name)) throw unsendable('two keys are the same once they are UTF-8');
      made[name] = is;
    }
    return isSame ? object : made;
  }

  #enter(items: number, depth: number): void {
    if (depth >= this.#bounds.depthMax) throw oversized('depth', this.#bounds.depthMax);
    this.#elements += items;
    if (this.#elements > this.#bounds.elementsMax) throw oversized('elements', this.#bounds.elementsMax);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bounds.bytesMax) throw oversized('bytes', this.#bounds.bytesMax);
  }
}
