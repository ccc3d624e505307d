/**
 * Finds out how a data file is written (format, character set, delimiter, header, decimal mark, order of dates) and what
 * its columns are called, from its first megabyte. The same file and hints always give the same answer.
 */
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import Papa from 'papaparse';
import { OperatingError } from '../../protocol/errors.ts';
import { CellReader, KIND } from './cells.ts';
import { createRowFramer } from './csv-framer.ts';
import { slashOrder } from './dates.ts';
import type { Dialect, DialectHints } from './dialect.ts';
import { unfoldKeys } from './json-columns.ts';
import { createArrayFramer, createLineFramer } from './json-framer.ts';
import { LIMITS } from './limits.ts';
import { decodeHead, detectEncoding, readHead } from './text-file.ts';

/** What is known of a file before its rows are read. */
export interface FileShape {
  readonly dialect: Dialect;
  /** Names of all columns, unique, in the order of the file. */
  readonly header: readonly string[];
  readonly fileBytes: number;
  /** Tells versions of a file apart without reading all of it: a hash of its size and beginning. */
  readonly fingerprint: string;
  /** Doubts that a reader of the results should know of. */
  readonly notes: readonly string[];
}

/** Rows of the head that the detection looks at. */
const SAMPLE_ROWS = 1_000;
const YEAR = /^(1[5-9]|20|21)\d\d$/;
const DELIMITERS = [',', ';', '\t', '|'];

/**
 * Detects the shape of a file; what the hints say is not detected but believed.
 * Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT (empty, no text, no columns, too many).
 */
export async function detectShape(path: string, hints: DialectHints = {}): Promise<FileShape> {
  const head = await readHead(path, LIMITS.headBytes);
  const encoding = hints.encoding ?? detectEncoding(head.bytes);
  const text = decodeHead(head.bytes, encoding);
  if (text.trim() === '') throw new OperatingError('INVALID_INPUT', `${path} is empty.`);
  const format = hints.format ?? detectFormat(path, text);
  const sample = format === 'csv' ? sampleCsv(path, text, head.whole, hints) : sampleJson(format, text, head.whole);
  const header = checkHeader(sample.header, path);
  const decimal = hints.decimal ?? detectDecimal(sample.rows, sample.delimiter);
  const order = detectDayFirst(sample.rows);
  const notes: string[] = [];
  if (hints.dayFirst === undefined && order === 'open') {
    notes.push(
      'Dates like 03/04/2020 could be read either way; they are taken as month/day/year. Set dialect.dayFirst to change it.',
    );
  }
  if (encoding === 'windows-1252' && hints.encoding === undefined)
    notes.push('The text is not valid UTF-8; it is read as Windows-1252.');
  const dialect: Dialect = { format, encoding, decimal, dayFirst: hints.dayFirst ?? order === 'first' };
  if (sample.delimiter !== undefined) {
    dialect.delimiter = sample.delimiter;
    dialect.header = sample.hasHeader;
  }
  const fingerprint = createHash('sha256').update(`${head.fileBytes}\n`).update(head.bytes).digest('hex').slice(0, 16);
  return { dialect, header, fileBytes: head.fileBytes, fingerprint, notes };
}

interface Sample {
  readonly header: readonly string[];
  readonly hasHeader: boolean;
  readonly delimiter?: string;
  /** Text cells only: numbers and booleans of JSON need no detection. */
  readonly rows: readonly (readonly string[])[];
}

