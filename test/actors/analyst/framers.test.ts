import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRowFramer, type RowFramer } from '../../../actors/analyst/csv-framer.ts';
import { createArrayFramer, createLineFramer, type Framer } from '../../../actors/analyst/json-framer.ts';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { OperatingError } from '../../../protocol/errors.ts';

/** Cuts a text at the given places (taken modulo its length). */
function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => (text.length === 0 ? 0 : place % text.length)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length));
}

function feed<T>(framer: { push(text: string): T[]; end(): T[] }, pieces: readonly string[]): T[] {
  return [...pieces.flatMap((piece) => framer.push(piece)), ...framer.end()];
}

function writeCsv(rows: readonly (readonly string[])[], delimiter: string, lineEnd: string): string {
  const quote = (cell: string): string =>
    /[",;\t|\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return rows.map((row) => row.map(quote).join(delimiter)).join(lineEnd) + lineEnd;
}

/** What must come back: line ends within cells are made the same. */
function expected(rows: readonly (readonly string[])[]): string[][] {
  return rows.map((row) => row.map((cell) => cell.replaceAll('\r\n', '\n').replaceAll('\r', '\n')));
}

const cell = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    'a',
    '"',
    '""',
    ',',
    ';',
    '\n',
    '\r\n',
    'a "quoted" word',
    'line\nbreak',
    'ümläut',
    '日本',
    ' padded ',
  ),
);
const places = fc.array(fc.nat(10_000), { maxLength: 6 });

describe('the CSV framer', () => {
  it('gives back every table that was written, wherever the text is cut', () => {
    const table = fc
      .integer({ min: 2, max: 5 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 20 }),
      );
    fc.assert(
      fc.property(
        table,
        places,
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        (rows, cuts, delimiter, lineEnd) => {
          const text = writeCsv(rows, delimiter, lineEnd);
          expect(feed(createRowFramer(delimiter), cut(text, cuts))).toEqual(expected(rows));
        },
      ),
      { numRuns: 300 },
    );
  });

  const rowsOf = (text: string, framer: RowFramer = createRowFramer(',')): string[][] => feed(framer, [text]);

  it('keeps rows of any length as they are', () => {
    expect(rowsOf('a,b,c\n1\n1,2,3,4\n')).toEqual([['a', 'b', 'c'], ['1'], ['1', '2', '3', '4']]);
  });

  it('leaves out blank lines and takes a last line without an end', () => {
    expect(rowsOf('a,b\n\n1,2\n   \n3,4')).toEqual([
      ['a', 'b'],
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('ends a line at a lone carriage return too, and at mixed line ends', () => {
    expect(rowsOf('a,b\r1,2\r')).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
    expect(rowsOf('a,b\r\n1,2\n3,4\r\n')).toEqual([
      ['a', 'b'],
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(feed(createRowFramer(','), ['a,b\r', '\n1,2\r'])).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });

  it('counts quotes out of place and goes on', () => {
    const framer = createRowFramer(',');
    expect(rowsOf('a,b\n"x" y,2\n3,"open\n', framer).length).toBeGreaterThanOrEqual(2);
    expect(framer.quoteFaults).toBeGreaterThan(0);
  });

  it('refuses a row that never ends instead of keeping the rest of the file', () => {
    const framer = createRowFramer(',');
    const piece = 'x'.repeat(LIMITS.chunkBytes);
    const push = (): void => {
      framer.push('a,b\n1,"');
      for (let count = 0; count < 10; count++) framer.push(piece);
    };
    expect(push).toThrow(OperatingError);
    expect(push).toThrow(/is a quote left open/);
  });
});

describe('the JSON array framer', () => {
  it('cuts out every element that JSON.parse would give, wherever the text is cut', () => {
    const value = fc.oneof(fc.object({ maxDepth: 3 }), fc.dictionary(fc.string(), fc.string()));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), places, fc.constantFrom(0, 2), (values, cuts, indent) => {
        const text = JSON.stringify(values, null, indent);
        const records = feed(createArrayFramer(), cut(text, cuts));
        expect(records.map((record) => JSON.parse(record) as unknown)).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  const all = (text: string, framer: Framer = createArrayFramer()): string[] => feed(framer, [text]);

  it('is not led astray by brackets and quotes in texts', () => {
    expect(all('[{"a":"]}\\"[,"},{"b":[1,{"c":"}"}]}]').map((text) => JSON.parse(text) as unknown)).toEqual([
      { a: ']}"[,' },
      { b: [1, { c: '}' }] },
    ]);
  });

  it('takes an empty array and a trailing comma', () => {
    expect(all(' [ ] \n')).toEqual([]);
    expect(all('[{"a":1},]')).toEqual(['{"a":1}']);
  });

  it.each(['{"a":1}', 'hello', '', '[{"a":1}', '[{"a":1}] trailing', '[{"a":"open]'])('refuses %j', (text) => {
    expect(() => all(text)).toThrow(OperatingError);
  });

  it('refuses an element that is too long, in one piece or in many', () => {
    const long = `[{"a":"${'x'.repeat(LIMITS.recordCharsMax)}"}]`;
    expect(() => all(long)).toThrow(/longer than/);
    expect(() => feed(createArrayFramer(), cut(long, [400_000, 800_000]))).toThrow(/longer than/);
  });
});

describe('the line framer', () => {
  it('gives one record a line, wherever the text is cut', () => {
    const lines = fc.array(fc.dictionary(fc.string(), fc.integer()), { maxLength: 10 });
    fc.assert(
      fc.property(lines, places, (records, cuts) => {
        const text = records.map((record) => JSON.stringify(record)).join('\n');
        expect(feed(createLineFramer(), cut(text, cuts)).map((line) => JSON.parse(line) as unknown)).toEqual(
          JSON.parse(JSON.stringify(records)),
        );
      }),
    );
  });

  it('leaves out empty lines, and refuses one that is too long', () => {
    expect(feed(createLineFramer(), ['{"a":1}\n\n \r\n{"a":2}\r\n'])).toEqual(['{"a":1}', '{"a":2}\r']);
    expect(() => createLineFramer().push('x'.repeat(LIMITS.recordCharsMax + 1))).toThrow(OperatingError);
  });
});
