/** Everything that one pass gathers about one column, whatever it turns out to hold. Memory is bounded by `capacity`. */
import { type Cell, CellReader, KIND, KINDS } from './cells.ts';
import { inferType, isNoneValue } from './column-type.ts';
import { DateColumn } from './date-column.ts';
import type { Dialect } from './dialect.ts';
import { LIMITS } from './limits.ts';
import { NumberColumn } from './number-column.ts';
import type { ColumnType } from './profile-schema.ts';
import { detach, ValueCounter } from './value-counter.ts';

const EXAMPLES = 3;

/** Add every cell with its row. */
export class ColumnAccumulator {
  readonly name: string;
  readonly counts = new Float64Array(KINDS);
  readonly numbers: NumberColumn;
  readonly dates: DateColumn;
  /** Texts and booleans, as they are written. */
  readonly texts: ValueCounter;
  readonly lengths = { min: Number.POSITIVE_INFINITY, max: 0, sum: 0 };
  /** The first few values of each kind. */
  readonly examples: string[][] = Array.from({ length: KINDS }, () => []);
  codes = 0;
  private spaced = 0;
  private readonly reader: CellReader;

  /** `capacity` distinct values of each kind are counted exactly. */
  constructor(name: string, dialect: Dialect, capacity: number) {
    this.name = name;
    this.reader = new CellReader(dialect);
    this.numbers = new NumberColumn(capacity);
    this.dates = new DateColumn(capacity);
    this.texts = new ValueCounter(capacity);
  }

  add(cell: Cell, row: number): void {
    const { reader, counts } = this;
    const kind = reader.read(cell);
    counts[kind] = (counts[kind] as number) + 1;
    switch (kind) {
      case KIND.missing:
      case KIND.none:
        return;
      case KIND.integer:
      case KIND.number:
        this.numbers.add(reader.value, row, reader.unit);
        break;
      case KIND.date:
      case KIND.datetime:
        this.dates.add(reader.value);
        break;
      default:
        this.addText(reader.text);
    }
    const examples = this.examples[kind] as string[];
    if (examples.length < EXAMPLES) examples.push(detach(String(cell).trim().slice(0, LIMITS.valueCharsMax)));
  }

  /** Values that are not missing, in a column of this type. */
  countValues(type: ColumnType): number {
    const words = (this.counts[KIND.boolean] as number) + (this.counts[KIND.text] as number);
    const nones = isNoneValue(type) ? (this.counts[KIND.none] as number) : 0;
    return this.numbers.moments.count + this.dates.count + words + nones;
  }

  /** Distinct values that are not missing, over all kinds, in a column of this type. */
  countDistinct(type: ColumnType): number {
    const none = isNoneValue(type) && (this.counts[KIND.none] as number) > 0 ? 1 : 0;
    return this.numbers.counter.distinct + this.dates.counter.distinct + this.texts.distinct + none;
  }

  /** Whether `countDistinct` is exact. */
  get distinctExact(): boolean {
    return this.numbers.counter.exact && this.dates.counter.exact && this.texts.exact;
  }

  /** What the column is taken for so far. */
  inferType(): ColumnType {
    const texts = (this.counts[KIND.boolean] as number) + (this.counts[KIND.text] as number);
    return inferType({
      name: this.name,
      counts: this.counts,
      distinct: this.countDistinct('category'),
      codes: this.codes,
      sequential: this.numbers.sequential,
      min: this.numbers.moments.min,
      max: this.numbers.moments.max,
      lengthMean: texts === 0 ? 0 : this.lengths.sum / texts,
      spaced: this.spaced,
    });
  }

  private addText(text: string): void {
    this.texts.add(text.length <= LIMITS.valueCharsMax ? text : shorten(text));
    const { lengths } = this;
    lengths.sum += text.length;
    if (text.length < lengths.min) lengths.min = text.length;
    if (text.length > lengths.max) lengths.max = text.length;
    if (text.includes(' ')) this.spaced += 1;
    if (text.length > 1 && text.charCodeAt(0) === 0x30 && /^0\d+$/.test(text)) this.codes += 1;
  }
}

/** A long text by its beginning, length and end: what tells texts apart well enough to count them. */
function shorten(text: string): string {
  return `${text.slice(0, LIMITS.valueCharsMax)}… (${text.length} characters, …${text.slice(-20)})`;
}
