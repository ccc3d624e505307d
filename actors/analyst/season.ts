/** Whether a series has a season: hours of the day, days of the week, months of the year that differ from each other. */
import { roundFigure } from './figures.ts';
import { compareGroups } from './group-comparison.ts';
import { seasonLength, seasonName, seasonOf } from './season-cycle.ts';
import { sortRows } from './ranks.ts';
import type { Trend } from './relation-schema.ts';
import type { Series } from './time-buckets.ts';

/** A season must come round so often before it can be told from chance. */
const CYCLES_MIN = 3;
const ETA2_MIN = 0.2;
const P_MAX = 0.01;

/** The season of a series whose slope per period is taken out first; nothing where there is none to speak of. */
export function findSeason(series: Series, slope: number): Trend['season'] {
  const length = seasonLength(series.unit);
  const first = series.periods[0] ?? 0;
  const span = (series.periods.at(-1) ?? 0) - first + 1;
  if (length === 0 || span < length * CYCLES_MIN) return undefined;
  const rest = Float64Array.from(
    series.values,
    (value, at) => value - slope * ((series.periods[at] as number) - first),
  );
  const codes = Int32Array.from(series.periods, (period) => seasonOf(period, series.unit));
  const levels = Array.from({ length }, (_, season) => seasonName(season, series.unit));
  const comparison = compareGroups(
    { name: 'season', codes, levels },
    { name: 'value', values: rest, order: sortRows(rest) },
    CYCLES_MIN,
  );
  if (comparison === undefined || comparison.rankEta2 < ETA2_MIN || comparison.p > P_MAX) return undefined;
  const means = levels.map((level, season) => ({
    level,
    mean: meanOf(series.values.filter((_, at) => codes[at] === season)),
  }));
  const known = means.filter(({ mean }) => !Number.isNaN(mean)).sort((a, b) => b.mean - a.mean);
  const high = known[0];
  const low = known.at(-1);
  if (high === undefined || low === undefined) return undefined;
  return {
    periods: length,
    eta2: comparison.rankEta2,
    p: comparison.p,
    q: 1,
    high: high.level,
    low: low.level,
    highMean: roundFigure(high.mean),
    lowMean: roundFigure(low.mean),
  };
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}
