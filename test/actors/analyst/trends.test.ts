/** Trends and seasons against values of SciPy 1.17 and sums worked out apart. */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { periodLabel, periodOf, periodStart } from '../../../actors/analyst/periods.ts';
import { findSeason } from '../../../actors/analyst/season.ts';
import { seasonName, seasonOf } from '../../../actors/analyst/season-cycle.ts';
import { type Series, TimeBuckets } from '../../../actors/analyst/time-buckets.ts';
import { findTrends } from '../../../actors/analyst/time-trends.ts';
import { levelAtStart, testTrend } from '../../../actors/analyst/trend.ts';
import { repeatable } from './files.ts';

const DAY_MS = 86_400_000;

function yearly(values: readonly number[]): Series {
  return { unit: 'year', periods: values.map((_, index) => 1990 + index), values };
}

/** Five years of months with a season, a slope of 0.05 a month and steps that never fall within a season. */
function seasonal(): number[] {
  return Array.from({ length: 60 }, (_, i) =>
    Number((10 * Math.sin((2 * Math.PI * (i % 12)) / 12) + 0.05 * i + (((i * 7919) % 13) - 6) / 4).toFixed(4)),
  );
}

function monthly(values: readonly number[]): Series {
  return { unit: 'month', periods: values.map((_, index) => 2000 * 12 + index), values };
}

describe('a trend', () => {
  const rising = [5.1, 4.8, 6, 6.3, 5.9, 7.2, 6.8, 7.5, 8.1, 7.9, 8.8, 8.4, 9, 9.7, 9.1, 10.2];

  it('has the tau, the p and the Theil-Sen line of SciPy', () => {
    const test = testTrend(yearly(rising), false);
    expect(test?.method).toBe('mann-kendall');
    expect(test?.tau).toBeCloseTo(0.8833333333333333, 12);
    expect(test?.p).toBeCloseTo(2.2745300146260766e-6, 11);
    expect(test?.slope).toBeCloseTo(0.3369318181818181, 12);
    expect(test?.slopeInterval[0]).toBeCloseTo(0.2875, 12);
    expect(test?.slopeInterval[1]).toBeCloseTo(0.3857142857142857, 12);
    const level = levelAtStart(yearly(rising), test?.slope ?? 0);
    expect(level).toBeGreaterThan(4.5);
    expect(level).toBeLessThan(5.5);
  });

  it('takes ties into account', () => {
    expect(testTrend(yearly([1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 5]), false)?.p).toBeCloseTo(0.00011475064555506173, 10);
  });

  it('is less sure where each value follows the one before it', () => {
    const walk = [
      0, -0.752, -1.826, -1.543, -0.649, 0.749, 0.784, 0.16, -0.527, 0.504, 2.175, 2.079, 0.513, -0.373, 1.533, 1.577,
      -0.312, -0.067, -0.951, -1.068, -1.001, -1.164, -0.007, 0.256, -0.06, 0.715, 1.729, 0.028, 0.152, -0.467, -0.111,
      -0.947, -0.252, 0.223, 0.325, -0.329, -0.155, -0.708, -1.374, -0.28,
    ];
    const test = testTrend(yearly(walk), false);
    expect(test?.method).toBe('mann-kendall-autocorrelated');
    expect(test?.p).toBeCloseTo(0.6252664776760102, 8);
    expect(test?.slope).toBeCloseTo(-0.010126623376623376, 12);
  });

  it('is tested within seasons where there are some', () => {
    const test = testTrend(monthly(seasonal()), true);
    expect(test?.method).toBe('seasonal-kendall');
    expect(test?.tau).toBe(1);
    expect(test?.slope).toBeCloseTo(0.00833333333333334, 9);
    expect(test?.p).toBe(1e-15);
  });

  it('allows for periods that are missing', () => {
    const gappy: Series = {
      unit: 'year',
      periods: [1990, 1991, 1992, 1995, 1996, 1999, 2000, 2005],
      values: [0, 1, 2, 5, 6, 9, 10, 15],
    };
    expect(testTrend(gappy, false)?.slope).toBe(1);
  });

  it('is none in a few periods or where nothing changes', () => {
    expect(testTrend(yearly([1, 2, 3, 4, 5, 6, 7]), false)).toBeUndefined();
    expect(testTrend(yearly(new Array<number>(12).fill(4)), false)).toBeUndefined();
  });
});

