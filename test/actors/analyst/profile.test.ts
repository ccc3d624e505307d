import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import * as reference from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { createMeter, type ProgressUpdate } from '../../../actors/analyst/progress.ts';
import { type ProfileInput, profileColumns } from '../../../actors/analyst/profile.ts';
import { type ColumnProfile, columnProfileSchema } from '../../../actors/analyst/profile-schema.ts';
import { scanColumns } from '../../../actors/analyst/scan.ts';
import { makeFiles, repeatable } from './files.ts';

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

/** The profile of one column with these cells. */
async function column(cells: readonly string[], name = 'v'): Promise<ColumnProfile> {
  const [first] = await profile(
    `${name},row\n${cells.map((cell, index) => `${/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell},${index}`).join('\n')}\n`,
  );
  return first as ColumnProfile;
}

const repeat = (times: number, ...cells: string[]): string[] => Array.from({ length: times }, () => cells).flat();

describe('the type of a column', () => {
  it.each<[string, string[], string]>([
    ['whole numbers', ['3', '1', '2', '2'], 'integer'],
    ['numbers', ['3', '1.5', '2'], 'number'],
    [
      'numbers with a few words among them',
      [...Array.from({ length: 40 }, (_, index) => String(index * 3)), 'unknown'],
      'integer',
    ],
    ['half words, half numbers', repeat(5, '1', 'a', '2', 'b'), 'category'],
    ['booleans', repeat(5, 'yes', 'no'), 'boolean'],
    ['zeros and ones', repeat(5, '0', '1'), 'integer'],
    ['days', ['2020-01-01', '2020-01-05'], 'date'],
    ['times', ['2020-01-01 10:00', '2020-01-05 11:30'], 'datetime'],
    ['few words often', repeat(10, 'red', 'green'), 'category'],
    ['M and F, one of which could mean false', repeat(10, 'M', 'F'), 'category'],
    ['many words once', Array.from({ length: 30 }, (_, index) => `a sentence with the number ${index}`), 'text'],
    ['codes, each once', Array.from({ length: 30 }, (_, index) => `ab-${index}-x`), 'id'],
    [
      'codes with leading zeros',
      Array.from({ length: 30 }, (_, index) => (index === 3 ? '00501' : String(90_000 + index * 7))),
      'id',
    ],
    ['nothing', ['', 'NA', 'null'], 'empty'],
    ['None and numbers', ['1', '2', 'None', '4', 'None'], 'integer'],
    ['None and words', repeat(4, 'None', 'minor', 'None', 'major'), 'category'],
  ])('of %s', async (_, cells, type) => {
    expect((await column(cells)).type).toBe(type);
  });

  it('of row numbers is id, of years it is not', async () => {
    const sequence = Array.from({ length: 30 }, (_, index) => String(1_990 + index));
    expect((await column(sequence)).type).toBe('id');
    expect((await column(sequence, 'year')).type).toBe('integer');
    const scattered = Array.from({ length: 30 }, (_, index) => String((index * 7_919) % 1_000));
    expect((await column(scattered, 'customer_id')).type).toBe('id');
    expect((await column(scattered, 'price')).type).toBe('integer');
  });
});

