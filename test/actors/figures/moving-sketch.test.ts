import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MovingSketch, RATIO_ERROR } from '../../../actors/figures/moving-sketch.ts';

function sketchOf(values: readonly number[]): MovingSketch {
  const sketch = new MovingSketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

/** The smallest value that `share` of them is not above. */
function exact(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;
}

describe('A moving sketch', () => {
  it('has nothing to say before the first value', () => {
    const sketch = new MovingSketch();
    expect([sketch.samples, sketch.quantile(0.5), sketch.quantile(1)]).toEqual([0, 0, 0]);
  });

  it('gives a value that is the only one as it is', () => {
    const sketch = sketchOf([0.0137, 0.0137, 0.0137]);
    expect([sketch.samples, sketch.quantile(0.5), sketch.quantile(0.9)]).toEqual([3, 0.0137, 0.0137]);
  });

  it('is off by at most its ratio while nothing is forgotten yet', () => {
    const value = fc.oneof(fc.double({ min: 0.001, max: 1e5, noNaN: true }), fc.constant(0));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), fc.constantFrom(0.5, 0.9, 1), (values, share) => {
        // The weights of so few are equal but for a few hundredths: a rank next to the exact one is right too.
        const near = [share - 0.06, share, share + 0.06].map((at) => exact(values, Math.min(1, Math.max(0.001, at))));
        const found = sketchOf(values).quantile(share);
        const [low = 0, , high = 0] = near;
        expect(found).toBeGreaterThanOrEqual(low * (1 - RATIO_ERROR) - 1e-9);
        expect(found).toBeLessThanOrEqual(high * (1 + RATIO_ERROR) + 1e-9);
      }),
    );
  });

  it('forgets: after some hundred fast runs the slow ones before do not count', () => {
    const sketch = sketchOf([...Array<number>(1_000).fill(5_000), ...Array<number>(70).fill(10)]);
    expect(sketch.quantile(0.9)).toBeGreaterThan(4_800);
    for (let n = 0; n < 250; n++) sketch.add(10);
    expect(sketch.quantile(0.9)).toBeLessThan(10.3);
    expect(sketch.samples).toBeGreaterThan(150);
    expect(sketch.samples).toBeLessThan(210);
  });

  it('goes on from what was stored as if nothing had been', () => {
    const values = Array.from({ length: 5_000 }, (_, n) => 1 + ((n * 7_919) % 1_000));
    const whole = sketchOf(values);
    const restored = MovingSketch.of(JSON.parse(JSON.stringify(sketchOf(values.slice(0, 4_900)).record())));
    for (const value of values.slice(4_900)) restored.add(value);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      expect(restored.quantile(share) / whole.quantile(share)).toBeCloseTo(1, 1);
    }
    expect(restored.samples).toBe(whole.samples);
  });

  it('keeps to its size whatever comes, and takes no number that is none', () => {
    const sketch = sketchOf([1e-300, 1e300, Number.NaN, -1, Number.POSITIVE_INFINITY, 1e-6, 1e12, 0]);
    for (let n = 0; n < 10_000; n++) sketch.add(10 ** ((n % 600) - 300));
    expect(sketch.record().buckets.length).toBeLessThanOrEqual(480);
    expect(sketch.quantile(1)).toBeGreaterThan(1e298);
    expect(Number.isFinite(sketch.quantile(0.5))).toBe(true);
  });
});
