/** The numbers of one column: gathered in one pass, summed up at the end. */
import { createEstimatedDistribution, createExactDistribution, type Distribution } from './distribution.ts';
import { Extremes, type PlacedValue } from './extremes.ts';
import { roundFigure, roundOrNull } from './figures.ts';
import { buildHistogram } from './histogram.ts';
import { LIMITS } from './limits.ts';
import { Moments } from './moments.ts';
import type { NumberProfile } from './profile-schema.ts';
import { TDigest } from './t-digest.ts';
import { sortCounts, ValueCounter } from './value-counter.ts';

const MODIFIED_Z = 0.6745;
const MODIFIED_Z_MAX = 3.5;
const FENCE = 1.5;
const FARTHEST_SHOWN = 5;

/** Add every number with its row, then ask. */
export class NumberColumn {
  readonly moments = new Moments();
  readonly counter: ValueCounter;
  private readonly extremes = new Extremes(LIMITS.extremesKept);
  private digest: TDigest | undefined;
  private zeros = 0;
  private negatives = 0;
  private unsafe = false;
  private previous = Number.NaN;
  private inSequence = true;
  private readonly units = new Map<string, number>();

  /** `capacity` distinct values are counted exactly. */
  constructor(capacity: number) {
    this.counter = new ValueCounter(capacity, (counts) => {
      this.digest = new TDigest();
      const sorted = sortCounts(counts);
      this.digest.addCounted(sorted.values, sorted.counts);
    });
  }

  add(value: number, row: number, unit: string): void {
    this.moments.add(value);
    this.counter.add(value);
    // Order matters: the value that overflows the counter goes to the digest, which then exists.
    this.digest?.add(value);
    this.extremes.add(value, row);
    if (value === 0) this.zeros += 1;
    else if (value < 0) this.negatives += 1;
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) this.unsafe = true;
    if (this.inSequence && this.moments.count > 1 && value !== this.previous + 1) this.inSequence = false;
    this.previous = value;
    if (unit !== '') this.units.set(unit, (this.units.get(unit) ?? 0) + 1);
  }

  /** Whether each number is one more than that before it. */
  get sequential(): boolean {
    return this.inSequence && this.moments.count > 1;
  }

  /** Whether some number is too large to be told from its neighbours. */
  get beyondSafe(): boolean {
    return this.unsafe;
  }

  /** The summary. There must be at least one number. */
  summarise(): NumberProfile {
    const { moments } = this;
    const spread = this.distribution();
    const median = spread.quantile(0.5);
    const q25 = spread.quantile(0.25);
    const q75 = spread.quantile(0.75);
    const mad = spread.medianDistance(median);
    const positive =
      this.negatives === 0 && this.zeros * 3 > moments.count ? this.summarisePositive(spread) : undefined;
    const unit = [...this.units].find(([, uses]) => uses * 2 > moments.count)?.[0];
    return {
      count: moments.count,
      min: roundFigure(moments.min),
      max: roundFigure(moments.max),
      mean: roundFigure(moments.mean),
      median: roundFigure(median),
      sd: roundOrNull(moments.sd),
      mad: roundFigure(mad),
      iqr: roundFigure(q75 - q25),
      quantiles: {
        q01: roundFigure(spread.quantile(0.01)),
        q05: roundFigure(spread.quantile(0.05)),
        q25: roundFigure(q25),
        q75: roundFigure(q75),
        q95: roundFigure(spread.quantile(0.95)),
        q99: roundFigure(spread.quantile(0.99)),
      },
      skew: roundOrNull(moments.skew),
      zeros: this.zeros,
      negatives: this.negatives,
      ...(unit === undefined ? {} : { unit }),
      ...(positive === undefined ? {} : { positive }),
      histogram: buildHistogram(spread, {
        min: moments.min,
        max: moments.max,
        zeros: this.zeros,
        whole: this.isWhole(),
      }),
      outliers: this.outliers(spread, { median, mad, q25, q75 }),
    };
  }

  private distribution(): Distribution {
    if (this.digest !== undefined) return createEstimatedDistribution(this.digest, this.moments.count);
    const { values, counts } = this.counter.sortedNumbers();
    return createExactDistribution(values, counts);
  }

  private isWhole(): boolean {
    return this.counter.exact && this.counter.sortedNumbers().values.every((value) => Number.isInteger(value));
  }

  /** Quantiles of what is above zero, where nothing is below: the ranks after those of the zeros. */
  private summarisePositive(spread: Distribution): NumberProfile['positive'] {
    const count = this.moments.count - this.zeros;
    if (count === 0) return undefined;
    const at = (share: number): number =>
      roundFigure(spread.quantile((this.zeros + share * (count - 1)) / Math.max(1, this.moments.count - 1)));
    return { count, median: at(0.5), q25: at(0.25), q75: at(0.75) };
  }

  private outliers(
    spread: Distribution,
    center: { readonly median: number; readonly mad: number; readonly q25: number; readonly q75: number },
  ): NumberProfile['outliers'] {
    const { median, mad, q25, q75 } = center;
    const reach = (MODIFIED_Z_MAX * mad) / MODIFIED_Z;
    const iqr = q75 - q25;
    const byMad = mad > 0 ? { low: median - reach, high: median + reach } : undefined;
    const byIqr = iqr > 0 ? { low: q25 - FENCE * iqr, high: q75 + FENCE * iqr } : undefined;
    const score = (value: number): number => (MODIFIED_Z * (value - median)) / mad;
    const outside = ({ value }: PlacedValue): boolean =>
      (byMad !== undefined && (value < byMad.low || value > byMad.high)) ||
      (byIqr !== undefined && (value < byIqr.low || value > byIqr.high));
    const { lowest, highest } = this.extremes;
    const candidates = [...new Map([...lowest, ...highest].map((placed) => [placed.row, placed])).values()].filter(
      outside,
    );
    candidates.sort((a, b) => Math.abs(b.value - median) - Math.abs(a.value - median) || a.row - b.row);
    const farthest = candidates.slice(0, FARTHEST_SHOWN).map(({ row, value }) => {
      return { row, value: roundFigure(value), score: mad > 0 ? roundFigure(score(value)) : null };
    });
    return {
      madLow: byMad === undefined ? null : roundFigure(byMad.low),
      madHigh: byMad === undefined ? null : roundFigure(byMad.high),
      madCount: byMad === undefined ? null : this.countOutside(spread, byMad.low, byMad.high),
      iqrLow: byIqr === undefined ? null : roundFigure(byIqr.low),
      iqrHigh: byIqr === undefined ? null : roundFigure(byIqr.high),
      iqrCount: byIqr === undefined ? null : this.countOutside(spread, byIqr.low, byIqr.high),
      farthest,
    };
  }

  /** Counted among the kept extremes where those reach far enough, else from the distribution. */
  private countOutside(spread: Distribution, low: number, high: number): number {
    return (
      this.countTail(this.extremes.lowest, (value) => value < low, spread.countBelow(low)) +
      this.countTail(this.extremes.highest, (value) => value > high, spread.count - spread.countBelow(nextAfter(high)))
    );
  }

  private countTail(kept: readonly PlacedValue[], beyond: (value: number) => boolean, estimate: number): number {
    const count = kept.filter(({ value }) => beyond(value)).length;
    return count < kept.length || kept.length < LIMITS.extremesKept ? count : Math.max(count, estimate);
  }
}

function nextAfter(value: number): number {
  return value + Math.max(Number.MIN_VALUE, Math.abs(value) * Number.EPSILON);
}
