/** Trends and seasons of the columns of a file over its time column. */
import { roundFigure } from './figures.ts';
import { periodDays, periodLabel } from './periods.ts';
import type { Trend } from './relation-schema.ts';
import { findSeason } from './season.ts';
import type { Series, TimeBuckets } from './time-buckets.ts';
import { levelAtStart, TREND_PERIODS_MIN, testTrend } from './trend.ts';

/** A series and the column it is of; none for the number of rows. */
export interface TimedSeries extends Series {
  readonly value?: string;
}

/** Rows per day that vary less than this are a fixed rhythm (one row a day), not something that happens more or less often. */
const RHYTHM_SPREAD = 0.1;

/** Trends of the means of each column, and of the number of rows where that means something. Their `q` is still to come. */
export function findTrends(
  buckets: TimeBuckets,
  time: string,
  columns: readonly string[],
): { trends: Trend[]; series: TimedSeries[] } {
  buckets.settle();
  const candidates: TimedSeries[] = columns.map((value, at) => ({ ...buckets.means(at), value }));
  const rows = withoutEnds(buckets.rows());
  if (!isRhythm(rows)) candidates.unshift(rows);
  const trends: Trend[] = [];
  const series: TimedSeries[] = [];
  for (const candidate of candidates) {
    const trend = describeTrend(candidate, time);
    if (trend === undefined) continue;
    trends.push(trend);
    series.push(candidate);
  }
  return { trends, series };
}

function describeTrend(series: TimedSeries, time: string): Trend | undefined {
  const plain = testTrend(series, false);
  if (plain === undefined) return undefined;
  const season = findSeason(series, plain.slope);
  const test = season === undefined ? plain : (testTrend(series, true) ?? plain);
  const start = levelAtStart(series, test.slope);
  const first = series.periods[0] as number;
  const last = series.periods.at(-1) as number;
  return {
    kind: 'trend',
    time,
    ...(series.value === undefined ? {} : { value: series.value }),
    n: series.periods.length,
    p: test.p,
    q: 1,
    strength: roundFigure(Math.abs(test.tau)),
    unit: series.unit,
    from: periodLabel(first, series.unit),
    to: periodLabel(last, series.unit),
    method: test.method,
    tau: roundFigure(test.tau),
    slope: roundFigure(test.slope),
    slopeInterval: [roundFigure(test.slopeInterval[0]), roundFigure(test.slopeInterval[1])],
    start: roundFigure(start),
    end: roundFigure(start + test.slope * (last - first)),
    ...(season === undefined ? {} : { season }),
  };
}

/** The first and last period may be incomplete, which matters to a number of rows. */
function withoutEnds(series: Series): Series {
  if (series.periods.length < TREND_PERIODS_MIN + 2) return series;
  return { unit: series.unit, periods: series.periods.slice(1, -1), values: series.values.slice(1, -1) };
}

function isRhythm(series: Series): boolean {
  if (series.values.length === 0) return true;
  const rates = series.values.map((value, at) => value / periodDays(series.periods[at] as number, series.unit));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const spread = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length);
  return spread <= mean * RHYTHM_SPREAD;
}
