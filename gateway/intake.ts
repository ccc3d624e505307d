/**
 * How much all connections together may read in one round of the event loop. Without a bound, whoever floods a node with
 * messages makes each round as long as its buffers are full, and everyone else, `/healthz` first, waits for its end. What
 * is not read stays with the connection, and then with the sender: nothing is dropped here.
 */
import type { World } from '../runtime/world.ts';

/** Messages that one round of the event loop reads, over all connections: some milliseconds of work. */
export const ROUND_MESSAGES_MAX = 96;
/** Messages that one connection reads before the next that waits has its turn. */
export const QUANTUM_MESSAGES_MAX = 32;
/**
 * Messages per pause that a node reads while it has as much work as it takes. Most of them it must refuse, and what it
 * spends on that is not spent on the work: this keeps it below a tenth.
 */
export const FULL_MESSAGES_MAX = 16;
/** The pause. */
export const FULL_PAUSE_MS = 5;

/** The intake of one node. */
export class Intake {
  readonly #world: World;
  readonly #isFull: () => boolean;
  #left = ROUND_MESSAGES_MAX;
  #waiting: (() => void)[] = [];
  #scheduled = false;
  readonly #renew = (): void => this.#nextRound();

  /** `isFull`: whether new work is refused now because there is enough. */
  constructor(world: World, isFull: () => boolean) {
    this.#world = world;
    this.#isFull = isFull;
  }

  /** Whether one more message may be read in this round; it counts as read. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.#schedule();
    return true;
  }

  /** Calls `read` in a later round, behind those that wait already. It reads at most a quantum, and asks again for more. */
  later(read: () => void): void {
    this.#waiting.push(read);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#isFull()) this.#world.after(FULL_PAUSE_MS, this.#renew);
    else this.#world.defer(this.#renew);
  }

  #nextRound(): void {
    this.#scheduled = false;
    this.#left = this.#isFull() ? FULL_MESSAGES_MAX : ROUND_MESSAGES_MAX;
    // Those that ask again while they are called are behind all others.
    while (this.#left > 0 && this.#waiting.length > 0) {
      const now = this.#waiting;
      this.#waiting = [];
      let called = 0;
      while (called < now.length && this.#left > 0) now[called++]?.();
      if (called < now.length) this.#waiting = [...now.slice(called), ...this.#waiting];
    }
    if (this.#waiting.length > 0) this.#schedule();
  }
}
