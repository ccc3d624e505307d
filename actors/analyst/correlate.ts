/** Relates the columns of a file to each other in one pass: pairs of numbers, groups, pairs of categories, trends over time. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { crossCategories, relateCategories } from './category-pairs.ts';
import { chooseRoles, type TypedColumn } from './column-roles.ts';
import type { CorrelateOutput, correlateInputSchema, RelationFile } from './correlate-schema.ts';
import { DuplicateRows } from './duplicate-rows.ts';
import { detectShape } from './file-shape.ts';
import { roundP } from './figures.ts';
import { type CodedColumn, compareGroups } from './group-comparison.ts';
import { LIMITS } from './limits.ts';
import { correlateNumbers, type OrderedColumn } from './number-pairs.ts';
import { periodLabel, periodStart } from './periods.ts';
import { describeFaults } from './profile.ts';
import type { Progress } from './progress.ts';
import { readRows } from './records.ts';
import type { CategoryPair, GroupComparison, NumberPair, Trend } from './relation-schema.ts';
import { RowSample, type SampleRoles } from './row-sample.ts';
import { scanColumns } from './scan.ts';
import { adjustForMany } from './significance.ts';
import type { TimeBuckets } from './time-buckets.ts';
import { findTrends, type TimedSeries } from './time-trends.ts';
import { nameFor, writeWhole } from './work-files.ts';

/** See `correlateInputSchema`; defaults need not be given. */
export type CorrelateInput = z.input<typeof correlateInputSchema>;

/** Relations of a kind that get data for a chart. */
const CHARTED = 8;

interface Relations {
  readonly numbers: NumberPair[];
  readonly groups: GroupComparison[];
  readonly categories: CategoryPair[];
  readonly trends: Trend[];
}

/** Relates. Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT, UNAVAILABLE (no room to write the file). */
export async function correlate(input: CorrelateInput, progress?: Progress): Promise<CorrelateOutput> {
  const shape = await detectShape(input.path, input.dialect);
  const { roles, notes } = chooseRoles(await typedColumns(input), input.timeColumn);
  const seed = input.seed ?? 1;
  const sample = new RowSample(roles, shape.dialect, seed);
  const duplicates = new DuplicateRows();
  const hash = createHash('sha256');
  const related = [...roles.numbers, ...roles.categories, ...(roles.time === undefined ? [] : [roles.time])];
  // The other columns are read for the check for repeated rows alone.
  const columns = [...related, ...shape.header.filter((name) => !related.includes(name))];
  const onBytes = (bytes: Buffer): void => {
    hash.update(bytes);
  };
  const counts = await readRows(
    { path: input.path, dialect: shape.dialect, header: shape.header, columns, progress, onBytes },
    (cells) => {
      sample.offer(cells);
      duplicates.add(cells);
    },
  );
  const gathered = { numbers: sample.numberColumns(), coded: sample.codedColumns() };
  const { relations, series } = relate(gathered, sample.buckets, roles);
  const tests = adjust(relations);
  sortByStrength(relations);
  if (sample.size < counts.rows) {
    notes.push(
      `Relations are estimated from a random sample of ${sample.size} of ${counts.rows} rows (seed ${seed}); trends use all rows.`,
    );
  }
  const output: CorrelateOutput = {
    path: input.path,
    fingerprint: shape.fingerprint,
    sha256: hash.digest('hex'),
    rows: counts.rows,
    sampleRows: sample.size,
    seed,
    tests,
    duplicateRows: { count: duplicates.count, checked: duplicates.checked },
    ...shorten(relations),
    notes: [...shape.notes, ...describeFaults(counts), ...notes],
  };
  if (input.workDir === undefined) return output;
  const content: RelationFile = {
    fingerprint: shape.fingerprint,
    ...relations,
    ...chartData(relations, gathered, series),
  };
  const name = `relations-${nameFor([shape.fingerprint, shape.dialect, roles, seed])}.json`;
  return { ...output, file: await writeWhole(input.workDir, name, JSON.stringify(content)) };
}

async function typedColumns(input: CorrelateInput): Promise<readonly TypedColumn[]> {
  if (input.columns !== undefined) return input.columns;
  if (input.profiles !== undefined) return input.profiles.flatMap((profile) => profile.columns);
  return (await scanColumns({ path: input.path, dialect: input.dialect })).columns;
}

