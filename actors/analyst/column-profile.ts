/** Sums up what a pass gathered about a column. */
import { KIND } from './cells.ts';
import type { ColumnAccumulator } from './column-accumulator.ts';
import { isNoneValue } from './column-type.ts';
import { writeDate } from './dates.ts';
import { shareOf } from './figures.ts';
import { LIMITS } from './limits.ts';
import type { ColumnFlag, ColumnProfile, ColumnType } from './profile-schema.ts';
import type { ValueCounter } from './value-counter.ts';

const NEARLY_CONSTANT = 0.99;
const MOSTLY_MISSING = 0.5;
const SKEWED = 2;
const MANY_ZEROS = 0.5;
/** Share of outliers (by the MAD rule) worth a flag: a normal distribution has 0.05 %. */
const MANY_OUTLIERS = 0.01;

/** The profile of a column after all its cells. */
export function profileColumn(column: ColumnAccumulator, rows: number): ColumnProfile {
  const type = column.inferType();
  const missing = rows - column.countValues(type);
  const mismatched = findMismatched(column, type);
  const counter = mainCounter(column, type);
  const profile: ColumnProfile = {
    name: column.name,
    type,
    rows,
    missing,
    missingShare: shareOf(missing, rows),
    distinct: column.countDistinct(type),
    flags: [],
    estimated: listEstimates(column, type),
    top: topValues(column, type, counter),
  };
  if (mismatched.count > 0) profile.mismatched = mismatched;
  if (counter.error > 0) profile.topErrorMax = counter.error;
  if (isNumeric(type) && column.numbers.moments.count > 0) profile.number = column.numbers.summarise();
  if (isDate(type)) profile.date = column.dates.summarise(type === 'datetime');
  const texts = (column.counts[KIND.text] as number) + (column.counts[KIND.boolean] as number);
  if (texts > 0 && !isNumeric(type) && !isDate(type)) {
    profile.text = {
      lengthMin: column.lengths.min,
      lengthMax: column.lengths.max,
      lengthMean: shareOf(column.lengths.sum, texts),
    };
  }
  profile.flags = listFlags(profile, column);
  return profile;
}

/** Whether a column of this type is computed with. Numeric ids are summed up too, for their range. */
function isNumeric(type: ColumnType): boolean {
  return type === 'integer' || type === 'number' || type === 'id';
}

function isDate(type: ColumnType): boolean {
  return type === 'date' || type === 'datetime';
}

function mainCounter(column: ColumnAccumulator, type: ColumnType): ValueCounter {
  if (isDate(type)) return column.dates.counter;
  return isNumeric(type) && column.numbers.moments.count > 0 ? column.numbers.counter : column.texts;
}

function topValues(column: ColumnAccumulator, type: ColumnType, counter: ValueCounter): ColumnProfile['top'] {
  const timed = type === 'datetime';
  const valued = column.countValues(type);
  const write = (value: string | number): string => {
    if (typeof value === 'string') return value;
    return isDate(type) ? writeDate(value, timed) : String(value);
  };
  const all = counter.top(LIMITS.topValuesMax);
  // Where texts and numbers are mixed, the numbers are values like any other.
  if (counter === column.texts) all.push(...column.numbers.counter.top(LIMITS.topValuesMax));
  const nones = column.counts[KIND.none] as number;
  if (nones > 0 && isNoneValue(type)) all.push({ value: 'None', count: nones });
  all.sort((a, b) => b.count - a.count);
  return all
    .slice(0, LIMITS.topValuesMax)
    .map(({ value, count }) => ({ value: write(value), count, share: shareOf(count, valued) }));
}

function findMismatched(column: ColumnAccumulator, type: ColumnType): { count: number; examples: string[] } {
  const fitting: readonly number[] | undefined = isDate(type)
    ? [KIND.date, KIND.datetime]
    : type === 'integer' || type === 'number'
      ? [KIND.integer, KIND.number]
      : type === 'boolean'
        ? [KIND.boolean]
        : undefined;
  if (fitting === undefined) return { count: 0, examples: [] };
  let count = 0;
  const examples: string[] = [];
  for (const kind of Object.values(KIND)) {
    if (kind === KIND.missing || kind === KIND.none || fitting.includes(kind)) continue;
    count += column.counts[kind] as number;
    examples.push(...(column.examples[kind] as string[]));
  }
  return { count, examples: examples.slice(0, LIMITS.faultsNamedMax) };
}

function listEstimates(column: ColumnAccumulator, type: ColumnType): string[] {
  const estimates: string[] = [];
  if (!column.distinctExact) estimates.push('distinct', 'top');
  if (isNumeric(type) && !column.numbers.counter.exact) {
    estimates.push('median', 'mad', 'iqr', 'quantiles', 'histogram', 'outliers.madCount', 'outliers.iqrCount');
  }
  if (isDate(type) && !column.dates.daysExact) estimates.push('days', 'gaps');
  return estimates;
}

function listFlags(profile: ColumnProfile, column: ColumnAccumulator): ColumnFlag[] {
  const flags: ColumnFlag[] = [];
  const valued = profile.rows - profile.missing;
  const topShare = profile.top[0]?.share ?? 0;
  if (valued === 0) return profile.rows === 0 ? [] : ['all-missing'];
  if (profile.missingShare > MOSTLY_MISSING) flags.push('mostly-missing');
  if (profile.distinct === 1) flags.push('constant');
  else if (topShare >= NEARLY_CONSTANT) flags.push('nearly-constant');
  if (profile.distinct === valued && valued > 1 && column.distinctExact) flags.push('all-distinct');
  if (profile.distinct === 2) flags.push('binary');
  if (profile.mismatched !== undefined) flags.push('mixed');
  if (column.codes > 0) flags.push('leading-zeros');
  if (column.numbers.beyondSafe) flags.push('beyond-safe-integers');
  const { number, date, type } = profile;
  if (number !== undefined && type !== 'id') {
    if (Math.abs(number.skew ?? 0) > SKEWED) flags.push('skewed');
    if (number.zeros > number.count * MANY_ZEROS && profile.distinct > 2) flags.push('many-zeros');
    if ((number.outliers.madCount ?? number.outliers.iqrCount ?? 0) > number.count * MANY_OUTLIERS)
      flags.push('outliers');
  }
  if ((date?.gapCount ?? 0) > 0) flags.push('gaps');
  return flags;
}
