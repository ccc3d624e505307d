/** An agent whose code is on other nodes: what this node knows of it is what they offer. */
import { z } from 'zod';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { AgentOffer } from '../../protocol/mesh-messages.ts';

const remote = new WeakSet<AgentDefinition>();

/** Whether nobody on this node has its code. */
export function isRemote(definition: AgentDefinition): boolean {
  return remote.has(definition);
}

/** The definition of an agent that a worker offers. Errors: INVALID_INPUT, with what is wrong with the offer. */
export function remoteAgent(offer: AgentOffer, nodeLabels: Readonly<Record<string, string>>): AgentDefinition {
  const { name, version, description, capabilities, kind, concurrency, timeoutMs, cost, cache, via } = offer;
  if (offer.form === 'machine')
    throw new OperatingError('NOT_AVAILABLE', `${name}@${version} is a machine, and its code is not on this node.`);
  const options: AgentOptions = {
    ...{ name, version, capabilities, kind, concurrency, timeoutMs },
    retry: offer.retry,
    breaker: offer.breaker,
    labels: { ...nodeLabels, ...offer.labels },
    ...(description !== undefined && { description }),
    ...(cost !== undefined && { cost }),
    ...(cache !== undefined && { cache }),
    ...(via !== undefined && { via }),
    ...(offer.on !== undefined && { on: offer.on as NonNullable<AgentOptions['on']> }),
    ...schemas(offer),
    run: () => {
      throw new OperatingError('UNAVAILABLE', `The code of ${name}@${version} is not on this node.`);
    },
  };
  const definition = defineAgent(options);
  remote.add(definition);
  return definition;
}

/** Its schemas. One that says more than can be read here checks nothing here: its own node holds everything against it again. */
function schemas({ input, output }: AgentOffer): Pick<AgentOptions, 'input' | 'output'> {
  const read = { input: schemaOf(input), output: schemaOf(output) };
  return {
    ...(read.input !== undefined && { input: read.input }),
    ...(read.output !== undefined && { output: read.output }),
  };
}

function schemaOf(json: unknown): z.ZodType | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  try {
    return z.fromJSONSchema(json as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return undefined;
  }
}

/** Why a worker's agent cannot stand beside one of the same name and version that is here already; undefined where it can. */
export function misfitOf(known: AgentDefinition, offer: AgentOffer): string | undefined {
  const form = known.machine === undefined ? 'function' : 'machine';
  if (offer.form !== form) return `it is a ${offer.form} there, and a ${form} here`;
  if (offer.keyed !== known.keyed) return 'it is keyed on one of the two alone';
  if (offer.kind !== known.kind) return `its kind is ${offer.kind} there, and ${known.kind} here`;
  return undefined;
}
