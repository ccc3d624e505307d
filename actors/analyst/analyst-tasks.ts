/**
 * The analyst's operations as data: what an agent definition needs to offer them. Nothing here reads a file; the work is
 * done by `analyse` of `worker.ts`, in a worker thread.
 *
 * One agent offers all operations. Which one is wanted says `op` in its input, whatever the name or capability it was
 * asked by: `{ "op": "profile", "path": "…" }`.
 */
import { z } from 'zod';
import { correlateInputSchema, correlateOutputSchema } from './correlate-schema.ts';
import { profileInputSchema, profileOutputSchema, scanInputSchema, scanOutputSchema } from './operation-schema.ts';
import { reportInputSchema, reportOutputSchema } from './report-schema.ts';

/** What the agent offers, and the operations that each capability is for. */
export const ANALYST_CAPABILITIES = {
  'data.profile': ['scan', 'profile'],
  'data.correlate': ['correlate'],
  'data.report': ['report'],
} as const;

/** Its input: one operation with its parameters. */
export const analystInputSchema = z.discriminatedUnion('op', [
  scanInputSchema.extend({ op: z.literal('scan') }),
  profileInputSchema.extend({ op: z.literal('profile') }),
  correlateInputSchema.extend({ op: z.literal('correlate') }),
  reportInputSchema.extend({ op: z.literal('report') }),
]);
/** See `analystInputSchema`; defaults need not be given. */
export type AnalystInput = z.input<typeof analystInputSchema>;

/** Its output, with the operation it is of. */
export const analystOutputSchema = z.discriminatedUnion('op', [
  scanOutputSchema.extend({ op: z.literal('scan') }),
  profileOutputSchema.extend({ op: z.literal('profile') }),
  correlateOutputSchema.extend({ op: z.literal('correlate') }),
  reportOutputSchema.extend({ op: z.literal('report') }),
]);
/** See `analystOutputSchema`. */
export type AnalystOutput = z.infer<typeof analystOutputSchema>;

/** The worker module, as source or as built, and the function in it. */
export const ANALYST_WORKER = {
  module: new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
  name: 'analyse',
} as const;

/** A gigabyte takes some two minutes; this is for slow disks and busy machines. */
export const ANALYST_TIMEOUT_MS = 900_000;

/** What an input makes the engine touch: the caller decides whether it may. */
interface TouchedPaths {
  /** Files that are read. */
  readonly reads: readonly string[];
  /** Folders that are written below (and made, where they are missing). */
  readonly writes: readonly string[];
}

/** Every path of an input that the engine opens or writes below. It touches nothing else. */
export function pathsOf(input: AnalystInput): TouchedPaths {
  switch (input.op) {
    case 'scan':
      return { reads: [input.path], writes: [] };
    case 'profile':
    case 'correlate':
      return { reads: [input.path], writes: present([input.workDir]) };
    case 'report': {
      const intermediate = [...(input.profiles ?? []).map(({ file }) => file), input.correlations?.file];
      return { reads: present([input.path, ...intermediate]), writes: [input.outDir] };
    }
  }
}

function present(paths: readonly (string | undefined)[]): string[] {
  return paths.filter((path) => path !== undefined);
}
