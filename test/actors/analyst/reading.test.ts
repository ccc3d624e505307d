import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { type ProfileInput, profileColumns } from '../../../actors/analyst/profile.ts';
import type { ColumnProfile } from '../../../actors/analyst/profile-schema.ts';
import { errorOf, makeFiles, repeatable } from './files.ts';

const files = makeFiles();
let count = 0;

async function profile(
  content: string | Uint8Array,
  name = 'data.csv',
  more: Partial<ProfileInput> = {},
): Promise<readonly ColumnProfile[]> {
  count += 1;
  const output = await profileColumns({ path: files.write(`${count}-${name}`, content), ...more });
  return output.details ?? [];
}

describe('a malformed file', () => {
  it('with ragged rows is read: missing cells are missing, extra ones left out, and that is said', async () => {
    const path = files.write('ragged.csv', 'a,b,c\n1,2,3\n4,5\n6,7,8,9\n');
    const { details, notes, rows } = await profileColumns({ path });
    expect([rows, details?.map(({ missing }) => missing)]).toEqual([3, [0, 0, 1]]);
    expect(notes.join()).toContain('2 rows have more or fewer cells');
    expect(notes.join()).toContain('row 2 has 2 cells instead of 3');
  });

  it('with an open quote at the end is read to where it can be', async () => {
    const { notes } = await profileColumns({ path: files.write('quote.csv', 'a,b\n1,2\n3,"4\n5,6\n') });
    expect(notes.join()).toContain('1 quotes stand where none should');
  });

  it('with an open quote in the middle of a long file is refused', async () => {
    const path = files.write('open.csv', `a,b\n1,2\n3,"${'4,5\n'.repeat(500_000)}`);
    const error = await errorOf(profileColumns({ path }));
    expect([error.code, error.message]).toEqual(['INVALID_INPUT', expect.stringContaining('is a quote left open?')]);
  });

  it('with a huge line is refused, in every format', async () => {
    const huge = 'x'.repeat(3 * LIMITS.recordCharsMax);
    for (const [name, content] of [
      ['huge.csv', `a,b\n1,2\n${huge},3\n`],
      ['huge.ndjson', `{"a":1}\n{"a":"${huge}"}\n`],
      ['huge.json', `[{"a":1},{"a":"${huge}"}]`],
    ] as const) {
      const error = await errorOf(profileColumns({ path: files.write(name, content) }));
      expect(error.code).toBe('INVALID_INPUT');
      expect(error.details).toMatchObject({ limit: 'recordCharsMax' });
    }
  });

  it('of NDJSON loses bad lines, says which, and is refused when most are bad', async () => {
    const some = files.write('some.ndjson', '{"a":1}\nnot json\n{"a":2}\n[1]\n{"a":3}\n');
    const { rows, notes } = await profileColumns({ path: some });
    expect([rows, notes.join()]).toEqual([
      3,
      expect.stringContaining(
        '2 records could not be read and are left out: record 2 is not valid JSON; record 4 is not an object',
      ),
    ]);
    const most = files.write('most.ndjson', `{"a":1}\n${'oops\n'.repeat(100)}`);
    expect((await errorOf(profileColumns({ path: most }))).message).toMatch(
      /20 of the first 21 records cannot be read/,
    );
  });

  it('of JSON that is cut off is refused', async () => {
    expect(
      (await errorOf(profileColumns({ path: files.write('cut.json', `[${'{"a":1},'.repeat(300_000)}`) }))).message,
    ).toMatch(/not closed/);
  });

  it('with a header alone has columns and no rows', async () => {
    const [a, b] = await profile('a,b\n');
    expect([a, b]).toEqual([
      expect.objectContaining({ name: 'a', type: 'empty', rows: 0, missingShare: 0, flags: [] }),
      expect.objectContaining({ name: 'b' }),
    ]);
  });

  it('with one column, and with a column of nothing, is profiled', async () => {
    expect(await profile('height\n1\n2\n3\n')).toMatchObject([{ name: 'height', type: 'integer', rows: 3 }]);
    expect(await profile('a,b\n1,\n2,NA\n')).toMatchObject([
      { type: 'integer' },
      { type: 'empty', missing: 2, missingShare: 1, flags: ['all-missing'] },
    ]);
  });

  it('is refused for a column that it does not have', async () => {
    const error = await errorOf(profile('a,b\n1,2\n', 'x.csv', { columns: ['a', 'nope'] }));
    expect([error.code, error.details]).toEqual(['INVALID_INPUT', { column: 'nope' }]);
    expect((await errorOf(profile('[{"a":1}]', 'x.json', { columns: ['nope'] }))).code).toBe('INVALID_INPUT');
  });
});

describe('formats', () => {
  it('give the same profiles of the same data', async () => {
    const random = repeatable(3);
    const rows = Array.from({ length: 500 }, (_, index) => ({
      n: Math.round(random() * 1e4) / 100,
      k: ['red', 'green', 'blue'][index % 3] as string,
      d: new Date(Date.UTC(2020, 0, 1 + (index % 90))).toISOString().slice(0, 10),
      b: random() < 0.5,
      gap: random() < 0.1 ? null : index,
    }));
    const header = ['n', 'k', 'd', 'b', 'gap'] as const;
    const csv = (delimiter: string): string =>
      [header.join(delimiter), ...rows.map((row) => header.map((key) => String(row[key] ?? '')).join(delimiter))].join(
        '\n',
      );
    const results = [
      await profile(csv(',')),
      await profile(csv('\t'), 'data.tsv'),
      await profile(JSON.stringify(rows), 'data.json'),
      await profile(rows.map((row) => JSON.stringify(row)).join('\n'), 'data.ndjson'),
      await profile(`\ufeff${csv(';').replaceAll('\n', '\r\n')}\r\n`),
    ];
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
    expect(results[0]?.map(({ type }) => type)).toEqual(['number', 'category', 'date', 'boolean', 'integer']);
  });

  it('of JSON may nest objects and hold lists', async () => {
    const details = await profile(
      JSON.stringify([
        { a: { b: 1, 'c.d': 'x' }, l: [1, 2] },
        { a: { b: 3 }, l: [] },
      ]),
      'x.json',
    );
    expect(details.map(({ name, missing }) => [name, missing])).toEqual([
      ['a.b', 0],
      ['a.c.d', 2],
      ['l', 0],
    ]);
    expect(details[0]?.number?.mean).toBe(2);
    expect(details[2]?.top.map(({ value }) => value).sort()).toEqual(['[1,2]', '[]']);
  });
});

describe('a character like a byte order mark', () => {
  it('is one at the start of the file only, not at the start of a chunk', async () => {
    const head = 'a,b\n';
    const filler = `${'x'.repeat(LIMITS.chunkBytes - head.length - 4)},\n`;
    const [first] = await profile(`${head}${filler}yy\ufeffy,1\n`);
    expect(first?.text?.lengthMin).toBe(4);
  });
});
