/** Gathers what a report is written from: the answers of the earlier steps, and the files they name. */
import { z } from 'zod';
import { OperatingError } from '../../protocol/errors.ts';
import { correlate } from './correlate.ts';
import { type CorrelateOutput, type RelationFile, relationFileSchema } from './correlate-schema.ts';
import { profileColumns, type ProfileOutput } from './profile.ts';
import { type ColumnProfile, columnProfileSchema } from './profile-schema.ts';
import type { Progress } from './progress.ts';
import type { reportInputSchema } from './report-schema.ts';
import { type ScanOutput, scanColumns } from './scan.ts';
import { readJson } from './work-files.ts';

/** See `reportInputSchema`. */
export type ReportInput = z.infer<typeof reportInputSchema>;

/** Everything a report needs. Profiles stand in the order of the file. */
export interface ReportParts {
  readonly scan: ScanOutput;
  readonly profiles: readonly ColumnProfile[];
  readonly correlations: CorrelateOutput;
  readonly relations: RelationFile;
  readonly notes: readonly string[];
}

const profileFileSchema = z.object({ fingerprint: z.string(), columns: z.array(columnProfileSchema) });

/**
 * Takes the parts given, or makes them from `path` (intermediate files go below `outDir`).
 * Errors: INVALID_INPUT (parts missing, or of different files), NOT_FOUND, FORBIDDEN.
 */
export async function gatherParts(input: ReportInput, progress?: Progress): Promise<ReportParts> {
  const { scan, profiles: outputs, correlations } = input;
  if (scan === undefined || outputs === undefined || correlations === undefined) {
    if (input.path === undefined || scan !== undefined || outputs !== undefined || correlations !== undefined) {
      throw new OperatingError(
        'INVALID_INPUT',
        'A report needs scan, profiles and correlations, all three, or a path and none of them.',
      );
    }
    return makeParts(input, input.path, progress);
  }
  const fingerprints = new Set([
    scan.fingerprint,
    correlations.fingerprint,
    ...outputs.map(({ fingerprint }) => fingerprint),
  ]);
  if (fingerprints.size > 1) {
    throw new OperatingError(
      'INVALID_INPUT',
      'The parts of the report are of different files, or the file changed between the steps.',
    );
  }
  const profiles: ColumnProfile[] = [];
  for (const output of outputs) profiles.push(...(await readDetails(output)));
  const order = new Map(scan.columns.map(({ name }, index) => [name, index]));
  profiles.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
  const relations = await readRelations(correlations);
  const notes = new Set([...scan.notes, ...outputs.flatMap((output) => output.notes), ...correlations.notes]);
  return { scan, profiles, correlations, relations, notes: [...notes] };
}

async function makeParts(input: ReportInput, path: string, progress: Progress | undefined): Promise<ReportParts> {
  const scan = await scanColumns({ path, dialect: input.dialect });
  const dialect = scan.dialect;
  const names = scan.columns.map(({ name }) => name).slice(0, PROFILED_MAX);
  const profile = await profileColumns({ path, dialect, columns: names }, progress);
  const correlations = await correlate({ path, dialect, profiles: [profile], workDir: input.outDir }, progress);
  return gatherParts({ ...input, scan, profiles: [profile], correlations });
}

/** Columns profiled when a report makes its own parts, in one pass. */
const PROFILED_MAX = 64;

async function readDetails(output: ProfileOutput): Promise<readonly ColumnProfile[]> {
  if (output.details !== undefined) return output.details;
  if (output.file === undefined) {
    throw new OperatingError('INVALID_INPUT', 'A profile has neither details nor a file that holds them.');
  }
  const content = profileFileSchema.safeParse(await readJson(output.file));
  if (!content.success || content.data.fingerprint !== output.fingerprint) {
    throw new OperatingError('INVALID_INPUT', `${output.file} does not hold this profile.`);
  }
  return content.data.columns;
}

async function readRelations(correlations: CorrelateOutput): Promise<RelationFile> {
  if (correlations.file === undefined) {
    const { fingerprint, numbers, groups, categories, trends } = correlations;
    return { fingerprint, numbers, groups, categories, trends, scatters: [], series: [], crosses: [] };
  }
  const content = relationFileSchema.safeParse(await readJson(correlations.file));
  if (!content.success || content.data.fingerprint !== correlations.fingerprint) {
    throw new OperatingError('INVALID_INPUT', `${correlations.file} does not hold these relations.`);
  }
  return content.data;
}