describe('a season', () => {
  it('is found with the share that it explains', () => {
    const season = findSeason(monthly(seasonal()), 0);
    expect(season?.periods).toBe(12);
    expect([season?.high, season?.low]).toEqual(['April', 'October']);
    expect(season?.eta2).toBeGreaterThan(0.9);
  });

  it('is none in noise, in years, or in too few rounds', () => {
    const random = repeatable(4);
    expect(findSeason(monthly(Array.from({ length: 120 }, () => random())), 0)).toBeUndefined();
    expect(findSeason(yearly(Array.from({ length: 60 }, (_, index) => index % 2)), 0)).toBeUndefined();
    expect(findSeason(monthly(seasonal().slice(0, 30)), 0)).toBeUndefined();
  });

  it('has names for its places, Monday first', () => {
    const day = periodOf(Date.UTC(2024, 0, 1), 'day');
    expect(seasonName(seasonOf(day, 'day'), 'day')).toBe('Monday');
    expect(seasonName(seasonOf(periodOf(Date.UTC(1969, 11, 31), 'month'), 'month'), 'month')).toBe('December');
    expect(seasonName(seasonOf(periodOf(Date.UTC(1969, 11, 31, 23), 'hour'), 'hour'), 'hour')).toBe('23:00');
  });
});

describe('periods', () => {
  it.each(['hour', 'day', 'month', 'year'] as const)('of a %s begin where they say', (unit) => {
    for (const ms of [0, -1, Date.UTC(2024, 1, 29, 12, 30), Date.UTC(1899, 11, 31), Date.UTC(1, 0, 1)]) {
      const period = periodOf(ms, unit);
      expect(periodStart(period, unit)).toBeLessThanOrEqual(ms);
      expect(periodStart(period + 1, unit)).toBeGreaterThan(ms);
    }
  });

  it('are written as short as they are told apart', () => {
    const ms = Date.UTC(2024, 1, 29, 12);
    expect((['hour', 'day', 'month', 'year'] as const).map((unit) => periodLabel(periodOf(ms, unit), unit))).toEqual([
      '2024-02-29 12:00',
      '2024-02-29',
      '2024-02',
      '2024',
    ]);
  });
});

describe('time buckets', () => {
  const fill = (stepMs: number, count: number, value: (index: number) => number): TimeBuckets => {
    const buckets = new TimeBuckets(1);
    for (let index = 0; index < count; index++)
      buckets.add(Date.UTC(2000, 0, 1) + index * stepMs, Float64Array.of(value(index)));
    return buckets;
  };

  it.each([
    ['hour', 3_600_000 / 4, 400],
    ['day', DAY_MS / 2, 400],
    ['month', DAY_MS, 1_500],
    ['year', DAY_MS * 365.25, 60],
  ] as const)('settle on the %s where that is fine enough', (unit, stepMs, count) => {
    const buckets = fill(stepMs, count, () => 1);
    buckets.settle();
    expect(buckets.unit).toBe(unit);
  });

  it('lose nothing when they are joined: means are those of all rows of a period', () => {
    const buckets = fill(DAY_MS / 100, 200_000, (index) => index);
    buckets.settle();
    const { periods, values, unit } = buckets.means(0);
    expect(unit).toBe('month');
    expect(periods.length).toBeLessThanOrEqual(LIMITS.periodsMax);
    // January 2000 has 31 days of 100 rows: rows 0 to 3,099.
    expect(values[0]).toBe(1_549.5);
    expect(buckets.rows().values[0]).toBe(3_100);
    expect(buckets.rows().values.reduce((sum, rows) => sum + rows, 0)).toBe(200_000);
  });

  it('leave out values that are missing, and count periods without rows', () => {
    const buckets = new TimeBuckets(1);
    for (const [year, value] of [
      [2000, 1],
      [2000, Number.NaN],
      [2003, 5],
    ] as const)
      buckets.add(Date.UTC(year, 0, 1), Float64Array.of(value));
    while (buckets.unit !== 'year') buckets.settle();
    expect(buckets.means(0)).toEqual({ unit: 'year', periods: [2000, 2003], values: [1, 5] });
    expect(buckets.rows().values).toEqual([2, 0, 0, 1]);
  });
});

describe('trends of a file', () => {
  it('count rows only where they come at will, not one a day', () => {
    const daily = new TimeBuckets(1);
    const events = new TimeBuckets(1);
    const random = repeatable(2);
    for (let day = 0; day < 1_500; day++) {
      daily.add(Date.UTC(2000, 0, 1) + day * DAY_MS, Float64Array.of(day));
      for (let count = 0; count < (day / 100) * random(); count++)
        events.add(Date.UTC(2000, 0, 1) + day * DAY_MS, Float64Array.of(1));
    }
    expect(findTrends(daily, 'date', ['v']).trends.map(({ value }) => value)).toEqual(['v']);
    const counted = findTrends(events, 'date', ['v']).trends;
    expect(counted.map(({ value }) => value)).toEqual([undefined]);
    expect(counted[0]).toMatchObject({ kind: 'trend', unit: 'month', from: '2000-02' });
    expect(counted[0]?.slope).toBeGreaterThan(0);
  });
});
