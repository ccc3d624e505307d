/**
 * Time and order of a simulation. Nothing happens but in steps: each step makes one deferred call or fires one timer, and
 * which of those that could be next it is, is decided by the seed wherever no order is promised. The wall clock can jump;
 * timers go by the monotonic clock, fire late by a little, and now and then a fraction of a millisecond early, as real ones do.
 *
 * What belongs to a process that has died never happens.
 */
import type { Cancel, World } from '../../runtime/world.ts';
import { Rng } from './rng.ts';

/** Whose a call is: it is dropped once its owner is dead. */
export interface Owner {
  readonly alive: boolean;
}

interface Deferred {
  readonly fn: () => void;
  readonly owner: Owner;
}

interface Held {
  readonly timers: Timer[];
  readonly deferred: Deferred[];
}

interface Timer {
  readonly dueMs: number;
  readonly tie: number;
  readonly fn: () => void;
  readonly owner: Owner;
  canceled: boolean;
}

const START_MS = Date.UTC(2026, 0, 1);
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Deferred calls that the next is chosen from. */
const WINDOW = 8;
const STEP_MS = 0.04;
const LATE_MS = 2;
const EARLY_MS = 0.9;

/** The owner of what the simulation itself does. */
export const NOBODY: Owner = { alive: true };

/** The world that all processes of one simulation live in. */
export class SimulatedWorld {
  readonly #order: Rng;
  readonly #values: Rng;
  readonly #shuffles: boolean;
  readonly #heap: Timer[] = [];
  #deferred: Deferred[] = [];
  #nowMs = 0;
  /** What the wall clock showed when the monotonic one was at 0, from a time on. */
  readonly #wall: { readonly fromMs: number; readonly zeroMs: number }[] = [{ fromMs: 0, zeroMs: START_MS }];
  /** Of processes that stand still: what would have happened to them. */
  readonly #frozen = new Map<Owner, Held>();
  #latestIdMs = 0;
  #ids = 0;

  constructor(seed: number) {
    this.#order = new Rng(seed, 'order');
    this.#values = new Rng(seed, 'values');
    this.#shuffles = this.#order.chance(0.7);
  }

  /** Monotonic time, ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Wall time, whole ms since the epoch. */
  get wallMs(): number {
    return this.#wallAt(this.#nowMs);
  }

  get idle(): boolean {
    return this.#deferred.length === 0 && this.#heap.length === 0;
  }

  /** Uniform in [0, 1): also what stands in for `Math.random`. */
  readonly random = (): number => this.#values.next();

  /** The wall clock is set: it jumps by so many ms. */
  jump(byMs: number): void {
    const last = this.#wall.at(-1);
    this.#wall.push({ fromMs: this.#nowMs, zeroMs: (last?.zeroMs ?? START_MS) + byMs });
  }

  /** The latest time that the wall clock has shown between a monotonic time and now. */
  latestWallSince(fromMs: number): number {
    let latest = this.wallMs;
    for (const [index, segment] of this.#wall.entries()) {
      const untilMs = this.#wall[index + 1]?.fromMs ?? this.#nowMs;
      if (untilMs >= fromMs) latest = Math.max(latest, Math.floor(segment.zeroMs + untilMs));
    }
    return latest;
  }

  /** The wall clock goes back to what it would show without jumps, or to the latest it has ever shown if that is later. */
  settleWall(): void {
    this.jump(Math.max(this.latestWallSince(0), START_MS + this.#nowMs) - this.wallMs);
  }

  /** Calls `fn` after a time, if its owner is alive then. */
  at(delayMs: number, owner: Owner, fn: () => void): Cancel {
    const timer: Timer = { dueMs: this.#nowMs + delayMs, tie: this.#order.next(), fn, owner, canceled: false };
    this.#push(timer);
    return () => {
      timer.canceled = true;
    };
  }

  /** The world as a process sees it. */
  seenBy(owner: Owner): World {
    return {
      nowMs: () => this.wallMs,
      monotonicMs: () => this.#nowMs,
      after: (delayMs, fn) => {
        const late = this.#order.chance(0.1) ? -EARLY_MS * this.#order.next() : LATE_MS * this.#order.next();
        return this.at(Math.max(0, Math.max(0, delayMs) + late), owner, fn);
      },
      defer: (fn) => void this.#deferred.push({ fn, owner }),
      random: this.random,
      id: () => this.#id(),
    };
  }

  /** One step. False when there is nothing that could happen. */
  step(): boolean {
    this.#nowMs += STEP_MS * this.#order.next();
    this.#dropDead();
    const first = this.#heap[0];
    if (this.#deferred.length > 0 && (first === undefined || first.dueMs > this.#nowMs || this.#order.chance(0.5))) {
      const at = this.#shuffles ? this.#order.int(0, Math.min(this.#deferred.length, WINDOW) - 1) : 0;
      const [call] = this.#deferred.splice(at, 1);
      if (call !== undefined) this.#make(call);
      return true;
    }
    if (first === undefined) return false;
    this.#pop();
    this.#nowMs = Math.max(this.#nowMs, first.dueMs);
    const held = this.#frozen.get(first.owner);
    if (held === undefined) first.fn();
    else held.timers.push(first);
    return true;
  }

  /** A process stands still, and does not notice: its timers do not fire, and nothing arrives at it. */
  freeze(owner: Owner): void {
    if (!this.#frozen.has(owner)) this.#frozen.set(owner, { timers: [], deferred: [] });
  }

  /** It goes on: all that was due meanwhile comes at once, in the order in which it was. */
  thaw(owner: Owner): void {
    const held = this.#frozen.get(owner);
    if (held === undefined) return;
    this.#frozen.delete(owner);
    this.#deferred.unshift(...held.deferred);
    for (const timer of held.timers) this.#push(timer);
  }

  #make(call: Deferred): void {
    const held = this.#frozen.get(call.owner);
    if (held !== undefined) held.deferred.push(call);
    else if (call.owner.alive) call.fn();
  }

  #dropDead(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (!first.canceled && first.owner.alive) return;
      this.#pop();
    }
  }

  #wallAt(monotonicMs: number): number {
    return Math.floor((this.#wall.at(-1)?.zeroMs ?? START_MS) + monotonicMs);
  }

  /** Laid out as a ULID. Never the same twice, whichever process asks. */
  #id(): string {
    this.#latestIdMs = Math.max(this.#latestIdMs, this.wallMs);
    return base32(this.#latestIdMs, 10) + base32(++this.#ids, 16);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = heap[up] as Timer;
      if (!isBefore(timer, above)) break;
      heap[at] = above;
      at = up;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1] as Timer, heap[down] as Timer)) down++;
      if (!isBefore(heap[down] as Timer, last)) break;
      heap[at] = heap[down] as Timer;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.tie < other.tie);
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text;
}
