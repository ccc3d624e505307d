/**
 * Quantiles of what was of late, in bounded memory and O(1) per value: a DDSketch (Masson, Rim and Lee 2019) that forgets. Values
 * fall into buckets that are a fixed ratio wide, so that a quantile is off by at most `RATIO_ERROR` of itself. Each value weighs
 * a little more than the one before it, so that those before the last few hundred hardly count.
 *
 * Why not the t-digest that reads columns (actors/analyst/t-digest.ts): that one never forgets, and its buffer alone takes
 * 32 KiB; here there may be thousands.
 */

/** A quantile is off by at most this part of it. */
export const RATIO_ERROR = 0.02;
const GAMMA = (1 + RATIO_ERROR) / (1 - RATIO_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** What a value's weight is to that of the next one: half is forgotten after some 70 values. */
const KEEPS = 0.99;
/** Buckets of one sketch: they reach over eight powers of ten. Beyond that the lowest ones become one. */
const BUCKETS_MAX = 480;
/** Anything below counts as zero: a millionth of a cent, of a token, of a millisecond. */
const SMALLEST = 1e-8;
/** Weights are scaled back when they have grown to this. */
const WEIGHT_MAX = 1e9;
/** What weighs less than this share of a new value is dropped then. */
const NEGLIGIBLE = 1e-4;

/** A sketch as it is stored; weights are in those of the value that came last. */
export interface SketchRecord {
  readonly zero: number;
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  /** The index of the first bucket, and the weights from there on. */
  readonly first: number;
  readonly buckets: readonly number[];
}

/** Add values, and ask at any time. */
export class MovingSketch {
  #weight = 1;
  #total = 0;
  #squares = 0;
  #zero = 0;
  #first = 0;
  #buckets: number[] = [];
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Adds a value of 0 or more; what is no such number is left out. */
  add(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    this.#weight /= KEEPS;
    if (this.#weight > WEIGHT_MAX) this.#scaleBack();
    const weight = this.#weight;
    this.#total += weight;
    this.#squares += weight * weight;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (value < SMALLEST) this.#zero += weight;
    else this.#put(Math.ceil(Math.log(value) / LOG_GAMMA), weight);
  }

  /** So many values count: all of them while they are few, some 200 at most. */
  get samples(): number {
    return this.#squares === 0 ? 0 : Math.round((this.#total * this.#total) / this.#squares);
  }

  /** The smallest value that `share` (0 to 1) of what counts is not above; 0 where there is none. */
  quantile(share: number): number {
    // What adds up to a share may be less than it by an error of rounding.
    const wanted = share * this.#total * (1 - 1e-9);
    let sum = this.#zero;
    if (this.#total === 0 || (sum >= wanted && sum > 0)) return 0;
    for (const [at, weight] of this.#buckets.entries()) {
      sum += weight;
      if (weight > 0 && sum >= wanted) return this.#valueOf(this.#first + at);
    }
    return this.#max;
  }

  /** What is to be stored. */
  record(): SketchRecord {
    this.#scaleBack();
    const squares = rounded(this.#squares);
    return {
      ...{ zero: rounded(this.#zero), squares, min: this.#total === 0 ? 0 : this.#min, max: this.#max },
      ...{ first: this.#first, buckets: this.#buckets.map(rounded) },
    };
  }

  /** The sketch that was stored. */
  static of({ zero, squares, min, max, first, buckets }: SketchRecord): MovingSketch {
    const sketch = new MovingSketch();
    sketch.#zero = zero;
    sketch.#squares = squares;
    sketch.#first = first;
    sketch.#buckets = buckets.slice(0, BUCKETS_MAX);
    sketch.#total = sketch.#buckets.reduce((sum, weight) => sum + weight, zero);
    sketch.#max = max;
    if (sketch.#total > 0) sketch.#min = min;
    return sketch;
  }

  #put(index: number, weight: number): void {
    const buckets = this.#buckets;
    if (buckets.length === 0) this.#first = index;
    while (index < this.#first && buckets.length < BUCKETS_MAX) {
      buckets.unshift(0);
      this.#first--;
    }
    while (index >= this.#first + buckets.length) buckets.push(0);
    if (buckets.length > BUCKETS_MAX) {
      const low = buckets.splice(0, buckets.length - BUCKETS_MAX);
      this.#first += low.length;
      buckets[0] = low.reduce((sum, one) => sum + one, buckets[0] as number);
    }
    const at = Math.max(0, index - this.#first);
    buckets[at] = (buckets[at] as number) + weight;
  }

  /** The value that is no further than `RATIO_ERROR` from all of a bucket, and one that was seen where there is but one. */
  #valueOf(index: number): number {
    const middle = (2 * GAMMA ** index) / (GAMMA + 1);
    return Math.min(Math.max(middle, this.#min), this.#max);
  }

  #scaleBack(): void {
    const by = this.#weight;
    this.#weight = 1;
    this.#zero /= by;
    this.#squares /= by * by;
    const buckets = this.#buckets.map((weight) => (weight / by < NEGLIGIBLE ? 0 : weight / by));
    const from = buckets.findIndex((weight) => weight > 0);
    this.#first += Math.max(0, from);
    this.#buckets = from === -1 ? [] : buckets.slice(from, buckets.findLastIndex((weight) => weight > 0) + 1);
    this.#total = this.#buckets.reduce((sum, weight) => sum + weight, this.#zero);
  }
}

const DIGITS = 4;

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
