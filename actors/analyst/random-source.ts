/** Repeatable randomness for samples: the same seed gives the same sample of the same file. */

/** A generator of numbers in [0, 1) (mulberry32: 32 bits of state, good enough to draw rows). `seed` is taken modulo 2^32. */
export function createRandomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
