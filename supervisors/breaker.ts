/**
 * A circuit breaker as plain data: what each thing that happens makes of it. Pure; it holds no clock and no timer, and does
 * nothing itself (supervisors/breakers.ts does).
 *
 *   closed ──failures in the period, or spend beyond its limit, or `trip`──► open
 *   open ──its time is over──► half-open ──the probe went well──► closed
 *                                  └──the probe failed──► open, for longer
 *   any ──reset──► closed
 *
 * Each phase is an *era* with a number. Whoever is let through is told the era: an outcome that belongs to an earlier one
 * comes too late to say anything of the present. In half-open one call at a time is let through, the probe.
 *
 * All times are ms of one clock that only goes forward within a run of the process; supervisors/breaker-record.ts carries
 * them over from one run to the next.
 */
// tidy-allow exports: the states, what happens to them and the words for both are one page
import type { ErrorBody } from '../protocol/errors.ts';

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** So many failures within `periodMs` open it; 0: failures never do. */
  readonly failures: number;
  readonly periodMs: number;
  /** How long it stays open the first time. Each time that it opens again without a quiet period before doubles it. */
  readonly openMs: number;
  readonly openMaxMs: number;
  /** 0 to 1: the part of that time that chance may add, so that many breakers do not half-open together. */
  readonly jitter: number;
  /** How long a probe may take before another call may be one. */
  readonly probeMs: number;
  /** What may be spent within `periodMs`; more opens it, until enough of it lies further back. */
  readonly spend?: { readonly usd?: number; readonly tokens?: number };
}

/** What was spent in one part of the period; `atMs` is its end. */
export interface Spend {
  readonly atMs: number;
  readonly usd: number;
  readonly tokens: number;
}

/** A breaker. Never changed in place. */
export interface BreakerState {
  readonly phase: 'closed' | 'open' | 'half-open';
  /** Grows by one with each change of the phase. */
  readonly era: number;
  /** Failures that counted, ascending; at most as many as open it. While it is not closed: those that opened it. */
  readonly failedAtMs: readonly number[];
  /** Ascending; one for each part of the period at most. */
  readonly spent: readonly Spend[];
  /** No probe before this: a failure said so (`retryAfterMs`, as of a provider's Retry-After). */
  readonly notBeforeMs: number;
  /** How often it has opened. */
  readonly opens: number;
  /** How often of late, without a quiet period in between. */
  readonly streak: number;
  /** When it last opened, when it may be probed, and when it last closed; 0: never. */
  readonly openedAtMs: number;
  readonly retryAtMs: number;
  readonly closedAtMs: number;
  readonly probe: { readonly holder: string; readonly sinceMs: number } | undefined;
  readonly lastError: { readonly code: string; readonly message: string } | undefined;
}

/** What a breaker says to a call: come in, in this era; or come again later. */
export type Verdict =
  | { readonly isIn: true; readonly era: number }
  /** `isProbing`: it is half-open, and another call is the probe. */
  | { readonly isIn: false; readonly retryAfterMs: number; readonly isProbing: boolean };

/** Whose outcome it is: the address of the actor that made the call, and the era it was let in. */
export interface Caller {
  readonly holder: string;
  readonly era: number;
}

const GROWTH = 2;
const GROWTHS_MAX = 30;
/** What one error may ask for at most: nobody's Retry-After shuts an agent for days. */
const RETRY_AFTER_MAX_MS = 3_600_000;
/** Spends are gathered into so many parts of the period. */
const SPENDS_MAX = 60;

/** A breaker to which nothing has happened. */
export const NEW_BREAKER: BreakerState = Object.freeze({
  phase: 'closed',
  era: 0,
  failedAtMs: [],
  spent: [],
  notBeforeMs: 0,
  opens: 0,
  streak: 0,
  openedAtMs: 0,
  retryAtMs: 0,
  closedAtMs: 0,
  probe: undefined,
  lastError: undefined,
});

/** Failures that count at `nowMs`; those that opened it, while it is not closed. */
export function failuresAt(state: BreakerState, { periodMs }: BreakerLimits, nowMs: number): number {
  if (state.phase !== 'closed') return state.failedAtMs.length;
  return state.failedAtMs.filter((atMs) => nowMs - atMs <= periodMs).length;
}

