import { describe, expect, it } from 'vitest';
import { TimerQueue } from '../../runtime/timer-queue.ts';
import { createSupervised, worker } from '../support/supervised.ts';
import { createManualWorld } from '../support/manual-world.ts';

/** What it takes to set and clear so many timers: looks at timers, timers of the world, and entries kept at the end. */
function work(count: number): { readonly looks: number; readonly wakes: number; readonly kept: number } {
  const world = createManualWorld();
  let looks = 0;
  let wakes = 0;
  const live = new Set<string>();
  const counting = {
    ...world,
    nowMs: world.nowMs,
    after: (...given: Parameters<typeof world.after>) => (wakes++, world.after(...given)),
  };
  const queue = new TimerQueue(counting, {
    fire: () => undefined,
    stands: ({ address }) => (looks++, live.has(address)),
  });
  for (let at = 0; at < count; at++) {
    live.add(`a${at}`);
    queue.add({ address: `a${at}`, id: 't', dueAtMs: world.nowMs() + 1_000_000 + at });
  }
  live.clear();
  for (let at = 0; at < 2 * count; at++) queue.add({ address: 'b', id: 't', dueAtMs: world.nowMs() + 2_000_000 + at });
  return { looks, wakes, kept: queue.size };
}

describe('Actors with timers that are stopped', () => {
  it('cost looks and wake-ups in proportion to their number, and leave nothing behind', () => {
    const [small, large] = [work(10_000), work(100_000)];
    expect(large.looks).toBeLessThan(6 * 100_000);
    expect(large.looks / small.looks).toBeLessThan(15);
    expect(large.wakes).toBe(small.wakes);
    expect(large.kept).toBeLessThan(1_024 + 2);
  });

  it('give back what their timers took, once others set theirs', async () => {
    const on = await createSupervised();
    on.start(on.supervise('supervisor/top', {}));
    const count = 3_000;
    const names = Array.from({ length: count }, (_, at) => `w${at}`);
    on.start(...names.map((name) => worker(name, 'supervisor/top')));
    await on.world.settle();
    for (const name of names) on.tell(name, { type: 'wake', afterMs: 60_000_000 });
    await on.world.settle();
    expect(on.kernel.timersPending).toBe(count);
    for (const name of names) on.kernel.stopCell(name);
    await on.world.settle();
    on.start(...names.map((name) => worker(`x${name}`, 'supervisor/top')));
    await on.world.settle();
    for (const name of names) on.tell(`x${name}`, { type: 'wake', afterMs: 60_000_000 });
    await on.world.settle();
    expect(on.kernel.timersPending).toBeLessThan(2 * count);
  });
});
