import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerQueue } from '../../runtime/timer-queue.ts';
import { createManualWorld } from '../support/manual-world.ts';

function rig() {
  const world = createManualWorld();
  const fired: { readonly id: string; readonly atMs: number }[] = [];
  const cleared = new Set<string>();
  const queue = new TimerQueue(world, {
    fire: ({ id }) => void fired.push({ id, atMs: world.nowMs() }),
    stands: ({ id }) => !cleared.has(id),
  });
  const startMs = world.nowMs();
  return { world, fired, cleared, queue, startMs };
}

describe('The queue of timers', () => {
  it('fires each once, at its time, in the order of their times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1_000, max: 200_000 }), { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        (delays, steps) => {
          const { world, fired, queue, startMs } = rig();
          delays.forEach((delay, index) => queue.add({ address: 'a', id: String(index), dueAtMs: startMs + delay }));
          for (const step of steps) world.advance(step);
          world.advance(300_000);
          expect(fired.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(delays.map((_, index) => index));
          for (const { id, atMs } of fired) expect(atMs).toBe(startMs + Math.max(0, delays[Number(id)] ?? 0));
          expect(fired.map(({ atMs }) => atMs)).toEqual(fired.map(({ atMs }) => atMs).sort((a, b) => a - b));
          expect(queue.size).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('fires those of the same moment in the order in which they were added', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }), (delays) => {
        const { world, fired, queue, startMs } = rig();
        delays.forEach((delay, index) => queue.add({ address: 'a', id: String(index), dueAtMs: startMs + delay }));
        world.advance(10);
        const expected = delays.map((delay, index) => [delay, index] as const).sort(([a, i], [b, j]) => a - b || i - j);
        expect(fired.map(({ id }) => Number(id))).toEqual(expected.map(([, index]) => index));
      }),
      { numRuns: 100 },
    );
  });

  it('forgets those that were cleared before they are due, and keeps the order of the others', () => {
    const { world, fired, cleared, queue, startMs } = rig();
    queue.add({ address: 'a', id: 'kept one', dueAtMs: startMs + 3_600_000 });
    for (let n = 0; n < 100_000; n++) {
      queue.add({ address: 'a', id: String(n), dueAtMs: startMs + 3_600_000 + (n % 7) });
      cleared.add(String(n));
    }
    queue.add({ address: 'a', id: 'kept two', dueAtMs: startMs + 3_600_000 });
    expect(queue.size).toBeLessThan(2_100);
    cleared.clear();
    world.advance(3_600_000);
    expect(fired.map(({ id }) => id).filter((id) => id.startsWith('kept'))).toEqual(['kept one', 'kept two']);
  });

  it('sleeps for a nearer one that came later', () => {
    const { world, fired, queue, startMs } = rig();
    queue.add({ address: 'a', id: 'far', dueAtMs: startMs + 50_000 });
    queue.add({ address: 'a', id: 'near', dueAtMs: startMs + 10 });
    world.advance(10);
    expect(fired.map(({ id }) => id)).toEqual(['near']);
  });

  it('notices within ten seconds that the clock was put forward, and is not early when it was put back', () => {
    const { world, fired, queue, startMs } = rig();
    queue.add({ address: 'a', id: 't', dueAtMs: startMs + 86_400_000 });
    world.setWallClock(startMs + 86_400_000);
    world.advance(10_000);
    expect(fired).toHaveLength(1);
    const back = rig();
    back.queue.add({ address: 'a', id: 't', dueAtMs: back.startMs + 1_000 });
    back.world.setWallClock(back.startMs - 5_000);
    back.world.advance(5_999);
    expect(back.fired).toEqual([]);
    back.world.advance(1);
    expect(back.fired).toHaveLength(1);
  });

  it('does not let what a clock put forward made overdue keep back what is added then', () => {
    const { world, fired, queue, startMs } = rig();
    queue.add({ address: 'a', id: 'far', dueAtMs: startMs + 3_600_000 });
    world.setWallClock(startMs + 7_200_000);
    queue.add({ address: 'a', id: 'new', dueAtMs: startMs + 7_200_400 });
    world.advance(400);
    expect(fired).toEqual([
      { id: 'far', atMs: startMs + 7_200_000 },
      { id: 'new', atMs: startMs + 7_200_400 },
    ]);
  });

  it('fires nothing once it was stopped', () => {
    const { world, fired, queue, startMs } = rig();
    queue.add({ address: 'a', id: 't', dueAtMs: startMs + 1 });
    queue.stop();
    world.advance(10);
    expect([fired, queue.size, world.timersPending]).toEqual([[], 0, 0]);
  });
});
