/** The seasons that periods go through: hours of the day, days of the week, months of the year. Pure. */
import type { PeriodUnit } from './periods.ts';

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
