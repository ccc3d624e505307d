/** Counts, for each address, those who could not prove who they are. Where there were too many, nobody from there is heard for a while. */
import { LIMITS } from '../../protocol/limits.ts';
import type { World } from '../../runtime/world.ts';

const MINUTE_MS = 60_000;

/** All who failed at one door. */
export class FailedProofs {
  readonly #world: Pick<World, 'monotonicMs'>;
  readonly #max: number;
  /** Of each address, the minute that its first failure began. In the order of those: the first is over first. */
  readonly #minutes = new Map<string, { readonly fromMs: number; count: number }>();

  /** `max`: of one address in a minute. */
  constructor(world: Pick<World, 'monotonicMs'>, max: number = LIMITS.meshFailedProofsPerMinuteMax) {
    this.#world = world;
    this.#max = max;
  }

  /** Until someone from this address is heard again; 0 where it is. */
  waitMs(address: string): number {
    const minute = this.#minutes.get(address);
    if (minute === undefined || minute.count < this.#max) return 0;
    return Math.max(0, minute.fromMs + MINUTE_MS - this.#world.monotonicMs());
  }

  /** One more. @returns whether it is the one from which on nobody there is heard. */
  add(address: string): boolean {
    const nowMs = this.#world.monotonicMs();
    let minute = this.#minutes.get(address);
    if (minute === undefined || nowMs - minute.fromMs >= MINUTE_MS) {
      minute = { fromMs: nowMs, count: 0 };
      // Out and in again: the map is in the order of time.
      this.#minutes.delete(address);
      this.#minutes.set(address, minute);
      for (const oldest of this.#minutes.keys()) {
        if (this.#minutes.size <= LIMITS.meshFailedAddressesMax) break;
        this.#minutes.delete(oldest);
      }
    }
    return ++minute.count === this.#max;
  }
}