function detectFormat(path: string, text: string): Dialect['format'] {
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.tsv' || extension === '.tab') return 'csv';
  if (extension === '.ndjson' || extension === '.jsonl') return 'ndjson';
  const start = text.trimStart();
  if (start.startsWith('{')) return startsWithObjectLines(start) || extension !== '.json' ? 'ndjson' : 'json';
  return /^\[\s*[{\]]/.test(start) || extension === '.json' ? 'json' : 'csv';
}

/** Whether the text is one object a line, in more than one line: what is often called .json too. */
function startsWithObjectLines(text: string): boolean {
  const end = text.indexOf('\n');
  if (end === -1 || !text.slice(end).trimStart().startsWith('{')) return false;
  return tryParse(text.slice(0, end)) !== undefined;
}

function sampleCsv(path: string, text: string, whole: boolean, hints: DialectHints): Sample {
  const isTab = ['.tsv', '.tab'].includes(extname(path).toLowerCase());
  const delimiter = hints.delimiter ?? (isTab ? '\t' : guessDelimiter(text));
  const framer = createRowFramer(delimiter);
  const all = framer.push(text);
  if (whole) all.push(...framer.end());
  const rows = all.slice(0, SAMPLE_ROWS);
  const first = rows[0];
  if (first === undefined)
    throw new OperatingError('INVALID_INPUT', `${path} has no complete row in its first ${LIMITS.headBytes} bytes.`);
  const hasHeader = hints.header ?? looksLikeHeader(first, rows.slice(1));
  const header = hasHeader ? nameColumns(first) : first.map((_, index) => `column ${index + 1}`);
  return { header, hasHeader, delimiter, rows: hasHeader ? rows.slice(1) : rows };
}

function guessDelimiter(text: string): string {
  const end = Math.min(text.length, LIMITS.chunkBytes);
  const parsed = Papa.parse<string[]>(text.slice(0, end), {
    preview: 1,
    skipEmptyLines: true,
    delimitersToGuess: DELIMITERS,
  });
  return DELIMITERS.includes(parsed.meta.delimiter) ? parsed.meta.delimiter : ',';
}

/** A header is a row of words above a column that holds something else; without such a column, any row of distinct words. */
function looksLikeHeader(first: readonly string[], below: readonly (readonly string[])[]): boolean {
  const reader = new CellReader({ decimal: '.', dayFirst: false });
  const isWord = (cell: string): boolean => {
    const kind = reader.read(cell);
    return kind === KIND.text || kind === KIND.boolean || kind === KIND.missing;
  };
  // Years are column names too, where what stands below them is no year.
  const isYearName = (cell: string, at: number): boolean =>
    YEAR.test(cell.trim()) && below.filter((row) => YEAR.test((row[at] ?? '').trim())).length * 2 < below.length;
  const words = first.filter((cell) => cell.trim() !== '');
  if (!words.some(isWord) || !first.every((cell, at) => isWord(cell) || isYearName(cell, at))) return false;
  const typedBelow = first.some((_, at) => below.some((row) => !isWord(row[at] ?? '')));
  return typedBelow || new Set(words).size === words.length;
}

/** Names that can be shown and told apart: control characters out, cut to the bound, empty and repeated ones numbered. */
function nameColumns(cells: readonly string[]): string[] {
  const used = new Set<string>();
  return cells.map((cell, index) => {
    const clean = cell.replace(/\p{C}/gu, ' ').trim().slice(0, LIMITS.nameCharsMax) || `column ${index + 1}`;
    let name = clean;
    for (let count = 2; used.has(name); count++) name = `${clean} (${count})`;
    used.add(name);
    return name;
  });
}

function sampleJson(format: 'json' | 'ndjson', text: string, whole: boolean): Sample {
  const framer = format === 'json' ? createArrayFramer() : createLineFramer();
  const records = framer.push(text);
  if (whole) records.push(...framer.end());
  const names = new Set<string>();
  const rows: string[][] = [];
  for (const record of records) {
    const value = tryParse(record);
    if (value === undefined) continue;
    unfoldKeys(value, names);
    if (rows.length < SAMPLE_ROWS) rows.push(Object.values(value).filter((cell) => typeof cell === 'string'));
  }
  return { header: [...names], hasHeader: true, rows };
}

function tryParse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function checkHeader(header: readonly string[], path: string): readonly string[] {
  if (header.length === 0) {
    throw new OperatingError(
      'INVALID_INPUT',
      `${path} has no columns: JSON must be an array of objects, NDJSON one object a line.`,
    );
  }
  if (header.length > LIMITS.columnsMax) {
    const message = `${path} has more than ${LIMITS.columnsMax} columns.`;
    throw new OperatingError('INVALID_INPUT', message, { details: { limit: 'columnsMax', max: LIMITS.columnsMax } });
  }
  return header;
}

/** Decimal commas are believed where the comma does not part cells, and numbers with a comma outweigh those with a point. */
function detectDecimal(rows: Sample['rows'], delimiter: string | undefined): '.' | ',' {
  if (delimiter === ',') return '.';
  let commas = 0;
  let thousands = 0;
  let points = 0;
  for (const row of rows) {
    for (const cell of row) {
      const text = cell.trim();
      if (/^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+$/.test(text)) {
        commas += 1;
        if (/^[+-]?\d{1,3},\d{3}$/.test(text)) thousands += 1;
      } else if (/^[+-]?\d*\.\d+$/.test(text)) points += 1;
    }
  }
  return commas > points && thousands < commas ? ',' : '.';
}

function detectDayFirst(rows: Sample['rows']): 'first' | 'second' | 'open' | undefined {
  const seen = { first: 0, second: 0, open: 0 };
  for (const row of rows) {
    for (const cell of row) {
      if (cell.length < 6 || cell.length > 40) continue;
      const order = slashOrder(cell);
      if (order !== undefined) seen[order] += 1;
    }
  }
  if (seen.first === 0 && seen.second === 0) return seen.open > 0 ? 'open' : undefined;
  return seen.first > seen.second ? 'first' : 'second';
}
