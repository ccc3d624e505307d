/** Keys in memory, in order. */

/** A chunk that grows beyond this is halved. */
const CHUNK_KEYS_MAX = 512;

/** An ordered set of strings, in chunks: adding one costs a search and a move within its chunk. */
export class OrderedKeys {
  /** Never empty; each chunk ascending, and below the next one; only a sole chunk may be empty. */
  readonly #chunks: string[][] = [[]];

  /** Adds a key that is not there. */
  add(key: string): void {
    const index = this.#chunkFor(key);
    const chunk = this.#chunks[index] ?? [];
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > CHUNK_KEYS_MAX) {
      // Keys that come in order leave full chunks behind.
      const keep = index === this.#chunks.length - 1 && chunk.at(-1) === key ? CHUNK_KEYS_MAX : CHUNK_KEYS_MAX >> 1;
      this.#chunks.splice(index + 1, 0, chunk.splice(keep));
    }
  }

  /** Removes a key that is there. */
  remove(key: string): void {
    const index = this.#chunkFor(key);
    const chunk = this.#chunks[index] ?? [];
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(index, 1);
  }

  /** At most `max` keys from `gte` on and below `lt`. */
  ascending(gte: string, lt: string, max: number): string[] {
    const found: string[] = [];
    for (let c = this.#chunkFor(gte); c < this.#chunks.length; c++) {
      const chunk = this.#chunks[c] ?? [];
      for (let i = lowerBound(chunk, gte); i < chunk.length; i++) {
        const key = chunk[i] ?? '';
        if (key >= lt || found.length === max) return found;
        found.push(key);
      }
    }
    return found;
  }

  /** At most `max` keys below `lt`, the last first, down to `gte`. */
  descending(gte: string, lt: string, max: number): string[] {
    const found: string[] = [];
    for (let c = this.#chunkFor(lt); c >= 0; c--) {
      const chunk = this.#chunks[c] ?? [];
      for (let i = lowerBound(chunk, lt) - 1; i >= 0; i--) {
        const key = chunk[i] ?? '';
        if (key < gte || found.length === max) return found;
        found.push(key);
      }
    }
    return found;
  }

  /** The last chunk that begins at or below the key; the first where none does. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#chunks[middle]?.[0] ?? '') <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The place of the first key that is not less. */
function lowerBound(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunk[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
