/** Statistics against values of SciPy 1.17, of the literature, and worked by hand. */
import fc from 'fast-check';
import * as reference from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { crossCategories, OTHER, relateCategories } from '../../../actors/analyst/category-pairs.ts';
import { type CodedColumn, compareGroups } from '../../../actors/analyst/group-comparison.ts';
import { LIMITS } from '../../../actors/analyst/limits.ts';
import { correlateNumbers, type OrderedColumn } from '../../../actors/analyst/number-pairs.ts';
import { rankChosen, sortRows } from '../../../actors/analyst/ranks.ts';
import type { NumberPair } from '../../../actors/analyst/relation-schema.ts';
import {
  adjustForMany,
  chiSquareP,
  correlationInterval,
  normalP,
  P_MIN,
  studentP,
} from '../../../actors/analyst/significance.ts';

function column(name: string, values: readonly number[]): OrderedColumn {
  const array = Float64Array.from(values);
  return { name, values: array, order: sortRows(array) };
}

function coded(name: string, levels: readonly (string | null)[]): CodedColumn {
  const known = [...new Set(levels.filter((level) => level !== null))];
  return {
    name,
    levels: known,
    codes: Int32Array.from(levels, (level) => (level === null ? -1 : known.indexOf(level))),
  };
}

function correlate(x: readonly number[], y: readonly number[]): NumberPair {
  const pair = correlateNumbers(column('x', x), column('y', y));
  if (pair === undefined) throw new Error('expected a relation');
  return pair;
}

describe('probabilities', () => {
  it('agree with SciPy', () => {
    expect(studentP(2.2, 7)).toBeCloseTo(0.06373101530263678, 8);
    expect(studentP(-12.5, 3)).toBeCloseTo(0.0011036313310960584, 9);
    expect(chiSquareP(9.2, 4)).toBeCloseTo(0.056290280169948054, 9);
    expect(normalP(1.7)).toBeCloseTo(0.08913092551708608, 8);
    expect(normalP(-4.2)).toBeCloseTo(2.669149803181262e-5, 12);
  });

  it('never are nothing or more than one', () => {
    expect([studentP(1e6, 50_000), studentP(Number.POSITIVE_INFINITY, 5), chiSquareP(1e6, 3), normalP(60)]).toEqual([
      P_MIN,
      P_MIN,
      P_MIN,
      P_MIN,
    ]);
    for (const p of [studentP(0, 5), chiSquareP(0, 3), chiSquareP(-1, 3), normalP(0)]) expect(p).toBeCloseTo(1, 12);
  });

  it('are adjusted for many tests as Benjamini and Hochberg do', () => {
    const adjusted = adjustForMany([0.01, 0.04, 0.03, 0.005, 0.2, 0.8]);
    [0.03, 0.06, 0.06, 0.03, 0.24, 0.8].forEach((q, at) => expect(adjusted[at]).toBeCloseTo(q, 12));
    expect(adjustForMany([])).toEqual([]);
  });

  it('keep their order when adjusted, and never fall', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (ps) => {
        const qs = adjustForMany(ps);
        ps.forEach((p, at) => {
          expect(qs[at]).toBeGreaterThanOrEqual(p * (1 - 1e-12));
          ps.forEach((other, index) => {
            if (p < other) expect(qs[at] as number).toBeLessThanOrEqual(qs[index] as number);
          });
        });
      }),
    );
  });

  it('of correlations have intervals, which few pairs or a perfect fit do not', () => {
    expect(correlationInterval(0.5, 3)).toBeUndefined();
    expect(correlationInterval(1, 20)).toEqual([1, 1]);
  });
});

describe('ranks', () => {
  it('share their mean where values are equal, among the rows chosen', () => {
    const values = Float64Array.from([30, 10, 20, 20, Number.NaN, 10]);
    const ranks = new Float64Array(6);
    expect(rankChosen(sortRows(values), values, Uint8Array.from([1, 1, 1, 1, 0, 1]), ranks)).toBe(12);
    expect([...ranks]).toEqual([5, 1.5, 3.5, 3.5, 0, 1.5]);
    expect(rankChosen(sortRows(values), values, Uint8Array.from([1, 0, 1, 0, 0, 1]), ranks)).toBe(0);
    expect([ranks[0], ranks[2], ranks[5]]).toEqual([3, 2, 1]);
  });
});

