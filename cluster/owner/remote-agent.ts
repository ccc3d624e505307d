/** An agent whose code is on other nodes: what this node knows of it is what they offer. */
import { createMachine } from 'xstate';
import { z } from 'zod';
import { canonicalHash } from '../../actors/canonical.ts';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { schemaOf as jsonSchemaOf } from '../../actors/registry.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { AgentOffer } from '../../protocol/mesh-messages.ts';
import { LINT_RULES } from '../../runtime/machine-lint.ts';
import { meaningOf } from './schema-meaning.ts';

/** Each with the offer that it was made from. */
const remote = new WeakMap<AgentDefinition, AgentOffer>();

/** Whether nobody on this node has its code. */
export function isRemote(definition: AgentDefinition): boolean {
  return remote.has(definition);
}

/** The shape of a machine whose code is on other nodes alone; undefined for any other agent. */
export function shapeOf(definition: AgentDefinition): string | undefined {
  const offer = remote.get(definition);
  return offer?.form === 'machine' ? (offer.structureHash ?? '') : undefined;
}

/** The definition of an agent that a worker offers. Errors: INVALID_INPUT, with what is wrong with the offer. */
export function remoteAgent(offer: AgentOffer, nodeLabels: Readonly<Record<string, string>>): AgentDefinition {
  const { name, version, description, capabilities, kind, concurrency, timeoutMs, cost, cache, via } = offer;
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
    ...(offer.form === 'function' ? { run: absent(offer) } : machineOptions(offer)),
  };
  const definition = defineAgent(options);
  remote.set(definition, offer);
  return definition;
}

/** What stands for code that is not here. */
function absent({ name, version }: AgentOffer): () => never {
  return () => {
    throw new OperatingError('UNAVAILABLE', `The code of ${name}@${version} is not on this node.`);
  };
}

/** An empty machine stands for the one that is elsewhere: nobody makes an actor of it (cluster/owner/remote-machine.ts). */
function machineOptions(offer: AgentOffer): Pick<AgentOptions, 'machine' | 'keyed' | 'effects' | 'lint'> {
  const effects = Object.entries(offer.effects ?? {}).map(
    ([name, kind]) => [name, { kind, run: absent(offer) }] as const,
  );
  return {
    machine: createMachine({ id: offer.name }),
    keyed: offer.keyed,
    effects: Object.fromEntries(effects),
    lint: { ignore: LINT_RULES },
  };
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

/** Whether two agents of workers are offered alike: not how they are just now, but what they are. */
export function isSameOffer(one: AgentDefinition, other: AgentDefinition): boolean {
  const [a, b] = [one, other].map((agent) => {
    const offer = remote.get(agent);
    return offer === undefined ? undefined : canonicalHash({ ...offer, labels: agent.labels, isHealthy: undefined });
  });
  return a !== undefined && a === b;
}

/** Why a worker's agent cannot stand beside one of the same name and version that is here already; undefined where it can. */
export function misfitOf(known: AgentDefinition, offer: AgentOffer): string | undefined {
  const form = known.machine === undefined ? 'function' : 'machine';
  if (offer.form !== form) return `it is a ${offer.form} there, and a ${form} here`;
  if (offer.keyed !== known.keyed) return 'it is keyed on one of the two alone';
  if (offer.kind !== known.kind) return `its kind is ${offer.kind} there, and ${known.kind} here`;
  const shape = shapeOf(known);
  if (shape !== undefined && shape !== offer.structureHash)
    return 'its machine has another shape there than on other nodes. A changed machine needs a new version';
  return undefined;
}

/** Which schema of a worker's agent is another than that of the same name and version here; undefined where both are the same. */
export function otherSchemaOf(known: AgentDefinition, offer: AgentOffer): 'input' | 'output' | undefined {
  const kept = remote.get(known);
  return (['input', 'output'] as const).find((io) => {
    const here = kept === undefined ? jsonSchemaOf(known[io], io) : kept[io];
    return canonicalHash(meaningOf(here)) !== canonicalHash(meaningOf(offer[io]));
  });
}
