/**
 * What a user's machine may hold, and how it is packed: plain objects and arrays, Map, Set, Date, RegExp, URL, bigint,
 * typed arrays, errors, references to actors; with cycles and shared identity. What cannot be kept (functions, symbols,
 * promises, instances of unknown classes) is refused with its place. docs/agents-machines.md lists what is left out without
 * a word: the stack of an error and those of its fields that cannot be kept, whether an object is frozen, getters, and fields
 * that were given to a typed array, or to a plain array after it was first kept.
 *
 * Values that MessagePack cannot carry as they are stand in the bytes as marks (runtime/machine-marks.ts).
 */
import { Packr } from 'msgpackr';
import { OperatingError } from '../protocol/errors.ts';
import type { KeptClass } from './machine-classes.ts';
import { hasFields, isAwkward, isSparse, kindOf, type Mark, type ReferenceWriter } from './machine-kinds.ts';

/** Containers inside one another in the state of a machine. */
const DEPTH_MAX = 256;

const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });

/**
 * Packs what `Survey.keep` let pass. The bytes are a copy that nothing is packed over. Where they are the same as `last`,
 * that one comes back.
 */
export function packKept(value: unknown, last?: Uint8Array): Uint8Array {
  const packed = packr.pack(value);
  // A copy in Node's pool: an ArrayBuffer of its own would be another 96 bytes for each live machine.
  return last !== undefined && packed.equals(last) ? last : Buffer.from(packed);
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
  /** Buffers, and the one view of each. */
  #views: Map<object, object> | undefined;
  /** Instances of registered classes whose data is being looked through. */
  #open: Set<object> | undefined;

  constructor(references: ReferenceWriter) {
    this.#references = references;
  }

  /** Errors: UNSUPPORTED_LOGIC; `details.place` is `place()` and the way from there, e.g. `context.client.fetch`. */
  keep(value: unknown, place: () => string): void {
    try {
      this.#scan(value, 0);
    } catch (error) {
      if (error instanceof Unkeepable) throw unsupported(place() + this.#way(error.depth), error.what, error.wayOut);
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
    if (kind !== undefined && kind !== 'object' && kind !== 'array' && kind !== 'bare') {
      if (hasFields(value)) throw new Unkeepable(depth, `a ${kind} with fields of its own beside its content`);
      if (kind === 'native') return this.#scanNative(value, depth);
      if (kind === 'date') return;
    }
    if (kind === undefined || kind === 'regexp' || kind === 'url') {
      this.marked = true;
      if (kind === undefined) this.#scanInstance(value, depth);
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

  /** Two views of the same bytes would come back with bytes of their own. Buffers share a pool, and nobody means that. */
  #scanNative(value: object, depth: number): void {
    if (Buffer.isBuffer(value)) return;
    const bytes = ArrayBuffer.isView(value) ? value.buffer : value;
    this.#views ??= new Map();
    if ((this.#views.get(bytes) ?? value) !== value)
      throw new Unkeepable(depth, 'a view of bytes that another one there shares');
    this.#views.set(bytes, value);
  }

  #scanInstance(value: object, depth: number): void {
    const kept = this.#references.classes?.of(value);
    if (kept !== undefined) this.#scanKept(value, kept, depth);
    else if (!(value instanceof Error)) this.#scanReference(value, depth);
  }

  #scanKept(value: object, kept: KeptClass, depth: number): void {
    if (this.#open?.has(value) === true)
      throw new Unkeepable(depth, `an instance of "${kept.name}" that its own data leads back to`);
    if (this.#isSeen(value)) return;
    if (depth >= DEPTH_MAX) throw new Unkeepable(depth, `more than ${DEPTH_MAX} levels of objects inside one another`);
    this.#path[depth] = `<${kept.name}>`;
    (this.#open ??= new Set()).add(value);
    this.#scan(kept.pack(value), depth + 1);
    this.#open.delete(value);
  }

  #scanReference(value: object, depth: number): void {
    let mark: Mark | undefined;
    try {
      mark = this.#references.write(value);
    } catch (error) {
      throw new Unkeepable(depth, error instanceof Error ? error.message : String(error));
    }
    if (mark === undefined) throw new Unkeepable(depth, describeInstance(value), wayOutFor(value));
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
  if (typeof part === 'string' && part.startsWith('<')) return part;
  if (typeof part === 'number' || /^\d+$/.test(part)) return `[${part}]`;
  return /^[\w$]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
}

class Unkeepable extends Error {
  readonly depth: number;
  readonly what: string;
  readonly wayOut: string | undefined;
  constructor(depth: number, what: string, wayOut?: string) {
    super(what);
    this.depth = depth;
    this.what = what;
    this.wayOut = wayOut;
  }
}

function describeInstance(value: object): string {
  const name = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object'
    ? `an instance of ${name}`
    : 'an object with a prototype of its own';
}

function wayOutFor(value: object): string | undefined {
  if (value instanceof Promise)
    return 'Invoke a registered actor that waits for it (fromPromise, effect), and keep its output.';
  const { constructor: made } = value as { readonly constructor?: unknown };
  if (typeof made !== 'function' || made === Object || isBuiltIn(made)) return undefined;
  return 'Register its class under `classes` of the agent, or keep the data that an instance can be made from.';
}

function isBuiltIn(made: { readonly name: string }): boolean {
  return (globalThis as Readonly<Record<string, unknown>>)[made.name] === made;
}

const PLAIN_DATA = 'Keep plain data there, and put what works with it into a registered actor or an action.';

/** The refusal of something that a machine holds at `place`: what it is, and what to do instead. */
export function unsupported(place: string, what: string, wayOut: string = PLAIN_DATA): OperatingError {
  return new OperatingError(
    'UNSUPPORTED_LOGIC',
    `${place} holds ${what}, which cannot be kept over a restart. ${wayOut}`,
    { details: { place } },
  );
}
