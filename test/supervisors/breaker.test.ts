/** The breaker as plain data: each phase with each thing that can happen, the times, and a naive model of it beside. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorBody } from '../../protocol/errors.ts';
import {
  type BreakerLimits,
  type BreakerState,
  due,
  enter,
  failed,
  failuresAt,
  freed,
  NEW_BREAKER,
  passed,
  reset,
  spend,
  trip,
  waitOf,
} from '../../supervisors/breaker.ts';

const LIMITS: BreakerLimits = {
  failures: 3,
  periodMs: 1_000,
  openMs: 500,
  openMaxMs: 3_000,
  jitter: 0,
  probeMs: 200,
};
const T = 1_000_000;
const ERROR: ErrorBody = { code: 'AGENT_FAILED', message: 'away', retryable: true };
const least = (): number => 0;

function fail(state: BreakerState, nowMs: number, era = state.era, limits = LIMITS, error = ERROR): BreakerState {
  return failed(state, limits, nowMs, { holder: 'run/x', era }, error, least);
}

/** Fails as often as opens it, at one moment. */
function openAt(nowMs: number, from: BreakerState = NEW_BREAKER, limits = LIMITS): BreakerState {
  let state = from;
  for (let n = 0; n < limits.failures; n++) state = fail(state, nowMs, state.era, limits);
  return state;
}

const open = openAt(T);
const halfOpen = due(open, T + 500);
const probing = enter(halfOpen, LIMITS, T + 500, 'run/p').state;
const PHASES = { closed: fail(NEW_BREAKER, T), open, 'half-open': halfOpen, probing } as const;

describe('What happens to a breaker', () => {
  const me = { holder: 'run/p', era: probing.era };
  const happenings: Readonly<Record<string, (state: BreakerState) => BreakerState>> = {
    'a call, while it is shut': (state) => enter(state, LIMITS, T + 100, 'run/q').state,
    'a call, after its time': (state) => enter(state, LIMITS, T + 500, 'run/q').state,
    'time, not enough': (state) => due(state, T + 499),
    'time, enough': (state) => due(state, T + 500),
    'a failure of now': (state) => fail(state, T + 600),
    'a failure of an earlier era': (state) => fail(state, T + 600, state.era - 1),
    'a failure of the probe, let in earlier': (state) =>
      failed(state, LIMITS, T + 600, { holder: 'run/p', era: 0 }, ERROR, least),
    'a success of now': (state) => passed(state, T + 600, { holder: 'run/q', era: state.era }),
    'a success of an earlier era': (state) => passed(state, T + 600, { holder: 'run/q', era: state.era - 1 }),
    'a success of the probe': (state) => passed(state, T + 600, me),
    'an end of the probe without a word': (state) => freed(state, 'run/p'),
    'an end of another call without a word': (state) => freed(state, 'run/q'),
    'an intensity that was exceeded': (state) => trip(state, LIMITS, T + 600, ERROR, least),
    'a reset by hand': (state) => reset(state, T + 600),
  };
  const expected: Readonly<Record<string, Readonly<Record<keyof typeof PHASES, string>>>> = {
    'a call, while it is shut': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open run/q',
      probing: 'half-open run/p',
    },
    'a call, after its time': {
      closed: 'closed',
      open: 'half-open run/q',
      'half-open': 'half-open run/q',
      probing: 'half-open run/p',
    },
    'time, not enough': { closed: 'closed', open: 'open', 'half-open': 'half-open', probing: 'half-open run/p' },
    'time, enough': { closed: 'closed', open: 'half-open', 'half-open': 'half-open', probing: 'half-open run/p' },
    'a failure of now': { closed: 'closed', open: 'open', 'half-open': 'open', probing: 'open' },
    'a failure of an earlier era': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open',
      probing: 'half-open run/p',
    },
    'a failure of the probe, let in earlier': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open',
      probing: 'open',
    },
    'a success of now': { closed: 'closed', open: 'open', 'half-open': 'closed', probing: 'closed' },
    'a success of an earlier era': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open',
      probing: 'half-open run/p',
    },
    'a success of the probe': { closed: 'closed', open: 'open', 'half-open': 'closed', probing: 'closed' },
    'an end of the probe without a word': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open',
      probing: 'half-open',
    },
    'an end of another call without a word': {
      closed: 'closed',
      open: 'open',
      'half-open': 'half-open',
      probing: 'half-open run/p',
    },
    'an intensity that was exceeded': {
      closed: 'open',
      open: 'open',
      'half-open': 'half-open',
      probing: 'half-open run/p',
    },
    'a reset by hand': { closed: 'closed', open: 'closed', 'half-open': 'closed', probing: 'closed' },
  };
  const cells = Object.keys(happenings).flatMap((what) =>
    (Object.keys(PHASES) as (keyof typeof PHASES)[]).map((phase) => [what, phase, expected[what]?.[phase]] as const),
  );

  it.each(cells)('%s, when it is %s: %s', (what, phase, end) => {
    const state = happenings[what]?.(PHASES[phase]) as BreakerState;
    expect([state.phase, state.probe?.holder].filter((part) => part !== undefined).join(' ')).toBe(end);
    // Another phase is another era, and the same phase the same, but for what passed through open on its way to half-open.
    expect(state.era === PHASES[phase].era).toBe(state.phase === PHASES[phase].phase);
  });
});

