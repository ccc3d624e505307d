/**
 * What the string functions of expressions do. Positions and sizes count code points, as CEL's do. Every search is
 * linear: the platform's `indexOf` is quadratic on unlucky text (29 s for 1 MB), and expressions run on the event loop.
 */
import { charge, chargeText, ExpressionFault, type Meter } from './expression-meter.ts';

const SURROGATE = /[\ud800-\udfff]/;

/** Up to this many character comparisons in the worst case, the platform's search is used: it is quick in all others. */
const QUICK_COMPARISONS_MAX = 1 << 20;

/** The number of code points. */
export function sizeOfText(text: string, meter: Meter): number {
  chargeText(meter, text.length);
  if (!SURROGATE.test(text)) return text.length;
  let size = 0;
  for (const _ of text) size += 1;
  return size;
}

/** The text from code point `start` up to and without code point `end`. Throws an ExpressionFault where it has none. */
export function sliceOfText(text: string, start: number, end: number | undefined, meter: Meter): string {
  const size = sizeOfText(text, meter);
  const last = end ?? size;
  if (!Number.isInteger(start) || !Number.isInteger(last) || start < 0 || last > size || start > last) {
    throw new ExpressionFault(`substring(${start}, ${last}) is outside of a text of ${size} characters`);
  }
  if (size === text.length) return text.slice(start, last);
  return Array.from(text).slice(start, last).join('');
}

/** The position of the first (or last) `needle` at or after (or before) code point `from`, or -1. */
export function positionOfText(
  text: string,
  needle: string,
  from: number | undefined,
  way: 'first' | 'last',
  meter: Meter,
): number {
  const size = sizeOfText(text, meter);
  if (from !== undefined && (!Number.isInteger(from) || from < 0 || from > size)) {
    throw new ExpressionFault(`position ${from} is outside of a text of ${size} characters`);
  }
  const plain = size === text.length;
  const fromUnit = from === undefined || plain ? from : Array.from(text).slice(0, from).join('').length;
  const found =
    way === 'first'
      ? firstUnit(text, needle, fromUnit ?? 0, meter)
      : lastUnit(text, needle, fromUnit ?? text.length, meter);
  return found < 0 || plain ? found : sizeOfText(text.slice(0, found), meter);
}

/** Whether `needle` is in `text`. */
export function containsText(text: string, needle: string, meter: Meter): boolean {
  return firstUnit(text, needle, 0, meter) >= 0;
}

/** The parts of `text` between separators; the last of at most `limit` parts holds the rest. No limit: a negative one. */
export function splitText(text: string, separator: string, limit: number, meter: Meter): string[] {
  if (!Number.isInteger(limit)) throw new ExpressionFault('the limit of split() is not a whole number');
  if (limit === 0) return [];
  chargeText(meter, text.length);
  const parts: string[] = [];
  if (separator === '') {
    charge(meter, text.length);
    const letters = Array.from(text);
    return limit < 0 || letters.length <= limit
      ? letters
      : [...letters.slice(0, limit - 1), letters.slice(limit - 1).join('')];
  }
  let start = 0;
  for (const at of unitsOf(text, separator, 0, meter)) {
    if (at < start) continue;
    if (parts.length === limit - 1) break;
    charge(meter, 1);
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** `text` with each `needle` replaced. */
export function replaceText(text: string, needle: string, replacement: string, meter: Meter): string {
  return joinTexts(splitText(text, needle, -1, meter), replacement, meter);
}

/** The texts with a separator between them. Throws an ExpressionFault for an element that is not a string. */
export function joinTexts(texts: readonly unknown[], separator: string, meter: Meter): string {
  charge(meter, texts.length);
  let chars = separator.length * texts.length;
  for (const text of texts) {
    if (typeof text !== 'string')
      throw new ExpressionFault('join() takes a list of strings; use map(x, string(x)) first');
    chars += text.length;
  }
  chargeText(meter, chars);
  return texts.join(separator);
}

function firstUnit(text: string, needle: string, from: number, meter: Meter): number {
  chargeText(meter, text.length + needle.length);
  if (text.length * needle.length <= QUICK_COMPARISONS_MAX) return text.indexOf(needle, from);
  for (const at of unitsOf(text, needle, from, meter)) return at;
  return -1;
}

function lastUnit(text: string, needle: string, from: number, meter: Meter): number {
  if (text.length * needle.length <= QUICK_COMPARISONS_MAX) {
    chargeText(meter, text.length + needle.length);
    return text.lastIndexOf(needle, from);
  }
  let last = -1;
  for (const at of unitsOf(text, needle, 0, meter)) {
    if (at > from) break;
    last = at;
  }
  return last;
}

/** Where `needle` begins in `text`, overlapping ones too, ascending: Knuth, Morris and Pratt's search. */
function* unitsOf(text: string, needle: string, from: number, meter: Meter): Generator<number> {
  charge(meter, Math.ceil((text.length + needle.length) / 4));
  const borders = bordersOf(needle);
  let matched = 0;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    while (matched > 0 && needle.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
    if (needle.charCodeAt(matched) === unit) matched += 1;
    if (matched < needle.length) continue;
    yield i - matched + 1;
    matched = borders[matched - 1] ?? 0;
  }
}

function bordersOf(needle: string): Int32Array {
  const borders = new Int32Array(needle.length);
  let matched = 0;
  for (let i = 1; i < needle.length; i++) {
    while (matched > 0 && needle.charCodeAt(i) !== needle.charCodeAt(matched)) matched = borders[matched - 1] ?? 0;
    if (needle.charCodeAt(i) === needle.charCodeAt(matched)) matched += 1;
    borders[i] = matched;
  }
  return borders;
}
