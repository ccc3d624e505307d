/** Inputs and outputs of the steps of an analysis. The output of one step fits into the input of a later one as it is. */
import { z } from 'zod';
import { dialectHintsSchema, dialectSchema } from './dialect.ts';
import { LIMITS } from './limits.ts';
import { columnFlagSchema, columnProfileSchema, columnTypeSchema } from './profile-schema.ts';

const pathSchema = z.string().min(1).max(4_096);
const columnName = z
  .string()
  .min(1)
  .max(LIMITS.nameCharsMax + 10);
const count = z.int().nonnegative();

/** Look at the beginning of a file. `groupSize` columns go into one group for profiling. */
export const scanInputSchema = z.strictObject({
  path: pathSchema,
  dialect: dialectHintsSchema.optional(),
  groupSize: z.int().min(1).max(LIMITS.profileColumnsMax).default(4),
});

/** What a scan found. `groups` are made for a profile of each in parallel. */
export const scanOutputSchema = z.object({
  path: z.string(),
  dialect: dialectSchema,
  fingerprint: z.string(),
  fileBytes: count,
  rows: z.object({ count, exact: z.boolean() }),
  columns: z.array(
    z.object({ name: z.string(), type: columnTypeSchema, missingShare: z.number(), example: z.string() }),
  ),
  /** Columns of the file beyond those listed, which are not profiled. */
  columnsLeftOut: count,
  groups: z.array(z.object({ columns: z.array(z.string()) })),
  notes: z.array(z.string()),
});

/** Profile some columns. With `workDir` the details go into a file there and the answer stays short. */
export const profileInputSchema = z.strictObject({
  path: pathSchema,
  dialect: dialectHintsSchema.optional(),
  columns: z.array(columnName).min(1).max(LIMITS.profileColumnsMax).optional(),
  workDir: pathSchema.optional(),
});

/** What a later step needs of a column, and a person at a glance. */
const columnSummarySchema = z.object({
  name: z.string(),
  type: columnTypeSchema,
  missingShare: z.number(),
  distinct: count,
  flags: z.array(columnFlagSchema),
});

/** Profiles: `details`, or the `file` that holds them. */
export const profileOutputSchema = z.object({
  path: z.string(),
  fingerprint: z.string(),
  rows: count,
  columns: z.array(columnSummarySchema),
  columnsLeftOut: count,
  details: z.array(columnProfileSchema).optional(),
  file: z.string().optional(),
  notes: z.array(z.string()),
});
