/** From test statistics to probabilities, and what many tests at once do to them. */
import jstat from 'jstat';

const { jStat } = jstat;

/** Smaller probabilities are given as this: below, the numbers of the library are noise. */
export const P_MIN = 1e-15;
/** The 97.5 % point of the normal distribution. */
export const Z_95 = 1.959963984540054;

/** Two-sided p of a t statistic. */
export function studentP(t: number, degrees: number): number {
  if (!Number.isFinite(t)) return P_MIN;
  return clampP(jStat.ibeta(degrees / (degrees + t * t), degrees / 2, 0.5));
}

/** Upper tail of chi-squared. */
export function chiSquareP(statistic: number, degrees: number): number {
  if (statistic <= 0) return 1;
  return clampP(1 - jStat.lowRegGamma(degrees / 2, statistic / 2));
}

/** Two-sided p of a standard normal statistic. */
export function normalP(z: number): number {
  return clampP(jStat.erfc(Math.abs(z) / Math.SQRT2));
}

/**
 * Benjamini and Hochberg 1995: the share of false findings to expect among those that are at least as significant as
 * each, in the order given. Holds for tests that are independent or positively dependent.
 */
export function adjustForMany(ps: readonly number[]): number[] {
  const order = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(ps.length).fill(1);
  let lowest = 1;
  for (let rank = order.length; rank >= 1; rank--) {
    const { p, index } = order[rank - 1] as { p: number; index: number };
    lowest = Math.min(lowest, (p * order.length) / rank);
    adjusted[index] = lowest;
  }
  return adjusted;
}

/** 95 % interval of a correlation of `n` pairs by Fisher's z; `inflation` widens it (1 for Pearson). Undefined below four pairs. */
export function correlationInterval(r: number, n: number, inflation = 1): readonly [number, number] | undefined {
  if (n < 4) return undefined;
  if (Math.abs(r) >= 1) return [r, r];
  const z = Math.atanh(r);
  const reach = (Z_95 * Math.sqrt(inflation)) / Math.sqrt(n - 3);
  return [Math.tanh(z - reach), Math.tanh(z + reach)];
}

function clampP(p: number): number {
  return Math.min(1, Math.max(P_MIN, p));
}
