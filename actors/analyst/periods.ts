/** Hours, days, months and years as numbered periods (UTC), and the seasons within them. Pure. */

/** From fine to coarse. */
export const PERIOD_UNITS = ['hour', 'day', 'month', 'year'] as const;
/** One of `PERIOD_UNITS`. */
export type PeriodUnit = (typeof PERIOD_UNITS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** The number of the period that a point in time (ms since the epoch) lies in. */
export function periodOf(ms: number, unit: PeriodUnit): number {
  if (unit === 'hour') return Math.floor(ms / HOUR_MS);
  if (unit === 'day') return Math.floor(ms / DAY_MS);
  const date = new Date(ms);
  return unit === 'year' ? date.getUTCFullYear() : date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** When a period begins, ms since the epoch. */
export function periodStart(period: number, unit: PeriodUnit): number {
  if (unit === 'hour') return period * HOUR_MS;
  if (unit === 'day') return period * DAY_MS;
  return unit === 'year'
    ? new Date(0).setUTCFullYear(period, 0, 1)
    : new Date(0).setUTCFullYear(Math.floor(period / 12), ((period % 12) + 12) % 12, 1);
}

/** `2020-03-14 15:00`, `2020-03-14`, `2020-03` or `2020`. */
export function periodLabel(period: number, unit: PeriodUnit): string {
  const iso = new Date(periodStart(period, unit)).toISOString();
  if (unit === 'hour') return iso.slice(0, 16).replace('T', ' ');
  return iso.slice(0, unit === 'day' ? 10 : unit === 'month' ? 7 : 4);
}

/** How many days a period lasts. */
export function periodDays(period: number, unit: PeriodUnit): number {
  return (periodStart(period + 1, unit) - periodStart(period, unit)) / DAY_MS;
}

/** The cycle that periods of a unit may show: hours of the day, days of the week, months of the year; none for years. */
export function seasonLength(unit: PeriodUnit): number {
  return unit === 'hour' ? 24 : unit === 'day' ? 7 : unit === 'month' ? 12 : 0;
}

/** Where in its cycle a period lies, from 0. */
export function seasonOf(period: number, unit: PeriodUnit): number {
  const length = seasonLength(unit);
  // Day 0 of the epoch is a Thursday; weeks begin on Monday.
  const shifted = unit === 'day' ? period + 3 : period;
  return length === 0 ? 0 : ((shifted % length) + length) % length;
}

/** What that place is called. */
export function seasonName(season: number, unit: PeriodUnit): string {
  if (unit === 'month') return MONTH_NAMES[season] ?? '';
  if (unit === 'day') return DAY_NAMES[season] ?? '';
  return `${String(season).padStart(2, '0')}:00`;
}
