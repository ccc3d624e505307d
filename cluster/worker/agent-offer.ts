/** What a worker says of an agent: all that an owner must know of it without its code. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { schemaOf } from '../../actors/registry.ts';
import type { AgentOffer } from '../../protocol/mesh-messages.ts';
import { structureHash } from '../../runtime/machine-structure.ts';

/** The offer of an agent. `shape`: that of its machine as its turns are made here, where that differs from the machine's own. */
export function agentOffer(definition: AgentDefinition, isHealthy: boolean, shape?: string): AgentOffer {
  const { name, version, description, capabilities, machine, keyed, kind, concurrency, timeoutMs } = definition;
  const { retry, breaker, cost, cache, labels, effects, on, via } = definition;
  const input = schemaOf(definition.input, 'input');
  const output = schemaOf(definition.output, 'output');
  return {
    ...{ name, version, capabilities: [...capabilities], form: machine === undefined ? 'function' : 'machine' },
    ...{ keyed, kind, concurrency, timeoutMs, retry: { ...retry }, breaker: { ...breaker }, isHealthy },
    ...(description !== undefined && { description }),
    ...(cost !== undefined && { cost }),
    ...(cache !== undefined && { cache }),
    ...(labels !== undefined && { labels }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(effects !== undefined && { effects: kindsOf(effects) }),
    ...(machine !== undefined && { structureHash: shape ?? structureHash(machine) }),
    ...(on !== undefined && { on }),
    ...(via !== undefined && { via }),
  };
}

function kindsOf(effects: NonNullable<AgentDefinition['effects']>): NonNullable<AgentOffer['effects']> {
  return Object.fromEntries(Object.entries(effects).map(([name, { kind }]) => [name, kind ?? 'keyed']));
}
