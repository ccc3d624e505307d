/** An agent as those outside see it: what it is, how it stands, how much it has to do, what its past runs were like. */
import type { AgentStatus } from '../../runtime/agent-status.ts';
import type { AgentEntry } from '../../runtime/registers.ts';
import type { RunFigures, Spread } from '../figures/figures.ts';
import type { Health } from '../health-plan.ts';
import type { Reading } from '../selection/readings.ts';

/** One agent. Diagnostic: of now, not of what is committed. */
export interface AgentView extends AgentEntry {
  readonly status: AgentStatus;
  /** The nodes that make its calls, those that could now. */
  readonly nodes: readonly string[];
  /** Calls under way and waiting, attempts at work, and the calls that may be under way at once. */
  readonly load: {
    readonly running: number;
    readonly waiting: number;
    readonly inHand: number;
    readonly capacity: number;
  };
  /** How long a call would have to wait for its breaker, ms. */
  readonly retryAfterMs?: number;
  /** Where it has a health check. */
  readonly health?: {
    readonly state: 'unchecked' | 'passing' | 'failing';
    /** Failures in a row. */
    readonly failures: number;
    /** ms since the epoch. */
    readonly checkedAt: number | null;
    readonly error?: string;
  };
  /** Where it has run. */
  readonly figures?: RunFigures;
}

const DIGITS = 4;

/** Makes one. `health` where it has a health check. */
export function agentView(
  entry: AgentEntry,
  status: AgentStatus,
  nodes: readonly string[],
  { running, waiting, inHand, capacity, waitMs }: Reading,
  health: Health | undefined,
  figures: RunFigures | undefined,
): AgentView {
  return {
    ...entry,
    status,
    nodes,
    load: { running, waiting, inHand, capacity },
    ...(waitMs > 0 && { retryAfterMs: waitMs }),
    ...(health !== undefined && { health: healthView(health) }),
    ...(figures !== undefined && { figures: shown(figures) }),
  };
}

function healthView({ isFailing, failures, checkedAtMs, error }: Health): NonNullable<AgentView['health']> {
  const state = checkedAtMs === 0 ? 'unchecked' : isFailing ? 'failing' : 'passing';
  const checkedAt = checkedAtMs === 0 ? null : checkedAtMs;
  return { state, failures, checkedAt, ...(error !== undefined && { error }) };
}

/** Without digits that mean nothing. */
function shown(figures: RunFigures): RunFigures {
  const { durationMs, usd, tokens, failureShare } = figures;
  return {
    ...figures,
    durationMs: round(durationMs),
    usd: round(usd),
    tokens: round(tokens),
    failureShare: Number(failureShare.toPrecision(DIGITS)),
  };
}

function round({ p50, p90, samples }: Spread): Spread {
  return { p50: Number(p50.toPrecision(DIGITS)), p90: Number(p90.toPrecision(DIGITS)), samples };
}