describe('Failures', () => {
  it('open it by as many as its limits say, within the period', () => {
    const two = fail(fail(NEW_BREAKER, T), T + 1_000);
    expect([two.phase, failuresAt(two, LIMITS, T + 1_000)]).toEqual(['closed', 2]);
    const three = fail(two, T + 1_000);
    expect([three.phase, failuresAt(three, LIMITS, T + 9_000)]).toEqual(['open', 3]);
    expect(failuresAt(reset(three, T + 1_000), LIMITS, T + 1_000)).toBe(0);
    expect(fail(two, T + 1_001).phase).toBe('closed');
  });

  it('are never more than open it, however many come late', () => {
    let state = NEW_BREAKER;
    for (let n = 0; n < 50; n++) state = fail(state, T + n * 600);
    expect(state.phase).toBe('closed');
    expect(state.failedAtMs.length).toBeLessThanOrEqual(LIMITS.failures);
  });

  it('never open a breaker whose limit is 0', () => {
    let state = NEW_BREAKER;
    for (let n = 0; n < 50; n++) state = fail(state, T, state.era, { ...LIMITS, failures: 0 });
    expect(state).toBe(NEW_BREAKER);
  });

  it('keep their code and the beginning of their words', () => {
    const state = fail(NEW_BREAKER, T, 0, LIMITS, { ...ERROR, message: 'x'.repeat(10_000) });
    expect(state.lastError).toEqual({ code: 'AGENT_FAILED', message: 'x'.repeat(500) });
  });
});

describe('The time that it is open', () => {
  it('is what its limits say, and is told to those who come meanwhile', () => {
    expect(open.retryAtMs).toBe(T + 500);
    expect(enter(open, LIMITS, T + 100, 'run/q').verdict).toEqual({ isIn: false, retryAfterMs: 400, isProbing: false });
    expect(waitOf(open, LIMITS, T + 499.5)).toBe(1);
    expect(waitOf(open, LIMITS, T + 500)).toBe(0);
  });

  it('doubles each time that its probe fails, up to its bound', () => {
    const times: number[] = [];
    let state = open;
    for (let n = 0; n < 5; n++) {
      times.push(state.retryAtMs - state.openedAtMs);
      const nowMs = state.retryAtMs;
      state = fail(enter(state, LIMITS, nowMs, 'run/p').state, nowMs);
    }
    expect(times).toEqual([500, 1_000, 2_000, 3_000, 3_000]);
    expect(state.opens).toBe(6);
  });

  it('doubles when it opens again soon after it closed, and is short again after a quiet period', () => {
    const closed = passed(probing, T + 600, { holder: 'run/p', era: probing.era });
    const soon = openAt(T + 1_600, closed);
    expect(soon.retryAtMs - soon.openedAtMs).toBe(1_000);
    const late = openAt(T + 1_601, closed);
    expect(late.retryAtMs - late.openedAtMs).toBe(500);
  });

  it('has as much of chance in it as its limits say', () => {
    const limits = { ...LIMITS, failures: 1, jitter: 0.2 };
    const at = (random: number): number =>
      failed(NEW_BREAKER, limits, T, { holder: 'run/x', era: 0 }, ERROR, () => random).retryAtMs - T;
    expect([at(0), at(0.5), at(1)]).toEqual([500, 550, 600]);
  });

  it('is as long as a failure within the period asks for, up to an hour', () => {
    const asks = (retryAfterMs: number): ErrorBody => ({ ...ERROR, retryAfterMs });
    const first = fail(NEW_BREAKER, T, 0, LIMITS, asks(9_000));
    expect(fail(fail(first, T + 100), T + 200).retryAtMs).toBe(T + 9_000);
    expect(fail(fail(first, T + 100), T + 200, 0, LIMITS, asks(20_000)).retryAtMs).toBe(T + 20_200);
    expect(trip(NEW_BREAKER, LIMITS, T, asks(1e12), least).retryAtMs).toBe(T + 3_600_000);
    expect(fail(probing, T + 600, probing.era, LIMITS, asks(9_000)).retryAtMs).toBe(T + 9_600);
  });
});

