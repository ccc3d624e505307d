/** The first look at a file: its shape, its columns with their likely types, how many rows it has. Reads its beginning only. */
import type { z } from 'zod';
import { ColumnAccumulator } from './column-accumulator.ts';
import { detectShape } from './file-shape.ts';
import { shareOf } from './figures.ts';
import { LIMITS } from './limits.ts';
import type { scanInputSchema, scanOutputSchema } from './operation-schema.ts';
import type { Progress } from './progress.ts';
import { readRows } from './records.ts';

/** See `scanInputSchema`; defaults need not be given. */
export type ScanInput = z.input<typeof scanInputSchema>;
/** See `scanOutputSchema`. */
export type ScanOutput = z.infer<typeof scanOutputSchema>;

/** Distinct values that a scan keeps of each column. */
const CAPACITY = 4_096;
/** Columns that a scan lists: as many as its groups can hold. */
const COLUMNS_LISTED_MAX = 256;
const GROUP_SIZE = 4;

/** Scans. Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT. */
export async function scanColumns(input: ScanInput, progress?: Progress): Promise<ScanOutput> {
  const shape = await detectShape(input.path, input.dialect);
  const listed = shape.header.slice(0, COLUMNS_LISTED_MAX);
  const columns = listed.map((name) => new ColumnAccumulator(name, shape.dialect, CAPACITY));
  const counts = await readRows(
    {
      path: input.path,
      dialect: shape.dialect,
      header: shape.header,
      columns: listed,
      rowsMax: LIMITS.scanRowsMax,
      progress,
    },
    (cells, row) => {
      for (let at = 0; at < columns.length; at++) (columns[at] as ColumnAccumulator).add(cells[at], row);
    },
  );
  const estimate = counts.bytesRead === 0 ? 0 : Math.round((counts.rows / counts.bytesRead) * shape.fileBytes);
  const left = shape.header.length - listed.length;
  const notes = [...shape.notes];
  if (counts.badRecords > 0) notes.push(`${counts.badRecords} records could not be read: ${counts.faults.join('; ')}.`);
  if (left > 0) notes.push(`Only the first ${listed.length} of ${shape.header.length} columns are analysed.`);
  return {
    path: input.path,
    dialect: shape.dialect,
    fingerprint: shape.fingerprint,
    fileBytes: shape.fileBytes,
    rows: { count: counts.complete ? counts.rows : estimate, exact: counts.complete },
    columns: columns.map((column) => {
      const type = column.inferType();
      const missingShare = shareOf(counts.rows - column.countValues(type), counts.rows);
      const example = column.examples.find((texts) => texts.length > 0)?.[0] ?? '';
      return { name: column.name, type, missingShare, example };
    }),
    columnsLeftOut: left,
    groups: groupColumns(listed, input.groupSize ?? GROUP_SIZE),
    notes,
  };
}

/** Equal groups in the order of the file, of the size wished or as large as the bound on their number makes them. */
function groupColumns(names: readonly string[], groupSize: number): { columns: string[] }[] {
  const groups = Math.min(LIMITS.groupsMax, Math.ceil(names.length / groupSize));
  const groupColumnsMax = Math.ceil(names.length / groups);
  return Array.from({ length: groups }, (_, index) => ({
    columns: names.slice(index * groupColumnsMax, (index + 1) * groupColumnsMax),
  })).filter((group) => group.columns.length > 0);
}
