import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { runSeeds } from './child-run.ts';
import { simulate } from './simulation.ts';

const SEEDS = [1, 7, 12] as const;
/**
 * What a run may make use of: promises, the turns of the event loop between its steps, the metrics' own histogram of them, and who
 * asked for what (`AsyncLocalStorage.snapshot`), which is a note and no resource.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  ...['PROMISE', 'Immediate', 'Microtask', 'TickObject', 'ELDHISTOGRAM'],
  'bound-anonymous-fn',
]);

/** Nine runs of a seed, three of them in processes of their own: a slow machine takes its time. */
const LIMIT_MS = 240_000;

describe('A simulation', () => {
  it('of the same seed is the same run: again, and in another process', { timeout: LIMIT_MS }, async () => {
    const hashes: string[] = [];
    for (const seed of SEEDS) hashes.push((await simulate(seed)).hash);
    expect(new Set(hashes).size).toBe(SEEDS.length);
    const again = await Promise.all(SEEDS.map((seed) => runSeeds('--seed', String(seed), '--json')));
    const inOthers = again.map(({ lines }) => (JSON.parse(lines[0] ?? '{}') as { readonly hash?: string }).hash);
    for (const [at, seed] of SEEDS.entries()) expect((await simulate(seed)).hash).toBe(hashes[at]);
    expect(inOthers).toEqual(hashes);
  });

  it('of a mesh is the same run as well', { timeout: LIMIT_MS }, async () => {
    const { hash } = await simulate(5, { hasMesh: true });
    const { lines } = await runSeeds('--mesh', '--seed', '5', '--json');
    expect((JSON.parse(lines[0] ?? '{}') as { readonly hash?: string }).hash).toBe(hash);
    expect((await simulate(5, { hasMesh: true })).hash).toBe(hash);
    expect((await simulate(5)).hash).not.toBe(hash);
  });

  it('uses no timer, no file, no socket and no thread of the platform', { timeout: LIMIT_MS }, async () => {
    await simulate(2);
    await simulate(2, { hasMesh: true });
    const used = new Set<string>();
    // The runner of the tests has timers and pipes of its own, which are none of this run's.
    const run = new AsyncLocalStorage<'simulated'>();
    const hook = createHook({ init: (_id, type) => void (run.getStore() === 'simulated' && used.add(type)) });
    hook.enable();
    await run.run('simulated', async () => {
      await simulate(2);
      await simulate(2, { hasMesh: true });
    });
    hook.disable();
    expect(used.size).toBeGreaterThan(0);
    expect([...used].filter((type) => !ALLOWED.has(type))).toEqual([]);
  });

  it('gives back the clock, the randomness and the timers of the platform', { timeout: LIMIT_MS }, async () => {
    const before = [Date.now, Math.random, setTimeout, setInterval, setImmediate, performance.now];
    const { violations } = await simulate(3);
    expect(violations).toEqual([]);
    expect([Date.now, Math.random, setTimeout, setInterval, setImmediate, performance.now]).toEqual(before);
  });
});
