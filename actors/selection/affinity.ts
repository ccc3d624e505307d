/**
 * Who served what before: the agent that did earlier work of the same task, or with the same key, knows it already, or has it in a
 * cache. A preference and no promise: it is in memory alone, and what was long ago is forgotten.
 */
import { ChurnMap } from '../../runtime/churn-map.ts';

/** Pieces of work that are remembered, the last ones. */
const SERVED_MAX = 10_000;

/** The affinities of one node. */
export class Affinity {
  readonly #served = new ChurnMap<string, string>();

  /** `name@version` of the agent that served this work last. */
  of(work: string): string | undefined {
    return this.#served.get(work);
  }

  served(work: string, reference: string): void {
    // Out and in again: the map is in the order of use.
    this.#served.delete(work);
    this.#served.set(work, reference);
    if (this.#served.size <= SERVED_MAX) return;
    for (const oldest of this.#served.keys()) return void this.#served.delete(oldest);
  }
}