interface Gathered {
  readonly numbers: readonly OrderedColumn[];
  readonly coded: readonly CodedColumn[];
}

function relate(
  { numbers, coded }: Gathered,
  buckets: TimeBuckets | undefined,
  roles: SampleRoles,
): { relations: Relations; series: TimedSeries[] } {
  const relations: Relations = { numbers: [], groups: [], categories: [], trends: [] };
  numbers.forEach((x, at) => {
    for (const y of numbers.slice(at + 1)) addTo(relations.numbers, correlateNumbers(x, y));
  });
  for (const category of coded) {
    for (const value of numbers) addTo(relations.groups, compareGroups(category, value));
  }
  coded.forEach((a, at) => {
    for (const b of coded.slice(at + 1)) addTo(relations.categories, relateCategories(a, b));
  });
  if (buckets === undefined || roles.time === undefined) return { relations, series: [] };
  const { trends, series } = findTrends(buckets, roles.time, roles.numbers);
  relations.trends.push(...trends);
  return { relations, series };
}

function addTo<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}

/** Sets every `q`; returns how many tests there were. */
function adjust(relations: Relations): number {
  const seasons = relations.trends.flatMap((trend) => (trend.season === undefined ? [] : [trend.season]));
  const all = [...relations.numbers, ...relations.groups, ...relations.categories, ...relations.trends, ...seasons];
  const adjusted = adjustForMany(all.map((test) => test.p));
  all.forEach((test, at) => {
    test.q = roundP(adjusted[at] as number);
    test.p = roundP(test.p);
  });
  for (const pair of relations.numbers) pair.pearsonP = roundP(pair.pearsonP);
  return all.length;
}

function sortByStrength(relations: Relations): void {
  for (const list of [relations.numbers, relations.groups, relations.categories, relations.trends]) {
    list.sort((a, b) => b.strength - a.strength);
  }
}

function shorten(relations: Relations): Relations {
  const max = LIMITS.relationsShownMax;
  const levels = LIMITS.groupLevelsShownMax;
  return {
    numbers: relations.numbers.slice(0, max),
    groups: relations.groups
      .slice(0, max)
      .map((relation) => ({ ...relation, groups: relation.groups.slice(0, levels) })),
    categories: relations.categories.slice(0, max),
    trends: relations.trends.slice(0, max),
  };
}

function chartData(
  relations: Relations,
  gathered: Gathered,
  series: readonly TimedSeries[],
): Pick<RelationFile, 'scatters' | 'series' | 'crosses'> {
  const numbers = new Map(gathered.numbers.map((column) => [column.name, column.values]));
  const coded = new Map(gathered.coded.map((column) => [column.name, column]));
  const scatters = relations.numbers.slice(0, CHARTED).map(({ x, y }) => {
    return { x, y, points: pickPoints(numbers.get(x) ?? new Float64Array(0), numbers.get(y) ?? new Float64Array(0)) };
  });
  const crosses: RelationFile['crosses'] = [];
  for (const { a, b } of relations.categories.filter((pair) => pair.determines === 'neither').slice(0, CHARTED)) {
    const left = coded.get(a);
    const right = coded.get(b);
    if (left === undefined || right === undefined) continue;
    const table = crossCategories(left, right);
    const counts = table.counts.map((line) => [...line]);
    crosses.push({ a, b, aLevels: [...table.aLevels], bLevels: [...table.bLevels], counts });
  }
  return {
    scatters,
    crosses,
    series: series.map(({ value, unit, periods, values }) => ({
      ...(value === undefined ? {} : { value }),
      labels: periods.map((period) => periodLabel(period, unit)),
      starts: periods.map((period) => periodStart(period, unit)),
      values: [...values],
    })),
  };
}

/** Different points of rows evenly spread over the sample, which is in the order of the file or random. */
function pickPoints(x: Float64Array, y: Float64Array): [number, number][] {
  const points = new Map<string, [number, number]>();
  for (let row = 0; row < x.length; row++) {
    const px = x[row] as number;
    const py = y[row] as number;
    if (!Number.isNaN(px) && !Number.isNaN(py)) points.set(`${px} ${py}`, [px, py]);
  }
  const all = [...points.values()];
  const step = Math.max(1, all.length / LIMITS.scatterPointsMax);
  return Array.from(
    { length: Math.min(all.length, LIMITS.scatterPointsMax) },
    (_, at) => all[Math.floor(at * step)] as [number, number],
  );
}
