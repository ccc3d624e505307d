import { createHook } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { runSeeds } from './child-run.ts';
import { simulate } from './simulation.ts';

const SEEDS = [1, 7, 12] as const;
/** What a run may make use of: promises, the turns of the event loop between its steps, and the metrics' own histogram of them. */
const ALLOWED: ReadonlySet<string> = new Set(['PROMISE', 'Immediate', 'Microtask', 'TickObject', 'ELDHISTOGRAM']);

describe('A simulation', () => {
  it('of the same seed is the same run: again, and in another process', async () => {
    const hashes: string[] = [];
    for (const seed of SEEDS) hashes.push((await simulate(seed)).hash);
    expect(new Set(hashes).size).toBe(SEEDS.length);
    const again = await Promise.all(SEEDS.map((seed) => runSeeds('--seed', String(seed), '--json')));
    const inOthers = again.map(({ lines }) => (JSON.parse(lines[0] ?? '{}') as { readonly hash?: string }).hash);
    for (const [at, seed] of SEEDS.entries()) expect((await simulate(seed)).hash).toBe(hashes[at]);
    expect(inOthers).toEqual(hashes);
  });

  it('uses no timer, no file, no socket and no thread of the platform', async () => {
    await simulate(2);
    const used = new Set<string>();
    const hook = createHook({ init: (_id, type) => void used.add(type) });
    hook.enable();
    await simulate(2);
    hook.disable();
    expect([...used].filter((type) => !ALLOWED.has(type))).toEqual([]);
  });

  it('gives back the clock, the randomness and the timers of the platform', async () => {
    const before = [Date.now, Math.random, setTimeout, setInterval, setImmediate, performance.now];
    const { violations } = await simulate(3);
    expect(violations).toEqual([]);
    expect([Date.now, Math.random, setTimeout, setInterval, setImmediate, performance.now]).toEqual(before);
  });
});
