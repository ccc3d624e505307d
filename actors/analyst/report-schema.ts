/** Input and output of `report`. */
import { z } from 'zod';
import { correlateOutputSchema } from './correlate-schema.ts';
import { dialectHintsSchema } from './dialect.ts';
import { LIMITS } from './limits.ts';
import { profileOutputSchema, scanOutputSchema } from './operation-schema.ts';

const pathSchema = z.string().min(1).max(4_096);
const count = z.int().nonnegative();

/**
 * Either the answers of the earlier steps, all three, or a `path`: those steps are then done first. Everything is
 * written below `outDir`.
 */
export const reportInputSchema = z.strictObject({
  outDir: pathSchema,
  path: pathSchema.optional(),
  dialect: dialectHintsSchema.optional(),
  scan: scanOutputSchema.optional(),
  profiles: z
    .array(profileOutputSchema)
    .min(1)
    .max(LIMITS.groupsMax * 4)
    .optional(),
  correlations: correlateOutputSchema.optional(),
  title: z.string().min(1).max(200).optional(),
  /** Printed as it is given; without it the report names no date, and the same file gives the same report. */
  generatedAt: z.string().max(40).optional(),
});

/** What kind of thing a finding is about. */
export const findingKindSchema = z.enum(['numbers', 'groups', 'categories', 'trend', 'season', 'structure', 'quality']);

const findingSchema = z.object({
  kind: findingKindSchema,
  /** 0 to 1; findings come strongest first. */
  strength: z.number(),
  /** Plain sentences, without markup. */
  text: z.string(),
  columns: z.array(z.string()),
});
/** One thing found, in words. */
export type Finding = z.infer<typeof findingSchema>;

/** The files written, and the strongest findings. */
export const reportOutputSchema = z.object({
  report: z.string(),
  charts: z.array(z.string()),
  /** All findings as JSON. */
  findingsFile: z.string(),
  rows: count,
  columns: count,
  findings: z.array(findingSchema),
  findingsTotal: count,
});
