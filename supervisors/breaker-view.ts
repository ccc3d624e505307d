/** A breaker as people and programs see it: `GET /api/v1/breakers`, `troupe breakers`, the tree. Plain data. */
import { type BreakerLimits, type BreakerState, due, failuresAt, waitOf } from './breaker.ts';

/** Times in ms since the epoch; null where there is none. */
export interface BreakerView {
  /** Its id: `agent:NAME`. */
  readonly breaker: string;
  readonly agent: string;
  /** The supervisor that it belongs to. */
  readonly supervisor: string;
  readonly state: BreakerState['phase'];
  /** Failures that count now, or that opened it; and how many open it. */
  readonly failures: number;
  readonly failuresMax: number;
  readonly periodMs: number;
  /** How often it has opened. */
  readonly opens: number;
  readonly openedAt: number | null;
  /** When a call is let through again. */
  readonly retryAt: number | null;
  readonly retryAfterMs: number | null;
  readonly closedAt: number | null;
  /** The actor that is the probe. */
  readonly probe: string | null;
  /** Steps that wait for it to close. */
  readonly waiting: number;
  readonly lastError: { readonly code: string; readonly message: string } | null;
}

/** `troupe_breaker_state`. */
export const BREAKER_FIGURES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** The view of a state at `nowMs` of its own clock; `shiftMs` turns that into the wall clock. */
export function viewBreaker(
  whose: Pick<BreakerView, 'breaker' | 'agent' | 'supervisor' | 'waiting'>,
  before: BreakerState,
  limits: BreakerLimits,
  nowMs: number,
  shiftMs: number,
): BreakerView {
  const state = due(before, nowMs);
  const wall = (ms: number): number | null => (ms === 0 ? null : Math.round(ms + shiftMs));
  return {
    ...whose,
    state: state.phase,
    failures: failuresAt(state, limits, nowMs),
    failuresMax: limits.failures,
    periodMs: limits.periodMs,
    opens: state.opens,
    openedAt: wall(state.openedAtMs),
    retryAt: state.phase === 'open' ? wall(state.retryAtMs) : null,
    retryAfterMs: state.phase === 'closed' ? null : waitOf(state, limits, nowMs),
    closedAt: wall(state.closedAtMs),
    probe: state.probe?.holder ?? null,
    lastError: state.lastError ?? null,
  };
}
