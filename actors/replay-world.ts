/**
 * The world of an offline replay, in which nothing waits for long: waits end in the order in which they are due, and when one
 * ends the clocks have moved on to it.
 */
import { type Cancel, createWorld, type World } from '../runtime/world.ts';

/** So long one wait takes at most. What the agent itself does meanwhile has this time to come before it. */
const WAIT_MS_MAX = 100;
/** So long all of them take; the ones after that end as soon as nothing else is there. */
const WAITING_MS_MAX = 2_000;
/** Waits that are told. */
const TOLD_MAX = 20;

interface Wait {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** A world of its own, whose clocks begin now. `onWait` hears of the first waits, in ms. */
export function createReplayWorld(onWait: (delayMs: number) => void): World {
  const world = createWorld();
  const waits = new Set<Wait>();
  let aheadMs = 0;
  let waitingMs = 0;
  let told = 0;
  const nowMs = (): number => world.nowMs() + aheadMs;
  const endOne = (): void => {
    const [first] = [...waits].sort((one, other) => one.dueMs - other.dueMs);
    if (first === undefined) return;
    waits.delete(first);
    aheadMs += Math.max(0, first.dueMs - nowMs());
    first.fn();
  };
  const after = (delayMs: number, fn: () => void): Cancel => {
    if (told++ < TOLD_MAX) onWait(delayMs);
    const shortMs = Math.min(delayMs, WAIT_MS_MAX, WAITING_MS_MAX - waitingMs);
    waitingMs += shortMs;
    const wait = { dueMs: nowMs() + delayMs, fn };
    waits.add(wait);
    world.after(shortMs, endOne);
    return () => void waits.delete(wait);
  };
  return { ...world, nowMs, monotonicMs: () => world.monotonicMs() + aheadMs, after };
}
