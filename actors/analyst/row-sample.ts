/**
 * Rows of a file as columns of numbers and codes, for what needs several columns at once: all rows while they fit, a
 * uniform random sample of them beyond (reservoir sampling), repeatable by its seed.
 */
import { type Cell, CellReader, KIND } from './cells.ts';
import type { Dialect } from './dialect.ts';
import type { CodedColumn } from './group-comparison.ts';
import { LIMITS } from './limits.ts';
import type { OrderedColumn } from './number-pairs.ts';
import { createRandomSource } from './random-source.ts';
import { sortRows } from './ranks.ts';
import { TimeBuckets } from './time-buckets.ts';
import { detach } from './value-counter.ts';

/** What each column is read as. The cells of a row come in this order: numbers, categories, time. */
export interface SampleRoles {
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  readonly time?: string;
  /** The time column holds years as numbers. */
  readonly timeIsYear?: boolean;
}

/** Offer every row, then take the columns. */
export class RowSample {
  /** Sums per period over all rows; there is none without a time column. */
  readonly buckets: TimeBuckets | undefined;
  /** Rows offered. */
  seen = 0;
  private readonly roles: SampleRoles;
  private readonly numbers: Float64Array[];
  private readonly codes: Int32Array[];
  private readonly dictionaries: Map<string, number>[];
  private readonly reader: CellReader;
  private readonly random: () => number;
  private readonly scratch: Float64Array;

  constructor(roles: SampleRoles, dialect: Dialect, seed: number) {
    this.roles = roles;
    this.reader = new CellReader(dialect);
    this.random = createRandomSource(seed);
    this.numbers = roles.numbers.map(() => new Float64Array(LIMITS.sampleRowsMax));
    this.codes = roles.categories.map(() => new Int32Array(LIMITS.sampleRowsMax));
    this.dictionaries = roles.categories.map(() => new Map());
    this.scratch = new Float64Array(roles.numbers.length);
    this.buckets = roles.time === undefined ? undefined : new TimeBuckets(roles.numbers.length);
  }

  offer(cells: readonly Cell[]): void {
    const place = this.choosePlace();
    if (this.buckets === undefined && place === -1) return;
    const { scratch, reader, roles } = this;
    for (let at = 0; at < scratch.length; at++) {
      const kind = reader.read(cells[at]);
      scratch[at] = kind === KIND.integer || kind === KIND.number ? reader.value : Number.NaN;
    }
    if (this.buckets !== undefined) {
      const ms = this.readTime(cells[roles.numbers.length + roles.categories.length]);
      if (!Number.isNaN(ms)) this.buckets.add(ms, scratch);
    }
    if (place === -1) return;
    for (let at = 0; at < scratch.length; at++) (this.numbers[at] as Float64Array)[place] = scratch[at] as number;
    for (let at = 0; at < this.codes.length; at++) {
      (this.codes[at] as Int32Array)[place] = this.codeOf(cells[roles.numbers.length + at], at);
    }
  }

  /** Rows in the sample. */
  get size(): number {
    return Math.min(this.seen, LIMITS.sampleRowsMax);
  }

  /** The numeric columns, rows in the same order in each. */
  numberColumns(): OrderedColumn[] {
    return this.roles.numbers.map((name, at) => {
      const values = (this.numbers[at] as Float64Array).subarray(0, this.size);
      return { name, values, order: sortRows(values) };
    });
  }

  /** The categories, rows in the same order as those of the numbers. */
  codedColumns(): CodedColumn[] {
    return this.roles.categories.map((name, at) => ({
      name,
      codes: (this.codes[at] as Int32Array).subarray(0, this.size),
      levels: [...(this.dictionaries[at] as Map<string, number>).keys()],
    }));
  }

  /** Where the row goes, or -1 (Vitter's algorithm R). */
  private choosePlace(): number {
    const row = this.seen;
    this.seen += 1;
    if (row < LIMITS.sampleRowsMax) return row;
    const place = Math.floor(this.random() * (row + 1));
    return place < LIMITS.sampleRowsMax ? place : -1;
  }

  private readTime(cell: Cell): number {
    const kind = this.reader.read(cell);
    const { value } = this.reader;
    if (this.roles.timeIsYear === true)
      return kind === KIND.integer ? new Date(0).setUTCFullYear(value, 0, 1) : Number.NaN;
    return kind === KIND.date || kind === KIND.datetime ? value : Number.NaN;
  }

  private codeOf(cell: Cell, at: number): number {
    const kind = this.reader.read(cell);
    if (kind === KIND.missing) return -1;
    const text = typeof cell === 'string' ? this.reader.text : String(cell);
    const level = text.length <= LIMITS.valueCharsMax ? text : text.slice(0, LIMITS.valueCharsMax);
    const dictionary = this.dictionaries[at] as Map<string, number>;
    const known = dictionary.get(level);
    if (known !== undefined) return known;
    // Beyond the bound a level counts as missing; columns with so many levels are not offered as categories.
    if (dictionary.size >= LIMITS.levelsMax) return -1;
    dictionary.set(detach(level), dictionary.size);
    return dictionary.size - 1;
  }
}
