/** What is asked of a choice, what comes of it, and what it says in the log of its task: why this one, and how the others stood. */
import type { Select, Strategy } from '../../protocol/selection.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import type { Offer } from '../offers.ts';
import { type Candidate, type Standing, standingOf } from './candidate.ts';
import { type Bests, partsOf } from './score.ts';

/** What an agent is wanted for: exactly one of `agent` and `capability`. */
export interface SelectRequest {
  readonly agent?: string;
  readonly capability?: string;
  readonly select?: Select;
  /** Agents (`name@version`) that are left out. */
  readonly not?: readonly string[];
  /** Agents that have failed at it already: taken only where there is no other. */
  readonly tried?: readonly string[];
  /** The task that it is a part of, where its parts rather stay together. */
  readonly task?: string;
  /** What is left of the budget: whoever costs more is not chosen. */
  readonly budgetLeftUsd?: number;
}

/** The choice of an agent, and why. */
export interface Choice {
  readonly agent: AgentDefinition;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A candidate and its score. */
export interface Scored {
  readonly offer: Offer;
  readonly candidate: Candidate;
  readonly score: number;
}

const WORDS: Readonly<Record<Strategy, string>> = {
  balanced: 'the best by load, queue, speed, cost and success',
  cheapest: 'the cheapest',
  fastest: 'the fastest',
  reliable: 'the one that fails least',
  'round-robin': 'the next in turn',
};

/** Why one was chosen that is not the best by what is known. */
export const TRIAL = 'it has never run: now and then such a one is tried, to know how fast it is';

const STANDS: Readonly<Record<Exclude<Standing, 'ready'>, string>> = {
  busy: 'all that offer it are at their capacity',
  degraded: 'none that offers it is in good health',
  open: 'the breakers of all that offer it are open; this one is tried again first',
};

/** In a line. `offered` could be chosen from, of `all` that offer it. */
export function reasonOf(
  best: Scored,
  { offered, all }: { readonly offered: number; readonly all: number },
  { tried = [] }: SelectRequest,
  strategy: Strategy,
): string {
  const standing = standingOf(best.candidate);
  const after = tried.length === 0 ? '' : `, after ${tried.at(-1) ?? ''} failed`;
  if (offered === 1) return `${all === 1 ? 'the only one that offers it' : 'the only one left'}${after}`;
  if (standing === 'open') return STANDS.open;
  return `${WORDS[strategy]}${standing === 'ready' ? '' : `; ${STANDS[standing]}`}${after}`;
}

/** A candidate with its score, and the parts of it. */
export function candidateLine({ offer, candidate, score }: Scored, bests: Bests): Readonly<Record<string, unknown>> {
  const standing = standingOf(candidate);
  const { match, load, queue, latency, cost, reliability, affinity } = partsOf(candidate, bests);
  const line = {
    agent: offer.names.reference,
    score: rounded(score),
    match: rounded(match),
    load: rounded(load),
    queue: rounded(queue),
    latency: rounded(latency),
    cost: rounded(cost),
    reliability: rounded(reliability),
    affinity: rounded(affinity),
  };
  if (standing === 'ready') return line;
  return { ...line, status: standing, ...(candidate.waitMs > 0 && { retryAfterMs: candidate.waitMs }) };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
