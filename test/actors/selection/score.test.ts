import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STRATEGIES } from '../../../protocol/selection.ts';
import { type Candidate, matchOf, STANDINGS, standingOf } from '../../../actors/selection/candidate.ts';
import { bestsOf, partsOf, scoreOf, type Weights } from '../../../actors/selection/score.ts';
import { WEIGHTS, weightsOf } from '../../../actors/selection/strategies.ts';

const plain: Candidate = {
  match: 1,
  taken: 0,
  waiting: 0,
  capacity: 10,
  waitMs: 0,
  isFailing: false,
  p50Ms: 100,
  timed: 100,
  usd: 0.01,
  good: 40,
  bad: 0,
  affinity: 0,
};

/** The index of the best of them. */
function bestOf(candidates: readonly Candidate[], weights: Weights): number {
  const bests = bestsOf(candidates);
  const scores = candidates.map((one) => scoreOf(one, bests, weights));
  return scores.indexOf(Math.max(...scores));
}

describe('A standing', () => {
  it.each<[string, Partial<Candidate>]>([
    ['ready', {}],
    ['ready', { taken: 9 }],
    ['busy', { taken: 10 }],
    ['busy', { taken: 30, waiting: 20 }],
    ['degraded', { isFailing: true }],
    ['degraded', { taken: 10, isFailing: true }],
    ['degraded', { good: 3, bad: 3 }],
    ['ready', { good: 0, bad: 4 }],
    ['ready', { good: 7, bad: 6 }],
    ['open', { waitMs: 1 }],
    ['open', { waitMs: 1, isFailing: true, taken: 10 }],
  ])('is %s for %o', (standing, more) => {
    expect(standingOf({ ...plain, ...more })).toBe(standing);
  });
});

describe('The choice between two', () => {
  const cases: readonly [string, keyof typeof WEIGHTS, Partial<Candidate>, Partial<Candidate>][] = [
    ['the less busy one', 'balanced', { taken: 2 }, { taken: 5 }],
    ['one with room for more', 'balanced', { taken: 5, capacity: 100 }, { taken: 2, capacity: 4 }],
    ['the cheaper one', 'cheapest', { usd: 0.01, p50Ms: 900 }, { usd: 0.05, p50Ms: 100 }],
    ['the faster one', 'fastest', { p50Ms: 100, usd: 0.05 }, { p50Ms: 900, usd: 0.01 }],
    ['the one that fails less', 'reliable', { bad: 1, usd: 0.05 }, { bad: 12, usd: 0.01 }],
    ['the newest version', 'balanced', {}, { match: matchOf('1.9.0', '2.0.0') }],
    ['one that served before', 'balanced', { affinity: 1 }, {}],
    ['one that is free, however dear', 'cheapest', { usd: 5 }, { usd: 0, taken: 10 }],
    ['one at its capacity before one in bad health', 'balanced', { taken: 10, waiting: 9 }, { isFailing: true }],
    ['one in bad health before one whose breaker is open', 'balanced', { isFailing: true }, { waitMs: 1 }],
    ['one whose breaker comes back first', 'balanced', { waitMs: 300, taken: 9 }, { waitMs: 700 }],
    [
      'one without a queue, although it is dear',
      'cheapest',
      { taken: 10, usd: 1 },
      { taken: 40, waiting: 30, usd: 0.3 },
    ],
  ];
  it.each(cases)('is for %s (%s)', (_words, strategy, better, worse) => {
    const [first, second] = [
      { ...plain, ...better },
      { ...plain, ...worse },
    ];
    expect(bestOf([first, second], WEIGHTS[strategy])).toBe(0);
    expect(bestOf([second, first], WEIGHTS[strategy])).toBe(1);
  });

  it('is for the one the user weighs most', () => {
    const [cheap, quick] = [
      { ...plain, p50Ms: 900 },
      { ...plain, usd: 0.05 },
    ];
    expect(bestOf([cheap, quick], weightsOf('cheapest', { weights: { cost: 0, latency: 5 } }))).toBe(1);
    expect(bestOf([cheap, quick], weightsOf('fastest', { weights: { latency: 0, cost: 5 } }))).toBe(0);
  });

  it('is for one of which nothing is known, or nothing new, before a slow one', () => {
    const [fast, slow] = [plain, { ...plain, p50Ms: 400 }];
    const [unknown, longAgo] = [
      { ...slow, timed: 0 },
      { ...slow, timed: 0.5 },
    ];
    const bests = bestsOf([fast, slow, unknown, longAgo]);
    const score = (one: Candidate): number => scoreOf(one, bests, WEIGHTS.fastest);
    expect(score(unknown)).toBe(score(fast));
    expect(score(longAgo)).toBeGreaterThan(score(slow));
    expect(score(longAgo)).toBeLessThan(score(unknown));
  });

  it('is a draw where nothing is weighed', () => {
    const all = bestsOf([plain]);
    const [one, other] = [
      scoreOf(plain, all, WEIGHTS['round-robin']),
      scoreOf({ ...plain, taken: 9 }, all, WEIGHTS['round-robin']),
    ];
    expect(one).toBe(other);
  });
});

