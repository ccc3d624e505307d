/** Randomness of the simulation: one seed gives any number of independent streams, each with a name. */

/** A stream of random numbers. The same seed and name give the same numbers. */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: number, name: string) {
    let mixed = 0x9e3779b9 ^ seed;
    for (let at = 0; at < name.length; at++)
      mixed = Math.imul(mixed ^ name.charCodeAt(at), 0x85ebca6b) ^ (mixed >>> 13);
    this.#a = mixed | 0;
    this.#b = Math.imul(seed, 0xc2b2ae35) | 0;
    this.#c = Math.imul(mixed ^ seed, 0x27d4eb2f) | 0;
    this.#counter = 1;
    for (let round = 0; round < 12; round++) this.next();
  }

  /** Uniform in [0, 1). The generator is sfc32. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Mostly near `from`, sometimes far: for times. */
  skewed(from: number, to: number): number {
    return from + (to - from) * this.next() ** 3;
  }

  pick<T>(all: readonly T[]): T {
    const one = all[this.int(0, all.length - 1)];
    if (one === undefined) throw new RangeError('There is nothing to pick from.');
    return one;
  }

  /** A word of lower-case letters. */
  word(length: number): string {
    let word = '';
    while (word.length < length) word += String.fromCharCode(97 + this.int(0, 25));
    return word;
  }
}
