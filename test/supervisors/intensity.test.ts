import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { book, hasRoom, type Intensity, recent, type RestartWindow, roomAtMs } from '../../supervisors/intensity.ts';

const TWO_IN_TEN: Intensity = { intensity: 2, periodMs: 10 };

/** Books one restart after another where there is room; says which were within the intensity. */
function run(
  limits: Intensity,
  crashes: readonly { readonly atMs: number; readonly address: string; readonly waitMs: number }[],
) {
  let window: RestartWindow = [];
  const granted: boolean[] = [];
  for (const { atMs, address, waitMs } of crashes) {
    const isWithin = hasRoom(window, limits, atMs);
    granted.push(isWithin);
    if (isWithin) window = book(window, limits, atMs, address, waitMs);
  }
  return { granted, window };
}

describe('The intensity of a supervisor', () => {
  const at = (atMs: number) => ({ atMs, address: 'a', waitMs: 0 });

  it('allows as many restarts in a period as it says, and is exceeded by the next', () => {
    expect(run(TWO_IN_TEN, [at(0), at(1), at(2)]).granted).toEqual([true, true, false]);
  });

  it('of 0 is exceeded by the first', () => {
    expect(run({ intensity: 0, periodMs: 10 }, [at(0), at(1_000)]).granted).toEqual([false, false]);
  });

  it('still counts a restart at the last instant of its period, and no longer right after it', () => {
    expect(run(TWO_IN_TEN, [at(0), at(0), at(10)]).granted).toEqual([true, true, false]);
    expect(run(TWO_IN_TEN, [at(0), at(0), at(10.001)]).granted).toEqual([true, true, true]);
  });

  it('refills with time alone: what it refused does not count', () => {
    const { granted } = run(TWO_IN_TEN, [at(0), at(0), ...Array.from({ length: 10 }, (_, i) => at(i + 1)), at(11)]);
    expect(granted).toEqual([true, true, ...Array.from({ length: 10 }, () => false), true]);
  });

  it('is one for all children', () => {
    const crashes = ['a', 'b', 'c'].map((address, atMs) => ({ atMs, address, waitMs: 0 }));
    expect(run(TWO_IN_TEN, crashes).granted).toEqual([true, true, false]);
  });

  it('is exceeded by a child that crashes at once after every restart, however long its pauses are', () => {
    const crashes = [0, 1_000, 101_000].map((atMs) => ({ atMs, address: 'a', waitMs: 100 * (atMs + 10) }));
    expect(run(TWO_IN_TEN, crashes).granted).toEqual([true, true, false]);
  });

  it('is not refilled by the pause of one child, but is by the time that others are up', () => {
    const crashes = [
      { atMs: 0, address: 'b', waitMs: 0 },
      { atMs: 0, address: 'a', waitMs: 100 },
      { atMs: 100, address: 'a', waitMs: 100 },
      { atMs: 200, address: 'a', waitMs: 100 },
    ];
    expect(run(TWO_IN_TEN, crashes).granted).toEqual([true, true, true, false]);
  });

  it('has room again when it says, and not before', () => {
    const { window } = run(TWO_IN_TEN, [at(3), at(5)]);
    expect(roomAtMs(window, TWO_IN_TEN, 6)).toBe(14);
    expect([hasRoom(window, TWO_IN_TEN, 13), hasRoom(window, TWO_IN_TEN, 14)]).toEqual([false, true]);
    expect(roomAtMs([], TWO_IN_TEN, 6)).toBe(6);
    expect(roomAtMs([], { intensity: 0, periodMs: 10 }, 6)).toBeUndefined();
  });
});

describe('For all crashes', () => {
  const limits = fc.record({ intensity: fc.nat({ max: 6 }), periodMs: fc.integer({ min: 1, max: 50 }) });
  const crashes = fc.array(
    fc.record({ stepMs: fc.nat({ max: 30 }), address: fc.constantFrom('a', 'b', 'c'), waitMs: fc.nat({ max: 40 }) }),
    { maxLength: 60 },
  );
  /** A child crashes only while it is up: not before its last pause has ended. */
  const timed = (steps: readonly { stepMs: number; address: string; waitMs: number }[], isPausing: boolean) => {
    const upMs = new Map<string, number>();
    let nowMs = 0;
    return steps.map(({ stepMs, address, waitMs }) => {
      nowMs = Math.max(nowMs + stepMs, upMs.get(address) ?? 0);
      upMs.set(address, nowMs + (isPausing ? waitMs : 0));
      return { atMs: nowMs, address, waitMs: isPausing ? waitMs : 0 };
    });
  };

  it('grants what a list of all restarts ever begun would grant', () => {
    fc.assert(
      fc.property(limits, crashes, (limit, steps) => {
        const list = timed(steps, false);
        const begun: number[] = [];
        const expected = list.map(({ atMs }) => {
          const counting = begun.filter((beganMs) => beganMs >= atMs - limit.periodMs).length;
          if (counting >= limit.intensity) return false;
          begun.push(atMs);
          return true;
        });
        expect(run(limit, list).granted).toEqual(expected);
      }),
    );
  });

  it('with pauses, grants what a list of all restarts, each aged by the time its child did not wait, would grant', () => {
    fc.assert(
      fc.property(limits, crashes, (limit, steps) => {
        const list = timed(steps, true);
        const begun: { readonly atMs: number; readonly address: string; readonly waitMs: number }[] = [];
        const expected = list.map((crash) => {
          const counting = begun.filter((restart, index) => {
            const waitedMs = begun
              .slice(index)
              .filter(({ address }) => address === restart.address)
              .reduce((sum, { atMs, waitMs }) => sum + Math.min(waitMs, crash.atMs - atMs), 0);
            return crash.atMs - restart.atMs - waitedMs <= limit.periodMs;
          });
          if (counting.length >= limit.intensity) return false;
          begun.push(crash);
          return true;
        });
        expect(run(limit, list).granted).toEqual(expected);
      }),
    );
  });

  it('begins at most as many as the intensity in any period, and remembers no more', () => {
    fc.assert(
      fc.property(limits, crashes, (limit, steps) => {
        const list = timed(steps, true);
        const { granted, window } = run(limit, list);
        const begun = list.filter((_, index) => granted[index]).map(({ atMs }) => atMs);
        for (const fromMs of begun) {
          const inPeriod = begun.filter((atMs) => atMs >= fromMs && atMs <= fromMs + limit.periodMs);
          expect(inPeriod.length).toBeLessThanOrEqual(limit.intensity);
        }
        expect(window.length).toBeLessThanOrEqual(limit.intensity);
        expect(recent(window, limit, Number.MAX_SAFE_INTEGER)).toEqual([]);
      }),
    );
  });

  it('has room at the time it gives, and not a moment earlier where it is exceeded', () => {
    fc.assert(
      fc.property(limits, crashes, fc.nat({ max: 100 }), (limit, steps, laterMs) => {
        const list = timed(steps, true);
        const { window } = run(limit, list);
        const nowMs = (list.at(-1)?.atMs ?? 0) + laterMs;
        const roomMs = roomAtMs(window, limit, nowMs);
        if (roomMs === undefined) {
          expect(limit.intensity).toBe(0);
          return;
        }
        expect(hasRoom(window, limit, Math.max(nowMs, roomMs))).toBe(true);
        if (roomMs > nowMs) expect(hasRoom(window, limit, roomMs - 1)).toBe(false);
        else expect(hasRoom(window, limit, nowMs)).toBe(true);
      }),
    );
  });
});