describe("Anscombe's quartet", () => {
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const sets = [
    {
      x,
      y: [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68],
      r: 0.81642051634484,
      p: 0.00216962887307,
      rho: 0.81818181818182,
      rhoP: 0.00208314484048,
    },
    {
      x,
      y: [9.14, 8.14, 8.74, 8.77, 9.26, 8.1, 6.13, 3.1, 9.13, 7.26, 4.74],
      r: 0.816236506000243,
      p: 0.00217881623691,
      rho: 0.690909090909091,
      rhoP: 0.0185650333816,
    },
    {
      x,
      y: [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73],
      r: 0.81628673948959,
      p: 0.00217630527923,
      rho: 0.990909090909091,
      rhoP: 3.762571807e-9,
    },
    {
      x: [8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8],
      y: [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89],
      r: 0.816521436888503,
      p: 0.0021646023472,
      rho: 0.5,
      rhoP: 0.117306803014,
    },
  ];

  it.each(sets)('has the same straight line and other ranks (ρ = $rho)', ({ x: xs, y, r, p, rho, rhoP }) => {
    const pair = correlate(xs, y);
    expect(pair.pearson).toBeCloseTo(r, 9);
    expect(pair.pearsonP).toBeCloseTo(p, 8);
    expect(pair.spearman).toBeCloseTo(rho, 9);
    expect(pair.p).toBeCloseTo(rhoP, 8);
    expect(pair.slope).toBeCloseTo(0.5, 3);
    expect(pair.intercept).toBeCloseTo(3, 2);
    expect(pair.n).toBe(11);
    expect(pair.strength).toBeCloseTo(Math.max(r, rho), 9);
  });

  it("has SciPy's interval of Pearson's coefficient", () => {
    const [low, high] = correlate(x, sets[0]?.y ?? []).pearsonInterval;
    expect(low).toBeCloseTo(0.4243912133932152, 8);
    expect(high).toBeCloseTo(0.9506932537865604, 8);
  });

  it("has Bonett and Wright's interval of Spearman's", () => {
    const [low, high] = correlate(x, sets[0]?.y ?? []).spearmanInterval;
    expect(low).toBeCloseTo(0.3370204870698274, 8);
    expect(high).toBeCloseTo(0.9604636343630895, 8);
  });
});

describe('pairs of numbers', () => {
  it('agree with the example of hours of television and intelligence', () => {
    const pair = correlate([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]);
    expect(pair.spearman).toBeCloseTo(-29 / 165, 9);
    expect(pair.p).toBeCloseTo(0.6271883447764846, 8);
    expect(pair.pearson).toBeCloseTo(-0.07021632602905677, 9);
  });

  it('leave out rows without one of the values', () => {
    const nan = Number.NaN;
    const pair = correlate([1, nan, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [2, 5, 4, 6, 8, 10, 12, 14, 16, 18, nan, 22]);
    expect([pair.n, pair.pearson, pair.slope, pair.p]).toEqual([10, 1, 2, P_MIN]);
  });

  it('are none where a column does not vary or too few rows are left', () => {
    const few = column('x', [1, 2, 3, 4, 5]);
    expect(correlateNumbers(few, few)).toBeUndefined();
    const flat = column('x', new Array<number>(20).fill(0.1));
    expect(correlateNumbers(flat, column('y', [...Array(20).keys()]))).toBeUndefined();
  });

  it('agree with another library on any values', () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })), {
      minLength: 10,
      maxLength: 60,
    });
    fc.assert(
      fc.property(pairs, (points) => {
        const xs = points.map(([a]) => a);
        const ys = points.map(([, b]) => b);
        fc.pre(new Set(xs).size > 1 && new Set(ys).size > 1);
        const pair = correlate(xs, ys);
        expect(pair.pearson).toBeCloseTo(reference.sampleCorrelation(xs, ys), 8);
        const swapped = correlate(ys, xs);
        expect(swapped.spearman).toBeCloseTo(pair.spearman, 8);
        const grown = correlate(
          xs.map((value) => value ** 3 + 5),
          ys,
        );
        expect(grown.spearman).toBeCloseTo(pair.spearman, 8);
      }),
    );
  });
});

describe('groups', () => {
  const compare = (groups: readonly (readonly number[])[], rowsMin = 2): ReturnType<typeof compareGroups> => {
    const levels = groups.flatMap((values, group) => values.map(() => `g${group}`));
    return compareGroups(coded('group', levels), column('value', groups.flat()), rowsMin);
  };

  it("agree with SciPy's Kruskal-Wallis test, with ties and without", () => {
    const plain = compare([
      [2.9, 3, 2.5, 2.6, 3.2],
      [3.8, 2.7, 4, 2.4, 3.9, 2.8],
      [2.8, 3.4, 3.7, 2.2, 2, 3.1],
    ]);
    expect(plain?.h).toBeCloseTo(1.1157464212678987, 8);
    expect(plain?.p).toBeCloseTo(0.5724251979837686, 8);
    expect(plain?.eta2).toBeCloseTo(0.11521486643437891, 9);
    expect(plain?.degrees).toBe(2);
    expect(plain?.strength).toBe(0);
    const tied = compare([
      [1, 1, 2, 2, 3],
      [2, 2, 3, 3, 3],
      [3, 4, 4, 5, 5],
    ]);
    expect(tied?.h).toBeCloseTo(9.627324478178362, 8);
    expect(tied?.p).toBeCloseTo(0.008118074860289358, 8);
    expect(tied?.rankEta2).toBeCloseTo((9.627324478178362 - 2) / 12, 8);
  });

  it('describe each group, largest first, with whiskers that reach the farthest value inside the fences', () => {
    const result = compare([
      [1, 2, 3, 4, 100],
      [5, 6, 7, 8, 9, 10, 11],
    ]);
    expect(result?.groups.map(({ level, n }) => [level, n])).toEqual([
      ['g1', 7],
      ['g0', 5],
    ]);
    expect(result?.groups[1]).toMatchObject({ mean: 22, median: 3, q25: 2, q75: 4, whiskerLow: 1, whiskerHigh: 4 });
  });

  it('leave small groups and missing values out, and say how many levels', () => {
    const levels = [...Array<string>(6).fill('a'), ...Array<string>(6).fill('b'), 'c', null];
    const values = [1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, Number.NaN, 99, 99];
    const result = compareGroups(coded('g', levels), column('v', values));
    expect([result?.n, result?.groups.length, result?.levelsLeftOut]).toEqual([11, 2, 1]);
  });

  it('are none where there is one group, or one value', () => {
    expect(compare([[1, 2, 3, 4, 5, 6]])).toBeUndefined();
    expect(
      compare([
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ]),
    ).toBeUndefined();
  });
});

