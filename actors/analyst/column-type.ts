/** What a column is taken for, from what its cells were. Pure. */
import { KIND } from './cells.ts';
import type { ColumnType } from './profile-schema.ts';

/** What the decision rests on. `counts` is indexed by `KIND`. */
export interface ColumnEvidence {
  readonly name: string;
  readonly counts: ArrayLike<number>;
  /** Distinct values that are not missing. */
  readonly distinct: number;
  /** Values like 00501: digits, but no quantity. */
  readonly codes: number;
  /** Whether its numbers go up by one from row to row. */
  readonly sequential: boolean;
  readonly min: number;
  readonly max: number;
  readonly lengthMean: number;
  /** Texts with a space in them. */
  readonly spaced: number;
}

/** A column is of a type when so many of its values are; the rest are named as not fitting. */
const TYPE_SHARE = 0.95;
const CATEGORY_LEVELS_MAX = 1_000;
const CATEGORY_REPEATS_MIN = 2;
const ID_ROWS_MIN = 10;
const ID_LENGTH_MAX = 64;
/** Below 1 because the number of distinct values may be an estimate, off by some 2 %. */
const ID_DISTINCT_SHARE = 0.97;
const ID_NAME = /(^|[^a-z])(id|ids|uuid|guid|key|index|idx|rowid|no|nr)$|^(unnamed: 0|index)$/i;
const ID_CAMEL = /[a-z](Id|ID|Key|Uuid|UUID)$/;
const YEAR_MIN = 1500;
const YEAR_MAX = 2200;

/** Decides. */
export function inferType(evidence: ColumnEvidence): ColumnType {
  const { counts } = evidence;
  const at = (kind: number): number => counts[kind] ?? 0;
  const numeric = at(KIND.integer) + at(KIND.number);
  const dates = at(KIND.date) + at(KIND.datetime);
  const values = numeric + dates + at(KIND.boolean) + at(KIND.text);
  if (values === 0) return at(KIND.none) > 0 ? 'category' : 'empty';
  const enough = values * TYPE_SHARE;
  if (numeric >= enough && evidence.codes === 0) {
    if (at(KIND.number) > 0) return 'number';
    return isNumericId(evidence, values) ? 'id' : 'integer';
  }
  if (dates >= enough) return at(KIND.datetime) > 0 ? 'datetime' : 'date';
  if (at(KIND.boolean) >= enough && evidence.distinct <= 4) return 'boolean';
  if (isCategory(evidence, values + at(KIND.none))) return 'category';
  return isTextId(evidence, values) ? 'id' : 'text';
}

/** Whether the word None is a value of a column of this type, or says that there is none. */
export function isNoneValue(type: ColumnType): boolean {
  return type === 'category' || type === 'text';
}

/** Whether a whole-number column holds years. */
export function looksLikeYears(name: string, min: number, max: number): boolean {
  return /(^|[^a-z])(year|yr|jahr|annee|année|año)([^a-z]|$)/i.test(name) && min >= YEAR_MIN && max <= YEAR_MAX;
}

function isNumericId(evidence: ColumnEvidence, values: number): boolean {
  if (values < ID_ROWS_MIN || looksLikeYears(evidence.name, evidence.min, evidence.max)) return false;
  if (evidence.distinct < values * ID_DISTINCT_SHARE) return false;
  return evidence.sequential || ID_NAME.test(evidence.name) || ID_CAMEL.test(evidence.name);
}

function isCategory(evidence: ColumnEvidence, values: number): boolean {
  return evidence.distinct <= CATEGORY_LEVELS_MAX && values >= evidence.distinct * CATEGORY_REPEATS_MIN;
}

function isTextId(evidence: ColumnEvidence, values: number): boolean {
  if (values < ID_ROWS_MIN || evidence.lengthMean > ID_LENGTH_MAX || evidence.spaced > values * 0.05) return false;
  return evidence.distinct >= values * ID_DISTINCT_SHARE;
}
