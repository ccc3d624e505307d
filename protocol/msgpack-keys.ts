/**
 * Finds map keys that come twice, or are `__proto__`, while a frame is looked through. Small maps are compared by hash in
 * stacks that are made once; a large map gets a set of its own for the time it is open, so that crafted keys with equal
 * hashes cost no more than others.
 */

/** Maps with more entries than this use a set. */
const SMALL_MAP_MAX = 16;
const PROTO = Array.from('__proto__', (sign) => sign.charCodeAt(0));

/** The keys of the maps that are open while one frame is looked through. Used again for every frame. */
export class KeyLedger {
  /** For each depth of open maps: how many keys are noted, and the set where the map is large. */
  readonly #counts: Int32Array;
  readonly #sets: (Set<string> | undefined)[];
  /** `SMALL_MAP_MAX` places for each depth: hash, first byte, end. */
  readonly #hashes: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  /** For maps at most `depthMax` deep in one another. */
  constructor(depthMax: number) {
    this.#counts = new Int32Array(depthMax);
    this.#sets = Array.from({ length: depthMax }, () => undefined);
    this.#hashes = new Int32Array(depthMax * SMALL_MAP_MAX);
    this.#starts = new Int32Array(depthMax * SMALL_MAP_MAX);
    this.#ends = new Int32Array(depthMax * SMALL_MAP_MAX);
  }

  /** A map begins at this depth; what an earlier one left there is forgotten. */
  open(depth: number, entries: number): void {
    this.#counts[depth] = 0;
    this.#sets[depth] = entries > SMALL_MAP_MAX ? new Set() : undefined;
  }

  /** Notes a key of the map open at this depth; says what is wrong with it, if anything is. */
  add(depth: number, frame: Uint8Array, from: number, to: number): string | undefined {
    let hash = to - from;
    for (let offset = from; offset < to; offset++) hash = (Math.imul(hash, 31) + (frame[offset] as number)) | 0;
    if (to - from === PROTO.length && isProto(frame, from)) return 'a map key is __proto__';
    const set = this.#sets[depth];
    if (set !== undefined) {
      const size = set.size;
      set.add(latin1(frame, from, to));
      return set.size === size ? 'a map key comes twice' : undefined;
    }
    const first = depth * SMALL_MAP_MAX;
    const place = first + (this.#counts[depth] as number);
    for (let index = first; index < place; index++) {
      if (this.#hashes[index] === hash && this.#isSame(frame, index, from, to)) return 'a map key comes twice';
    }
    this.#hashes[place] = hash;
    this.#starts[place] = from;
    this.#ends[place] = to;
    this.#counts[depth] = place - first + 1;
    return undefined;
  }

  #isSame(frame: Uint8Array, index: number, from: number, to: number): boolean {
    const start = this.#starts[index] as number;
    const length = to - from;
    if ((this.#ends[index] as number) - start !== length) return false;
    for (let offset = 0; offset < length; offset++) if (frame[start + offset] !== frame[from + offset]) return false;
    return true;
  }
}

function isProto(frame: Uint8Array, from: number): boolean {
  for (let index = 0; index < PROTO.length; index++) if (frame[from + index] !== PROTO[index]) return false;
  return true;
}

/** One character a byte: equal texts for equal bytes, without decoding. */
function latin1(frame: Uint8Array, from: number, to: number): string {
  return Buffer.from(frame.buffer, frame.byteOffset + from, to - from).toString('latin1');
}
