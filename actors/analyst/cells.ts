/**
 * What one cell of a data file says: nothing, yes or no, a number, a date, or text. Pure and without allocation on the
 * common paths: it runs once for every cell of a file of up to a gigabyte.
 */
import { readDate } from './dates.ts';
import type { Dialect } from './dialect.ts';

/** A cell as the readers give it: text from CSV, JSON's own values from JSON. */
export type Cell = string | number | boolean | null | undefined;

/**
 * What a cell holds. The numbers index arrays of counts. `none` is the word None: among numbers and dates it means that
 * there is no value (Python writes it so), among words it is a word (damage: None).
 */
export const KIND = { missing: 0, boolean: 1, integer: 2, number: 3, date: 4, datetime: 5, text: 6, none: 7 } as const;

/** One of `KIND`. */
export type Kind = (typeof KIND)[keyof typeof KIND];

/** How many kinds there are. */
export const KINDS = 8;

/** Words that mean "no value": the list that pandas uses, without None. Compared as they stand, after trimming. */
const MISSING: ReadonlySet<string> = new Set([
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'n/a',
  'nan',
  'null',
]);

const YES: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y']);
const NO: ReadonlySet<string> = new Set(['false', 'f', 'no', 'n']);

const GROUPED_DOT = /^[+-]?\d{1,3}(?:[,'’  ]\d{3})+(?:\.\d+)?$/;
const GROUPED_COMMA = /^[+-]?\d{1,3}(?:[.'’  ]\d{3})+(?:,\d+)?$/;
const PLAIN_COMMA = /^[+-]?\d+,\d+(?:[eE][+-]?\d+)?$/;
const SEPARATORS = /[,.'’  ]/g;
const CURRENCY = /^([+-]?)\s*[$€£¥₹]\s*|\s*[$€£¥₹]$/g;

/** Reads cells. The fields hold what the last `read` found; `value` is a number, or ms since the epoch, or 0 and 1. */
export class CellReader {
  value = Number.NaN;
  /** The trimmed text of the last cell, where it was text. */
  text = '';
  /** The unit that stood at the last number: `%`, `$` and so on, or nothing. */
  unit = '';
  private readonly commaDecimal: boolean;
  private readonly dayFirst: boolean;
  private lastDateText = '';
  private lastDate: ReturnType<typeof readDate>;

  constructor(dialect: Pick<Dialect, 'decimal' | 'dayFirst'>) {
    this.commaDecimal = dialect.decimal === ',';
    this.dayFirst = dialect.dayFirst;
  }

  /** Finds out what a cell holds. */
  read(cell: Cell): Kind {
    if (typeof cell === 'string') return this.readText(cell);
    this.unit = '';
    if (typeof cell === 'number') {
      this.value = cell;
      this.text = '';
      if (!isComputable(cell)) return this.readText(String(cell));
      return Number.isInteger(cell) ? KIND.integer : KIND.number;
    }
    if (typeof cell === 'boolean') {
      this.value = cell ? 1 : 0;
      this.text = cell ? 'true' : 'false';
      return KIND.boolean;
    }
    this.text = '';
    return KIND.missing;
  }

  private readText(cell: string): Kind {
    const text = trimCell(cell);
    this.text = text;
    this.unit = '';
    if (text === '') return KIND.missing;
    const first = text.charCodeAt(0);
    // Digits, signs, the decimal point, brackets of currencies: everything a number or a numeric date can begin with.
    if (first <= 0x39) {
      const kind = this.readNumeric(text, first);
      if (kind !== undefined) return kind;
    }
    return this.readWord(text, first);
  }

  private readNumeric(text: string, first: number): Kind | undefined {
    const second = text.charCodeAt(1);
    // A leading zero before another digit is a code (a ZIP code, an account), not a quantity.
    if (first === 0x30 && second >= 0x30 && second <= 0x39 && !hasDateMark(text)) return KIND.text;
    if (!(this.commaDecimal && text.includes(','))) {
      const value = second === 0x78 || second === 0x62 || second === 0x6f ? Number.NaN : Number(text);
      if (isComputable(value) && !(this.commaDecimal && text.includes('.'))) return this.take(value, text);
    }
    return undefined;
  }

  private take(value: number, text: string): Kind {
    this.value = value;
    return Number.isInteger(value) && !text.includes('.') && !text.includes(',') ? KIND.integer : KIND.number;
  }

  private readWord(text: string, first: number): Kind {
    if (text.length <= 8) {
      if (MISSING.has(text)) return KIND.missing;
      if (text === 'None') return KIND.none;
      if (text.length <= 5 && first >= 0x41) {
        const lower = text.toLowerCase();
        if (YES.has(lower)) return this.takeBoolean(1);
        if (NO.has(lower)) return this.takeBoolean(0);
      }
    }
    if (text.length <= 40) {
      const date = this.readDateText(text);
      if (date !== undefined) {
        this.value = date.ms;
        return date.timed ? KIND.datetime : KIND.date;
      }
      return isLetter(first) ? KIND.text : (this.readDecorated(text) ?? KIND.text);
    }
    return KIND.text;
  }

  private takeBoolean(value: number): Kind {
    this.value = value;
    return KIND.boolean;
  }

  private readDateText(text: string): ReturnType<typeof readDate> {
    if (text === this.lastDateText) return this.lastDate;
    const date = readDate(text, this.dayFirst);
    if (date !== undefined) {
      this.lastDateText = text;
      this.lastDate = date;
    }
    return date;
  }

  /** Numbers with separators between thousands, a decimal comma, a currency or a percent sign. */
  private readDecorated(text: string): Kind | undefined {
    let bare = text;
    let unit = '';
    if (bare.endsWith('%')) {
      unit = '%';
      bare = bare.slice(0, -1).trimEnd();
    } else {
      const sign = /[$€£¥₹]/.exec(bare);
      if (sign !== null) {
        unit = sign[0];
        bare = bare.replace(CURRENCY, '$1');
      }
    }
    const value = this.parseBare(bare);
    if (value === undefined) return undefined;
    this.unit = unit;
    return this.take(value, bare.includes(this.commaDecimal ? ',' : '.') ? '.' : '');
  }

  private parseBare(bare: string): number | undefined {
    const grouped = this.commaDecimal ? GROUPED_COMMA : GROUPED_DOT;
    let plain = bare;
    if (grouped.test(bare)) {
      const mark = this.commaDecimal ? ',' : '.';
      const at = bare.lastIndexOf(mark);
      const whole = (at === -1 ? bare : bare.slice(0, at)).replace(SEPARATORS, '');
      plain = at === -1 ? whole : `${whole}.${bare.slice(at + 1)}`;
    } else if (this.commaDecimal && PLAIN_COMMA.test(bare)) {
      plain = bare.replace(',', '.');
    }
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain)) return undefined;
    if (this.commaDecimal && plain === bare && bare.includes('.')) return undefined;
    const value = Number(plain);
    return isComputable(value) ? value : undefined;
  }
}

/** Larger numbers overflow in sums of cubes: they are kept as text. */
const NUMBER_MAX = 1e100;

function isComputable(value: number): boolean {
  return Math.abs(value) <= NUMBER_MAX;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function trimCell(cell: string): string {
  if (cell.length === 0) return cell;
  const first = cell.charCodeAt(0);
  const last = cell.charCodeAt(cell.length - 1);
  return first <= 0x20 || last <= 0x20 || first >= 0xa0 || last >= 0xa0 ? cell.trim() : cell;
}

function hasDateMark(text: string): boolean {
  return text.includes('-') || text.includes('/') || text.includes('.') || text.includes(':');
}
