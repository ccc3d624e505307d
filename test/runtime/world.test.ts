import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import { createWorld } from '../../runtime/world.ts';

describe('The real world', () => {
  const world = createWorld();

  it('makes what was deferred and what a timer calls outside of every async context', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    await context.run('someone', () =>
      Promise.all([
        new Promise<void>((resolve) => world.defer(() => (seen.push(context.getStore()), resolve()))),
        new Promise<void>((resolve) => void world.after(1, () => (seen.push(context.getStore()), resolve()))),
      ]),
    );
    expect(seen).toEqual([undefined, undefined]);
  });

  it('takes a timer back, also one that is further off than the platform can count', () => {
    vi.useFakeTimers();
    const called: string[] = [];
    world.after(10, () => called.push('taken back'))();
    world.after(2 ** 31 + 5_000, () => called.push('far'));
    vi.advanceTimersByTime(2 ** 31 - 1);
    expect(called).toEqual([]);
    vi.advanceTimersByTime(5_001);
    expect(called).toEqual(['far']);
    vi.useRealTimers();
  });

  it('makes ids of 26 characters in ascending order', () => {
    const ids = Array.from({ length: 1_000 }, () => world.id());
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => id.length === 26)).toBe(true);
  });
});
