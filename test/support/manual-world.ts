/**
 * A world that stands still: its clocks move only when told to, its randomness comes from a seed, its ids count. The same
 * calls in the same order give the same run.
 *
 * Deferred calls wait for `run()` (or happen soon, with `auto`); timers wait for `advance()`. Code that awaits real
 * promises in between (a store's commit) wants `settle()` and `elapse()`, which let those finish as well.
 */
import type { Cancel, World } from '../../runtime/world.ts';

/** A world with levers. */
export interface ManualWorld extends World {
  /** Moves both clocks forward, and calls each timer that comes due at its due time, in order, with what it deferred. */
  advance(ms: number): void;
  /** Like `advance`, and lets promises finish: before, after, and between the timers. */
  elapse(ms: number): Promise<void>;
  /** Makes the deferred calls, and those they defer in turn, until there are none. */
  run(): void;
  /** Like `run`, and lets promises finish, until nothing moves any more. */
  settle(): Promise<void>;
  /** Sets the wall clock, forwards or back, as an operator might. Timers go by the other clock and do not notice. */
  setWallClock(nowMs: number): void;
  /** Timers that are armed. */
  readonly timersPending: number;
  /** Calls that are deferred. */
  readonly deferredPending: number;
}

/** How a manual world begins. */
export interface ManualWorldOptions {
  /** Default: 1. Part of the ids, so that worlds with different seeds never make the same. */
  readonly seed?: number;
  /** The wall clock's first reading. Default: 1 January 2026. */
  readonly startMs?: number;
  /** Makes deferred calls soon by itself. Default: false. */
  readonly auto?: boolean;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/** More deferred calls in one `run`, or rounds in one `settle`, are a loop. */
const RUN_MAX = 1_000_000;
const START_MS = Date.UTC(2026, 0, 1);
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Makes one. */
export function createManualWorld(options: ManualWorldOptions = {}): ManualWorld {
  return new Manual(options);
}

class Manual implements ManualWorld {
  readonly #seed: number;
  readonly #auto: boolean;
  readonly #timers = new Set<Timer>();
  #deferred: (() => void)[] = [];
  #elapsedMs = 0;
  #wallMs: number;
  #latestIdMs = 0;
  #made = 0;
  #randomState: number;

  constructor({ seed = 1, startMs = START_MS, auto = false }: ManualWorldOptions) {
    this.#seed = seed;
    this.#randomState = seed;
    this.#wallMs = startMs;
    this.#auto = auto;
  }

  readonly nowMs = (): number => this.#wallMs;

  readonly monotonicMs = (): number => this.#elapsedMs;

  readonly after = (delayMs: number, fn: () => void): Cancel => {
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#made++, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  readonly defer = (fn: () => void): void => {
    this.#deferred.push(fn);
    if (this.#auto && this.#deferred.length === 1) setImmediate(() => this.run());
  };

  /** Mulberry32. */
  readonly random = (): number => {
    this.#randomState = (this.#randomState + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#randomState ^ (this.#randomState >>> 15), 1 | this.#randomState);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** Laid out as a ULID: 10 characters of time, then 6 of the seed and 10 of a counter. */
  readonly id = (): string => {
    this.#latestIdMs = Math.max(this.#latestIdMs, this.#wallMs);
    return base32(this.#latestIdMs, 10) + base32(this.#seed >>> 0, 6).slice(-6) + base32(this.#made++, 10);
  };

  get timersPending(): number {
    return this.#timers.size;
  }

  get deferredPending(): number {
    return this.#deferred.length;
  }

  setWallClock(nowMs: number): void {
    this.#wallMs = nowMs;
  }

  advance(ms: number): void {
    this.run();
    const untilMs = this.#elapsedMs + ms;
    while (this.#fireNext(untilMs)) this.run();
    this.#moveTo(untilMs);
  }

  async elapse(ms: number): Promise<void> {
    await this.settle();
    const untilMs = this.#elapsedMs + ms;
    while (this.#fireNext(untilMs)) await this.settle();
    this.#moveTo(untilMs);
  }

  run(): void {
    let calls = 0;
    while (this.#deferred.length > 0) {
      const batch = this.#deferred;
      this.#deferred = [];
      let made = 0;
      try {
        for (const fn of batch) {
          made += 1;
          fn();
        }
      } finally {
        // One that throws ends this run, as it would end a process; the others are still there.
        if (made < batch.length) this.#deferred = [...batch.slice(made), ...this.#deferred];
      }
      calls += made;
      if (calls > RUN_MAX)
        throw new Error(`More than ${RUN_MAX} deferred calls in one run: something defers itself for ever.`);
    }
  }

  async settle(): Promise<void> {
    for (let round = 0; round < RUN_MAX; round++) {
      this.run();
      // One round of the real event loop lets all promises that can settle do so.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (this.#deferred.length === 0) return;
    }
    throw new Error(`Nothing came to rest in ${RUN_MAX} rounds: something defers itself for ever.`);
  }

  /** Calls the first timer due by then; false when there is none. */
  #fireNext(untilMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#timers.delete(next);
    this.#moveTo(next.dueMs);
    next.fn();
    return true;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text;
}
