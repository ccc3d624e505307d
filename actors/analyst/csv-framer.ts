/**
 * Cuts streamed CSV text into rows of cells. The parsing is Papa Parse's; this file gives it text in pieces, keeps at
 * most one unfinished row (`LIMITS.recordCharsMax`, INVALID_INPUT beyond) and makes line ends the same.
 */
import Papa from 'papaparse';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from './limits.ts';

/** Takes text in pieces, gives back complete rows. Rows of one empty cell (blank lines) are left out. */
export interface RowFramer {
  push(text: string): string[][];
  end(): string[][];
  /** Quotes that were opened or closed where they should not be, so far. */
  readonly quoteFaults: number;
}

/** What is read of Papa's answer; its own types leave it open. */
interface Parsed {
  readonly data: string[][];
  readonly errors: readonly { readonly type: string }[];
  readonly meta: { readonly cursor: number };
}

/** Makes a framer for a delimiter of one character. */
export function createRowFramer(delimiter: string): RowFramer {
  let rest = '';
  let heldReturn = false;
  let quoteFaults = 0;

  const parse = (input: string, last: boolean): string[][] => {
    const parser = new Papa.Parser({ delimiter, newline: '\n', quoteChar: '"', escapeChar: '"' });
    const parsed = parser.parse(input, 0, !last) as Parsed;
    rest = last ? '' : input.slice(parsed.meta.cursor);
    const finished = last || parsed.data.length > 0;
    if (finished) quoteFaults += parsed.errors.filter((error) => error.type === 'Quotes').length;
    return parsed.data.filter((row) => row.length > 1 || (row[0] ?? '').trim() !== '');
  };

  // A piece may end between the two halves of a line end: the first half waits for the next piece.
  const evenLineEnds = (text: string): string => {
    const held = heldReturn ? `\r${text}` : text;
    if (!held.includes('\r')) return held;
    heldReturn = held.endsWith('\r');
    return (heldReturn ? held.slice(0, -1) : held).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  };

  return {
    push(text) {
      const rows = parse(rest + evenLineEnds(text), false);
      if (rest.length > LIMITS.recordCharsMax) {
        const message = `A row is longer than ${LIMITS.recordCharsMax} characters; is a quote left open?`;
        throw new OperatingError('INVALID_INPUT', message, {
          details: { limit: 'recordCharsMax', max: LIMITS.recordCharsMax },
        });
      }
      return rows;
    },
    end() {
      const input = heldReturn ? `${rest}\n` : rest;
      heldReturn = false;
      return input === '' ? [] : parse(input, true);
    },
    get quoteFaults() {
      return quoteFaults;
    },
  };
}
