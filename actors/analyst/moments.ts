/** Count, mean, spread and skew of a stream of numbers in one pass, without rounding trouble (Welford; Pébay 2008). */

/** Central moments. They are exact up to floating point. */
export class Moments {
  count = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  mean = 0;
  private m2 = 0;
  private m3 = 0;

  add(value: number): void {
    const before = this.count;
    this.count += 1;
    const delta = value - this.mean;
    const step = delta / this.count;
    const term = delta * step * before;
    this.mean += step;
    this.m3 += term * step * (this.count - 2) - 3 * step * this.m2;
    this.m2 += term;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  /** Adds what another has seen. */
  merge(other: Moments): void {
    if (other.count === 0) return;
    const count = this.count + other.count;
    const delta = other.mean - this.mean;
    const share = (this.count * other.count) / count;
    this.m3 +=
      other.m3 +
      (delta ** 3 * share * (this.count - other.count)) / count +
      (3 * delta * (this.count * other.m2 - other.count * this.m2)) / count;
    this.m2 += other.m2 + delta * delta * share;
    this.mean += (delta * other.count) / count;
    this.count = count;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }

  /** Sample standard deviation (n - 1); NaN below two values. */
  get sd(): number {
    return this.count < 2 ? Number.NaN : Math.sqrt(this.m2 / (this.count - 1));
  }

  /** Adjusted Fisher-Pearson skewness (G1), as Excel, SAS and pandas give it; NaN below three values or without spread. */
  get skew(): number {
    const n = this.count;
    if (n < 3 || this.m2 <= 0) return Number.NaN;
    const g1 = (Math.sqrt(n) * this.m3) / this.m2 ** 1.5;
    return (Math.sqrt(n * (n - 1)) / (n - 2)) * g1;
  }
}
