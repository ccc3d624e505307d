/**
 * Whether a series rises or falls: the Mann-Kendall test with a correction for autocorrelation (Hamed and Rao 1998), or
 * season by season where there is a season (Hirsch, Slack and Smith 1982), with the slope of Theil and Sen.
 */
import { seasonOf } from './season-cycle.ts';
import { rankChosen, sortRows } from './ranks.ts';
import type { Trend } from './relation-schema.ts';
import { normalP, Z_95 } from './significance.ts';
import type { Series } from './time-buckets.ts';

/** Fewer periods say nothing of a trend. */
export const TREND_PERIODS_MIN = 8;

/** The test and the line, in units of the series. */
export interface TrendTest {
  readonly method: Trend['method'];
  readonly tau: number;
  readonly p: number;
  readonly slope: number;
  readonly slopeInterval: readonly [number, number];
}

/** Tests a series of at least `TREND_PERIODS_MIN` periods; nothing where it does not vary. */
export function testTrend(series: Series, seasonal: boolean): TrendTest | undefined {
  if (series.periods.length < TREND_PERIODS_MIN) return undefined;
  const groups = seasonal ? splitSeasons(series) : [series];
  let s = 0;
  let variance = 0;
  let pairs = 0;
  const slopes: number[] = [];
  for (const group of groups) {
    const part = kendall(group);
    s += part.s;
    variance += part.variance;
    pairs += part.pairs;
    for (const slope of part.slopes) slopes.push(slope);
  }
  if (variance <= 0 || slopes.length === 0) return undefined;
  const sorted = Float64Array.from(slopes).sort();
  const slope = medianOf(sorted);
  const inflation = seasonal ? 1 : inflationOf(series, slope);
  const spread = variance * inflation;
  const z = s === 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(spread);
  return {
    method: seasonal ? 'seasonal-kendall' : inflation > 1 ? 'mann-kendall-autocorrelated' : 'mann-kendall',
    tau: s / pairs,
    p: normalP(z),
    slope,
    slopeInterval: slopeInterval(sorted, Math.sqrt(spread)),
  };
}

/** The level of the Theil-Sen line at the first period: the median of what is left when the slope is taken out. */
export function levelAtStart(series: Series, slope: number): number {
  const first = series.periods[0] as number;
  return medianOf(series.values.map((value, at) => value - slope * ((series.periods[at] as number) - first)));
}

/** The middle of some values; NaN for none. */
export function medianOf(values: readonly number[] | Float64Array): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return sorted.length === 0 ? Number.NaN : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function splitSeasons(series: Series): Series[] {
  const groups = new Map<number, { periods: number[]; values: number[] }>();
  series.periods.forEach((period, at) => {
    const season = seasonOf(period, series.unit);
    const group = groups.get(season) ?? { periods: [], values: [] };
    groups.set(season, group);
    group.periods.push(period);
    group.values.push(series.values[at] as number);
  });
  return [...groups.values()]
    .filter((group) => group.values.length > 1)
    .map((group) => ({ unit: series.unit, ...group }));
}

/** Kendall's S, its variance with ties, and the slopes between all pairs of periods. */
function kendall({ periods, values }: Series): { s: number; variance: number; pairs: number; slopes: number[] } {
  const n = values.length;
  const slopes: number[] = [];
  let s = 0;
  for (let later = 1; later < n; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      const difference = (values[later] as number) - (values[earlier] as number);
      s += Math.sign(difference);
      slopes.push(difference / ((periods[later] as number) - (periods[earlier] as number)));
    }
  }
  const sizes = new Map<number, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  let ties = 0;
  for (const size of sizes.values()) ties += size * (size - 1) * (2 * size + 5);
  return { s, variance: (n * (n - 1) * (2 * n + 5) - ties) / 18, pairs: (n * (n - 1)) / 2, slopes };
}

/** By how much autocorrelation widens the variance of S: from the significant autocorrelations of the ranks without trend. */
function inflationOf(series: Series, slope: number): number {
  const n = series.values.length;
  const first = series.periods[0] as number;
  const rest = Float64Array.from(
    series.values,
    (value, at) => value - slope * ((series.periods[at] as number) - first),
  );
  const ranks = new Float64Array(n);
  rankChosen(sortRows(rest), rest, new Uint8Array(n).fill(1), ranks);
  const mean = (n + 1) / 2;
  const total = ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0);
  if (total === 0) return 1;
  const bound = Z_95 / Math.sqrt(n);
  let sum = 0;
  // Beyond a third of the series an autocorrelation rests on too few pairs.
  for (let lag = 1; lag <= n / 3; lag++) {
    let product = 0;
    for (let at = lag; at < n; at++) product += ((ranks[at] as number) - mean) * ((ranks[at - lag] as number) - mean);
    const correlation = product / total;
    if (Math.abs(correlation) > bound) sum += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation;
  }
  // Negative autocorrelation would make the test bolder; it is not allowed to.
  return Math.max(1, 1 + (2 / (n * (n - 1) * (n - 2))) * sum);
}

/** The ranks of Sen 1968 (as in Gilbert 1987): the M1-th slope and the (M2 + 1)-th. */
function slopeInterval(sorted: Float64Array, sd: number): readonly [number, number] {
  const reach = Z_95 * sd;
  const low = Math.max(0, Math.round((sorted.length - reach) / 2) - 1);
  const high = Math.min(sorted.length - 1, Math.round((sorted.length + reach) / 2));
  return [sorted[low] as number, sorted[high] as number];
}