describe('a profile', () => {
  it('of numbers agrees with NumPy and SciPy', async () => {
    const result = await column(['2', '4', '4', '', '4', '5', '5', '7', '9', '30']);
    expect(result).toMatchObject({ rows: 10, missing: 1, missingShare: 0.1, distinct: 6, estimated: [] });
    expect(result.number).toMatchObject({
      count: 9,
      min: 2,
      max: 30,
      mean: 7.777777778,
      median: 5,
      sd: 8.569973421,
      mad: 1,
      iqr: 3,
      skew: 2.70091869,
      zeros: 0,
      negatives: 0,
    });
    expect(result.number?.quantiles).toEqual({ q01: 2.16, q05: 2.8, q25: 4, q75: 7, q95: 21.6, q99: 28.32 });
    expect(result.top[0]).toEqual({ value: '4', count: 3, share: 0.3333333333 });
  });

  it('names outliers by both rules, with their rows', async () => {
    const { number } = await column(['2', '4', '4', '', '4', '5', '5', '7', '9', '30']);
    // Median 5, MAD 1: 3.5 / 0.6745 = 5.19. Quartiles 4 and 7: fences at -0.5 and 11.5.
    expect(number?.outliers).toMatchObject({
      madLow: -0.1890289103,
      madHigh: 10.18902891,
      madCount: 1,
      iqrLow: -0.5,
      iqrHigh: 11.5,
      iqrCount: 1,
    });
    expect(number?.outliers.farthest).toEqual([{ row: 10, value: 30, score: 16.8625 }]);
  });

  it('says that a rule cannot judge where most values are the same', async () => {
    const { number, flags } = await column([...repeat(9, '0'), '100', '50']);
    expect(number?.outliers).toEqual({
      madLow: null,
      madHigh: null,
      madCount: null,
      iqrLow: null,
      iqrHigh: null,
      iqrCount: null,
      farthest: [],
    });
    expect(number?.positive).toEqual({ count: 2, median: 75, q25: 62.5, q75: 87.5 });
    expect(flags).toContain('many-zeros');
  });

  it('has a histogram that holds every value once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: -1_000, max: 1_000 }), fc.double({ min: -10, max: 1e6, noNaN: true })), {
          minLength: 1,
          maxLength: 60,
        }),
        async (values) => {
          const { number } = await column(values.map(String));
          const { counts, below, above } = number?.histogram ?? { counts: [], below: 0, above: 0 };
          expect(counts.reduce((sum, part) => sum + part, 0) + below + above).toBe(values.length);
          expect(counts.length).toBeLessThanOrEqual(2 * LIMITS.histogramBinsMax);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['-999999.9999999974', '-999999.9999999971'],
    ['1e15', '1000000000000001'],
    ['5', '5'],
    ['1e-300', '2e-300'],
    ['-1e100', '1e100'],
    ['5e-324', '1e-323'],
    ['1600000000000', '1600000000001.5'],
  ])('has bins with a width for %s and %s', async (low, high) => {
    const { number } = await column([low, high, low]);
    const { counts, width, below, above } = number?.histogram ?? { counts: [], width: 0, below: 0, above: 0 };
    expect(width).toBeGreaterThan(0);
    expect(counts.reduce((sum, part) => sum + part, 0) + below + above).toBe(3);
  });

  it('puts whole numbers into bins of their own', async () => {
    const { number } = await column(['1', '2', '2', '3', '5']);
    expect(number?.histogram).toEqual({
      scale: 'linear',
      from: 1,
      width: 1,
      counts: [1, 2, 1, 0, 1],
      below: 0,
      above: 0,
    });
  });

  it('agrees with another library on any numbers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 80 }),
        async (values) => {
          const { number } = await column(values.map(String));
          expect(number?.mean).toBeCloseTo(reference.mean(values), 3);
          expect(number?.median).toBeCloseTo(reference.median(values), 3);
          expect(number?.mad).toBeCloseTo(reference.medianAbsoluteDeviation(values), 3);
          // Results have ten significant digits.
          expect(Math.abs((number?.min ?? 0) - reference.min(values))).toBeLessThanOrEqual(
            Math.abs(reference.min(values)) * 1e-9,
          );
          expect(Math.abs((number?.max ?? 0) - reference.max(values))).toBeLessThanOrEqual(
            Math.abs(reference.max(values)) * 1e-9,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of dates has their range and the gaps between them', async () => {
    const days = ['2024-01-01', '2024-01-02', '2024-01-03', '2024-01-06', '2024-01-20', '2024-01-21', '2024-01-21', ''];
    const { date, type, flags, missing, top } = await column(days);
    expect([type, missing, flags]).toEqual(['date', 1, ['gaps']]);
    expect(date).toEqual({
      count: 7,
      first: '2024-01-01',
      last: '2024-01-21',
      days: 6,
      typicalStepDays: 1,
      gapCount: 1,
      gaps: [{ after: '2024-01-06', before: '2024-01-20', days: 14 }],
    });
    expect(top[0]).toMatchObject({ value: '2024-01-21', count: 2 });
  });

  it('of words has their lengths and the most frequent ones', async () => {
    const { text, top, distinct } = await column(repeat(3, 'ab', 'cdef', 'ab'));
    expect(text).toEqual({ lengthMin: 2, lengthMax: 4, lengthMean: 2.666666667 });
    expect([distinct, top]).toEqual([
      2,
      [
        { value: 'ab', count: 6, share: 0.6666666667 },
        { value: 'cdef', count: 3, share: 0.3333333333 },
      ],
    ]);
  });

  it('takes None for a word among words, and for nothing among numbers', async () => {
    const words = await column(repeat(4, 'None', 'minor', 'None', 'major'));
    expect([words.missing, words.distinct, words.top[0]]).toEqual([0, 3, { value: 'None', count: 8, share: 0.5 }]);
    const numbers = await column(['1', 'None', '3']);
    expect([numbers.missing, numbers.distinct, numbers.mismatched]).toEqual([1, 2, undefined]);
  });

  it('names values that do not fit the type', async () => {
    const { mismatched, flags } = await column([
      ...Array.from({ length: 40 }, (_, index) => String(index * 3)),
      'unknown',
      '2020-01-01',
    ]);
    expect(mismatched).toEqual({ count: 2, examples: ['2020-01-01', 'unknown'] });
    expect(flags).toContain('mixed');
  });

  it('reads units and keeps them', async () => {
    const { number } = await column(['$1,200', '$3.50', '$7']);
    expect(number).toMatchObject({ unit: '$', max: 1200, min: 3.5 });
  });

  it.each<[string, string[]]>([
    ['all-missing', ['', '', '']],
    ['mostly-missing', ['', '', '', '1']],
    ['constant', ['x', 'x', 'x']],
    ['nearly-constant', [...repeat(199, 'x'), 'y']],
    ['all-distinct', ['a', 'b', 'c']],
    ['binary', ['a', 'b', 'a']],
    ['leading-zeros', ['007', '008']],
    ['beyond-safe-integers', ['9007199254740993', '1']],
    ['skewed', [...repeat(50, '1', '2', '3'), '1000']],
    ['outliers', [...repeat(25, '1', '2', '3'), '90', '95']],
  ])('flags %s', async (flag, cells) => {
    expect((await column(cells)).flags).toContain(flag);
  });

  it('fits its own schema, and JSON', async () => {
    const details = await profile('a,b,c,d,e\n1,x,2020-01-01,,true\n2,y,2020-01-02,,false\n');
    for (const detail of details) expect(columnProfileSchema.parse(JSON.parse(JSON.stringify(detail)))).toEqual(detail);
  });
});

