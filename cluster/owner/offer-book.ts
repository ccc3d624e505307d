/** Where an owner lists the agents that its workers offer. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import type { Registry } from '../../actors/registry.ts';
import type { Roster } from '../../actors/roster/roster.ts';

/** Where agents are listed: the registry and all that goes with it. */
export interface OfferBook {
  /** By `name@version`; also one that gets no new work any more. */
  known(reference: string): AgentDefinition | undefined;
  /** Errors: STATE_CONFLICT, BUSY. */
  enlist(agent: AgentDefinition): void;
  /** In place of the one of the same name and version. Errors: NOT_FOUND. */
  replace(agent: AgentDefinition): void;
  /** Whether it gets no new work any more. */
  isRetired(agent: AgentDefinition): boolean;
}

/** The book of a node: its registry, and its roster. */
export function offerBookOf(staff: { readonly registry: Registry; readonly roster: Roster }): OfferBook {
  const { registry, roster } = staff;
  return {
    known: (reference) => registry.known(reference),
    enlist: (agent) => roster.enlist(agent, 'node'),
    replace: (agent) => roster.replace(agent, 'node'),
    isRetired: (agent) => registry.isRetired(agent),
  };
}
