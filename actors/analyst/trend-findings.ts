/** Trends and seasons in words. */
import type { Trend } from './relation-schema.ts';
import type { Finding } from './report-schema.ts';
import { writeCoefficient, writeCount, writeNumber, writeProbability, writeShare } from './wording.ts';

const SMALL_N = 20;

/** A trend as a finding; `warning` is added to what it says. */
export function tellTrend(trend: Trend, warning: string): Finding {
  const { label, factor } = rateOf(trend.unit);
  const [low, high] = trend.slopeInterval;
  const signed = (value: number): string => (value > 0 ? `+${writeNumber(value)}` : writeNumber(value));
  const change = trend.start > 0 && trend.end > 0 ? ` (${writeChange(trend.start, trend.end)})` : '';
  const how = trend.value === undefined ? '' : ` (means per ${trend.unit})`;
  const few = trend.n < SMALL_N ? ` With so few periods (${trend.n}) this may well be chance.` : '';
  const text =
    `${subject(trend)} ${trend.slope > 0 ? 'rises' : 'falls'} over time${how}: ${signed(trend.slope * factor)} a ` +
    `${label} (95 % interval ${signed(low * factor)} to ` +
    `${signed(high * factor)}), from about ${writeNumber(trend.start)} in ${trend.from} to ` +
    `${writeNumber(trend.end)} in ${trend.to}${change}. ` +
    `Kendall's τ = ${writeCoefficient(trend.tau)}, ${writeCount(trend.n)} ${trend.unit}s, ` +
    `${writeProbability('q', trend.q)}, ${methodName(trend.method)}.${warning}${few}`;
  return { kind: 'trend', strength: trend.strength, text, columns: columnsOf(trend) };
}

/** A season as a finding. */
export function tellSeason(trend: Trend, season: NonNullable<Trend['season']>, warning: string): Finding {
  const cycle =
    trend.unit === 'month' ? 'month of the year' : trend.unit === 'day' ? 'day of the week' : 'hour of the day';
  const at = trend.unit === 'month' ? 'in' : trend.unit === 'day' ? 'on' : 'at';
  const text =
    `${subject(trend)} follows the ${cycle}: highest ${at} ${season.high} (mean ` +
    `${writeNumber(season.highMean)}), lowest ${at} ${season.low} ` +
    `(mean ${writeNumber(season.lowMean)}). This explains ${writeShare(season.eta2)} of the variation between ` +
    `${trend.unit}s that the trend leaves ` +
    `(Kruskal–Wallis, ${writeProbability('q', season.q)}, ${writeCount(trend.n)} ${trend.unit}s).${warning}`;
  return { kind: 'season', strength: Math.sqrt(season.eta2), text, columns: columnsOf(trend) };
}

function subject(trend: Trend): string {
  return trend.value ?? `The number of rows per ${trend.unit}`;
}

function columnsOf(trend: Trend): string[] {
  return trend.value === undefined ? [trend.time] : [trend.time, trend.value];
}

/** Slopes are told per year, or per day for hours. */
function rateOf(unit: Trend['unit']): { label: string; factor: number } {
  if (unit === 'hour') return { label: 'day', factor: 24 };
  if (unit === 'day') return { label: 'year', factor: 365.25 };
  return { label: 'year', factor: unit === 'month' ? 12 : 1 };
}

function methodName(method: Trend['method']): string {
  if (method === 'seasonal-kendall') return 'tested season by season';
  return method === 'mann-kendall' ? 'Mann–Kendall test' : 'Mann–Kendall test corrected for autocorrelation';
}

/** How much larger or smaller one positive figure is than another: +13 %, −4.2 %, 7.1 times. */
function writeChange(from: number, to: number): string {
  const ratio = to / from;
  if (ratio >= 3) return `${writeNumber(Number(ratio.toPrecision(2)))} times`;
  return `${ratio >= 1 ? '+' : '−'}${writeNumber(Number((Math.abs(ratio - 1) * 100).toPrecision(2)))} %`;
}
