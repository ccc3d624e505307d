/** The durable timers of all loaded cells, by due time: a binary heap behind one timer of the world. */
import type { Cancel, World } from './world.ts';

/** One durable timer; `dueAtMs` in ms since the epoch. */
export interface DueTimer {
  readonly address: string;
  readonly id: string;
  readonly dueAtMs: number;
}

/** A wake-up later than this is taken in steps, so that a wall clock that was moved forward is noticed. */
const SLEEP_MAX_MS = 60_000;

/** The timers of one kernel. */
export class TimerQueue {
  readonly #world: World;
  readonly #fire: (timer: DueTimer) => void;
  readonly #heap: DueTimer[] = [];
  #wake: { readonly atMs: number; readonly cancel: Cancel } | undefined;

  /** `fire` decides whether the timer still stands: one that was moved or cleared stays in the heap until it is due. */
  constructor(world: World, fire: (timer: DueTimer) => void) {
    this.#world = world;
    this.#fire = fire;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(timer: DueTimer): void {
    const heap = this.#heap;
    heap.push(timer);
    let at = heap.length - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if ((heap[up] as DueTimer).dueAtMs <= timer.dueAtMs) break;
      heap[at] = heap[up] as DueTimer;
      at = up;
    }
    heap[at] = timer;
    if (at === 0) this.#arm();
  }

  stop(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined) return;
    if (this.#wake !== undefined && this.#wake.atMs <= first.dueAtMs) return;
    this.#wake?.cancel();
    const delayMs = Math.min(Math.max(0, first.dueAtMs - this.#world.nowMs()), SLEEP_MAX_MS);
    this.#wake = { atMs: first.dueAtMs, cancel: this.#world.after(delayMs, () => this.#run()) };
  }

  #run(): void {
    this.#wake = undefined;
    for (
      let first = this.#heap[0];
      first !== undefined && first.dueAtMs <= this.#world.nowMs();
      first = this.#heap[0]
    ) {
      this.#pop();
      this.#fire(first);
    }
    this.#arm();
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as DueTimer;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && (heap[down + 1] as DueTimer).dueAtMs < (heap[down] as DueTimer).dueAtMs) down++;
      if ((heap[down] as DueTimer).dueAtMs >= last.dueAtMs) break;
      heap[at] = heap[down] as DueTimer;
      at = down;
    }
    heap[at] = last;
  }
}