describe('A match', () => {
  it.each([
    ['2.1.3', 1],
    ['2.1.2', 0.95],
    ['2.0.9', 0.85],
    ['1.9.9', 0.6],
    ['2.1.3-rc.1', 0.25],
  ])('of %s against 2.1.3 is %d', (version, match) => {
    expect(matchOf(version, '2.1.3')).toBe(match);
  });
});

describe('A score', () => {
  const amount = fc.double({ min: 0, max: 1_000, noNaN: true });
  const whole = fc.nat({ max: 200 });
  const candidate: fc.Arbitrary<Candidate> = fc.record({
    match: fc.double({ min: 0, max: 1, noNaN: true }),
    taken: whole,
    waiting: whole,
    capacity: fc.integer({ min: 1, max: 200 }),
    waitMs: fc.oneof(fc.constant(0), amount),
    isFailing: fc.boolean(),
    p50Ms: amount,
    timed: amount,
    usd: amount,
    good: amount,
    bad: amount,
    affinity: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const weights = fc.oneof(
    fc.constantFrom(...STRATEGIES).map((strategy) => WEIGHTS[strategy]),
    fc.record({
      match: amount,
      load: amount,
      queue: amount,
      latency: amount,
      cost: amount,
      reliability: amount,
      affinity: amount,
    }),
  );
  const others = fc.array(candidate, { maxLength: 5 });

  it('lies between 0 and 1, in the quarter of its standing, and so does each part', () => {
    fc.assert(
      fc.property(candidate, others, weights, (one, rest, weigh) => {
        const bests = bestsOf([one, ...rest]);
        const place = STANDINGS.length - 1 - STANDINGS.indexOf(standingOf(one));
        const score = scoreOf(one, bests, weigh);
        expect(Math.floor(score * STANDINGS.length)).toBe(place);
        for (const part of Object.values(partsOf(one, bests))) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  const worse: Readonly<Record<string, (one: Candidate, by: number) => Candidate>> = {
    'more in hand': (one, by) => ({ ...one, taken: one.taken + Math.round(by) }),
    'a longer queue': (one, by) => ({ ...one, waiting: one.waiting + Math.round(by) }),
    'fewer places': (one, by) => ({ ...one, capacity: Math.max(1, one.capacity - Math.round(by)) }),
    'slower runs': (one, by) => ({ ...one, p50Ms: one.p50Ms + by }),
    'dearer runs': (one, by) => ({ ...one, usd: one.usd + by }),
    'more failures': (one, by) => ({ ...one, bad: one.bad + by }),
    'an older version': (one, by) => ({ ...one, match: one.match / (1 + by) }),
    'an open breaker': (one, by) => ({ ...one, waitMs: one.waitMs + by }),
    'a failing health check': (one) => ({ ...one, isFailing: true }),
    'less in common': (one, by) => ({ ...one, affinity: one.affinity / (1 + by) }),
  };
  it.each(Object.entries(worse))('is never raised by %s', (_words, change) => {
    fc.assert(
      fc.property(candidate, others, weights, amount, (one, rest, weigh, by) => {
        const after = change(one, by);
        const before = scoreOf(one, bestsOf([one, ...rest]), weigh);
        expect(scoreOf(after, bestsOf([after, ...rest]), weigh)).toBeLessThanOrEqual(before + 1e-9);
      }),
    );
  });
});