describe('pairs of categories', () => {
  const fromTable = (table: readonly (readonly number[])[]): readonly [CodedColumn, CodedColumn] => {
    const a: string[] = [];
    const b: string[] = [];
    table.forEach((line, row) => {
      line.forEach((count, at) => {
        for (let index = 0; index < count; index++) {
          a.push(`a${row}`);
          b.push(`b${at}`);
        }
      });
    });
    return [coded('a', a), coded('b', b)];
  };

  it("agree with SciPy's chi-squared test and with Bergsma's correction of Cramér's V", () => {
    const weak = relateCategories(
      ...fromTable([
        [10, 20, 30],
        [6, 9, 17],
      ]),
    );
    expect(weak?.chiSquare).toBeCloseTo(0.27157465150403504, 9);
    expect(weak?.p).toBeCloseTo(0.873028283380073, 8);
    expect([weak?.degrees, weak?.cramersV, weak?.determines, weak?.sparse]).toEqual([2, 0, 'neither', false]);
    const strong = relateCategories(
      ...fromTable([
        [30, 5, 5],
        [4, 25, 6],
        [2, 8, 35],
      ]),
    );
    expect(strong?.chiSquare).toBeCloseTo(95.00415289431308, 7);
    expect(strong?.cramersV).toBeCloseTo(0.6209052242671145, 8);
    expect(strong?.p).toBe(P_MIN);
  });

  it('correct both sides of a table that is not square', () => {
    const table = [
      [30, 5, 5, 9],
      [4, 25, 6, 1],
    ];
    expect(relateCategories(...fromTable(table))?.cramersV).toBeCloseTo(0.6509250893123133, 8);
    const turned = [0, 1, 2, 3].map((at) => table.map((line) => line[at] as number));
    expect(relateCategories(...fromTable(turned))?.cramersV).toBeCloseTo(0.6509250893123133, 8);
  });

  it('name the cell that is farthest above what independence expects', () => {
    const pair = relateCategories(
      ...fromTable([
        [30, 5, 5],
        [4, 25, 6],
        [2, 8, 35],
      ]),
    );
    expect(pair?.peak).toMatchObject({ a: 'a0', b: 'b0', count: 30, expected: 12, shareOfA: 0.75 });
  });

  it('notice when one column fixes the other', () => {
    const city = ['Rome', 'Rome', 'Milan', 'Milan', 'Paris', 'Paris', 'Lyon', 'Lyon', 'Rome', 'Paris'];
    const land = city.map((name) => (name === 'Rome' || name === 'Milan' ? 'Italy' : 'France'));
    const code = land.map((name) => name.slice(0, 2));
    expect(relateCategories(coded('city', city), coded('land', land))?.determines).toBe('a');
    expect(relateCategories(coded('land', land), coded('city', city))?.determines).toBe('b');
    expect(relateCategories(coded('land', land), coded('code', code))?.determines).toBe('both');
  });

  it('join the levels beyond the bound, and say when cells are too empty for the test', () => {
    const many = Array.from({ length: 400 }, (_, index) => `level ${index % 40}`);
    const two = many.map((_, index) => (index % 3 === 0 ? 'yes' : 'no'));
    const table = crossCategories(coded('many', many), coded('two', two));
    expect(table.aLevels.length).toBe(LIMITS.groupLevelsMax);
    expect(table.aLevels.at(-1)).toBe(OTHER);
    expect(table.counts.flat().reduce((sum, count) => sum + count, 0)).toBe(400);
    expect(relateCategories(coded('many', many), coded('two', two))?.sparse).toBe(true);
  });

  it('are none where a category has one level or too few rows', () => {
    expect(
      relateCategories(
        coded('a', Array<string>(20).fill('x')),
        coded('b', [...Array<string>(10).fill('y'), ...Array<string>(10).fill('z')]),
      ),
    ).toBeUndefined();
    expect(relateCategories(coded('a', ['x', 'y']), coded('b', ['x', 'y']))).toBeUndefined();
  });
});
