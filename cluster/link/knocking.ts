/** Counts, for each address, those who have not yet said who they are. */
import { LIMITS } from '../../protocol/limits.ts';

/** All who knock at one door. */
export class Knocking {
  readonly #counts = new Map<string, number>();

  /** One more from this address; undefined where there are too many. What it gives is called once, when that one is in or gone. */
  knock(address: string): (() => void) | undefined {
    const count = this.#counts.get(address) ?? 0;
    if (count >= LIMITS.connectionsUnauthenticatedPerIpMax) return undefined;
    this.#counts.set(address, count + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.#counts.get(address) ?? 1) - 1;
      if (left > 0) this.#counts.set(address, left);
      else this.#counts.delete(address);
    };
  }
}
