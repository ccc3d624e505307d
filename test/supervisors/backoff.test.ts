import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Backoff, restartDelayMs } from '../../supervisors/backoff.ts';

const STEADY: Backoff = { firstMs: 100, factor: 2, maxMs: 1_000, jitter: 0 };

describe('The pause before a restart', () => {
  it('grows by its factor with each restart before it, up to its bound', () => {
    const pauses = [0, 1, 2, 3, 4, 5_000].map((earlier) => restartDelayMs(STEADY, earlier, () => 0.9));
    expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('is nothing where the first is', () => {
    expect(restartDelayMs({ ...STEADY, firstMs: 0 }, 5_000, () => 0.5)).toBe(0);
  });

  it('loses to chance the part that jitter says, at most', () => {
    const jittered = { ...STEADY, jitter: 0.5 };
    expect([0, 0.5, 1].map((chance) => restartDelayMs(jittered, 1, () => chance))).toEqual([200, 150, 100]);
  });

  it('is a whole number of ms between nothing and its bound, whatever the policy', () => {
    const backoffs = fc
      .record({
        firstMs: fc.nat(10_000),
        factor: fc.double({ min: 1, max: 10, noNaN: true }),
        more: fc.nat(100_000),
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      .map(({ more, ...backoff }): Backoff => ({ ...backoff, maxMs: backoff.firstMs + more }));
    fc.assert(
      fc.property(
        backoffs,
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (backoff, earlier, chance) => {
          const delayMs = restartDelayMs(backoff, earlier, () => chance);
          expect(Number.isInteger(delayMs)).toBe(true);
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(backoff.maxMs);
        },
      ),
    );
  });
});
