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

/** Those of a mesh: `--mesh`. A workload that grows makes other runs of them; what they found has a test of its own as well. */
export const KNOWN_MESH_SEEDS: readonly KnownSeed[] = [
  { seed: 100, found: 'an outcome that was settled before it was stored, when its worker came back meanwhile' },
  { seed: 253, found: 'a call that waited for ever for a node whose breaker had been open' },
  {
    seed: 255,
    found: 'work whose worker had drained, left in the store by an owner that started while none was there',
  },
  { seed: 365, found: 'as 100, of a step of a workflow' },
];
