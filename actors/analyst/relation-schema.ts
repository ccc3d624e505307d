/**
 * What relations between columns are called in results. `strength` is in [0, 1] and orders relations of all kinds; `p` is
 * of the test named, `q` the same after Benjamini and Hochberg over all tests of the call.
 */
import { z } from 'zod';

const count = z.int().nonnegative();
const interval = z.tuple([z.number(), z.number()]);
const tested = { n: count, p: z.number(), q: z.number(), strength: z.number() };

/** Two numeric columns. `p` is Spearman's. */
export const numberPairSchema = z.object({
  kind: z.literal('numbers'),
  x: z.string(),
  y: z.string(),
  ...tested,
  pearson: z.number(),
  pearsonInterval: interval,
  pearsonP: z.number(),
  spearman: z.number(),
  spearmanInterval: interval,
  slope: z.number(),
  intercept: z.number(),
});
/** See `numberPairSchema`. */
export type NumberPair = z.infer<typeof numberPairSchema>;

const groupSchema = z.object({
  level: z.string(),
  n: count,
  mean: z.number(),
  median: z.number(),
  q25: z.number(),
  q75: z.number(),
  /** The farthest values within 1.5 times the distance of the quartiles. */
  whiskerLow: z.number(),
  whiskerHigh: z.number(),
});

/** A numeric column in the groups of a category. `p` is of Kruskal and Wallis' test. */
export const groupComparisonSchema = z.object({
  kind: z.literal('groups'),
  category: z.string(),
  value: z.string(),
  ...tested,
  h: z.number(),
  degrees: count,
  /** Share of the variation of ranks between the groups, corrected for chance (eta² of H). */
  rankEta2: z.number(),
  /** Share of the variation of values between the groups: the correlation ratio eta². */
  eta2: z.number(),
  /** Largest first. */
  groups: z.array(groupSchema),
  levelsLeftOut: count,
});
/** See `groupComparisonSchema`. */
export type GroupComparison = z.infer<typeof groupComparisonSchema>;

/** Two categories. `p` is of the chi-squared test. */
export const categoryPairSchema = z.object({
  kind: z.literal('categories'),
  a: z.string(),
  b: z.string(),
  ...tested,
  /** Cramér's V, corrected for chance (Bergsma 2013). */
  cramersV: z.number(),
  chiSquare: z.number(),
  degrees: count,
  /** More than a fifth of the cells expect fewer than five rows: p is rough. */
  sparse: z.boolean(),
  /** Which column fixes the value of the other, in all rows compared. */
  determines: z.enum(['neither', 'a', 'b', 'both']),
  /** The cell farthest above what independence expects. */
  peak: z.object({ a: z.string(), b: z.string(), count, expected: z.number(), shareOfA: z.number() }),
});
/** See `categoryPairSchema`. */
export type CategoryPair = z.infer<typeof categoryPairSchema>;

/** Means of a column (or the number of rows) per period over time. `p` is of the Mann-Kendall test named in `method`. */
export const trendSchema = z.object({
  kind: z.literal('trend'),
  time: z.string(),
  /** Absent for the number of rows. */
  value: z.string().optional(),
  ...tested,
  unit: z.enum(['hour', 'day', 'month', 'year']),
  from: z.string(),
  to: z.string(),
  method: z.enum(['mann-kendall', 'mann-kendall-autocorrelated', 'seasonal-kendall']),
  tau: z.number(),
  /** Theil-Sen slope per period, and its 95 % interval. */
  slope: z.number(),
  slopeInterval: interval,
  /** Where the line of that slope begins and ends. */
  start: z.number(),
  end: z.number(),
  season: z
    .object({
      periods: count,
      /** Share of the variation that the season explains, after the trend is taken out. */
      eta2: z.number(),
      p: z.number(),
      q: z.number(),
      high: z.string(),
      low: z.string(),
      highMean: z.number(),
      lowMean: z.number(),
    })
    .optional(),
});
/** See `trendSchema`. */
export type Trend = z.infer<typeof trendSchema>;
