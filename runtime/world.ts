/**
 * The world as the product sees it: time, timers, randomness, ids. Nothing else in the code may ask the platform for
 * these (the house rules check it), so that the same code runs under a simulated world.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { monotonicFactory } from 'ulid';

/** A timer or deferred call that can be taken back. */
export type Cancel = () => void;

/** Time, timers, randomness and ids. */
export interface World {
  /** Wall clock, ms since the epoch. It may jump; use it for what people and other nodes see, and for durable due times. */
  nowMs(): number;
  /** Monotonic clock, ms from an arbitrary start. Use it to measure. */
  monotonicMs(): number;
  /**
   * Calls `fn` once, after `delayMs` (any length; the platform's 2^31 bound is handled), outside of every async context. Never
   * keeps the process alive by itself.
   */
  after(delayMs: number, fn: () => void): Cancel;
  /** Calls `fn` soon, after the events that are already there, outside of the current call and of every async context. */
  defer(fn: () => void): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** A new id: 26 characters, sorted by time of making. */
  id(): string;
}

const DELAY_MAX_MS = 2 ** 31 - 1;

/** The real one. */
export function createWorld(): World {
  const ulid = monotonicFactory(() => Math.random());
  // What happens later is nobody's: whoever asked for it first must not be blamed for what else it leads to.
  const asNobody = AsyncLocalStorage.snapshot();
  const after = (delayMs: number, fn: () => void): Cancel => {
    let canceled = false;
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, DELAY_MAX_MS);
      timer = setTimeout(() => {
        if (canceled) return;
        if (leftMs > stepMs) arm(leftMs - stepMs);
        else asNobody(fn);
      }, stepMs);
      timer.unref();
    };
    arm(Math.max(0, delayMs));
    return () => {
      canceled = true;
      clearTimeout(timer);
    };
  };
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after,
    defer: (fn) => void setImmediate(asNobody, fn),
    random: () => Math.random(),
    id: () => ulid(Date.now()),
  };
}
