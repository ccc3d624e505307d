/** How an agent stands at this moment: its work, its breaker, its health, its past runs. Read anew with each choice and each look. */
import type { LaneFigures } from '../../runtime/effects.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { type AgentNames, namesOf } from '../agent-names.ts';
import type { BreakerGate } from '../breaker-gate.ts';
import type { Evidence } from '../figures/run-figure.ts';
import { type Standing, standingOf } from './score.ts';

/** What readings are taken from. */
export interface ReadingDeps {
  readonly breakers: Pick<BreakerGate, 'waitMs'>;
  laneFigures(lane: string): LaneFigures;
  /** Actors of this logic that work for somebody. */
  inHand(logic: string): number;
  /** By `name@version`. */
  isFailing(reference: string): boolean;
  /** What is known of past runs as of now; undefined where there were none. */
  evidenceOf(reference: string): Evidence | undefined;
}

/** One reading. */
export interface Reading extends Evidence {
  /** Calls under way, calls that wait for a place, and attempts at work. */
  readonly running: number;
  readonly waiting: number;
  readonly inHand: number;
  /** What of its capacity is spoken for. */
  readonly taken: number;
  readonly capacity: number;
  /** Until its breaker lets a call in; 0 where it does. */
  readonly waitMs: number;
  readonly isFailing: boolean;
}

/** The readings of one node. */
export class Readings {
  readonly #deps: ReadingDeps;

  constructor(deps: ReadingDeps) {
    this.#deps = deps;
  }

  of(agent: AgentDefinition, { reference, lane, logic }: AgentNames = namesOf(agent)): Reading {
    const deps = this.#deps;
    const { running, waiting, resting } = deps.laneFigures(lane);
    const inHand = deps.inHand(logic);
    const known = deps.evidenceOf(reference);
    return {
      running,
      waiting,
      inHand,
      // What an attempt was begun for is in hand before its call is in the lane. A machine may have much in hand that only waits.
      taken: agent.machine === undefined ? Math.max(running + waiting, inHand - resting) : running + waiting,
      capacity: agent.concurrency,
      waitMs: deps.breakers.waitMs(agent.name),
      isFailing: deps.isFailing(reference),
      p50Ms: known?.p50Ms ?? 0,
      timed: known?.timed ?? 0,
      usd: known?.usd ?? costOf(agent),
      good: known?.good ?? 0,
      bad: known?.bad ?? 0,
    };
  }

  /** How it stands, for those who choose and those who look. */
  standing(agent: AgentDefinition): Standing {
    return standingOf(this.of(agent));
  }
}

/** What a run of an agent costs, as it says, in US dollars. */
export function costOf({ cost }: Pick<AgentDefinition, 'cost'>): number {
  return cost?.usd ?? 0;
}