describe('a column with more values than are counted', () => {
  it('has estimates, named as such, near the truth', async () => {
    const random = repeatable(8);
    const values = Array.from({ length: 100_000 }, () => random() ** 2 * 1_000);
    const [first] = await profile(`v\n${values.join('\n')}\n`);
    expect(first?.estimated).toEqual([
      'distinct',
      'top',
      'median',
      'mad',
      'iqr',
      'quantiles',
      'histogram',
      'outliers.madCount',
      'outliers.iqrCount',
    ]);
    const sorted = Float64Array.from(values).sort();
    expect(first?.number?.mean).toBeCloseTo(reference.mean(values), 6);
    expect(first?.number?.median).toBeCloseTo(reference.medianSorted([...sorted]), 0);
    expect(Math.abs((first?.distinct ?? 0) / 100_000 - 1)).toBeLessThan(0.03);
    const { number } = first as ColumnProfile;
    const truth = values.filter((value) => value > (number?.outliers.iqrHigh ?? 0)).length;
    expect(Math.abs((number?.outliers.iqrCount ?? 0) - truth)).toBeLessThan(300);
    expect(number?.outliers.farthest).toHaveLength(truth > 0 ? 5 : 0);
  });
});

describe('profiling', () => {
  it('writes details into a file of the same name each time, and answers shortly', async () => {
    const path = files.write('work.csv', 'a,b\n1,x\n2,y\n3,x\n');
    const input = { path, workDir: `${files.folder}/work` };
    const first = await profileColumns(input);
    const again = await profileColumns(input);
    expect(again).toEqual(first);
    expect(first.details).toBeUndefined();
    expect(first.columns).toEqual(
      [
        { name: 'a', type: 'integer', missingShare: 0, distinct: 3, flags: ['all-distinct'] },
        { name: 'b', type: 'category', missingShare: 0, distinct: 2, flags: ['binary'] },
      ].map((entry) => expect.objectContaining({ name: entry.name })),
    );
    const content = JSON.parse(readFileSync(first.file ?? '', 'utf8')) as { columns: unknown[] };
    expect(content.columns).toEqual((await profileColumns({ path })).details);
  });

  it('tells its progress at most a hundred times, growing, up to the end', async () => {
    const path = files.write('long.csv', `a,b\n${'1,2\n'.repeat(400_000)}`);
    const updates: { done: number; total: number; unit: string }[] = [];
    await profileColumns({ path }, (update) => updates.push(update));
    expect(updates.length).toBeGreaterThan(3);
    expect(updates.length).toBeLessThanOrEqual(LIMITS.progressMax + 1);
    expect(updates.at(-1)).toEqual({ done: 1_600_004, total: 1_600_004, unit: 'bytes' });
    expect(updates.every(({ done }, at) => at === 0 || done > (updates[at - 1]?.done ?? 0))).toBe(true);
  });
});

