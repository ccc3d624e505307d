/** Hours, days, months and years as numbered periods (UTC). Pure. */

/** From fine to coarse. */
export const PERIOD_UNITS = ['hour', 'day', 'month', 'year'] as const;
/** One of `PERIOD_UNITS`. */
export type PeriodUnit = (typeof PERIOD_UNITS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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
