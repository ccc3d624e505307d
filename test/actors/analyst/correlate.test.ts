import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { correlate } from '../../../actors/analyst/correlate.ts';
import { correlateOutputSchema, relationFileSchema } from '../../../actors/analyst/correlate-schema.ts';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { profileColumns } from '../../../actors/analyst/profile.ts';
import { RowSample } from '../../../actors/analyst/row-sample.ts';
import { errorOf, makeFiles, repeatable } from './files.ts';

const files = makeFiles();

/** A file with one planted relation of each kind, and columns of noise. */
function planted(rows: number): string {
  const random = repeatable(5);
  const lines = ['day,shop,weather,temp,sales,noise,coin,branch'];
  for (let index = 0; index < rows; index++) {
    const day = new Date(Date.UTC(2015, 0, 1) + index * 86_400_000);
    const weather = random() < 0.5 ? 'sun' : 'rain';
    const shop = ['A', 'B', 'C'][index % 3] as string;
    const temp =
      10 + 10 * Math.sin((2 * Math.PI * day.getUTCMonth()) / 12) + 3 * random() + (weather === 'sun' ? 3 : 0);
    const sales = 50 + 3 * temp + 8 * random() + (shop === 'B' ? 25 : 0) + index / 40;
    const coin = weather === 'sun' && random() < 0.9 ? 'heads' : 'tails';
    lines.push(
      [
        day.toISOString().slice(0, 10),
        shop,
        weather,
        temp.toFixed(2),
        sales.toFixed(2),
        random().toFixed(4),
        coin,
        `branch of ${shop}`,
      ].join(','),
    );
  }
  return `${lines.join('\n')}\n`;
}