describe('The probe', () => {
  it('is one: another call is told to wait, at most as long as the probe may take', () => {
    expect(enter(probing, LIMITS, T + 550, 'run/q').verdict).toEqual({
      isIn: false,
      retryAfterMs: 150,
      isProbing: true,
    });
  });

  it('is another call when the first has taken too long', () => {
    const { state, verdict } = enter(probing, LIMITS, T + 700, 'run/q');
    expect([verdict.isIn, state.probe?.holder]).toEqual([true, 'run/q']);
  });

  it('that took too long still says how it went', () => {
    const second = enter(probing, LIMITS, T + 700, 'run/q').state;
    expect(passed(second, T + 710, { holder: 'run/p', era: probing.era }).phase).toBe('closed');
    expect(fail(second, T + 710, probing.era).phase).toBe('open');
  });
});

describe('Spending', () => {
  const limits: BreakerLimits = { ...LIMITS, failures: 0, periodMs: 60_000, spend: { usd: 1, tokens: 1_000 } };

  it('opens it by more than its limit within the period, in money or in tokens, until enough of it lies back', () => {
    const part = spend(NEW_BREAKER, limits, T, { usd: 1, tokens: 1_000 }, least);
    expect(part.phase).toBe('closed');
    for (const cost of [{ usd: 0.01 }, { tokens: 1 }]) {
      const over = spend(part, limits, T + 30_000, cost, least);
      expect(over).toMatchObject({ phase: 'open', lastError: { code: 'BUDGET_EXCEEDED' } });
      expect(over.retryAtMs).toBeGreaterThanOrEqual(T + 60_000);
      expect(over.retryAtMs).toBeLessThanOrEqual(T + 61_002);
    }
  });

  it('is forgotten with time, and counted in few parts', () => {
    let state = NEW_BREAKER;
    for (let n = 0; n < 10_000; n++) {
      state = spend(state, limits, T + n * 100, { tokens: 1 }, least);
      expect(state.spent.length).toBeLessThanOrEqual(62);
    }
    expect(state.phase).toBe('closed');
    const sum = state.spent.reduce((all, { tokens }) => all + tokens, 0);
    expect(sum).toBeGreaterThanOrEqual(600);
    expect(sum).toBeLessThanOrEqual(622);
  });

  it('is nothing to a breaker without such a limit', () => {
    expect(spend(NEW_BREAKER, LIMITS, T, { usd: 1e9 }, least)).toBe(NEW_BREAKER);
  });
});

// ---- a naive model: the whole history is kept and read again each time

interface Model {
  /** Each phase that was entered, with its time; `untilMs` where it is open. */
  readonly eras: { phase: BreakerState['phase']; atMs: number; untilMs: number }[];
  failures: { atMs: number; era: number }[];
  probes: { holder: string; atMs: number; era: number; isFreed: boolean }[];
  streak: number;
}

const last = <T>(list: readonly T[]): T => list.at(-1) as T;

function modelPhase(model: Model, nowMs: number): BreakerState['phase'] {
  const now = last(model.eras);
  if (now.phase === 'open' && nowMs >= now.untilMs) model.eras.push({ phase: 'half-open', atMs: nowMs, untilMs: 0 });
  return last(model.eras).phase;
}

