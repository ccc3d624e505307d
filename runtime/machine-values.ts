/**
 * What a user's machine may hold, and how it is packed: plain objects and arrays, Map, Set, Date, RegExp, URL, bigint,
 * typed arrays, errors, references to actors; with cycles and shared identity. What cannot be kept (functions, symbols,
 * promises, instances of unknown classes) is refused with its place. Left out without a word are only: the stack of an error
 * and those of its fields that cannot be kept, whether an object is frozen, and fields given to arrays, dates and the like.
 *
 * Values that MessagePack cannot carry as they are stand in the bytes as marks (runtime/machine-marks.ts).
 */
import { Packr } from 'msgpackr';
import { OperatingError } from '../protocol/errors.ts';
import { isAwkward, isSparse, kindOf, type Mark, type ReferenceWriter } from './machine-kinds.ts';

/** Containers inside one another in the state of a machine. */
const DEPTH_MAX = 256;

const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });

/**
 * Packs what `Survey.keep` let pass. The bytes are a copy of their own: they share no slab with others. Where they are the
 * same as `last`, that one comes back.
 */
export function packKept(value: unknown, last?: Uint8Array): Uint8Array {
  const packed = packr.pack(value);
  return last !== undefined && packed.equals(last) ? last : Uint8Array.prototype.slice.call(packed);
}

/** The inverse. */
export function unpackKept(bytes: Uint8Array): unknown {
  // msgpackr gives a Buffer back as what it reads from.
  return packr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/**
 * Looks through values that are to be packed together. `keep` throws for what cannot be kept; `marked` then says whether
 * any of them needs marks, that is `convert`, before it is packed.
 */
export class Survey {
  marked = false;
  readonly #references: ReferenceWriter;
  readonly #path: (string | number)[] = [];
  #seen: Set<object> | undefined;
  #first: object | undefined;

  constructor(references: ReferenceWriter) {
    this.#references = references;
  }

  /** Errors: UNSUPPORTED_LOGIC; `details.place` is `place()` and the way from there, e.g. `context.client.fetch`. */
  keep(value: unknown, place: () => string): void {
    try {
      this.#scan(value, 0);
    } catch (error) {
      if (error instanceof Unkeepable) throw unsupported(place() + this.#way(error.depth), error.what);
      throw error;
    }
  }

  #scan(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        if (!value.isWellFormed()) this.marked = true;
        return;
      case 'number':
        if (value === 0 && Object.is(value, -0)) this.marked = true;
        return;
      case 'object':
        if (value !== null) this.#scanObject(value, depth);
        return;
      case 'function':
        throw new Unkeepable(depth, `a function${value.name === '' ? '' : ` (${value.name})`}`);
      case 'symbol':
        throw new Unkeepable(depth, 'a symbol');
      default:
    }
  }

  #scanObject(value: object, depth: number): void {
    const kind = kindOf(value);
    if (kind === 'native' || kind === 'date') return;
    if (kind === undefined || kind === 'regexp' || kind === 'url') {
      this.marked = true;
      if (kind === undefined && !(value instanceof Error)) this.#scanReference(value, depth);
      return;
    }
    if (this.#isSeen(value)) return;
    if (depth >= DEPTH_MAX) throw new Unkeepable(depth, `more than ${DEPTH_MAX} levels of objects inside one another`);
    if (kind === 'array') this.#scanItems(value as readonly unknown[], depth);
    else if (kind === 'map') this.#scanMap(value as ReadonlyMap<unknown, unknown>, depth);
    else if (kind === 'set') this.#scanEach(value as ReadonlySet<unknown>, depth);
    else this.#scanFields(value as Readonly<Record<string, unknown>>, kind === 'bare', depth);
  }

  #scanFields(value: Readonly<Record<string, unknown>>, bare: boolean, depth: number): void {
    if (bare) this.marked = true;
    if (Object.getOwnPropertySymbols(value).length > 0) throw new Unkeepable(depth, 'a field whose name is a symbol');
    for (const key of Object.keys(value)) {
      if (isAwkward(key)) this.marked = true;
      this.#path[depth] = key;
      this.#scan(value[key], depth + 1);
    }
  }

  #scanItems(value: readonly unknown[], depth: number): void {
    if (isSparse(value)) {
      this.marked = true;
      this.#scanFields(value as unknown as Readonly<Record<string, unknown>>, false, depth);
    } else this.#scanEach(value, depth);
  }

  #scanEach(items: Iterable<unknown>, depth: number): void {
    let at = 0;
    for (const item of items) {
      this.#path[depth] = at++;
      this.#scan(item, depth + 1);
    }
  }

  #scanMap(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    let at = 0;
    for (const [key, item] of value) {
      this.#path[depth] = typeof key === 'string' ? key : at;
      this.#scan(key, depth + 1);
      this.#scan(item, depth + 1);
      at++;
    }
  }

  #scanReference(value: object, depth: number): void {
    let mark: Mark | undefined;
    try {
      mark = this.#references.write(value);
    } catch (error) {
      throw new Unkeepable(depth, error instanceof Error ? error.message : String(error));
    }
    if (mark === undefined) throw new Unkeepable(depth, describeInstance(value));
  }

  #isSeen(value: object): boolean {
    // Most states are one flat object: they need no set.
    if (this.#first === undefined) this.#first = value;
    else if (this.#first === value) return true;
    else if (this.#seen === undefined) this.#seen = new Set([value]);
    else if (this.#seen.has(value)) return true;
    else this.#seen.add(value);
    return false;
  }

  #way(depth: number): string {
    return this.#path.slice(0, depth).map(pathPart).join('');
  }
}

function pathPart(part: string | number): string {
  if (typeof part === 'number' || /^\d+$/.test(part)) return `[${part}]`;
  return /^[\w$]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
}

class Unkeepable extends Error {
  readonly depth: number;
  readonly what: string;
  constructor(depth: number, what: string) {
    super(what);
    this.depth = depth;
    this.what = what;
  }
}

function describeInstance(value: object): string {
  const name = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object'
    ? `an instance of ${name}`
    : 'an object with a prototype of its own';
}

/** The refusal of something that a machine holds at `place`. */
export function unsupported(place: string, what: string): OperatingError {
  const advice = 'Keep plain data there, and put what works with it into a registered actor or an action.';
  return new OperatingError(
    'UNSUPPORTED_LOGIC',
    `${place} holds ${what}, which cannot be kept over a restart. ${advice}`,
    { details: { place } },
  );
}
