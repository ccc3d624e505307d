/** How two categories go together: chi-squared, Cramér's V, whether one fixes the other, and where they meet most. */
import { roundFigure, shareOf } from './figures.ts';
import type { CodedColumn } from './group-comparison.ts';
import { LIMITS } from './limits.ts';
import { PAIR_ROWS_MIN } from './number-pairs.ts';
import type { CategoryPair } from './relation-schema.ts';
import { chiSquareP } from './significance.ts';

/** The level that stands for all the small ones. */
export const OTHER = '(other)';
const EXPECTED_MIN = 5;
const SPARSE_SHARE = 0.2;

/** Counts of rows by the levels of two categories. */
export interface CrossTable {
  readonly aLevels: readonly string[];
  readonly bLevels: readonly string[];
  /** Row by row, one row of the table for each level of a. */
  readonly counts: readonly (readonly number[])[];
  readonly n: number;
}

/** Crosses two categories: the largest levels of each, and the rest as one. */
export function crossCategories(a: CodedColumn, b: CodedColumn): CrossTable {
  const chosen: number[] = [];
  for (let row = 0; row < a.codes.length; row++) {
    if ((a.codes[row] as number) >= 0 && (b.codes[row] as number) >= 0) chosen.push(row);
  }
  const aPlaces = placeLevels(a, chosen);
  const bPlaces = placeLevels(b, chosen);
  const counts = aPlaces.levels.map(() => bPlaces.levels.map(() => 0));
  for (const row of chosen) {
    const line = counts[aPlaces.of(a.codes[row] as number)] as number[];
    const at = bPlaces.of(b.codes[row] as number);
    line[at] = (line[at] ?? 0) + 1;
  }
  return { aLevels: aPlaces.levels, bLevels: bPlaces.levels, counts, n: chosen.length };
}

/** The relation, its `q` still to come; nothing where there are too few rows or a category has one level. */
export function relateCategories(a: CodedColumn, b: CodedColumn): CategoryPair | undefined {
  const table = crossCategories(a, b);
  const { counts, n } = table;
  if (n < PAIR_ROWS_MIN || table.aLevels.length < 2 || table.bLevels.length < 2) return undefined;
  const aTotals = counts.map((line) => line.reduce((sum, count) => sum + count, 0));
  const bTotals = table.bLevels.map((_, at) => counts.reduce((sum, line) => sum + (line[at] ?? 0), 0));
  let chiSquare = 0;
  let scarce = 0;
  let peak = { a: 0, b: 0, count: 0, expected: 0, excess: Number.NEGATIVE_INFINITY };
  counts.forEach((line, at) => {
    line.forEach((count, bAt) => {
      const expected = ((aTotals[at] as number) * (bTotals[bAt] as number)) / n;
      chiSquare += (count - expected) ** 2 / expected;
      if (expected < EXPECTED_MIN) scarce += 1;
      const excess = (count - expected) / Math.sqrt(expected);
      const named = table.aLevels[at] !== OTHER && table.bLevels[bAt] !== OTHER;
      if (named && excess > peak.excess) peak = { a: at, b: bAt, count, expected, excess };
    });
  });
  const degrees = (table.aLevels.length - 1) * (table.bLevels.length - 1);
  const cramersV = correctedV(chiSquare, n, table.aLevels.length, table.bLevels.length);
  return {
    kind: 'categories',
    a: a.name,
    b: b.name,
    n,
    p: chiSquareP(chiSquare, degrees),
    q: 1,
    strength: roundFigure(cramersV),
    cramersV: roundFigure(cramersV),
    chiSquare: roundFigure(chiSquare),
    degrees,
    sparse: scarce > aTotals.length * bTotals.length * SPARSE_SHARE,
    determines: findDetermining(a, b),
    peak: {
      a: table.aLevels[peak.a] ?? '',
      b: table.bLevels[peak.b] ?? '',
      count: peak.count,
      expected: roundFigure(peak.expected),
      shareOfA: shareOf(peak.count, aTotals[peak.a] ?? 0),
    },
  };
}

function placeLevels(column: CodedColumn, rows: readonly number[]): { levels: string[]; of(code: number): number } {
  const sizes = new Float64Array(column.levels.length);
  for (const row of rows) {
    const code = column.codes[row] as number;
    sizes[code] = (sizes[code] as number) + 1;
  }
  const codes = [...sizes.keys()].filter((code) => (sizes[code] as number) > 0);
  codes.sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b);
  const kept = codes.length > LIMITS.groupLevelsMax ? codes.slice(0, LIMITS.groupLevelsMax - 1) : codes;
  const levels = kept.map((code) => column.levels[code] ?? '');
  if (kept.length < codes.length) levels.push(OTHER);
  const places = new Map(kept.map((code, place) => [code, place]));
  return { levels, of: (code) => places.get(code) ?? kept.length };
}

function correctedV(chiSquare: number, n: number, aLevels: number, bLevels: number): number {
  const phi2 = Math.max(0, chiSquare / n - ((aLevels - 1) * (bLevels - 1)) / (n - 1));
  const aCorrected = aLevels - (aLevels - 1) ** 2 / (n - 1);
  const bCorrected = bLevels - (bLevels - 1) ** 2 / (n - 1);
  const smaller = Math.min(aCorrected, bCorrected) - 1;
  return smaller <= 0 ? 0 : Math.min(1, Math.sqrt(phi2 / smaller));
}

/** Over all levels: a category with as many levels as rows would fix everything, so each level must come twice on average. */
function findDetermining(a: CodedColumn, b: CodedColumn): CategoryPair['determines'] {
  const byA = fixes(a, b);
  const byB = fixes(b, a);
  if (byA) return byB ? 'both' : 'a';
  return byB ? 'b' : 'neither';
}

function fixes(from: CodedColumn, to: CodedColumn): boolean {
  const partner = new Int32Array(from.levels.length).fill(-1);
  let rows = 0;
  let levels = 0;
  for (let row = 0; row < from.codes.length; row++) {
    const code = from.codes[row] as number;
    const other = to.codes[row] as number;
    if (code < 0 || other < 0) continue;
    rows += 1;
    if (partner[code] === -1) {
      partner[code] = other;
      levels += 1;
    } else if (partner[code] !== other) return false;
  }
  return levels > 1 && rows >= levels * 2;
}
