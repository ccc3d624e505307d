/**
 * What an agent is called by the rest of the node. The names are made once for each definition: each actor and each step holds
 * some, and strings of their own would weigh on every one.
 */
import { type AgentDefinition, agentSupervisor } from './agent-definition.ts';

/** The names of one agent. */
export interface AgentNames {
  /** `name@version`. */
  readonly reference: string;
  /** The logic of its actors, in the kernel. */
  readonly logic: string;
  /** The address of the supervisor of its actors. */
  readonly supervisor: string;
  /** The lane of its calls, shared by all of its versions. */
  readonly lane: string;
}

const known = new WeakMap<AgentDefinition, AgentNames>();

/** The names of an agent. */
export function namesOf(definition: AgentDefinition): AgentNames {
  const found = known.get(definition);
  if (found !== undefined) return found;
  const { name, version } = definition;
  const reference = `${name}@${version}`;
  const names = { reference, logic: `agent:${reference}`, supervisor: agentSupervisor(name), lane: `agent:${name}` };
  known.set(definition, names);
  return names;
}
