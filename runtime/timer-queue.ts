/**
 * The durable timers of all loaded cells, by due time: a binary heap behind one timer of the world. Those that are due at the
 * same moment fire in the order in which they were added. A timer is due by the wall clock, and never early by it.
 */
import type { Cancel, World } from './world.ts';

/** One durable timer; `dueAtMs` in ms since the epoch. */
export interface DueTimer {
  readonly address: string;
  readonly id: string;
  readonly dueAtMs: number;
}

interface Entry {
  readonly timer: DueTimer;
  /** Counts up: decides between timers that are due at the same moment. */
  readonly order: number;
}

/** What the queue asks its owner. */
export interface TimerOwner {
  /** A timer is due. It may have been moved or cleared since: the owner decides whether it still stands. */
  fire(timer: DueTimer): void;
  /** False for a timer that was moved or cleared: it may be forgotten before it is due. */
  stands(timer: DueTimer): boolean;
}

/** A wake-up later than this is taken in steps, so that a wall clock that was moved forward is noticed. */
const SLEEP_MAX_MS = 10_000;
/** Below this many, timers that do not stand any more are not looked for. */
const SWEEP_FROM = 1_024;

/** The timers of one kernel. At most half of a large queue are timers that were moved or cleared. */
export class TimerQueue {
  readonly #world: World;
  readonly #owner: TimerOwner;
  #heap: Entry[] = [];
  #added = 0;
  #sweepAt = SWEEP_FROM;
  /** `isStep`: it comes before the first timer is due, to look at the wall clock. */
  #wake: { readonly atMs: number; readonly cancel: Cancel; readonly isStep: boolean } | undefined;

  constructor(world: World, owner: TimerOwner) {
    this.#world = world;
    this.#owner = owner;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(timer: DueTimer): void {
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    this.#heap.push({ timer, order: this.#added++ });
    if (this.#rise(this.#heap.length - 1) === 0) this.#arm();
    else if (this.#wake?.isStep === true) this.#notice();
  }

  stop(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#heap.length = 0;
  }

  /** Forgets what does not stand any more. Its cost is shared by as many additions as entries are looked at. */
  #sweep(): void {
    // A cell that comes back into memory arms what is still here from before it left.
    const standing = new Map<string, Entry>();
    for (const entry of this.#heap) {
      const { timer } = entry;
      if (this.#owner.stands(timer)) standing.set(`${timer.address}\0${timer.id}`, entry);
    }
    // What is in order stays a heap.
    this.#heap = [...standing.values()].sort(compare);
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#heap.length);
  }

  #arm(): void {
    const first = this.#heap[0]?.timer;
    if (first === undefined) return;
    if (this.#wake !== undefined && this.#wake.atMs <= first.dueAtMs) return;
    this.#wake?.cancel();
    const leftMs = Math.max(0, first.dueAtMs - this.#world.nowMs());
    const delayMs = Math.min(leftMs, SLEEP_MAX_MS);
    const cancel = this.#world.after(delayMs, () => this.#run());
    this.#wake = { atMs: first.dueAtMs, cancel, isStep: delayMs < leftMs };
  }

  /** A clock that was moved forward while the queue sleeps: what is overdue must not keep back what was added since. */
  #notice(): void {
    const first = this.#heap[0]?.timer;
    if (first === undefined || first.dueAtMs > this.#world.nowMs()) return;
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#arm();
  }

  #run(): void {
    this.#wake = undefined;
    for (let first = this.#heap[0]?.timer; first !== undefined; first = this.#heap[0]?.timer) {
      if (first.dueAtMs > this.#world.nowMs()) break;
      this.#pop();
      this.#owner.fire(first);
    }
    this.#arm();
  }

  /** Moves an entry up to its place, which it returns. */
  #rise(from: number): number {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (compare(heap[up] as Entry, entry) <= 0) break;
      heap[at] = heap[up] as Entry;
      at = up;
    }
    heap[at] = entry;
    return at;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && compare(heap[down + 1] as Entry, heap[down] as Entry) < 0) down++;
      if (compare(heap[down] as Entry, last) >= 0) break;
      heap[at] = heap[down] as Entry;
      at = down;
    }
    heap[at] = last;
  }
}

function compare(a: Entry, b: Entry): number {
  return a.timer.dueAtMs - b.timer.dueAtMs || a.order - b.order;
}
