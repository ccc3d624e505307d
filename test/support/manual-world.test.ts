import { describe, expect, it } from 'vitest';
import { createManualWorld } from './manual-world.ts';

describe('The manual world', () => {
  it('gives the same randomness and ids for the same seed, and others for another', () => {
    const draw = (seed: number): unknown[] => {
      const world = createManualWorld({ seed });
      return [world.random(), world.random(), world.id(), world.id()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('makes ids of 26 characters that sort by the order of their making, also when the wall clock goes back', () => {
    const world = createManualWorld();
    const ids = [world.id()];
    for (let i = 0; i < 100; i++) {
      if (i === 50) world.setWallClock(1_000);
      else world.advance(i % 3);
      ids.push(world.id());
    }
    expect(ids.every((id) => id.length === 26)).toBe(true);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('draws evenly from [0, 1)', () => {
    const world = createManualWorld({ seed: 3 });
    const draws = Array.from({ length: 10_000 }, () => world.random());
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    expect(draws.reduce((sum, draw) => sum + draw, 0) / draws.length).toBeCloseTo(0.5, 1);
  });

  it('calls timers at their due time and in order, also those that timers arm, and none that were taken back', () => {
    const world = createManualWorld({ startMs: 5_000 });
    const calls: string[] = [];
    const note = (name: string) => (): void => void calls.push(`${name}@${world.nowMs()}/${world.monotonicMs()}`);
    world.after(20, note('late'));
    world.after(10, () => {
      note('early')();
      world.after(5, note('nested'));
    });
    world.after(10, note('second'));
    world.after(12, note('never'))();
    world.after(31, note('beyond'));
    world.advance(30);
    expect(calls).toEqual(['early@5010/10', 'second@5010/10', 'nested@5015/15', 'late@5020/20']);
    expect([world.nowMs(), world.monotonicMs(), world.timersPending]).toEqual([5_030, 30, 1]);
  });

  it('makes deferred calls only when told to, and those that they defer too', () => {
    const world = createManualWorld();
    const calls: number[] = [];
    world.defer(() => {
      calls.push(1);
      world.defer(() => calls.push(2));
    });
    expect([calls.length, world.deferredPending]).toEqual([0, 1]);
    world.run();
    expect([calls, world.deferredPending]).toEqual([[1, 2], 0]);
  });

  it('settles promises that defer, and defers that promise', async () => {
    const world = createManualWorld();
    const calls: string[] = [];
    const work = async (): Promise<void> => {
      await new Promise<void>((resolve) => world.defer(resolve));
      calls.push('deferred');
      await new Promise<void>((resolve) => void world.after(50, resolve));
      calls.push('waited');
      await new Promise<void>((resolve) => world.defer(resolve));
      calls.push('done');
    };
    void work();
    await world.settle();
    expect(calls).toEqual(['deferred']);
    await world.elapse(50);
    expect(calls).toEqual(['deferred', 'waited', 'done']);
  });

  it('makes deferred calls by itself when it is automatic', async () => {
    const world = createManualWorld({ auto: true });
    const calls: number[] = [];
    await new Promise<void>((resolve) => {
      world.defer(() => calls.push(1));
      world.defer(() => {
        calls.push(2);
        world.defer(resolve);
      });
    });
    expect(calls).toEqual([1, 2]);
  });

  it('leaves timers alone when the wall clock is set', () => {
    const world = createManualWorld({ startMs: 1_000 });
    let isFired = false;
    world.after(10, () => (isFired = true));
    world.setWallClock(90_000_000);
    expect([world.nowMs(), isFired]).toEqual([90_000_000, false]);
    world.advance(10);
    expect([world.nowMs(), isFired]).toEqual([90_000_010, true]);
  });
});
