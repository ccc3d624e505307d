import { describe, expect, it } from 'vitest';
import { correlate } from '../../../actors/analyst/correlate.ts';
import type { CorrelateOutput } from '../../../actors/analyst/correlate-schema.ts';
import { findRelations, type RelationLists } from '../../../actors/analyst/findings.ts';
import { profileColumns } from '../../../actors/analyst/profile.ts';
import type { ColumnProfile } from '../../../actors/analyst/profile-schema.ts';
import { findQuality } from '../../../actors/analyst/quality.ts';
import type { CategoryPair, GroupComparison, NumberPair, Trend } from '../../../actors/analyst/relation-schema.ts';
import type { Finding } from '../../../actors/analyst/report-schema.ts';
import { makeFiles } from './files.ts';

const files = makeFiles();

const pair: NumberPair = {
  kind: 'numbers',
  x: 'height',
  y: 'weight',
  n: 120,
  p: 0.0001,
  q: 0.0004,
  strength: 0.62,
  pearson: 0.6,
  pearsonInterval: [0.5, 0.7],
  pearsonP: 0.0001,
  spearman: 0.62,
  spearmanInterval: [0.51, 0.71],
  slope: 2,
  intercept: 1,
};
const group = { n: 60, mean: 5, median: 5, q25: 4, q75: 6, whiskerLow: 1, whiskerHigh: 9 };
const comparison: GroupComparison = {
  kind: 'groups',
  category: 'shop',
  value: 'sales',
  n: 123,
  p: 0.001,
  q: 0.002,
  strength: 0.45,
  h: 20.5,
  degrees: 2,
  rankEta2: 0.2,
  eta2: 0.19,
  levelsLeftOut: 0,
  groups: [
    { ...group, level: 'A' },
    { ...group, level: 'B', median: 8, mean: 8.2 },
    { ...group, level: 'C', n: 6, median: 99, mean: 99 },
  ],
};
const categories: CategoryPair = {
  kind: 'categories',
  a: 'city',
  b: 'team',
  n: 300,
  p: 0.001,
  q: 0.002,
  strength: 0.5,
  cramersV: 0.5,
  chiSquare: 80,
  degrees: 4,
  sparse: true,
  determines: 'neither',
  peak: { a: 'Rome', b: 'red', count: 40, expected: 12.34, shareOfA: 0.6 },
};
const trend: Trend = {
  kind: 'trend',
  time: 'date',
  value: 'sales',
  n: 48,
  p: 0.001,
  q: 0.002,
  strength: 0.4,
  unit: 'month',
  from: '2012-01',
  to: '2015-12',
  method: 'seasonal-kendall',
  tau: 0.4,
  slope: 0.5,
  slopeInterval: [0.2, 0.8],
  start: 10,
  end: 33.5,
  season: { periods: 12, eta2: 0.49, p: 0.001, q: 0.002, high: 'July', low: 'January', highMean: 20, lowMean: 5 },
};

function tell(
  lists: Partial<RelationLists>,
  profiles: readonly ColumnProfile[] = [],
): { findings: Finding[]; untold: number } {
  return findRelations({ numbers: [], groups: [], categories: [], trends: [], ...lists }, profiles);
}

function sentence(lists: Partial<RelationLists>, profiles: readonly ColumnProfile[] = []): string {
  return tell(lists, profiles).findings[0]?.text ?? '';
}

