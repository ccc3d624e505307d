/** How a data file is written: what the steps of one analysis agree on, so that each reads the same rows. */
import { z } from 'zod';

/** Format, character set and conventions of a file. `delimiter` and `header` speak of CSV only. */
export const dialectSchema = z.strictObject({
  format: z.enum(['csv', 'json', 'ndjson']),
  encoding: z.enum(['utf-8', 'utf-16le', 'windows-1252']),
  delimiter: z.string().length(1).optional(),
  header: z.boolean().optional(),
  decimal: z.enum(['.', ',']),
  /** Whether 03/04/2020 is the third of April. */
  dayFirst: z.boolean(),
});

/** See `dialectSchema`. */
export type Dialect = z.infer<typeof dialectSchema>;

/** What a caller knows better than the detection. */
export const dialectHintsSchema = dialectSchema.partial();

/** See `dialectHintsSchema`. */
export type DialectHints = z.infer<typeof dialectHintsSchema>;
