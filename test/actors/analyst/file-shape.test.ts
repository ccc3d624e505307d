import { describe, expect, it } from 'vitest';
import { detectShape } from '../../../actors/analyst/file-shape.ts';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { errorOf, makeFiles } from './files.ts';

const files = makeFiles();
let count = 0;

/** The shape of a file with this content. */
function shapeOf(content: string | Uint8Array, name = 'data.csv', hints = {}): ReturnType<typeof detectShape> {
  count += 1;
  return detectShape(files.write(`${count}-${name}`, content), hints);
}

function utf16(text: string): Uint8Array {
  return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
}

describe('the shape of a file', () => {
  it.each([[','], [';'], ['\t'], ['|']])('finds the delimiter %j', async (delimiter) => {
    const content = ['name,age,city', 'Ann,31,"Bonn; a|b"', 'Bob,44,Ulm'].join('\n').replaceAll(',', delimiter);
    const { dialect, header } = await shapeOf(content);
    expect(dialect).toMatchObject({ format: 'csv', delimiter, header: true, encoding: 'utf-8' });
    expect(header).toEqual(['name', 'age', 'city']);
  });

  it('takes one column for one column', async () => {
    expect((await shapeOf('height\n1\n2\n3\n')).header).toEqual(['height']);
  });

  it.each([
    ['words above numbers', 'a,b\n1,2\n3,4\n', true],
    ['numbers alone', '1,2\n3,4\n5,6\n', false],
    ['different words above words', 'name,city\nAnn,Bonn\nBob,Ulm\n', true],
    ['the same word twice above words', 'x,x\na,b\n', false],
    ['years above numbers', 'country,2019,2020\nFrance,5,6\nPeru,7,8\n', true],
    ['years above years', 'Ann,1999\nBob,1987\nEve,1965\n', false],
    ['a header alone', 'a,b,c\n', true],
  ])('decides about a header: %s', async (_, content, expected) => {
    expect((await shapeOf(content)).dialect.header).toBe(expected);
  });

  it('names columns so that they can be told apart', async () => {
    expect((await shapeOf('a,,a,\u0007b\n1,2,3,4\n')).header).toEqual(['a', 'column 2', 'a (2)', 'b']);
    expect((await shapeOf('1,2\n3,4\n')).header).toEqual(['column 1', 'column 2']);
    expect((await shapeOf(`${'x'.repeat(500)},b\n1,2\n`)).header[0]).toHaveLength(LIMITS.nameCharsMax);
  });

  it('reads a byte order mark, UTF-16 and Windows-1252', async () => {
    expect((await shapeOf('\ufeffnäme,b\n1,2\n')).header).toEqual(['näme', 'b']);
    expect(await shapeOf(utf16('näme,b\n1,2\n'))).toMatchObject({
      header: ['näme', 'b'],
      dialect: { encoding: 'utf-16le' },
    });
    const old = await shapeOf(Buffer.from('n\xe4me,price \x80\n1,2\n', 'latin1'));
    expect(old).toMatchObject({ header: ['näme', 'price €'], dialect: { encoding: 'windows-1252' } });
    expect(old.notes.join()).toContain('Windows-1252');
  });

  it('finds a decimal comma, and does not take thousands for one', async () => {
    expect((await shapeOf('a;b\n1,5;x\n2,75;y\n')).dialect.decimal).toBe(',');
    expect((await shapeOf('a;b\n1,500;x\n2,750;y\n')).dialect.decimal).toBe('.');
    expect((await shapeOf('a;b\n1.5;x\n2.75;y\n')).dialect.decimal).toBe('.');
    expect((await shapeOf('a,b\n"1,5",x\n')).dialect.decimal).toBe('.');
  });

  it('finds whether the day comes first, and says when it cannot know', async () => {
    expect((await shapeOf('d,x\n25/12/2020,1\n01/02/2020,2\n')).dialect.dayFirst).toBe(true);
    expect((await shapeOf('d,x\n12/25/2020,1\n01/02/2020,2\n')).dialect.dayFirst).toBe(false);
    const open = await shapeOf('d,x\n01/02/2020,1\n03/04/2020,2\n');
    expect([open.dialect.dayFirst, open.notes.length]).toEqual([false, 1]);
    expect((await shapeOf('d,x\n01/02/2020,1\n', 'a.csv', { dayFirst: true })).notes).toEqual([]);
  });

  it.each([
    ['data.json', '[{"a":1}]', 'json'],
    ['data.json', '{"a":1}\n{"a":2}\n', 'ndjson'],
    ['data.ndjson', '{"a":1}\n', 'ndjson'],
    ['data.jsonl', '{"a":1}\n', 'ndjson'],
    ['data.txt', ' [ {"a":1} ]', 'json'],
    ['data.txt', '{"a":1}\n{"a":2}', 'ndjson'],
    ['data.txt', 'a,b\n1,2\n', 'csv'],
    ['data', 'a\tb\n1\t2\n', 'csv'],
    ['data.csv', '[x],b\n1,2\n', 'csv'],
  ])('tells the format of %s holding %j', async (name, content, format) => {
    expect((await shapeOf(content, name)).dialect.format).toBe(format);
  });

  it('unfolds nested objects of JSON into columns, to a depth', async () => {
    const content = JSON.stringify([
      { a: 1, b: { c: 2, d: { e: 3, f: { g: 4 } } } },
      { a: 1, z: [1] },
    ]);
    expect((await shapeOf(content, 'x.json')).header).toEqual(['a', 'b.c', 'b.d.e', 'b.d.f', 'z']);
  });

  it('believes what the hints say', async () => {
    const { dialect, header } = await shapeOf('a;b\n1;2\n', 'x.csv', { delimiter: ',', header: false });
    expect([dialect.delimiter, header]).toEqual([',', ['column 1']]);
  });

  it('tells versions of a file apart', async () => {
    const first = await shapeOf('a\n1\n');
    expect((await shapeOf('a\n1\n')).fingerprint).toBe(first.fingerprint);
    expect((await shapeOf('a\n2\n')).fingerprint).not.toBe(first.fingerprint);
  });

  it.each([
    ['an empty file', '', /is empty/],
    ['blanks', ' \n \n', /is empty/],
    ['zero bytes', 'a,b\n\u0000,1\n', /zero bytes/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
    ['a workbook', Buffer.from('PK\u0003\u0004...'), /workbook/],
    ['Parquet', 'PAR1....', /Parquet/],
  ])('refuses %s', async (_, content, message) => {
    const error = await errorOf(shapeOf(content));
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toMatch(message);
  });

  it.each([['{"features":[1,2]}'], ['[1,2,3]'], ['[]'], ['"text"'], ['[{]']])('refuses %s as JSON', async (content) => {
    expect((await errorOf(shapeOf(content, 'x.json'))).code).toBe('INVALID_INPUT');
  });

  it('refuses a missing file, a folder and too many columns', async () => {
    expect((await errorOf(detectShape(`${files.folder}/missing.csv`))).code).toBe('NOT_FOUND');
    expect((await errorOf(detectShape(files.folder))).code).toBe('INVALID_INPUT');
    const wide = Array.from({ length: LIMITS.columnsMax + 1 }, (_, index) => `c${index}`).join(',');
    expect((await errorOf(shapeOf(`${wide}\n`))).details).toMatchObject({ limit: 'columnsMax' });
    const keys = Object.fromEntries(Array.from({ length: LIMITS.columnsMax + 5 }, (_, index) => [`c${index}`, 1]));
    expect((await errorOf(shapeOf(JSON.stringify([keys]), 'x.json'))).details).toMatchObject({ limit: 'columnsMax' });
  });

  it('refuses a first line without an end', async () => {
    expect((await errorOf(shapeOf(`a,"${'x'.repeat(3_000_000)}`))).code).toBe('INVALID_INPUT');
  });
});