describe('a finding', () => {
  it('on two numbers gives both coefficients, the interval, n and q', () => {
    expect(sentence({ numbers: [pair] })).toBe(
      'weight rises strongly with height (Spearman ρ = 0.62, 95 % interval 0.51 to 0.71; Pearson r = 0.60; n = 120; q < 0.001).',
    );
    const falling = { ...pair, spearman: -0.62, pearson: -0.6, spearmanInterval: [-0.71, -0.51] as [number, number] };
    expect(sentence({ numbers: [falling] })).toMatch(/^weight falls strongly as height rises \(Spearman ρ = −0\.62/);
  });

  it('says where ranks and values disagree, and in which way', () => {
    expect(sentence({ numbers: [{ ...pair, pearson: 0.3 }] })).toContain('steady rather than straight');
    expect(sentence({ numbers: [{ ...pair, spearman: 0.3 }] })).toContain('A few far-off values carry much of it');
  });

  it('warns where there are few rows', () => {
    expect(sentence({ numbers: [{ ...pair, n: 12 }] })).toContain('With so few values (12) this may well be chance.');
  });

  it('on columns that say the same speaks of structure', () => {
    expect(tell({ numbers: [{ ...pair, pearson: 0.99, strength: 0.99 }] }).findings[0]).toMatchObject({
      kind: 'structure',
      text: expect.stringContaining('nearly the same information'),
    });
    expect(sentence({ categories: [{ ...categories, determines: 'b' }] })).toMatch(
      /^Each team belongs to one city, in all 300 rows/,
    );
    expect(sentence({ categories: [{ ...categories, determines: 'both' }] })).toContain('and the other way round');
    expect(sentence({ categories: [{ ...categories, cramersV: 0.97 }] })).toContain('nearly follow from each other');
  });

  it('on groups is told by the large ones, by medians, or by means where all medians are the same', () => {
    expect(sentence({ groups: [comparison] })).toBe(
      'sales differs moderately between the groups of shop: median 8 for “B” (n = 60) against 5 for “A” (n = ' +
        '60). The groups explain 20 % of the variation of ranks ' +
        '(Kruskal–Wallis H = 20.5, 2 df, n = 123, q = 0.002).',
    );
    const flat = { ...comparison, groups: comparison.groups.map((entry) => ({ ...entry, median: 0 })) };
    expect(sentence({ groups: [flat] })).toContain('mean 8.2 for “B”');
  });

  it('on categories names the cell that stands out, and says when q is rough', () => {
    expect(sentence({ categories: [categories] })).toContain(
      '“Rome” meets “red” in 40 rows, where independence would expect 12.3. Many combinations are rare, so q is rough.',
    );
  });

  it('on a trend is told per year, with its interval and its change', () => {
    const { findings } = tell({ trends: [trend] });
    expect(findings.map(({ kind, strength }) => [kind, strength])).toEqual([
      ['season', 0.7],
      ['trend', 0.4],
    ]);
    expect(findings[1]?.text).toBe(
      'sales rises over time (means per month): +6 a year (95 % interval +2.4 to +9.6), ' +
        'from about 10 in 2012-01 to 33.5 in 2015-12 (3.4 times). ' +
        "Kendall's τ = 0.40, 48 months, q = 0.002, tested season by season.",
    );
    expect(findings[0]?.text).toMatch(
      /^sales follows the month of the year: highest in July \(mean 20\), lowest in January \(mean 5\)\. This explains 49 % /,
    );
    const { value: _, season: __, ...counted } = trend;
    expect(
      tell({ trends: [{ ...counted, unit: 'hour', slope: -0.5, slopeInterval: [-0.8, -0.2] }] }).findings[0]?.text,
    ).toMatch(/^The number of rows per hour falls over time: −12 a day/);
  });

  it('is none where it is weak, may be chance, or points both ways', () => {
    const { findings, untold } = tell({
      numbers: [
        { ...pair, strength: 0.19 },
        { ...pair, q: 0.051 },
      ],
      trends: [
        { ...trend, slopeInterval: [-0.1, 0.8], season: { ...(trend.season as NonNullable<Trend['season']>), q: 0.2 } },
      ],
    });
    expect([findings, untold]).toEqual([[], 4]);
  });

  it('stands before weaker ones, whatever its kind', () => {
    const { findings } = tell({ numbers: [pair], groups: [comparison], categories: [categories], trends: [trend] });
    expect(findings.map(({ strength }) => strength)).toEqual([0.7, 0.62, 0.5, 0.45, 0.4]);
  });

  it('warns of columns with many missing values or nearly always the same one', async () => {
    const rows = Array.from({ length: 100 }, (_, index) => `${index % 2 === 0 ? index : ''},${index === 7 ? 5 : 0}`);
    const { details = [] } = await profileColumns({
      path: files.write('warn.csv', `height,weight\n${rows.join('\n')}\n`),
    });
    expect(sentence({ numbers: [pair] }, details)).toMatch(
      /height is missing in 50 % of the rows\. weight is 0 in 99 % of the rows\.$/,
    );
  });
});

describe('the quality of data', () => {
  const qualityOf = async (content: string): Promise<Finding[]> => {
    const path = files.write('quality.csv', content);
    const { details = [] } = await profileColumns({ path });
    return findQuality(details, await correlate({ path }));
  };

  it('is told column by column, worst first', async () => {
    const rows = Array.from({ length: 200 }, (_, index) =>
      [
        index % 4 === 0 ? '' : index % 10,
        'same',
        `0${index % 90}1`,
        index % 50 === 3 ? 'oops' : index * 3,
        index < 10 ? 9_000 + index : (index % 3) + 1,
      ].join(','),
    );
    const findings = await qualityOf(`gappy,fixed,code,mixed,far\n${rows.join('\n')}\n`);
    const texts = findings.map(({ text }) => text);
    expect(texts[0]).toBe('fixed has the same value in every row that has one: “same”.');
    expect(texts).toContain(
      '1 column of 5 has missing values: gappy (25 %, 50 rows). Rows without a value are left out of the figures ' +
        'that need it, which misleads if they are missing for a reason.',
    );
    expect(texts.join()).toContain('code holds codes with leading zeros');
    expect(texts.join()).toContain('mixed holds 4 values that are no integer: “oops”, “oops”, “oops”.');
    expect(texts.join()).toMatch(
      /far has 10 outliers \(5 %\) above [\d.]+ \(modified z-score above 3\.5\), farthest 9,009 in row 10, 9,008 in row 9/,
    );
    expect(findings.every(({ strength }, at) => at === 0 || strength <= (findings[at - 1]?.strength ?? 0))).toBe(true);
  });

  it('counts repeated rows, by their share', async () => {
    const findings = await qualityOf('a,b\n1,x\n2,y\n1,x\n3,z\n');
    expect(findings.find(({ text }) => text.includes('repeat'))).toEqual({
      kind: 'quality',
      strength: 0.25,
      text: '1 of 4 rows repeats an earlier row in every column.',
      columns: [],
    });
  });

  it('says how many rows were looked at for repeats', () => {
    const some = { duplicateRows: { count: 2, checked: 100 }, rows: 1_000 } as CorrelateOutput;
    expect(findQuality([], some)[0]?.text).toBe('2 of the first 100 rows repeat an earlier row in every column.');
  });

  it('is nothing to speak of in clean data', async () => {
    expect(await qualityOf('a,b\n1,x\n2,y\n3,x\n4,y\n')).toEqual([]);
  });
});