describe('relating the columns of a file', () => {
  const path = files.write('planted.csv', planted(1_500));

  it('finds what was planted, and not the noise', async () => {
    const result = await correlate({ path });
    expect(result.numbers[0]).toMatchObject({ x: 'temp', y: 'sales', n: 1_500 });
    expect(result.numbers[0]?.spearman).toBeGreaterThan(0.7);
    expect(
      result.groups.find(({ category, value }) => category === 'shop' && value === 'sales')?.strength,
    ).toBeGreaterThan(0.2);
    expect(result.categories.find(({ a, b }) => a === 'weather' && b === 'coin')?.cramersV).toBeGreaterThan(0.8);
    expect(result.categories.find(({ a, b }) => a === 'shop' && b === 'branch')?.determines).toBe('both');
    const trend = result.trends.find(({ value }) => value === 'sales');
    expect(trend).toMatchObject({
      unit: 'month',
      method: 'seasonal-kendall',
      season: { high: 'April', low: 'October' },
    });
    // A row a day, a fortieth more each: some 0.76 a month.
    expect(trend?.slope).toBeGreaterThan(0.6);
    expect(trend?.slope).toBeLessThan(0.9);
    const noise = [...result.numbers, ...result.groups, ...result.trends].filter((relation) =>
      JSON.stringify(relation).includes('"noise"'),
    );
    expect(noise.length).toBeGreaterThan(3);
    for (const relation of noise) expect(relation.q > 0.05 || relation.strength < 0.1).toBe(true);
  });

  it('corrects for every test that it made, and for no more', async () => {
    const result = await correlate({ path });
    const seasons = result.trends.flatMap(({ season }) => (season === undefined ? [] : [season]));
    const tests = [...result.numbers, ...result.groups, ...result.categories, ...result.trends, ...seasons];
    expect(result.tests).toBe(tests.length);
    const ordered = [...tests].sort((a, b) => a.p - b.p);
    ordered.forEach((test, index) => {
      expect(test.q).toBeGreaterThanOrEqual(test.p);
      expect(test.q).toBeLessThanOrEqual(Math.min(1, (test.p * tests.length) / (index + 1)) * 1.01);
    });
  });

  it('orders relations of a kind by strength, and fits its schema', async () => {
    const result = await correlate({ path });
    for (const list of [result.numbers, result.groups, result.categories, result.trends]) {
      expect(list.every(({ strength }, at) => at === 0 || strength <= (list[at - 1]?.strength ?? 0))).toBe(true);
    }
    expect(correlateOutputSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  });

  it('takes the answer of a profile as it is, and gives the same as from a scan', async () => {
    const profiles = [
      await profileColumns({ path, columns: ['day', 'shop', 'weather', 'temp'] }),
      await profileColumns({ path, columns: ['sales', 'noise', 'coin', 'branch'] }),
    ];
    expect(await correlate({ path, profiles })).toEqual(await correlate({ path }));
  });

  it('relates the columns given alone, over the time column given', async () => {
    const result = await correlate({
      path,
      columns: [
        { name: 'temp', type: 'number' },
        { name: 'sales', type: 'number' },
      ],
    });
    expect([result.numbers.length, result.groups, result.categories, result.trends]).toEqual([1, [], [], []]);
    const over = await correlate({
      path,
      columns: [
        { name: 'day', type: 'date' },
        { name: 'noise', type: 'number' },
      ],
      timeColumn: 'day',
    });
    expect(over.trends.map(({ time, value }) => [time, value])).toEqual([['day', 'noise']]);
  });

  it('hashes the file as it is, and counts rows that repeat', async () => {
    const content = 'a,b\n1,x\n2,y\n1,x\n1,x\n';
    const result = await correlate({ path: files.write('repeats.csv', content) });
    expect(result.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    expect(result.duplicateRows).toEqual({ count: 2, checked: 4 });
  });

  it('keeps all relations and the data of the charts in a file that is the same each time', async () => {
    const input = { path, workDir: `${files.folder}/work` };
    const result = await correlate(input);
    const first = readFileSync(result.file ?? '', 'utf8');
    expect(await correlate(input)).toEqual(result);
    expect(readFileSync(result.file ?? '', 'utf8')).toBe(first);
    const content = relationFileSchema.parse(JSON.parse(first));
    expect(content.numbers.length).toBe(3);
    expect(content.scatters[0]?.points.length).toBe(LIMITS.scatterPointsMax);
    expect(content.series.find(({ value }) => value === 'sales')?.labels[0]).toBe('2015-01');
    const cross = content.crosses.find(({ a, b }) => a === 'weather' && b === 'coin');
    expect(cross?.counts.flat().reduce((sum, count) => sum + count, 0)).toBe(1_500);
  });

  it('reads years in a whole-number column as time', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => `${1980 + index},${index * 2 + (index % 3)}`);
    const result = await correlate({ path: files.write('years.csv', `Year,value\n${rows.join('\n')}\n`) });
    expect(result.trends[0]).toMatchObject({ time: 'Year', value: 'value', unit: 'year', from: '1980', to: '2019' });
    expect(result.trends[0]?.slope).toBeCloseTo(2, 1);
  });

  it('of one column, or of nothing but text, finds nothing and fails at nothing', async () => {
    for (const content of ['v\n1\n2\n3\n', 'a,b\nsome words,more words\nother words,last words\n', 'a,b\n']) {
      const result = await correlate({ path: files.write('little.csv', content) });
      expect([result.numbers, result.groups, result.categories, result.trends, result.tests]).toEqual([
        [],
        [],
        [],
        [],
        0,
      ]);
    }
  });

  it('says what it leaves out', async () => {
    const names = Array.from({ length: LIMITS.numericColumnsMax + 5 }, (_, index) => `c${index}`);
    const random = repeatable(1);
    const rows = Array.from({ length: 30 }, () => names.map(() => random().toFixed(3)).join(','));
    const result = await correlate({ path: files.write('wide.csv', `${names.join(',')}\n${rows.join('\n')}\n`) });
    expect(result.notes.join()).toContain(
      `Only the first ${LIMITS.numericColumnsMax} of ${LIMITS.numericColumnsMax + 5} numeric columns`,
    );
    expect(result.numbers.length).toBe(LIMITS.relationsShownMax);
    expect(result.tests).toBe((LIMITS.numericColumnsMax * (LIMITS.numericColumnsMax - 1)) / 2);
  });

  it('fails with a code for a column that is not there', async () => {
    expect((await errorOf(correlate({ path, columns: [{ name: 'nope', type: 'number' }] }))).code).toBe(
      'INVALID_INPUT',
    );
  });
});

describe('a sample of rows', () => {
  const sampleOf = (rows: number, seed: number): Float64Array => {
    const sample = new RowSample(
      { numbers: ['v'], categories: [] },
      { format: 'csv', encoding: 'utf-8', decimal: '.', dayFirst: false },
      seed,
    );
    for (let row = 0; row < rows; row++) sample.offer([row]);
    return sample.numberColumns()[0]?.values.slice() ?? new Float64Array(0);
  };

  it('is all rows in their order while they fit', () => {
    expect([...sampleOf(1_000, 1)]).toEqual([...Array(1_000).keys()]);
  });

  it('is uniform beyond, repeatable by its seed, and another one by another seed', () => {
    const rows = 400_000;
    const sample = sampleOf(rows, 1);
    expect(sample.length).toBe(LIMITS.sampleRowsMax);
    expect(new Set(sample).size).toBe(LIMITS.sampleRowsMax);
    // Each quarter of the file has a quarter of the sample, within five standard deviations.
    for (let quarter = 0; quarter < 4; quarter++) {
      const share = sample.filter((row) => Math.floor((row / rows) * 4) === quarter).length / sample.length;
      expect(Math.abs(share - 0.25)).toBeLessThan(0.01);
    }
    expect([...sampleOf(rows, 1)]).toEqual([...sample]);
    expect([...sampleOf(rows, 2)]).not.toEqual([...sample]);
  });
});
