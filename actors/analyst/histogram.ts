/** Histograms with round borders that stay readable when some values are far off: those are counted beside the bins. */
import { ticks } from 'd3-array';
import type { Distribution } from './distribution.ts';
import { roundFigure } from './figures.ts';
import { LIMITS } from './limits.ts';
import type { NumberProfile } from './profile-schema.ts';

/** Values farther from the quartiles than so many times their distance are left out of the bins. */
const REACH = 4;
const BINS_MIN = 5;
const BINS_MAX = 30;
/** Positive values whose largest is so many times their median are shown by their logarithm. */
const LOG_SPAN = 50;

/** Values that differ by less than this part of their size get one bin: borders between them could not be written. */
const NARROW = 1e-9;
/** Smaller differences vanish in sums of squares. */
const TINY = 1e-100;
/** Digits of a border: all that a border near others needs, and not the noise of the last one. */
const EDGE_DIGITS = 14;

type Histogram = NumberProfile['histogram'];

/** Bins for a distribution. `zeros` counts the values that are 0; `whole` says that all are whole numbers. */
export function buildHistogram(
  spread: Distribution,
  of: { readonly min: number; readonly max: number; readonly zeros: number; readonly whole: boolean },
): Histogram {
  const positives = spread.count - of.zeros;
  if (of.min >= 0 && positives > 0) {
    const median = spread.quantile((of.zeros + 0.5 * (positives - 1)) / Math.max(1, spread.count - 1));
    if (median > 0 && of.max > median * LOG_SPAN) return logHistogram(spread, of.max, of.zeros);
  }
  const q25 = spread.quantile(0.25);
  const q75 = spread.quantile(0.75);
  const iqr = q75 - q25;
  const low = iqr > 0 ? Math.max(of.min, q25 - REACH * iqr) : of.min;
  const high = iqr > 0 ? Math.min(of.max, q75 + REACH * iqr) : of.max;
  const edges = binEdges(low, high, { count: spread.count, iqr, whole: of.whole });
  const from = edges[0] as number;
  const width = (edges[1] as number) - from;
  return { scale: 'linear', from: roundEdge(from), width: roundEdge(width), ...countBins(spread, edges) };
}

/** Four bins for each power of ten, from the lowest hundredth of the positive values on. */
function logHistogram(spread: Distribution, max: number, zeros: number): Histogram {
  const lowest = spread.quantile((zeros + 0.01 * (spread.count - zeros - 1)) / Math.max(1, spread.count - 1));
  const start = Math.floor(Math.log10(Math.max(lowest, max * 1e-9)));
  const end = Math.floor(Math.log10(max)) + 1;
  const perDecade = Math.max(1, Math.floor(BINS_MAX / (end - start)) > 4 ? 4 : Math.floor(BINS_MAX / (end - start)));
  const length = (end - start) * perDecade + 1;
  const edges = Array.from({ length }, (_, index) => 10 ** (start + index / perDecade));
  return { scale: 'log', from: start, width: roundFigure(1 / perDecade), ...countBins(spread, edges) };
}

function countBins(spread: Distribution, edges: readonly number[]): Pick<Histogram, 'counts' | 'below' | 'above'> {
  const upTo = edges.map((edge) => spread.countBelow(edge));
  const counts: number[] = [];
  for (let index = 1; index < edges.length; index++) {
    counts.push(Math.max(0, (upTo[index] as number) - (upTo[index - 1] as number)));
  }
  const below = upTo[0] as number;
  const inside = counts.reduce((sum, part) => sum + part, 0);
  return { counts, below, above: Math.max(0, spread.count - below - inside) };
}

/** Edges of equal bins with round borders, after Freedman and Diaconis; whole numbers get bins of whole width. */
function binEdges(
  low: number,
  high: number,
  of: { readonly count: number; readonly iqr: number; readonly whole: boolean },
): number[] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= Math.max(size * NARROW, TINY))
    return [low - Math.max(0.5, size * NARROW), high + Math.max(0.5, size * NARROW)];
  if (of.whole && high - low < LIMITS.histogramBinsMax) {
    return Array.from({ length: high - low + 2 }, (_, index) => low + index);
  }
  const wanted =
    of.iqr > 0 ? ((high - low) * Math.cbrt(of.count)) / (2 * of.iqr) : Math.log2(Math.max(1, of.count)) + 1;
  const marks = ticks(low, high, Math.min(BINS_MAX, Math.max(BINS_MIN, Math.ceil(wanted))));
  const width = marks.length > 1 ? roundEdge((marks[1] as number) - (marks[0] as number)) : high - low;
  const step = of.whole ? Math.max(1, Math.round(width)) : width;
  const from = Math.floor(low / step) * step;
  const length = Math.floor((high - from) / step) + 2;
  return Array.from({ length: Math.min(length, 2 * LIMITS.histogramBinsMax) }, (_, index) =>
    roundEdge(from + index * step),
  );
}

function roundEdge(value: number): number {
  return Number(value.toPrecision(EDGE_DIGITS));
}
