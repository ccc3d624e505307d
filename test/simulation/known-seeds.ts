/** Seeds that have found a fault of the product: they run first, for ever. */

/** A seed, and what it found. */
export interface KnownSeed {
  readonly seed: number;
  readonly found: string;
}

/** All of them. */
export const KNOWN_SEEDS: readonly KnownSeed[] = [
  { seed: 53, found: 'a task whose end had a negative duration, after the wall clock was set back' },
  { seed: 147, found: 'a sleep that waited for over an hour, after the wall clock was set back and forward again' },
  { seed: 1, found: 'a keyed actor that was stored without its state while that was still being read' },
];
