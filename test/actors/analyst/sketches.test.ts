import fc from 'fast-check';
import * as reference from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import {
  createEstimatedDistribution,
  createExactDistribution,
  type Distribution,
} from '../../../actors/analyst/distribution.ts';
import { Extremes } from '../../../actors/analyst/extremes.ts';
import { hash64, HyperLogLog } from '../../../actors/analyst/hyper-log-log.ts';
import { Moments } from '../../../actors/analyst/moments.ts';
import { TDigest } from '../../../actors/analyst/t-digest.ts';
import { sortCounts, ValueCounter } from '../../../actors/analyst/value-counter.ts';
import { repeatable } from './files.ts';

const figure = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const figures = fc.array(figure, { minLength: 1, maxLength: 200 });

function exact(values: readonly number[]): Distribution {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = sortCounts(counts);
  return createExactDistribution(sorted.values, sorted.counts);
}

/** Quantile of type 7 by its definition, on the sorted values. */
function quantile7(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] as number;
  const high = sorted[Math.ceil(position)] as number;
  return low + (high - low) * (position - Math.floor(position));
}

/** Moderately skewed values, repeatable. */
function lognormal(count: number, seed: number): Float64Array {
  const random = repeatable(seed);
  return Float64Array.from({ length: count }, () =>
    Math.exp(Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random())),
  );
}

describe('moments', () => {
  it('agree with figures of SciPy', () => {
    const moments = new Moments();
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9, 30]) moments.add(value);
    expect(moments.mean).toBeCloseTo(7.777777777777778, 12);
    expect(moments.sd).toBeCloseTo(8.56997342145496, 12);
    expect(moments.skew).toBeCloseTo(2.7009186895769766, 12);
    expect([moments.min, moments.max, moments.count]).toEqual([2, 30, 9]);
  });

  it('agree with two passes over any values, and merge as if all had come to one', () => {
    fc.assert(
      fc.property(figures, figures, (left, right) => {
        const whole = new Moments();
        const part = new Moments();
        const other = new Moments();
        for (const value of left) part.add(value);
        for (const value of right) other.add(value);
        for (const value of [...left, ...right]) whole.add(value);
        part.merge(other);
        const all = [...left, ...right];
        const scale = Math.max(1, ...all.map(Math.abs));
        expect(Math.abs(whole.mean - reference.mean(all)) / scale).toBeLessThan(1e-10);
        expect(Math.abs(whole.sd - reference.sampleStandardDeviation(all)) / scale).toBeLessThan(1e-9);
        expect(Math.abs(part.mean - whole.mean) / scale).toBeLessThan(1e-10);
        expect(Math.abs(part.sd - whole.sd) / scale).toBeLessThan(1e-9);
        if (whole.sd > scale * 1e-6 && all.length > 2) {
          expect(part.skew).toBeCloseTo(whole.skew, 6);
          expect(whole.skew).toBeCloseTo(reference.sampleSkewness(all), 6);
        }
      }),
    );
  });

  it('stay exact far from zero, where sums of squares do not', () => {
    const moments = new Moments();
    for (const value of [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]) moments.add(value);
    expect(moments.sd).toBeCloseTo(Math.sqrt(30), 9);
  });

  it('have no spread for one value and no skew for equal ones', () => {
    const moments = new Moments();
    moments.add(3);
    expect(moments.sd).toBeNaN();
    moments.add(3);
    moments.add(3);
    expect([moments.sd, Number.isNaN(moments.skew)]).toEqual([0, true]);
  });
});

describe('an exact distribution', () => {
  it('gives quantiles of type 7, as sorted values do', () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        expect(exact(values).quantile(share)).toBeCloseTo(quantile7(values, share), 6);
      }),
    );
  });

  it('agrees with NumPy and SciPy', () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9, 30];
    const spread = exact(values);
    const shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
    shares.forEach((share, at) =>
      expect(spread.quantile(share)).toBeCloseTo([2.16, 2.8, 4, 5, 7, 21.6, 28.32][at] as number, 10),
    );
    expect(spread.medianDistance(5)).toBe(1);
  });

  it('knows the median distance from the median, as sorted distances do', () => {
    fc.assert(
      fc.property(figures, (values) => {
        expect(exact(values).medianDistance(reference.median(values))).toBeCloseTo(
          reference.medianAbsoluteDeviation(values),
          6,
        );
      }),
    );
  });

  it('counts what is below', () => {
    fc.assert(
      fc.property(figures, figure, (values, bound) => {
        expect(exact(values).countBelow(bound)).toBe(values.filter((value) => value < bound).length);
      }),
    );
  });
});

