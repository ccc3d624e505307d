/**
 * Chooses the agent for a step. By name there is one; by capability the least busy of those that offer it, measured by the
 * calls under way and waiting against what each may do at once. Those whose breaker turns calls away are passed over as long
 * as there is another; where there is none, the one that comes back first is chosen. The choice says why, with the figures of
 * each candidate.
 */
import { OperatingError } from '../protocol/errors.ts';
import { closestName } from './workflow/graph-suggestion.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import type { BreakerGate } from './breaker-gate.ts';
import type { Registry } from './registry.ts';

/** The choice of an agent, and why. */
export interface Choice {
  readonly agent: AgentDefinition;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Tells how busy an agent is. */
export interface LaneReader {
  laneFigures(name: string): { readonly running: number; readonly waiting: number };
}

/** Candidates that a choice names with their figures. */
const SHOWN_MAX = 8;

/** The selector of one node. */
export class Selector {
  readonly #registry: Registry;
  readonly #lanes: LaneReader;
  readonly #breakers: Pick<BreakerGate, 'waitMs'>;

  constructor(registry: Registry, lanes: LaneReader, breakers: Pick<BreakerGate, 'waitMs'>) {
    this.#registry = registry;
    this.#lanes = lanes;
    this.#breakers = breakers;
  }

  /**
   * Errors: NO_AGENT, with the nearest names where there are some. `not` are left out, and so are those whose run may cost more
   * than `budgetLeftUsd`.
   */
  choose(
    target: { readonly agent?: string; readonly capability?: string },
    not: readonly string[],
    { budgetLeftUsd = Infinity }: { readonly budgetLeftUsd?: number } = {},
  ): Choice {
    if (target.agent !== undefined) {
      const agent = this.#registry.agent(target.agent);
      if (agent === undefined) throw unknownAgent(target.agent, this.#registry);
      return { agent, data: { agent: `${agent.name}@${agent.version}`, why: 'named' } };
    }
    const capability = target.capability ?? '';
    const candidates = this.#registry
      .withCapability(capability)
      .filter((agent) => !not.includes(`${agent.name}@${agent.version}`) && (agent.cost?.usd ?? 0) <= budgetLeftUsd);
    const first = candidates[0];
    if (first === undefined) throw unknownCapability(capability, this.#registry);
    if (candidates.length === 1)
      return {
        agent: first,
        data: { agent: `${first.name}@${first.version}`, capability, why: 'the only one that offers it' },
      };
    const scored = candidates.map((agent) => ({
      agent,
      load: this.#load(agent),
      waitMs: this.#breakers.waitMs(agent.name),
    }));
    const best = scored.reduce((least, one) => (isBetter(one, least) ? one : least));
    const isSkipping = best.waitMs === 0 && scored.some(({ waitMs }) => waitMs > 0);
    return {
      agent: best.agent,
      data: {
        agent: `${best.agent.name}@${best.agent.version}`,
        capability,
        why: whyOf(best.waitMs, isSkipping),
        candidates: scored.slice(0, SHOWN_MAX).map(({ agent, load, waitMs }) => ({
          agent: `${agent.name}@${agent.version}`,
          load: Math.round(load * 1000) / 1000,
          ...(waitMs > 0 && { breaker: 'open', retryAfterMs: waitMs }),
        })),
      },
    };
  }

  /** Calls under way and waiting, as a share of what may be under way at once. */
  #load(agent: AgentDefinition): number {
    const { running, waiting } = this.#lanes.laneFigures(namesOf(agent).lane);
    return (running + waiting) / agent.concurrency;
  }
}

interface Scored {
  readonly load: number;
  readonly waitMs: number;
}

function isBetter(one: Scored, other: Scored): boolean {
  return one.waitMs === other.waitMs ? one.load < other.load : one.waitMs < other.waitMs;
}

function whyOf(waitMs: number, isSkipping: boolean): string {
  if (waitMs > 0) return 'the breakers of all that offer it are open; this one is tried again first';
  return isSkipping ? 'the least busy that offers it and whose breaker is not open' : 'the least busy that offers it';
}

/** NO_AGENT for a name nobody has. */
export function unknownAgent(reference: string, registry: Registry): OperatingError {
  const near = closestName(reference, registry.names());
  const hint = near === undefined ? 'List what is loaded with agent.list or `troupe agents`.' : `Did you mean ${near}?`;
  return new OperatingError('NO_AGENT', `No agent ${reference} is loaded here. ${hint}`, {
    retryable: false,
    details: { agent: reference, ...(near !== undefined && { suggestion: near }) },
  });
}

/** NO_AGENT for a capability nobody offers. */
export function unknownCapability(capability: string, registry: Registry): OperatingError {
  const near = closestName(capability, [...new Set(registry.agents().flatMap((agent) => agent.capabilities))]);
  const hint = near === undefined ? 'List what is loaded with agent.list or `troupe agents`.' : `Did you mean ${near}?`;
  return new OperatingError('NO_AGENT', `No agent that is loaded here offers ${capability}. ${hint}`, {
    retryable: false,
    details: { capability, ...(near !== undefined && { suggestion: near }) },
  });
}