describe('a meter', () => {
  it('passes on no step twice, nothing beyond the total, and the end of nothing', () => {
    const updates: ProgressUpdate[] = [];
    const tell = (update: ProgressUpdate): void => void updates.push(update);
    const meter = createMeter(tell, 1_000, 'bytes');
    for (const done of [1, 5, 9, 10, 10, 500, 400, 2_000]) meter(done);
    expect(updates.map(({ done }) => done)).toEqual([1, 10, 500, 1_000]);
    createMeter(tell, 0, 'bytes')(0);
    expect(updates.at(-1)).toEqual({ done: 0, total: 0, unit: 'bytes' });
  });
});

describe('a scan', () => {
  it('lists columns with types, counts rows and makes groups that cover all columns', async () => {
    const path = files.write('scan.csv', `a,b,c,d,e\n${'1,x,2020-01-01,,2.5\n'.repeat(100)}`);
    const scan = await scanColumns({ path, groupSize: 2 });
    expect(scan.rows).toEqual({ count: 100, exact: true });
    expect(scan.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'a integer',
      'b category',
      'c date',
      'd empty',
      'e number',
    ]);
    expect(scan.columns[2]).toMatchObject({ example: '2020-01-01', missingShare: 0 });
    expect(scan.groups).toEqual([{ columns: ['a', 'b'] }, { columns: ['c', 'd'] }, { columns: ['e'] }]);
  });

  it('reads the beginning of a large file only, and estimates the rest', async () => {
    const path = files.write('large.csv', `a,b\n${'12345,some words here\n'.repeat(400_000)}`);
    const scan = await scanColumns({ path });
    expect(scan.rows.exact).toBe(false);
    expect(Math.abs(scan.rows.count / 400_000 - 1)).toBeLessThan(0.02);
  });

  it('makes at most so many groups, and says which columns it leaves out', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `c${index}`);
    const scan = await scanColumns({
      path: files.write('wide.csv', `${names.join(',')}\n${names.map(() => '1').join(',')}\n`),
      groupSize: 1,
    });
    expect([scan.groups.length, scan.columns.length, scan.columnsLeftOut]).toEqual([LIMITS.groupsMax, 256, 44]);
    expect(scan.groups.flatMap(({ columns }) => columns)).toEqual(names.slice(0, 256));
    expect(scan.notes.join()).toContain('first 256 of 300');
  });
});

describe('the example data', () => {
  const DATA = new URL('../../../examples/data/', import.meta.url).pathname;

  it('is profiled as a plain count over its lines says', async () => {
    const path = `${DATA}birdstrikes.csv`;
    const { rows, details } = await profileColumns({ path });
    let lines = 0;
    let missing = 0;
    let sum = 0;
    // Every speed is the last cell of its line, and no line of this file has a quoted line break.
    for await (const line of createInterface({ input: createReadStream(path) })) {
      if (lines++ === 0) continue;
      const speed = line.slice(line.lastIndexOf(',') + 1).trim();
      if (speed === '') missing += 1;
      else sum += Number(speed);
    }
    const speed = details?.find(({ name }) => name.startsWith('Speed'));
    expect([rows, speed?.missing, speed?.number?.mean.toFixed(6)]).toEqual([
      lines - 1,
      missing,
      (sum / (lines - 1 - missing)).toFixed(6),
    ]);
    expect(details?.find(({ name }) => name === 'Effect Amount of damage')).toMatchObject({
      type: 'category',
      missing: 0,
      distinct: 6,
    });
  });
});