/** Half-open, where its time is over; otherwise as it was. */
export function due(state: BreakerState, nowMs: number): BreakerState {
  if (state.phase !== 'open' || nowMs < state.retryAtMs) return state;
  return { ...state, phase: 'half-open', era: state.era + 1, probe: undefined };
}

/** Lets a call in or not; in half-open it becomes the probe. Check and claim are one step. */
export function enter(
  before: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  holder: string,
): { readonly state: BreakerState; readonly verdict: Verdict } {
  const state = due(before, nowMs);
  const waitMs = waitOf(state, limits, nowMs);
  if (waitMs > 0)
    return { state, verdict: { isIn: false, retryAfterMs: waitMs, isProbing: state.phase === 'half-open' } };
  const verdict = { isIn: true, era: state.era } as const;
  if (state.phase === 'closed') return { state, verdict };
  return { state: { ...state, probe: { holder, sinceMs: nowMs } }, verdict };
}

/** How long a call would have to wait; 0 where it would be let in. */
export function waitOf(before: BreakerState, limits: BreakerLimits, nowMs: number): number {
  const state = due(before, nowMs);
  if (state.phase === 'closed') return 0;
  if (state.phase === 'open') return Math.max(1, Math.ceil(state.retryAtMs - nowMs));
  if (state.probe === undefined || nowMs - state.probe.sinceMs >= limits.probeMs) return 0;
  // The probe may take all of its time; those who wait are told as soon as it is done, and need not come before.
  return Math.max(1, Math.min(limits.openMs, Math.ceil(state.probe.sinceMs + limits.probeMs - nowMs)));
}

/** A call failed in a way that counts (supervisors/breaker-verdict.ts). */
export function failed(
  state: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  caller: Caller,
  error: ErrorBody,
  random: () => number,
): BreakerState {
  if (state.phase === 'half-open') {
    return isProbe(state, caller) ? opened(heeding(state, nowMs, error), limits, nowMs, error, random) : state;
  }
  if (state.phase === 'open' || caller.era !== state.era || limits.failures === 0) return state;
  const recent = state.failedAtMs.filter((atMs) => nowMs - atMs <= limits.periodMs);
  const failedAtMs = [...recent, nowMs].slice(-limits.failures);
  const next: BreakerState = { ...heeding(state, nowMs, error), failedAtMs, lastError: wordsOf(error) };
  return failedAtMs.length < limits.failures ? next : opened(next, limits, nowMs, error, random);
}

/** A call went well: only that of the probe says something. */
export function passed(state: BreakerState, nowMs: number, caller: Caller): BreakerState {
  return state.phase === 'half-open' && isProbe(state, caller) ? closed(state, nowMs) : state;
}

/** The probe came to nothing (it was canceled, say): another may be one. */
export function freed(state: BreakerState, holder: string): BreakerState {
  return state.phase === 'half-open' && state.probe?.holder === holder ? { ...state, probe: undefined } : state;
}

/** Opens it whatever the failures: its supervisor exceeded its intensity. In half-open and open, as it was. */
export function trip(
  state: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  error: ErrorBody,
  random: () => number,
): BreakerState {
  return state.phase === 'closed' ? opened(heeding(state, nowMs, error), limits, nowMs, error, random) : state;
}

/** Closes it by hand, and forgets what led to its opening. */
export function reset(state: BreakerState, nowMs: number): BreakerState {
  const forgotten = { ...state, failedAtMs: [], spent: [], notBeforeMs: 0, streak: 0 };
  return state.phase === 'closed' ? forgotten : { ...closed(forgotten, nowMs), streak: 0 };
}

/**
 * Something was spent. It is counted in every phase; only a closed breaker opens by it, and stays open at least until
 * enough of it lies further back than the period.
 */