function modelOpens(model: Model, nowMs: number): void {
  const closed = last(model.eras);
  const hasOpened = model.eras.some(({ phase }) => phase === 'open');
  const isQuiet = closed.phase === 'closed' && (!hasOpened || nowMs - closed.atMs > LIMITS.periodMs);
  model.streak = isQuiet ? 1 : model.streak + 1;
  const openMs = Math.min(LIMITS.openMs * 2 ** (model.streak - 1), LIMITS.openMaxMs);
  model.eras.push({ phase: 'open', atMs: nowMs, untilMs: nowMs + openMs });
}

function modelEnter(model: Model, nowMs: number, holder: string): boolean {
  const phase = modelPhase(model, nowMs);
  if (phase === 'closed') return true;
  if (phase === 'open') return false;
  const era = model.eras.length - 1;
  const running = model.probes.filter((probe) => probe.era === era && !probe.isFreed).at(-1);
  if (running !== undefined && nowMs - running.atMs < LIMITS.probeMs) return false;
  model.probes.push({ holder, atMs: nowMs, era, isFreed: false });
  return true;
}

function modelEnds(model: Model, nowMs: number, era: number, holder: string, isOk: boolean): void {
  const now = model.eras.length - 1;
  const { phase } = last(model.eras);
  const running = model.probes.filter((probe) => probe.era === now && !probe.isFreed).at(-1);
  if (phase === 'half-open' && (era === now || running?.holder === holder)) {
    if (isOk) model.eras.push({ phase: 'closed', atMs: nowMs, untilMs: 0 });
    else modelOpens(model, nowMs);
  } else if (phase === 'closed' && era === now && !isOk) {
    model.failures.push({ atMs: nowMs, era: now });
    const recent = model.failures.filter((one) => one.era === now && nowMs - one.atMs <= LIMITS.periodMs);
    if (recent.length >= LIMITS.failures) modelOpens(model, nowMs);
  }
}

type Act =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'call' }
  | { readonly do: 'end'; readonly call: number; readonly isOk: boolean }
  | { readonly do: 'free'; readonly call: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1_200) }),
  fc.record({ do: fc.constant('call' as const) }),
  fc.record({ do: fc.constant('end' as const), call: fc.nat(8), isOk: fc.boolean() }),
  fc.record({ do: fc.constant('free' as const), call: fc.nat(8) }),
);

describe('Any history', () => {
  it('ends as a model that keeps all of it says', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(act, { minLength: 30, maxLength: 120 }), (acts) => {
        const model: Model = { eras: [{ phase: 'closed', atMs: 0, untilMs: 0 }], failures: [], probes: [], streak: 0 };
        let state = NEW_BREAKER;
        let nowMs = T;
        const calls: { holder: string; era: number }[] = [];
        for (const one of acts) {
          if (one.do === 'wait') nowMs += one.ms;
          if (one.do === 'call') {
            const holder = `run/${calls.length}`;
            const { state: next, verdict } = enter(state, LIMITS, nowMs, holder);
            state = next;
            expect(verdict.isIn).toBe(modelEnter(model, nowMs, holder));
            if (verdict.isIn) calls.push({ holder, era: verdict.era });
          }
          // The last calls, counted from the end: late outcomes are among them.
          const call = 'call' in one ? calls.at(-1 - one.call) : undefined;
          if (one.do === 'end' && call !== undefined) {
            state = one.isOk ? passed(state, nowMs, call) : failed(state, LIMITS, nowMs, call, ERROR, least);
            modelEnds(model, nowMs, call.era, call.holder, one.isOk);
          }
          if (one.do === 'free' && call !== undefined) {
            state = freed(state, call.holder);
            const era = model.eras.length - 1;
            const running = model.probes.filter((probe) => probe.era === era && !probe.isFreed).at(-1);
            if (last(model.eras).phase === 'half-open' && running?.holder === call.holder)
              for (const probe of model.probes) if (probe.era === era) probe.isFreed = true;
          }
          const { phase } = due(state, nowMs);
          seen.add(phase);
          expect(phase).toBe(modelPhase(model, nowMs));
          state = due(state, nowMs);
          expect(state.era).toBe(model.eras.length - 1);
          if (phase === 'open') expect(state.retryAtMs).toBe(last(model.eras).untilMs);
        }
      }),
      { numRuns: 500 },
    );
    expect(seen).toEqual(new Set(['closed', 'open', 'half-open']));
  });
});
