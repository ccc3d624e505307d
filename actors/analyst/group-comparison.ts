/** How a numeric column differs between the groups of a category: Kruskal and Wallis' test, two effect sizes, a box for each. */
import { roundFigure } from './figures.ts';
import { LIMITS } from './limits.ts';
import type { OrderedColumn } from './number-pairs.ts';
import { rankChosen } from './ranks.ts';
import type { GroupComparison } from './relation-schema.ts';
import { chiSquareP } from './significance.ts';

/** A category of a sample: a code for each row, -1 where there is no value. */
export interface CodedColumn {
  readonly name: string;
  readonly codes: Int32Array;
  /** The level of each code. */
  readonly levels: readonly string[];
}

/** Smaller groups are not compared, unless a caller says so. */
export const GROUP_ROWS_MIN = 5;

/** The comparison, its `q` still to come; nothing where fewer than two groups are large enough or nothing varies. */
export function compareGroups(
  category: CodedColumn,
  value: OrderedColumn,
  rowsMin = GROUP_ROWS_MIN,
): GroupComparison | undefined {
  const groupOf = chooseGroups(category, value.values, rowsMin);
  const groups = groupOf.codes.length;
  if (groups < 2) return undefined;
  const rows = value.values.length;
  const chosen = new Uint8Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(value.values[row]) || groupOf.index(category.codes[row] as number) === -1) continue;
    chosen[row] = 1;
    n += 1;
  }
  const ranks = new Float64Array(rows);
  const ties = rankChosen(value.order, value.values, chosen, ranks);
  const correction = 1 - ties / (n ** 3 - n);
  if (correction <= 0) return undefined;
  const gathered = gather(value, category, chosen, groupOf);
  const rankSums = new Float64Array(groups);
  for (let row = 0; row < rows; row++) {
    if (chosen[row] !== 1) continue;
    const group = groupOf.index(category.codes[row] as number);
    rankSums[group] = (rankSums[group] as number) + (ranks[row] as number);
  }
  const squares = gathered.reduce((sum, values, group) => sum + (rankSums[group] as number) ** 2 / values.length, 0);
  const h = Math.max(0, ((12 / (n * (n + 1))) * squares - 3 * (n + 1)) / correction);
  const rankEta2 = Math.max(0, (h - groups + 1) / (n - groups));
  return {
    kind: 'groups',
    category: category.name,
    value: value.name,
    n,
    p: chiSquareP(h, groups - 1),
    q: 1,
    strength: roundFigure(Math.sqrt(Math.min(1, rankEta2))),
    h: roundFigure(h),
    degrees: groups - 1,
    rankEta2: roundFigure(Math.min(1, rankEta2)),
    eta2: roundFigure(correlationRatio(gathered)),
    groups: gathered.map((values, group) =>
      describeGroup(category.levels[groupOf.codes[group] as number] ?? '', values),
    ),
    levelsLeftOut: category.levels.length - groups,
  };
}

interface Grouping {
  /** Codes of the groups, largest first. */
  readonly codes: readonly number[];
  /** The group of a code, or -1. */
  index(code: number): number;
}

function chooseGroups(category: CodedColumn, values: Float64Array, rowsMin: number): Grouping {
  const sizes = new Float64Array(category.levels.length);
  for (let row = 0; row < values.length; row++) {
    const code = category.codes[row] as number;
    if (code >= 0 && !Number.isNaN(values[row])) sizes[code] = (sizes[code] as number) + 1;
  }
  const codes = [...sizes.keys()].filter((code) => (sizes[code] as number) >= rowsMin);
  codes.sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b);
  const kept = codes.slice(0, LIMITS.groupLevelsMax);
  const places = new Int32Array(category.levels.length).fill(-1);
  kept.forEach((code, group) => {
    places[code] = group;
  });
  return { codes: kept, index: (code) => (code < 0 ? -1 : (places[code] ?? -1)) };
}

/** Values of each group, ascending. */
function gather(value: OrderedColumn, category: CodedColumn, chosen: Uint8Array, groupOf: Grouping): Float64Array[] {
  const lists: number[][] = groupOf.codes.map(() => []);
  for (const row of value.order) {
    if (chosen[row] === 1) lists[groupOf.index(category.codes[row] as number)]?.push(value.values[row] as number);
  }
  return lists.map((list) => Float64Array.from(list));
}

function correlationRatio(groups: readonly Float64Array[]): number {
  const sums = groups.map((values) => values.reduce((sum, value) => sum + value, 0));
  const n = groups.reduce((sum, values) => sum + values.length, 0);
  const mean = sums.reduce((sum, part) => sum + part, 0) / n;
  let between = 0;
  let total = 0;
  groups.forEach((values, group) => {
    between += values.length * ((sums[group] as number) / values.length - mean) ** 2;
    for (const value of values) total += (value - mean) ** 2;
  });
  return total === 0 ? 0 : between / total;
}

function describeGroup(level: string, values: Float64Array): GroupComparison['groups'][number] {
  const at = (share: number): number => {
    const position = (values.length - 1) * share;
    const low = values[Math.floor(position)] as number;
    const high = values[Math.ceil(position)] as number;
    return low + (high - low) * (position - Math.floor(position));
  };
  const q25 = at(0.25);
  const q75 = at(0.75);
  const reach = 1.5 * (q75 - q25);
  const inside = values.filter((value) => value >= q25 - reach && value <= q75 + reach);
  return {
    level,
    n: values.length,
    mean: roundFigure(values.reduce((sum, value) => sum + value, 0) / values.length),
    median: roundFigure(at(0.5)),
    q25: roundFigure(q25),
    q75: roundFigure(q75),
    whiskerLow: roundFigure(inside[0] ?? q25),
    whiskerHigh: roundFigure(inside.at(-1) ?? q75),
  };
}
