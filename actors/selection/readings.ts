/** How an agent stands at this moment: its work, its breaker, its health, its past runs. Read anew with each choice and each look. */
import type { LaneFigures } from '../../runtime/lanes.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { type AgentNames, namesOf } from '../agent-names.ts';
import type { BreakerGate } from '../breaker-gate.ts';
import type { Evidence } from '../figures/run-figure.ts';
import { type Candidate, type Standing, standingOf } from './candidate.ts';

/** What readings are taken from. */
export interface ReadingDeps {
  readonly breakers: Pick<BreakerGate, 'waitMs'>;
  laneFigures(lane: string): LaneFigures;
  /** Actors of this logic that work for somebody. */
  inHand(logic: string): number;
  /** Calls of it at one time. */
  capacityOf(agent: AgentDefinition): number;
  isFailing(agent: AgentDefinition, names: AgentNames): boolean;
  /** What is known of past runs as of now; undefined where there were none. */
  evidenceOf(reference: string): Evidence | undefined;
}

/** One reading: what a choice goes by, and what people want to know beside that. */
export interface Reading extends Candidate {
  /** Calls under way, and attempts at work. */
  readonly running: number;
  readonly inHand: number;
}

const NOTHING_KNOWN: Omit<Evidence, 'usd'> = { p50Ms: 0, timed: 0, good: 0, bad: 0 };

/** The readings of one node. */
export class Readings {
  readonly #deps: ReadingDeps;

  constructor(deps: ReadingDeps) {
    this.#deps = deps;
  }

  /** `match` and `affinity` are of the choice that it is for. One literal: many are read for one choice. */
  of(agent: AgentDefinition, names: AgentNames = namesOf(agent), match = 1, affinity = 0): Reading {
    const deps = this.#deps;
    const { running, waiting, resting } = deps.laneFigures(names.lane);
    const inHand = deps.inHand(names.logic);
    const evidence = deps.evidenceOf(names.reference);
    const known = evidence ?? NOTHING_KNOWN;
    return {
      match,
      // What an attempt was begun for is in hand before its call is in the lane. A machine may have much in hand that only waits.
      taken: agent.machine === undefined ? Math.max(running + waiting, inHand - resting) : running + waiting,
      waiting,
      capacity: deps.capacityOf(agent),
      waitMs: deps.breakers.waitMs(agent.name),
      isFailing: deps.isFailing(agent, names),
      p50Ms: known.p50Ms,
      timed: known.timed,
      usd: evidence === undefined ? costOf(agent) : evidence.usd,
      good: known.good,
      bad: known.bad,
      affinity,
      running,
      inHand,
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
