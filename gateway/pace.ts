/**
 * The pace of one reader: who may send now, who waits until there is room, and when a reader is so slow that it is given
 * up. It looks at unsent bytes alone, so that a WebSocket and a stream of server-sent events go by the same rules.
 */
import { LIMITS } from '../protocol/limits.ts';
import type { World } from '../runtime/world.ts';

/** How long more than `readerCloseBytes` may stay unsent before a reader counts as too slow: a burst is not slowness. */
export const READER_GRACE_MS = 250;
/** Unsent bytes that are too many at once, grace or not. */
export const READER_BURST_BYTES_MAX = 8 * LIMITS.readerCloseBytes;

const NOW = Promise.resolve();

/** One reader's pace. Its owner calls `eased` whenever bytes have left. */
export class Pace {
  readonly #world: World;
  readonly #backlogBytes: () => number;
  #overSinceMs: number | undefined;
  #waiting: (() => void)[] = [];
  #waking = false;
  #over = false;

  constructor(world: World, backlogBytes: () => number) {
    this.#world = world;
    this.#backlogBytes = backlogBytes;
  }

  /** Whether there is room for what can wait: history, requests, chunks. */
  get hasRoom(): boolean {
    return this.#backlogBytes() <= LIMITS.readerCoalesceBytes;
  }

  /** Resolves when there is room; never for a reader that is gone. */
  ready(): Promise<void> {
    if (!this.#over && this.#waiting.length === 0 && this.hasRoom) return NOW;
    return new Promise((resolve) => {
      if (!this.#over) this.#waiting.push(resolve);
      this.#wake();
    });
  }

  /** Whether a reader with this much unsent must be given up instead of being sent more. */
  isTooSlow(backlogBytes: number): boolean {
    if (backlogBytes <= LIMITS.readerCloseBytes) return false;
    if (backlogBytes > READER_BURST_BYTES_MAX) return true;
    const nowMs = this.#world.monotonicMs();
    this.#overSinceMs ??= nowMs;
    return nowMs - this.#overSinceMs > READER_GRACE_MS;
  }

  /** Bytes have left. */
  eased(): void {
    if (this.#overSinceMs !== undefined && this.#backlogBytes() <= LIMITS.readerCloseBytes)
      this.#overSinceMs = undefined;
    this.#wake();
  }

  /** The reader is gone: whoever waits for it is forgotten with it. */
  end(): void {
    this.#over = true;
    this.#waiting = [];
  }

  /** Lets those who wait go on one by one, as long as there is room after what each has sent. */
  #wake(): void {
    if (this.#waking || this.#over || this.#waiting.length === 0 || !this.hasRoom) return;
    const next = this.#waiting.shift();
    this.#waking = true;
    next?.();
    // What waited goes on in a microtask that was queued just now; the next look at the room comes behind it.
    queueMicrotask(() => {
      this.#waking = false;
      this.#wake();
    });
  }
}
