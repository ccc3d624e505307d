/**
 * How often each value of a column occurs. Exact while the values fit; after that the number of distinct values is
 * estimated, and the most frequent ones are kept with a bound on their error (Misra and Gries 1982, cut in batches),
 * unless nearly every value is new: then there are no frequent ones.
 */
import { HyperLogLog } from './hyper-log-log.ts';

/** A value with its count. */
export interface CountedValue {
  readonly value: string | number;
  readonly count: number;
}

/** Share of distinct values at which, once full, frequent values are no longer looked for. */
const SCATTERED = 0.5;

/** Keeps at most `capacity` values. */
export class ValueCounter {
  private counts = new Map<string | number, number>();
  private sketch: HyperLogLog | undefined;
  private scattered = false;
  private seen = 0;
  private shaved = 0;
  private readonly capacity: number;
  private readonly onOverflow: ((counts: ReadonlyMap<string | number, number>) => void) | undefined;

  /** `onOverflow` gets the last exact counts, without the value that did not fit, once. */
  constructor(capacity: number, onOverflow?: (counts: ReadonlyMap<string | number, number>) => void) {
    this.capacity = capacity;
    this.onOverflow = onOverflow;
  }

  /** Whether every value is counted. */
  get exact(): boolean {
    return this.sketch === undefined;
  }

  /** How far below the truth a count may lie; 0 while exact. */
  get error(): number {
    return this.shaved;
  }

  add(value: string | number): void {
    this.seen += 1;
    this.sketch?.add(value);
    if (this.scattered) return;
    const count = this.counts.get(value);
    if (count !== undefined) this.counts.set(value, count + 1);
    else if (this.counts.size < this.capacity) this.counts.set(typeof value === 'string' ? detach(value) : value, 1);
    else this.overflow(value);
  }

  /** Distinct values: their number, or an estimate of it. */
  get distinct(): number {
    return this.sketch === undefined ? this.counts.size : Math.min(this.seen, this.sketch.estimate());
  }

  /** All values with their counts while exact, values ascending; for columns of numbers. */
  sortedNumbers(): { readonly values: Float64Array; readonly counts: Float64Array } {
    return sortCounts(this.counts);
  }

  /** The most frequent values, most frequent first, then by value; none where nearly all are distinct. */
  top(limit: number): CountedValue[] {
    const all = [...this.counts].map(([value, count]) => ({ value, count }));
    all.sort((a, b) => b.count - a.count || compare(a.value, b.value));
    return all.slice(0, limit);
  }

  private overflow(value: string | number): void {
    if (this.sketch === undefined) {
      this.onOverflow?.(this.counts);
      this.sketch = new HyperLogLog();
      for (const key of this.counts.keys()) this.sketch.add(key);
      this.sketch.add(value);
      this.scattered = this.counts.size > this.seen * SCATTERED;
    }
    if (this.scattered) {
      this.counts = new Map();
      return;
    }
    this.shave();
    this.counts.set(typeof value === 'string' ? detach(value) : value, 1);
  }

  /** Takes the count of the middle value off all and drops what has none left: at least half of the places are free again. */
  private shave(): void {
    const ordered = Float64Array.from(this.counts.values()).sort();
    const off = ordered[ordered.length >>> 1] as number;
    for (const [key, count] of this.counts) {
      if (count > off) this.counts.set(key, count - off);
      else this.counts.delete(key);
    }
    this.shaved += off;
  }
}

/** Counts by number as two columns, numbers ascending; texts are left out. */
export function sortCounts(counts: ReadonlyMap<string | number, number>): {
  readonly values: Float64Array;
  readonly counts: Float64Array;
} {
  const values = Float64Array.from([...counts.keys()].filter((key) => typeof key === 'number')).sort();
  return { values, counts: values.map((value) => counts.get(value) ?? 0) };
}

/** A copy of a string: one cut out of a chunk of the file would keep the whole chunk in memory. */
export function detach(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, 'utf8').toString('utf8');
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = String(a);
  const right = String(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
