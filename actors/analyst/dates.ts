/**
 * Dates as data files write them. Everything without a time zone is taken as UTC: the analyst compares dates of one
 * file with each other and never with a clock.
 */

/** A point in time, and whether the text told more than the day. */
export interface ReadDate {
  readonly ms: number;
  readonly timed: boolean;
}

const CLOCK =
  '(?:[T ,]+(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,9}))?)?\\s*([AaPp][Mm])?\\s*(Z|UTC|[+-]\\d{2}:?\\d{2})?)?';
const ISO = new RegExp(`^(\\d{4})-(\\d{1,2})(?:-(\\d{1,2})${CLOCK})?$`);
const YEAR_FIRST = new RegExp(`^(\\d{4})[/.](\\d{1,2})[/.](\\d{1,2})${CLOCK}$`);
const YEAR_LAST = new RegExp(`^(\\d{1,2})([/.-])(\\d{1,2})\\2(\\d{4}|\\d{2})${CLOCK}$`);
const DAY_NAME = new RegExp(`^(\\d{1,2})[ -]([A-Za-z]{3,9})\\.?[ ,-]+(\\d{4}|\\d{2})${CLOCK}$`);
const NAME_DAY = new RegExp(`^([A-Za-z]{3,9})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? (\\d{4})${CLOCK}$`);
const NAME_YEAR = /^([A-Za-z]{3,9})\.?[ -](\d{4})$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH_NAMES: ReadonlySet<string> = new Set([
  ...MONTHS,
  'sept',
  'january',
  'february',
  'march',
  'april',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]);

const DASH = 0x2d;
const COLON = 0x3a;
const MONTH_INITIALS = 'JFMASONDjfmasond';

/** Two-digit years below this are 20xx, as POSIX has it. */
const CENTURY_PIVOT = 69;

/** The date that a text is, or nothing. Text like `03/04/2020` is read by `dayFirst` unless only one reading is a date. */
export function readDate(text: string, dayFirst: boolean): ReadDate | undefined {
  const first = text.charCodeAt(0);
  if (first >= 0x30 && first <= 0x39) return readNumericDate(text, dayFirst);
  return MONTH_INITIALS.includes(text.charAt(0)) && /\d/.test(text) ? readNamedDate(text) : undefined;
}

/** Which part of a date like `03/14/2020` shows that it cannot be the month: `first`, `second`, `both open`, or no such date. */
export function slashOrder(text: string): 'first' | 'second' | 'open' | undefined {
  const match = YEAR_LAST.exec(text.trim());
  if (match === null) return undefined;
  if (match[2] === '.') return 'first';
  if (Number(match[1]) > 12) return 'first';
  return Number(match[3]) > 12 ? 'second' : 'open';
}

/** Milliseconds to `2020-03-14`, or with `timed` to `2020-03-14 12:30`. */
export function writeDate(ms: number, timed = false): string {
  const iso = new Date(ms).toISOString();
  return timed ? iso.slice(0, 16).replace('T', ' ') : iso.slice(0, 10);
}

/** 2020-03-14, with or without T12:30:15: nearly all dates of large files, several times faster than by patterns. */
function readPlainIso(text: string): ReadDate | undefined {
  if (text.length !== 10 && text.length !== 19) return undefined;
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined;
  const year = digitsAt(text, 0, 4);
  const month = digitsAt(text, 5, 2);
  const day = digitsAt(text, 8, 2);
  // Date.UTC takes years below 100 for those of the last century.
  if (!(year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined;
  if (text.length === 10) return { ms: Date.UTC(year, month - 1, day), timed: false };
  const mark = text.charCodeAt(10);
  if ((mark !== 0x54 && mark !== 0x20) || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON)
    return undefined;
  const hour = digitsAt(text, 11, 2);
  const minute = digitsAt(text, 14, 2);
  const second = digitsAt(text, 17, 2);
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return undefined;
  return { ms: Date.UTC(year, month - 1, day, hour, minute, second), timed: true };
}

/** The number that some digits are; NaN where one is none. */
function digitsAt(text: string, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function readNumericDate(text: string, dayFirst: boolean): ReadDate | undefined {
  const plain = readPlainIso(text);
  if (plain !== undefined) return plain;
  const iso = ISO.exec(text) ?? YEAR_FIRST.exec(text);
  if (iso !== null) return build(Number(iso[1]), Number(iso[2]), Number(iso[3] ?? 1), iso, 4);
  const last = YEAR_LAST.exec(text);
  if (last !== null) {
    const one = Number(last[1]);
    const two = Number(last[3]);
    const year = fullYear(last[4] as string);
    const dotted = last[2] === '.';
    // `1.2.20` is rather a version than a day; with two digits each it is how German writes one.
    if (dotted && text.length < 8) return undefined;
    const byDay = dayFirst || dotted;
    return byDay ? build(year, two, one, last, 5) : build(year, one, two, last, 5);
  }
  const named = DAY_NAME.exec(text);
  if (named === null) return undefined;
  return build(fullYear(named[3] as string), monthOf(named[2] as string), Number(named[1]), named, 4);
}

function readNamedDate(text: string): ReadDate | undefined {
  const day = NAME_DAY.exec(text);
  if (day !== null) return build(Number(day[3]), monthOf(day[1] as string), Number(day[2]), day, 4);
  const month = NAME_YEAR.exec(text);
  if (month !== null) return build(Number(month[2]), monthOf(month[1] as string), 1, month, 3);
  return undefined;
}

function fullYear(text: string): number {
  const year = Number(text);
  if (text.length > 2) return year;
  return year < CENTURY_PIVOT ? 2000 + year : 1900 + year;
}

/** 1 to 12; 0 for what is no month's name. */
function monthOf(name: string): number {
  const lower = name.toLowerCase();
  return MONTH_NAMES.has(lower) ? MONTHS.indexOf(lower.slice(0, 3)) + 1 : 0;
}

/** `clockAt` is where the parts of the time of day begin in the match: hour, minute, second, fraction, am or pm, zone. */
function build(
  year: number,
  month: number,
  day: number,
  match: RegExpExecArray,
  clockAt: number,
): ReadDate | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  const hourText = match[clockAt];
  const dayMs = new Date(0).setUTCFullYear(year, month - 1, day);
  if (hourText === undefined) return { ms: dayMs, timed: false };
  const half = match[clockAt + 4]?.toLowerCase();
  let hour = Number(hourText);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (half === 'pm' ? 12 : 0);
  }
  const minute = Number(match[clockAt + 1]);
  const second = Number(match[clockAt + 2] ?? 0);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const fractionMs = Math.trunc(Number(`0.${match[clockAt + 3] ?? '0'}`) * 1_000);
  const clockMs = ((hour * 60 + minute) * 60 + second) * 1_000 + fractionMs;
  return { ms: dayMs + clockMs - zoneMs(match[clockAt + 5]), timed: true };
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'UTC') return 0;
  const digits = zone.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