export function spend(
  state: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  cost: { readonly usd?: number; readonly tokens?: number },
  random: () => number,
): BreakerState {
  const most = limits.spend;
  if (most === undefined) return state;
  const next = { ...state, spent: added(state.spent, limits, nowMs, cost) };
  if (state.phase !== 'closed') return next;
  const overUntilMs = Math.max(
    underAgainAtMs(next.spent, limits.periodMs, most.usd, ({ usd }) => usd),
    underAgainAtMs(next.spent, limits.periodMs, most.tokens, ({ tokens }) => tokens),
  );
  if (overUntilMs === 0) return next;
  const over = { ...next, notBeforeMs: Math.max(next.notBeforeMs, overUntilMs) };
  return opened(over, limits, nowMs, spentTooMuch(limits), random);
}

function spentTooMuch({ spend: most, periodMs }: BreakerLimits): ErrorBody {
  const parts = [
    ...(most?.usd === undefined ? [] : [`${most.usd} USD`]),
    ...(most?.tokens === undefined ? [] : [`${most.tokens} tokens`]),
  ];
  const message = `More than ${parts.join(' or ')} was spent within ${periodMs} ms.`;
  return { code: 'BUDGET_EXCEEDED', message, retryable: false };
}

/** The spends that count, with one more; those of one part of the period are one, which counts until its last moment does. */
function added(
  spent: readonly Spend[],
  { periodMs }: BreakerLimits,
  nowMs: number,
  { usd = 0, tokens = 0 }: { readonly usd?: number; readonly tokens?: number },
): readonly Spend[] {
  const partMs = periodMs / SPENDS_MAX;
  const atMs = (Math.floor(nowMs / partMs) + 1) * partMs;
  const recent = spent.filter((one) => nowMs - one.atMs <= periodMs);
  const last = recent.at(-1);
  if (last?.atMs !== atMs) return [...recent, { atMs, usd, tokens }];
  return [...recent.slice(0, -1), { atMs, usd: last.usd + usd, tokens: last.tokens + tokens }];
}

/** When the sum is within its limit again; 0 where it is. */
function underAgainAtMs(
  spent: readonly Spend[],
  periodMs: number,
  most: number | undefined,
  of: (spend: Spend) => number,
): number {
  if (most === undefined) return 0;
  let sum = spent.reduce((all, one) => all + of(one), 0);
  if (sum <= most) return 0;
  for (const one of spent) {
    sum -= of(one);
    if (sum <= most) return one.atMs + periodMs + 1;
  }
  return 0;
}

function isProbe({ era, probe }: BreakerState, caller: Caller): boolean {
  // By its address too: an actor that waited behind the open breaker was let in long before, and is the probe now.
  return caller.era === era || caller.holder === probe?.holder;
}

function heeding(state: BreakerState, nowMs: number, { retryAfterMs = 0 }: ErrorBody): BreakerState {
  const notBeforeMs = nowMs + Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  return retryAfterMs > 0 && notBeforeMs > state.notBeforeMs ? { ...state, notBeforeMs } : state;
}

function opened(
  state: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  error: ErrorBody,
  random: () => number,
): BreakerState {
  const isQuiet = state.phase === 'closed' && (state.opens === 0 || nowMs - state.closedAtMs > limits.periodMs);
  const streak = isQuiet ? 1 : state.streak + 1;
  const fullMs = limits.openMs * GROWTH ** Math.min(streak - 1, GROWTHS_MAX);
  const openMs = Math.min(fullMs * (1 + limits.jitter * random()), limits.openMaxMs);
  return {
    ...state,
    phase: 'open',
    era: state.era + 1,
    notBeforeMs: 0,
    opens: state.opens + 1,
    streak,
    openedAtMs: nowMs,
    retryAtMs: Math.max(Math.round(nowMs + openMs), state.notBeforeMs),
    probe: undefined,
    lastError: wordsOf(error),
  };
}

function closed(state: BreakerState, nowMs: number): BreakerState {
  return {
    ...state,
    phase: 'closed',
    era: state.era + 1,
    failedAtMs: [],
    notBeforeMs: 0,
    retryAtMs: 0,
    closedAtMs: nowMs,
    probe: undefined,
  };
}

const MESSAGE_CHARACTERS_MAX = 500;

function wordsOf({ code, message }: ErrorBody): { readonly code: string; readonly message: string } {
  return { code, message: message.slice(0, MESSAGE_CHARACTERS_MAX) };
}
