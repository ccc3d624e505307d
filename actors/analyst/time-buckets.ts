/**
 * Sums of columns per period, over all rows of a file whatever its size: when there are more periods than the bound,
 * they are joined into the next coarser unit. Nothing is estimated.
 */
import { LIMITS } from './limits.ts';
import { PERIOD_UNITS, type PeriodUnit, periodOf, periodStart } from './periods.ts';

interface Bucket {
  rows: number;
  readonly sums: Float64Array;
  readonly counts: Float64Array;
}

/** One value for each period that has any, in order of time. */
export interface Series {
  readonly unit: PeriodUnit;
  readonly periods: readonly number[];
  readonly values: readonly number[];
}

/** Add every row, then ask. */
export class TimeBuckets {
  unit: PeriodUnit = 'hour';
  private buckets = new Map<number, Bucket>();
  private readonly width: number;

  /** `width` columns are summed. */
  constructor(width: number) {
    this.width = width;
  }

  /** Adds a row: when it was, and its values (NaN for none). */
  add(ms: number, values: Float64Array): void {
    const bucket = this.bucketFor(periodOf(ms, this.unit), this.buckets);
    bucket.rows += 1;
    for (let at = 0; at < this.width; at++) {
      const value = values[at] as number;
      if (Number.isNaN(value)) continue;
      bucket.sums[at] = (bucket.sums[at] as number) + value;
      bucket.counts[at] = (bucket.counts[at] as number) + 1;
    }
    if (this.buckets.size > LIMITS.bucketsMax) this.coarsen();
  }

  /**
   * Joins periods until they are few enough to show and most of those in the range have rows.
   * Asking for a series makes sense after that.
   */
  settle(): void {
    while (this.unit !== 'year' && !this.isSettled()) this.coarsen();
  }

  /** Means of a column per period. */
  means(column: number): Series {
    const chosen = this.sorted().filter(([, bucket]) => (bucket.counts[column] as number) > 0);
    return {
      unit: this.unit,
      periods: chosen.map(([period]) => period),
      values: chosen.map(([, bucket]) => (bucket.sums[column] as number) / (bucket.counts[column] as number)),
    };
  }

  /** Rows per period; periods between the first and the last without rows count as 0. */
  rows(): Series {
    const sorted = this.sorted();
    const first = sorted[0]?.[0] ?? 0;
    const last = sorted.at(-1)?.[0] ?? -1;
    const periods = Array.from({ length: Math.min(last - first + 1, LIMITS.bucketsMax) }, (_, index) => first + index);
    return { unit: this.unit, periods, values: periods.map((period) => this.buckets.get(period)?.rows ?? 0) };
  }

  private isSettled(): boolean {
    const sorted = this.sorted();
    const span = (sorted.at(-1)?.[0] ?? 0) - (sorted[0]?.[0] ?? 0) + 1;
    return span <= LIMITS.periodsMax && sorted.length >= span * OCCUPIED_SHARE;
  }

  private coarsen(): void {
    const coarser = PERIOD_UNITS[PERIOD_UNITS.indexOf(this.unit) + 1];
    if (coarser === undefined) return;
    const joined = new Map<number, Bucket>();
    for (const [period, bucket] of this.buckets) {
      const target = this.bucketFor(periodOf(periodStart(period, this.unit), coarser), joined);
      target.rows += bucket.rows;
      for (let at = 0; at < this.width; at++) {
        target.sums[at] = (target.sums[at] as number) + (bucket.sums[at] as number);
        target.counts[at] = (target.counts[at] as number) + (bucket.counts[at] as number);
      }
    }
    this.unit = coarser;
    this.buckets = joined;
  }

  private bucketFor(period: number, buckets: Map<number, Bucket>): Bucket {
    const known = buckets.get(period);
    if (known !== undefined) return known;
    const bucket: Bucket = { rows: 0, sums: new Float64Array(this.width), counts: new Float64Array(this.width) };
    buckets.set(period, bucket);
    return bucket;
  }

  private sorted(): [number, Bucket][] {
    return [...this.buckets].sort((a, b) => a[0] - b[0]);
  }
}

/** A unit is too fine when fewer of the periods in the range have rows. */
const OCCUPIED_SHARE = 0.6;