describe('the t-digest', () => {
  const COUNT = 200_000;
  const orders: readonly (readonly [string, (values: Float64Array) => Float64Array])[] = [
    ['as they come', (values) => values],
    ['ascending', (values) => values.slice().sort()],
    ['descending', (values) => values.slice().sort().reverse()],
  ];

  it.each(orders)('has ranks right within 0.001 in the middle and 0.0001 at the ends, values %s', (_, order) => {
    const values = lognormal(COUNT, 7);
    const sorted = values.slice().sort();
    const digest = new TDigest();
    for (const value of order(values)) digest.add(value);
    const spread = createEstimatedDistribution(digest, COUNT);
    const rankOf = (value: number): number => sorted.findIndex((other) => other >= value) / COUNT;
    for (const share of [0.1, 0.25, 0.5, 0.75, 0.9])
      expect(Math.abs(rankOf(spread.quantile(share)) - share)).toBeLessThan(0.001);
    for (const share of [0.0005, 0.001, 0.999, 0.9995])
      expect(Math.abs(rankOf(spread.quantile(share)) - share)).toBeLessThan(0.0001);
    expect([spread.quantile(0), spread.quantile(1)]).toEqual([sorted[0], sorted.at(-1)]);
  });

  it('turns round: the share below a quantile is the share asked for', () => {
    const digest = new TDigest();
    for (const value of lognormal(COUNT, 3)) digest.add(value);
    const spread = createEstimatedDistribution(digest, COUNT);
    for (const share of [0.01, 0.3, 0.5, 0.99])
      expect(spread.countBelow(spread.quantile(share)) / COUNT).toBeCloseTo(share, 4);
    expect([spread.countBelow(-1), spread.countBelow(1e9)]).toEqual([0, COUNT]);
  });

  it('estimates the MAD', () => {
    const values = lognormal(COUNT, 11);
    const digest = new TDigest();
    for (const value of values) digest.add(value);
    const spread = createEstimatedDistribution(digest, COUNT);
    const median = spread.quantile(0.5);
    const truth = reference.medianAbsoluteDeviation([...values]);
    expect(Math.abs(spread.medianDistance(median) - truth) / truth).toBeLessThan(0.01);
  });

  it('takes over counts, and keeps a bounded number of points whatever comes', () => {
    const digest = new TDigest();
    digest.addCounted(
      Float64Array.from({ length: 50_000 }, (_, index) => index),
      new Float64Array(50_000).fill(2),
    );
    for (let value = 0; value < 100_000; value++) digest.add(value % 50_000);
    const { shares, values } = digest.knots();
    expect(values.length).toBeLessThan(500);
    expect(createEstimatedDistribution(digest, 200_000).quantile(0.5)).toBeCloseTo(25_000, -2);
    expect(shares.every((share, at) => at === 0 || share >= (shares[at - 1] as number))).toBe(true);
  });

  it('gives the same each time', () => {
    const run = (): readonly number[] => {
      const digest = new TDigest();
      for (const value of lognormal(30_000, 5)) digest.add(value);
      return [...digest.knots().values];
    };
    expect(run()).toEqual(run());
  });
});

describe('HyperLogLog', () => {
  it.each([100, 5_000, 40_000, 60_000, 300_000, 1_000_000])(
    'estimates %i distinct texts and numbers within 2.5 %%',
    (count) => {
      const texts = new HyperLogLog();
      const numbers = new HyperLogLog();
      for (let index = 0; index < count; index++) {
        texts.add(`value ${index}`);
        numbers.add(index);
      }
      expect(Math.abs(texts.estimate() / count - 1)).toBeLessThan(0.025);
      expect(Math.abs(numbers.estimate() / count - 1)).toBeLessThan(0.025);
    },
  );

  it('counts equal values once', () => {
    const sketch = new HyperLogLog();
    for (let index = 0; index < 10_000; index++) sketch.add(`v${index % 10}`);
    expect(sketch.estimate()).toBe(10);
    expect(new HyperLogLog().estimate()).toBe(0);
  });

  it('hashes zero like minus zero, and near numbers far apart', () => {
    expect(hash64(0)).toEqual(hash64(-0));
    expect(hash64(1)).not.toEqual(hash64(2));
    expect(hash64('1')).not.toEqual(hash64(1));
  });
});

describe('the value counter', () => {
  it('is exact while values fit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: 0, max: 20 })), { maxLength: 100 }),
        (values) => {
          const counter = new ValueCounter(1_000);
          const truth = new Map<string | number, number>();
          for (const value of values) {
            counter.add(value);
            truth.set(value, (truth.get(value) ?? 0) + 1);
          }
          expect([counter.exact, counter.distinct, counter.error]).toEqual([true, truth.size, 0]);
          for (const { value, count } of counter.top(5)) expect(count).toBe(truth.get(value));
        },
      ),
    );
  });

  it('keeps frequent values among many rare ones, its counts low by at most what it says', () => {
    const counter = new ValueCounter(100);
    const truth = new Map<string, number>();
    const random = repeatable(9);
    for (let index = 0; index < 50_000; index++) {
      const value = random() < 0.6 ? `often ${Math.floor(random() * 5)}` : `rare ${Math.floor(random() * 5_000)}`;
      truth.set(value, (truth.get(value) ?? 0) + 1);
      counter.add(value);
    }
    expect(counter.exact).toBe(false);
    const top = counter.top(5);
    expect(new Set(top.map(({ value }) => value))).toEqual(
      new Set(['often 0', 'often 1', 'often 2', 'often 3', 'often 4']),
    );
    for (const { value, count } of top) {
      const real = truth.get(String(value)) as number;
      expect(count).toBeLessThanOrEqual(real);
      expect(count + counter.error).toBeGreaterThanOrEqual(real);
    }
    expect(Math.abs(counter.distinct / truth.size - 1)).toBeLessThan(0.03);
  });

  it('says nothing of frequent values where nearly all are distinct, and hands over what it had', () => {
    let handed = 0;
    const counter = new ValueCounter(1_000, (counts) => {
      handed = counts.size;
    });
    for (let index = 0; index < 20_000; index++) counter.add(index);
    expect([handed, counter.exact, counter.top(5)]).toEqual([1_000, false, []]);
    expect(Math.abs(counter.distinct / 20_000 - 1)).toBeLessThan(0.03);
  });
});

describe('extremes', () => {
  it('are the first of the sorted values from both ends, with the first row each stands in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 60 }), (values) => {
        const extremes = new Extremes(5);
        values.forEach((value, index) => extremes.add(value, index + 1));
        const placed = values.map((value, index) => ({ value, row: index + 1 }));
        expect(extremes.lowest).toEqual([...placed].sort((a, b) => a.value - b.value || a.row - b.row).slice(0, 5));
        expect(extremes.highest).toEqual([...placed].sort((a, b) => b.value - a.value || a.row - b.row).slice(0, 5));
      }),
    );
  });
});
