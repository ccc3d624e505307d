/** What a profile says of a column. Plain JSON; rows count data rows from 1; a figure that does not exist is null. */
import { z } from 'zod';

/** What a column is taken for. `empty` has no values at all. */
export const columnTypeSchema = z.enum([
  'integer',
  'number',
  'boolean',
  'date',
  'datetime',
  'category',
  'text',
  'id',
  'empty',
]);
/** See `columnTypeSchema`. */
export type ColumnType = z.infer<typeof columnTypeSchema>;

const figure = z.number().nullable();
const count = z.int().nonnegative();

/** On the scale `log` the bins are steps of the decimal logarithm, and zeros are among `below`. */
const histogramSchema = z.object({
  scale: z.enum(['linear', 'log']),
  from: z.number(),
  width: z.number(),
  counts: z.array(count),
  /** Values outside of the bins, which leave far-off values out. */
  below: count,
  above: count,
});

const outliersSchema = z.object({
  /** Beyond |0.6745 (x - median) / MAD| > 3.5 (Iglewicz and Hoaglin); null where the MAD is 0. */
  madLow: figure,
  madHigh: figure,
  madCount: count.nullable(),
  /** Beyond the quartiles by 1.5 times their distance (Tukey); null where that is 0. */
  iqrLow: figure,
  iqrHigh: figure,
  iqrCount: count.nullable(),
  /** The farthest outliers by either rule. `score` is the modified z-score. */
  farthest: z.array(z.object({ row: z.int(), value: z.number(), score: figure })),
});

const numberProfileSchema = z.object({
  count,
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  median: z.number(),
  sd: figure,
  mad: z.number(),
  iqr: z.number(),
  quantiles: z.object({
    q01: z.number(),
    q05: z.number(),
    q25: z.number(),
    q75: z.number(),
    q95: z.number(),
    q99: z.number(),
  }),
  skew: figure,
  zeros: count,
  negatives: count,
  unit: z.string().optional(),
  /** The values above zero, where there are many zeros and nothing below. */
  positive: z.object({ count, median: z.number(), q25: z.number(), q75: z.number() }).optional(),
  histogram: histogramSchema,
  outliers: outliersSchema,
});
/** Numbers of a column. The median is not a quantile of the list; MAD is the plain median distance, without a factor. */
export type NumberProfile = z.infer<typeof numberProfileSchema>;

const dateProfileSchema = z.object({
  count,
  first: z.string(),
  last: z.string(),
  /** Days that occur, and the usual distance between one and the next. */
  days: count,
  typicalStepDays: figure,
  /** Stretches more than three usual steps long without a date. */
  gapCount: count,
  gaps: z.array(z.object({ after: z.string(), before: z.string(), days: z.number() })),
});
/** Dates of a column. */
export type DateProfile = z.infer<typeof dateProfileSchema>;

/** What stands out in a column. */
export const columnFlagSchema = z.enum([
  'constant',
  'nearly-constant',
  'all-missing',
  'mostly-missing',
  'all-distinct',
  'mixed',
  'skewed',
  'many-zeros',
  'binary',
  'leading-zeros',
  'beyond-safe-integers',
  'outliers',
  'gaps',
]);
/** See `columnFlagSchema`. */
export type ColumnFlag = z.infer<typeof columnFlagSchema>;

/** Everything known of one column. Figures named in `estimated` are estimates; all others count every row. */
export const columnProfileSchema = z.object({
  name: z.string(),
  type: columnTypeSchema,
  rows: count,
  missing: count,
  missingShare: z.number(),
  distinct: count,
  flags: z.array(columnFlagSchema),
  estimated: z.array(z.string()),
  /** Values that do not fit the type. */
  mismatched: z.object({ count, examples: z.array(z.string()) }).optional(),
  /** Most frequent values; `topErrorMax` says by how much their counts may be too low. */
  top: z.array(z.object({ value: z.string(), count, share: z.number() })),
  topErrorMax: count.optional(),
  number: numberProfileSchema.optional(),
  date: dateProfileSchema.optional(),
  text: z.object({ lengthMin: count, lengthMax: count, lengthMean: z.number() }).optional(),
});
/** See `columnProfileSchema`. */
export type ColumnProfile = z.infer<typeof columnProfileSchema>;
