import { describe, expect, it } from 'vitest';
import { type BreakerLimits, type BreakerState, due, NEW_BREAKER } from '../../supervisors/breaker.ts';
import { createBreakerClock, recordOf, stateOf } from '../../supervisors/breaker-record.ts';
import { bearingOf } from '../../supervisors/breaker-verdict.ts';
import { CODES, type ErrorCode } from '../../protocol/errors.ts';
import { createManualWorld } from '../support/manual-world.ts';

const LIMITS: BreakerLimits = {
  failures: 3,
  periodMs: 1_000,
  openMs: 10_000,
  openMaxMs: 60_000,
  jitter: 0,
  probeMs: 500,
};
const T = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const OPEN: BreakerState = {
  ...NEW_BREAKER,
  phase: 'open',
  era: 7,
  opens: 4,
  streak: 2,
  openedAtMs: T,
  retryAtMs: T + 10_000,
  lastError: { code: 'TIMEOUT', message: 'late' },
};

describe('A breaker in the store', () => {
  it.each<[string, BreakerState]>([
    ['new', NEW_BREAKER],
    ['closed, with failures', { ...NEW_BREAKER, era: 2, failedAtMs: [T - 5, T], opens: 1, closedAtMs: T - 9 }],
    ['open', OPEN],
    ['half-open, with its probe', { ...OPEN, phase: 'half-open', probe: { holder: 'run/1', sinceMs: T } }],
    ['with what was spent', { ...NEW_BREAKER, spent: [{ atMs: T, usd: 0.5, tokens: 3 }] }],
  ])('comes back as it was: %s', (_what, state) => {
    expect(stateOf(recordOf(state, 0), LIMITS, T)).toEqual(state);
  });

  it('is open for the rest of its time', () => {
    const back = stateOf(recordOf(OPEN, 0), LIMITS, T + 4_000) as BreakerState;
    expect(back.retryAtMs).toBe(T + 10_000);
    expect(due(back, T + 9_999).phase).toBe('open');
    expect(due(back, T + 10_000).phase).toBe('half-open');
  });

  it.each([
    ['a day forward: its time is over', DAY_MS, 0],
    ['a day back: it is open once more for as long as it was to be', -DAY_MS, 10_000],
  ])('heeds no clock that was set %s', (_what, jumpMs, leftMs) => {
    const nowMs = T + jumpMs;
    const back = stateOf(recordOf(OPEN, 0), LIMITS, nowMs) as BreakerState;
    expect(back.retryAtMs - nowMs).toBe(leftMs);
    expect(back.openedAtMs).toBeLessThanOrEqual(nowMs);
  });

  it('has no failure, closing or probe in the future', () => {
    const state = { ...NEW_BREAKER, failedAtMs: [T], closedAtMs: T, probe: { holder: 'run/1', sinceMs: T } };
    const back = stateOf(recordOf(state, 0), LIMITS, T - DAY_MS);
    expect(back).toMatchObject({ failedAtMs: [T - DAY_MS], closedAtMs: T - DAY_MS, probe: { sinceMs: T - DAY_MS } });
  });

  it('goes by the limits of now', () => {
    const state = { ...NEW_BREAKER, failedAtMs: [T - 2, T - 1, T] };
    expect(stateOf(recordOf(state, 0), { ...LIMITS, failures: 2 }, T)?.failedAtMs).toEqual([T - 1, T]);
    expect(stateOf(recordOf(state, 0), { ...LIMITS, failures: 0 }, T)?.failedAtMs).toEqual([]);
  });

  it.each([undefined, null, 'x', {}, { ...recordOf(OPEN, 0), format: 2 }, { ...recordOf(OPEN, 0), era: -1 }])(
    'is not guessed from what is no record of this format: %j',
    (record) => {
      expect(stateOf(record, LIMITS, T)).toBeUndefined();
    },
  );
});

describe('The clock of breakers', () => {
  it('goes forward whatever the wall clock does, and knows how far that is off', () => {
    const world = createManualWorld({ startMs: T });
    const clock = createBreakerClock(world);
    world.advance(1_000);
    expect([clock.nowMs(), clock.toWallMs()]).toEqual([T + 1_000, 0]);
    world.setWallClock(T - DAY_MS);
    world.advance(1_000);
    expect([clock.nowMs(), clock.toWallMs()]).toEqual([T + 2_000, -DAY_MS - 1_000]);
  });
});

describe('What an outcome says of an agent', () => {
  const NEITHER = [
    ...['INVALID_INPUT', 'INVALID_OUTPUT', 'CANCELED', 'DEADLINE_EXCEEDED', 'BUSY', 'DRAINING', 'STORE_UNAVAILABLE'],
    ...[
      'BUDGET_EXCEEDED',
      'NO_AGENT',
      'NOT_AVAILABLE',
      'VERSION_MISMATCH',
      'JOURNAL_MISMATCH',
      'EFFECT_UNKNOWN',
      'UNSUPPORTED_LOGIC',
    ],
  ];
  const codes = Object.keys(CODES) as ErrorCode[];

  it.each(codes.filter((code) => !NEITHER.includes(code)))('%s: a failure if it may be tried again', (code) => {
    expect(bearingOf({ code, message: '', retryable: true })).toBe('failure');
    expect(bearingOf({ code, message: '', retryable: false })).toBe(code === 'QUARANTINED' ? 'failure' : 'success');
  });

  it.each(NEITHER as ErrorCode[])('%s: nothing', (code) => {
    for (const retryable of [true, false]) expect(bearingOf({ code, message: '', retryable })).toBe('neither');
  });
});
