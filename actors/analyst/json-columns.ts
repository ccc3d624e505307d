/**
 * JSON objects as rows: nested objects unfold into columns named `a.b`, lists and deeper objects become JSON text.
 */
import type { Cell } from './cells.ts';
import { LIMITS } from './limits.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Where to find a column in a record: its own name first (names may hold dots), then step by step. */
export interface ColumnPath {
  readonly name: string;
  readonly steps: readonly string[];
}

/** The paths of columns named as `unfoldKeys` names them. */
export function columnPaths(columns: readonly string[]): ColumnPath[] {
  return columns.map((name) => ({ name, steps: name.split('.') }));
}

/**
 * Adds the column names of a record to `names`, in the order they are met, up to one more than are allowed.
 * Overlong names are no columns.
 */
export function unfoldKeys(record: JsonObject, names: Set<string>, prefix = '', depth = 1): void {
  for (const [key, value] of Object.entries(record)) {
    if (names.size > LIMITS.columnsMax) return;
    const name = prefix + key;
    if (name.length > LIMITS.nameCharsMax) continue;
    if (isObject(value) && depth < LIMITS.nestingMax) unfoldKeys(value, names, `${name}.`, depth + 1);
    else names.add(name);
  }
}

/** The cell of a record at a column. */
export function cellOf(record: JsonObject, path: ColumnPath): Cell {
  if (Object.hasOwn(record, path.name)) return asCell(record[path.name]);
  if (path.steps.length === 1) return undefined;
  let value: unknown = record;
  for (const step of path.steps) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return asCell(value);
}

function asCell(value: unknown): Cell {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null || (isObject(value) && Object.keys(value).length === 0) ? undefined : JSON.stringify(value);
    default:
      return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
