/** How two numeric columns go together: Pearson, Spearman, a straight line. Rows without either value are left out. */
import { roundFigure } from './figures.ts';
import { rankChosen } from './ranks.ts';
import type { NumberPair } from './relation-schema.ts';
import { correlationInterval, studentP } from './significance.ts';

/** Fewer rows say nothing. */
export const PAIR_ROWS_MIN = 10;

/** A numeric column of a sample, with its rows in order of value. */
export interface OrderedColumn {
  readonly name: string;
  readonly values: Float64Array;
  readonly order: Int32Array;
}

/** The relation, its `q` still to come; nothing where there are too few rows or one column does not vary. */
export function correlateNumbers(x: OrderedColumn, y: OrderedColumn): NumberPair | undefined {
  const rows = x.values.length;
  const chosen = new Uint8Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(x.values[row]) || Number.isNaN(y.values[row])) continue;
    chosen[row] = 1;
    n += 1;
  }
  if (n < PAIR_ROWS_MIN) return undefined;
  const line = fitLine(x.values, y.values, chosen);
  if (line === undefined) return undefined;
  const xRanks = new Float64Array(rows);
  const yRanks = new Float64Array(rows);
  rankChosen(x.order, x.values, chosen, xRanks);
  rankChosen(y.order, y.values, chosen, yRanks);
  const spearman = fitLine(xRanks, yRanks, chosen)?.r ?? 0;
  const pearsonInterval = correlationInterval(line.r, n) ?? [-1, 1];
  // Bonett and Wright 2000: Spearman's coefficient varies somewhat more than Pearson's.
  const spearmanInterval = correlationInterval(spearman, n, 1 + spearman ** 2 / 2) ?? [-1, 1];
  return {
    kind: 'numbers',
    x: x.name,
    y: y.name,
    n,
    p: correlationP(spearman, n),
    q: 1,
    strength: roundFigure(Math.max(Math.abs(line.r), Math.abs(spearman))),
    pearson: roundFigure(line.r),
    pearsonInterval: [roundFigure(pearsonInterval[0]), roundFigure(pearsonInterval[1])],
    pearsonP: correlationP(line.r, n),
    spearman: roundFigure(spearman),
    spearmanInterval: [roundFigure(spearmanInterval[0]), roundFigure(spearmanInterval[1])],
    slope: roundFigure(line.slope),
    intercept: roundFigure(line.intercept),
  };
}

function correlationP(r: number, n: number): number {
  const rest = Math.max(0, 1 - r * r);
  return studentP(rest === 0 ? Number.POSITIVE_INFINITY : r * Math.sqrt((n - 2) / rest), n - 2);
}

interface Line {
  readonly r: number;
  readonly slope: number;
  readonly intercept: number;
}

/** Least squares and correlation over the chosen rows, in two passes; nothing where a column is constant. */
function fitLine(x: Float64Array, y: Float64Array, chosen: Uint8Array): Line | undefined {
  let n = 0;
  let xSum = 0;
  let ySum = 0;
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] !== 1) continue;
    n += 1;
    xSum += x[row] as number;
    ySum += y[row] as number;
  }
  const xMean = xSum / n;
  const yMean = ySum / n;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] !== 1) continue;
    const dx = (x[row] as number) - xMean;
    const dy = (y[row] as number) - yMean;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // Below this share of the mean, what differs is rounding.
  const flat = (squares: number, mean: number): boolean => Math.sqrt(squares / n) <= Math.abs(mean) * 1e-12;
  if (flat(xx, xMean) || flat(yy, yMean)) return undefined;
  const r = Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)));
  return { r, slope: xy / xx, intercept: yMean - (xy / xx) * xMean };
}
