/** Which columns of a file are related, and as what: numbers, categories, time. Within the bounds, and saying what is left out. */
import { looksLikeYears } from './column-type.ts';
import { LIMITS } from './limits.ts';
import type { ColumnType } from './profile-schema.ts';
import type { SampleRoles } from './row-sample.ts';

/** A column with its type. */
export interface TypedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** A year like any other: only the name of the column decides here. */
const YEAR_PROBE = 2000;

/** The roles, and notes on what was left out. `timeColumn` is believed. */
export function chooseRoles(
  columns: readonly TypedColumn[],
  timeColumn: string | undefined,
): { roles: SampleRoles; notes: string[] } {
  const notes: string[] = [];
  const isDate = (column: TypedColumn): boolean => column.type === 'date' || column.type === 'datetime';
  const isYear = (column: TypedColumn): boolean =>
    column.type === 'integer' && looksLikeYears(column.name, YEAR_PROBE, YEAR_PROBE);
  const time =
    timeColumn === undefined
      ? (columns.find(isDate) ?? columns.find(isYear))
      : columns.find(({ name }) => name === timeColumn);
  const numeric = columns.filter(
    (column) => (column.type === 'integer' || column.type === 'number') && column.name !== time?.name,
  );
  const categories = columns.filter((column) => column.type === 'category' || column.type === 'boolean');
  const roles: SampleRoles = {
    numbers: take(numeric, LIMITS.numericColumnsMax, 'numeric columns', notes),
    categories: take(categories, LIMITS.categoryColumnsMax, 'categories', notes),
    ...(time === undefined ? {} : { time: time.name, timeIsYear: !isDate(time) }),
  };
  return { roles, notes };
}

function take(columns: readonly TypedColumn[], max: number, what: string, notes: string[]): string[] {
  if (columns.length > max) notes.push(`Only the first ${max} of ${columns.length} ${what} are related to each other.`);
  return columns.slice(0, max).map(({ name }) => name);
}
