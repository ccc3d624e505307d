/**
 * Reads a data file row by row in one pass with bounded memory, whatever its format: each row comes as the cells of the
 * columns asked for. Faults of the file are counted, the first few named; a file that is mostly faults is refused.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { Cell } from './cells.ts';
import { createRowFramer } from './csv-framer.ts';
import type { Dialect } from './dialect.ts';
import { createArrayFramer, createLineFramer } from './json-framer.ts';
import { cellOf, columnPaths } from './json-columns.ts';
import { LIMITS } from './limits.ts';
import { createMeter, type Progress } from './progress.ts';
import { fileSize, readText } from './text-file.ts';

/** Takes one row. `row` counts data rows from 1. The array is used again for the next row. */
export type RowSink = (cells: readonly Cell[], row: number) => void;

/** What to read, and who wants to know. */
export interface ReadRequest {
  readonly path: string;
  readonly dialect: Dialect;
  /** All columns of the file, in its order: what they are called here. */
  readonly header: readonly string[];
  /** The columns wanted, in the order wanted. */
  readonly columns: readonly string[];
  /** Stop after about so many rows (at the end of a chunk). */
  readonly rowsMax?: number;
  readonly progress?: Progress | undefined;
  readonly onBytes?: (bytes: Buffer) => void;
}

/** What a read met. */
export interface ReadCounts {
  rows: number;
  /** Records that could not be read; they are not rows. */
  badRecords: number;
  /** CSV rows with fewer or more cells than the header. */
  raggedRows: number;
  quoteFaults: number;
  bytesRead: number;
  /** Whether the end of the file was reached. */
  complete: boolean;
  /** The first few faults in words. */
  faults: string[];
}

interface Pass {
  readonly counts: ReadCounts;
  readonly sink: RowSink;
  readonly cells: Cell[];
}

/** Feeds every row to `sink`. Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT (an unknown column, an unreadable file, a bound). */
export async function readRows(request: ReadRequest, sink: RowSink): Promise<ReadCounts> {
  const total = await fileSize(request.path);
  const counts: ReadCounts = {
    rows: 0,
    badRecords: 0,
    raggedRows: 0,
    quoteFaults: 0,
    bytesRead: 0,
    complete: false,
    faults: [],
  };
  const pass: Pass = { counts, sink, cells: new Array<Cell>(request.columns.length) };
  const meter = createMeter(request.progress, total, 'bytes');
  const feed = request.dialect.format === 'csv' ? createCsvFeed(request, pass) : createJsonFeed(request, pass);
  const rowsMax = request.rowsMax ?? Number.POSITIVE_INFINITY;
  const onBytes = (bytes: Buffer): void => {
    counts.bytesRead += bytes.length;
    request.onBytes?.(bytes);
  };
  for await (const text of readText(request.path, request.dialect.encoding, onBytes)) {
    feed.push(text);
    meter(counts.bytesRead);
    if (counts.rows >= rowsMax && counts.bytesRead < total) return counts;
  }
  feed.end();
  counts.complete = true;
  return counts;
}

interface Feed {
  push(text: string): void;
  end(): void;
}

function createCsvFeed(request: ReadRequest, pass: Pass): Feed {
  const { counts, cells, sink } = pass;
  const framer = createRowFramer(request.dialect.delimiter ?? ',');
  const indexes = columnIndexes(request.header, request.columns);
  const width = request.header.length;
  let headerAhead = request.dialect.header ?? true;
  const take = (rows: string[][]): void => {
    for (const row of rows) {
      if (headerAhead) {
        headerAhead = false;
        continue;
      }
      counts.rows += 1;
      if (row.length !== width) noteRagged(counts, row.length, width);
      for (let at = 0; at < indexes.length; at++) cells[at] = row[indexes[at] as number];
      sink(cells, counts.rows);
    }
    counts.quoteFaults = framer.quoteFaults;
  };
  return { push: (text) => take(framer.push(text)), end: () => take(framer.end()) };
}

function createJsonFeed(request: ReadRequest, pass: Pass): Feed {
  const { counts, cells, sink } = pass;
  const framer = request.dialect.format === 'json' ? createArrayFramer() : createLineFramer();
  columnIndexes(request.header, request.columns);
  const paths = columnPaths(request.columns);
  const take = (records: string[]): void => {
    for (const text of records) {
      const record = parseRecord(text, counts);
      if (record === undefined) continue;
      counts.rows += 1;
      for (let at = 0; at < paths.length; at++) cells[at] = cellOf(record, paths[at] as (typeof paths)[number]);
      sink(cells, counts.rows);
    }
  };
  return { push: (text) => take(framer.push(text)), end: () => take(framer.end()) };
}

/** Where each wanted column stands. Errors: INVALID_INPUT for one that the file does not have. */
function columnIndexes(header: readonly string[], columns: readonly string[]): number[] {
  const places = new Map(header.map((name, index) => [name, index]));
  return columns.map((name) => {
    const index = places.get(name);
    if (index !== undefined) return index;
    const shown = header.slice(0, LIMITS.groupsMax).join(', ');
    throw new OperatingError('INVALID_INPUT', `The file has no column "${name}". Its columns: ${shown}.`, {
      details: { column: name },
    });
  });
}

function noteRagged(counts: ReadCounts, found: number, width: number): void {
  counts.raggedRows += 1;
  noteFault(counts, `row ${counts.rows} has ${found} cells instead of ${width}`);
}

function noteFault(counts: ReadCounts, what: string): void {
  if (counts.faults.length < LIMITS.faultsNamedMax) counts.faults.push(what);
}

/** The object a record holds, or nothing: the record is then counted as bad. Errors: INVALID_INPUT when too many are. */
function parseRecord(text: string, counts: ReadCounts): Readonly<Record<string, unknown>> | undefined {
  let why = 'is not an object';
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && !Array.isArray(record))
      return record as Record<string, unknown>;
  } catch {
    why = 'is not valid JSON';
  }
  counts.badRecords += 1;
  noteFault(counts, `record ${counts.rows + counts.badRecords} ${why}`);
  const hopeless = counts.badRecords >= 20 && counts.badRecords > counts.rows;
  if (hopeless || counts.badRecords > LIMITS.badRecordsMax) {
    const message =
      `${counts.badRecords} of the first ${counts.rows + counts.badRecords} records cannot be read: ` +
      `${counts.faults.join('; ')}.`;
    throw new OperatingError('INVALID_INPUT', message, { details: { faults: counts.faults } });
  }
  return undefined;
}
