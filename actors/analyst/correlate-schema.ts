/** Input and output of `correlate`, and what its file holds for charts. */
import { z } from 'zod';
import { dialectHintsSchema } from './dialect.ts';
import { LIMITS } from './limits.ts';
import { columnTypeSchema } from './profile-schema.ts';
import { categoryPairSchema, groupComparisonSchema, numberPairSchema, trendSchema } from './relation-schema.ts';

const pathSchema = z.string().min(1).max(4_096);
const count = z.int().nonnegative();
/** Unknown fields are allowed, so that a scan's or a profile's answer fits as it is. */
const typedColumn = z.object({ name: z.string(), type: columnTypeSchema });

/** What to relate: typed columns, or profiles of them, or (with neither) whatever a scan makes of the file. */
export const correlateInputSchema = z.strictObject({
  path: pathSchema,
  dialect: dialectHintsSchema.optional(),
  columns: z.array(typedColumn).max(LIMITS.columnsMax).optional(),
  profiles: z
    .array(z.object({ columns: z.array(typedColumn) }))
    .max(LIMITS.groupsMax * 4)
    .optional(),
  /** The column that tells when; else the first date column, or one called year. */
  timeColumn: z.string().optional(),
  seed: z.int().nonnegative().max(0xffffffff).default(1),
  workDir: pathSchema.optional(),
});

const relations = {
  numbers: z.array(numberPairSchema),
  groups: z.array(groupComparisonSchema),
  categories: z.array(categoryPairSchema),
  trends: z.array(trendSchema),
};

/** Relations, strongest first, at most `LIMITS.relationsShownMax` of a kind; `file` has all. */
export const correlateOutputSchema = z.object({
  path: z.string(),
  fingerprint: z.string(),
  /** SHA-256 of the whole file. */
  sha256: z.string(),
  rows: count,
  /** Relations are computed from so many rows; fewer than `rows` means a random sample. Trends use all rows. */
  sampleRows: count,
  seed: count,
  /** Tests made, all of which `q` takes into account. */
  tests: count,
  duplicateRows: z.object({ count, checked: count }),
  ...relations,
  file: z.string().optional(),
  notes: z.array(z.string()),
});
/** See `correlateOutputSchema`. */
export type CorrelateOutput = z.infer<typeof correlateOutputSchema>;

/** What charts are drawn from. */
export const relationFileSchema = z.object({
  fingerprint: z.string(),
  ...relations,
  scatters: z.array(z.object({ x: z.string(), y: z.string(), points: z.array(z.tuple([z.number(), z.number()])) })),
  series: z.array(
    z.object({
      value: z.string().optional(),
      labels: z.array(z.string()),
      starts: z.array(z.number()),
      values: z.array(z.number()),
    }),
  ),
  crosses: z.array(
    z.object({
      a: z.string(),
      b: z.string(),
      aLevels: z.array(z.string()),
      bLevels: z.array(z.string()),
      counts: z.array(z.array(count)),
    }),
  ),
});
/** See `relationFileSchema`. */
export type RelationFile = z.infer<typeof relationFileSchema>;
