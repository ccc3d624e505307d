/**
 * Chooses the agent for a step. By name there is one; by capability the least busy of those that offer it, measured by the
 * calls under way and waiting against what each may do at once. The choice says why, with the figures of each candidate.
 */
import { OperatingError } from '../protocol/errors.ts';
import { closestName } from './workflow/graph-suggestion.ts';
import type { AgentDefinition } from './agent-definition.ts';
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

  constructor(registry: Registry, lanes: LaneReader) {
    this.#registry = registry;
    this.#lanes = lanes;
  }

  /** Errors: NO_AGENT, with the nearest names where there are some. `not` are left out. */
  choose(target: { readonly agent?: string; readonly capability?: string }, not: readonly string[]): Choice {
    if (target.agent !== undefined) {
      const agent = this.#registry.agent(target.agent);
      if (agent === undefined) throw unknownAgent(target.agent, this.#registry);
      return { agent, data: { agent: `${agent.name}@${agent.version}`, why: 'named' } };
    }
    const capability = target.capability ?? '';
    const candidates = this.#registry
      .withCapability(capability)
      .filter((agent) => !not.includes(`${agent.name}@${agent.version}`));
    const first = candidates[0];
    if (first === undefined) throw unknownCapability(capability, this.#registry);
    if (candidates.length === 1)
      return {
        agent: first,
        data: { agent: `${first.name}@${first.version}`, capability, why: 'the only one that offers it' },
      };
    const scored = candidates.map((agent) => ({ agent, load: this.#load(agent) }));
    const best = scored.reduce((least, one) => (one.load < least.load ? one : least));
    return {
      agent: best.agent,
      data: {
        agent: `${best.agent.name}@${best.agent.version}`,
        capability,
        why: 'the least busy that offers it',
        candidates: scored.slice(0, SHOWN_MAX).map((one) => ({
          agent: `${one.agent.name}@${one.agent.version}`,
          load: Math.round(one.load * 1000) / 1000,
        })),
      },
    };
  }

  /** Calls under way and waiting, as a share of what may be under way at once. */
  #load(agent: AgentDefinition): number {
    const { running, waiting } = this.#lanes.laneFigures(`agent:${agent.name}`);
    return (running + waiting) / agent.concurrency;
  }
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
