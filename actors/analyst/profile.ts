/** Profiles columns of a file in one pass: what each holds, how it is distributed, what is odd about it. */
import type { z } from 'zod';
import { ColumnAccumulator } from './column-accumulator.ts';
import { profileColumn } from './column-profile.ts';
import { detectShape } from './file-shape.ts';
import { LIMITS } from './limits.ts';
import type { profileInputSchema, profileOutputSchema } from './operation-schema.ts';
import type { ColumnProfile } from './profile-schema.ts';
import type { Progress } from './progress.ts';
import { type ReadCounts, readRows } from './records.ts';
import { nameFor, writeWhole } from './work-files.ts';

/** See `profileInputSchema`. */
export type ProfileInput = z.infer<typeof profileInputSchema>;
/** See `profileOutputSchema`. */
export type ProfileOutput = z.infer<typeof profileOutputSchema>;

/**
 * Profiles the columns given, or the first `LIMITS.profileColumnsMax` of the file.
 * Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT, UNAVAILABLE (no room to write the details).
 */
export async function profileColumns(input: ProfileInput, progress?: Progress): Promise<ProfileOutput> {
  const shape = await detectShape(input.path, input.dialect);
  const names = input.columns ?? shape.header.slice(0, LIMITS.profileColumnsMax);
  const capacity = Math.min(LIMITS.distinctColumnMax, Math.floor(LIMITS.distinctTotalMax / names.length));
  const columns = names.map((name) => new ColumnAccumulator(name, shape.dialect, capacity));
  const counts = await readRows(
    { path: input.path, dialect: shape.dialect, header: shape.header, columns: names, progress },
    (cells, row) => {
      for (let at = 0; at < columns.length; at++) (columns[at] as ColumnAccumulator).add(cells[at], row);
    },
  );
  const details = columns.map((column) => profileColumn(column, counts.rows));
  const left = input.columns === undefined ? shape.header.length - names.length : 0;
  const output: ProfileOutput = {
    path: input.path,
    fingerprint: shape.fingerprint,
    rows: counts.rows,
    columns: details.map(({ name, type, missingShare, distinct, flags }) => ({
      name,
      type,
      missingShare,
      distinct,
      flags,
    })),
    columnsLeftOut: left,
    notes: [...shape.notes, ...describeFaults(counts), ...describeEstimates(details)],
  };
  if (input.workDir === undefined) return { ...output, details };
  const name = `profile-${nameFor([shape.fingerprint, shape.dialect, names])}.json`;
  const file = await writeWhole(
    input.workDir,
    name,
    JSON.stringify({ fingerprint: shape.fingerprint, columns: details }),
  );
  return { ...output, file };
}

/** What was wrong with the file, in sentences. */
export function describeFaults(counts: ReadCounts): string[] {
  const notes: string[] = [];
  const named = counts.faults.length > 0 ? `: ${counts.faults.join('; ')}` : '';
  if (counts.badRecords > 0) notes.push(`${counts.badRecords} records could not be read and are left out${named}.`);
  if (counts.raggedRows > 0) {
    notes.push(
      `${counts.raggedRows} rows have more or fewer cells than the header; missing ones count as missing, extra ones are left out${named}.`,
    );
  }
  if (counts.quoteFaults > 0) notes.push(`${counts.quoteFaults} quotes stand where none should.`);
  return notes;
}

function describeEstimates(details: readonly ColumnProfile[]): string[] {
  const estimated = details.filter((profile) => profile.estimated.length > 0).map((profile) => profile.name);
  if (estimated.length === 0) return [];
  const shown =
    estimated.slice(0, LIMITS.faultsNamedMax).join(', ') +
    (estimated.length > LIMITS.faultsNamedMax ? ' and more' : '');
  return [
    `Quantiles, distinct and frequent values of ${shown} are estimates from all rows, because they have too many ` +
      'different values to count.',
  ];
}
