/**
 * A distribution of numbers that quantiles, shares and histograms are read from: exact, from every distinct value with
 * its count, or estimated, from a digest.
 */
import type { TDigest } from './t-digest.ts';

/** Read-only; `exact` says whether its answers are. */
export interface Distribution {
  readonly exact: boolean;
  /** How many values it stands for. */
  readonly count: number;
  /** Quantile of type 7 (the default of R and NumPy), `share` in [0, 1]. NaN where there are no values. */
  quantile(share: number): number;
  /** How many values are below `value`. */
  countBelow(value: number): number;
  /** Median of the distances from `center`: the MAD, where `center` is the median. */
  medianDistance(center: number): number;
}

/** From all distinct values, ascending, and how often each occurs. */
export function createExactDistribution(values: Float64Array, counts: Float64Array): Distribution {
  const upTo = new Float64Array(counts.length);
  let count = 0;
  for (let index = 0; index < counts.length; index++) {
    count += counts[index] as number;
    upTo[index] = count;
  }
  const valueAtRank = (rank: number): number => values[firstIndex(upTo, (before) => before > rank)] ?? Number.NaN;
  const quantile = (share: number): number => {
    if (count === 0) return Number.NaN;
    const position = (count - 1) * share;
    const rank = Math.floor(position);
    const low = valueAtRank(rank);
    const high = rank + 1 < count ? valueAtRank(rank + 1) : low;
    return low + (high - low) * (position - rank);
  };
  return {
    exact: true,
    count,
    quantile,
    countBelow: (value) => {
      const index = firstIndex(values, (other) => other >= value);
      return index === 0 ? 0 : (upTo[index - 1] as number);
    },
    medianDistance: (center) => {
      const order = Array.from(values, (value, index) => ({
        distance: Math.abs(value - center),
        count: counts[index] as number,
      }));
      order.sort((a, b) => a.distance - b.distance);
      const distances = Float64Array.from(order, (entry) => entry.distance);
      return createExactDistribution(
        distances,
        Float64Array.from(order, (entry) => entry.count),
      ).quantile(0.5);
    },
  };
}

/** From a digest of `count` values. */
export function createEstimatedDistribution(digest: TDigest, count: number): Distribution {
  const { shares, values } = digest.knots();
  const quantile = (share: number): number => (count === 0 ? Number.NaN : interpolate(shares, values, share));
  const shareBelow = (value: number): number => {
    if (value <= (values[0] as number)) return 0;
    return value >= (values[values.length - 1] as number) ? 1 : interpolate(values, shares, value);
  };
  return {
    exact: false,
    count,
    quantile,
    countBelow: (value) => Math.round(shareBelow(value) * count),
    medianDistance: (center) => {
      let low = 0;
      let high = Math.max(center - (values[0] as number), (values[values.length - 1] as number) - center);
      // Halving 60 times is more than a double can tell apart.
      for (let round = 0; round < 60; round++) {
        const middle = (low + high) / 2;
        if (shareBelow(center + middle) - shareBelow(center - middle) < 0.5) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

function interpolate(from: Float64Array, to: Float64Array, at: number): number {
  const index = Math.min(
    from.length - 1,
    Math.max(
      1,
      firstIndex(from, (value) => value >= at),
    ),
  );
  const start = from[index - 1] as number;
  const end = from[index] as number;
  const low = to[index - 1] as number;
  const high = to[index] as number;
  return end === start ? high : low + ((high - low) * (at - start)) / (end - start);
}

/** The first index whose value passes a test that no later one fails; the length where none does. */
function firstIndex(values: Float64Array, passes: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (passes(values[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
