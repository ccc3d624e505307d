/** Figures as results carry them: short, and the same on every machine. */

/** Ten significant digits: more than any data set means, and short in JSON. */
const DIGITS = 10;

/** A finite number cut to ten significant digits. */
export function roundFigure(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(DIGITS));
}

/** The same, and null for what is not a number. */
export function roundOrNull(value: number): number | null {
  return Number.isFinite(value) ? roundFigure(value) : null;
}

/** A part of a whole, 0 where there is no whole. */
export function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : roundFigure(part / whole);
}

/** A probability cut to four significant digits. */
export function roundP(p: number): number {
  return Number(p.toPrecision(4));
}
