/**
 * Cuts streamed JSON text into the records it holds, without parsing them: the elements of one top-level array, or the
 * lines of NDJSON. It keeps at most one record (`LIMITS.recordCharsMax`) and refuses longer ones with INVALID_INPUT.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from './limits.ts';

/** Takes text in pieces, gives back complete records. */
export interface Framer {
  push(text: string): string[];
  /** What was left when the text ended. Errors: INVALID_INPUT when the array was never closed. */
  end(): string[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** For NDJSON: one record a line; empty lines are none. */
export function createLineFramer(): Framer {
  let rest = '';
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      refuseLong(rest.length);
      return lines.filter((line) => line.trim() !== '');
    },
    end() {
      return rest.trim() === '' ? [] : [rest];
    },
  };
}

/** For a JSON array: one record an element. */
export function createArrayFramer(): Framer {
  const framer = new ArrayFramer();
  return { push: (text) => framer.push(text), end: () => framer.end() };
}

type Place = 'before' | 'inside' | 'after';

class ArrayFramer {
  private place: Place = 'before';
  private depth = 0;
  private inString = false;
  private escaped = false;
  private rest = '';

  push(text: string): string[] {
    const records: string[] = [];
    let start = 0;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (this.inString) {
        this.passString(code);
        continue;
      }
      if (this.place !== 'inside') {
        this.passOutside(code);
        start = index + 1;
        continue;
      }
      if (code === QUOTE) this.inString = true;
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) this.depth += 1;
      else if (this.depth > 0 && (code === CLOSE_OBJECT || code === CLOSE_ARRAY)) this.depth -= 1;
      else if (this.depth === 0 && (code === COMMA || code === CLOSE_ARRAY)) {
        this.take(text.slice(start, index), code === COMMA, records);
        if (code === CLOSE_ARRAY) this.place = 'after';
        start = index + 1;
      }
    }
    if (this.place === 'inside') this.rest += text.slice(start);
    refuseLong(this.rest.length);
    return records;
  }

  end(): string[] {
    if (this.place === 'after') return [];
    const message =
      this.place === 'before'
        ? 'The file holds no JSON array: it must be an array of objects.'
        : 'The JSON array is not closed: the file is cut off, or a quote or bracket is missing.';
    throw new OperatingError('INVALID_INPUT', message);
  }

  private take(tail: string, more: boolean, records: string[]): void {
    const record = this.rest + tail;
    this.rest = '';
    refuseLong(record.length);
    // An empty place before the closing bracket is an empty array or a trailing comma; elsewhere it is a fault of the file.
    if (more || record.trim() !== '') records.push(record);
  }

  private passString(code: number): void {
    if (this.escaped) this.escaped = false;
    else if (code === BACKSLASH) this.escaped = true;
    else if (code === QUOTE) this.inString = false;
  }

  private passOutside(code: number): void {
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) return;
    if (this.place === 'before' && code === OPEN_ARRAY) {
      this.place = 'inside';
      return;
    }
    const what =
      this.place === 'before' ? 'a JSON file must be an array of objects' : 'there is text after the JSON array';
    throw new OperatingError('INVALID_INPUT', `Not readable as JSON: ${what}.`);
  }
}

function refuseLong(chars: number): void {
  if (chars <= LIMITS.recordCharsMax) return;
  const message = `A record is longer than ${LIMITS.recordCharsMax} characters; is a bracket, quote or line break missing?`;
  throw new OperatingError('INVALID_INPUT', message, {
    details: { limit: 'recordCharsMax', max: LIMITS.recordCharsMax },
  });
}
