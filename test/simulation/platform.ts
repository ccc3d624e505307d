/**
 * The platform during a simulation: its clock and its randomness are those of the simulated world, and its timers throw. One
 * way out is kept for the simulation itself: to let promises settle between two steps.
 */
import type { SimulatedWorld } from './simulated-world.ts';

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate'] as const;
const realSetImmediate = globalThis.setImmediate;

/** Resolves when all promises that can settle have done so. */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void realSetImmediate(resolve));
}

/** Runs `fn` on a platform that has nothing of its own. What escapes from promises meanwhile goes to `onEscape`. */
export async function onSimulatedPlatform<T>(
  world: SimulatedWorld,
  onEscape: (error: unknown) => void,
  fn: () => Promise<T>,
): Promise<T> {
  const kept = {
    now: Date.now,
    random: Math.random,
    performanceNow: performance.now,
    randomUUID: globalThis.crypto.randomUUID,
    timers: TIMERS.map((name) => Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor),
  };
  const refuse = (name: string) => (): never => {
    throw new TypeError(`${name} was called in a simulation: take a World.`);
  };
  Date.now = () => world.wallMs;
  Math.random = world.random;
  performance.now = refuse('performance.now');
  globalThis.crypto.randomUUID = refuse('crypto.randomUUID');
  for (const name of TIMERS)
    Object.defineProperty(globalThis, name, { value: refuse(name), configurable: true, writable: true });
  process.on('unhandledRejection', onEscape);
  try {
    return await fn();
  } finally {
    process.off('unhandledRejection', onEscape);
    Date.now = kept.now;
    Math.random = kept.random;
    performance.now = kept.performanceNow;
    globalThis.crypto.randomUUID = kept.randomUUID;
    TIMERS.forEach((name, index) => Object.defineProperty(globalThis, name, kept.timers[index] as PropertyDescriptor));
  }
}
