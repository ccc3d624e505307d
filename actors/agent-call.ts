/**
 * Makes the calls of an agent: its function, or what its machine asks for by name. By the definition and a context alone, so that it
 * is the same on the node that keeps the agent's actors and on any other that has its code.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { EffectCall } from '../runtime/effects.ts';
import { copyOutput, copyValue } from '../runtime/value-copy.ts';
import type { AskInput, PublishInput } from '../runtime/machine-messages.ts';
import type { AgentContext, CallerContext } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { parseInput, parseOutput } from './agent-schemas.ts';
import { outputFault } from './output-fault.ts';
import type { Probe } from './doubt.ts';

/** What of a call its performer goes by. */
type NamedCall = Pick<EffectCall, 'name' | 'kind' | 'input'>;

/**
 * Makes a call; `given` is the input of the work that it is made for.
 * Errors: INVALID_INPUT, INVALID_OUTPUT, NOT_AVAILABLE, the code's own.
 */
export async function performCall(
  definition: AgentDefinition,
  call: NamedCall,
  given: unknown,
  ctx: CallerContext,
): Promise<unknown> {
  // What goes to a machine and comes from it is converted at its border, which knows of more than a copy does.
  return definition.machine === undefined
    ? await performRun(definition, copyValue(given), ctx)
    : await performNamed(definition, call, ctx);
}

async function performRun(definition: AgentDefinition, given: unknown, ctx: CallerContext): Promise<unknown> {
  const run = definition.run as NonNullable<AgentDefinition['run']>;
  const input = parseInput(definition, given);
  if (definition.kind !== 'unsafe') return ownOutput(definition, await run({ input, ctx }));
  // Its step keeps what came of it: no other attempt may make it again.
  const { probe } = definition;
  const options = { kind: 'unsafe', ...(probe !== undefined && { probe: ofInput(probe, input) }) } as const;
  return ownOutput(definition, await ctx.once(() => run({ input, ctx }), options));
}

/** A copy of what can be an output. What is too large is not copied to know it. Errors: INVALID_OUTPUT. */
function ownOutput(definition: AgentDefinition, returned: unknown): unknown {
  const { name } = definition;
  return copyOutput(parseOutput(definition, returned), name, (output) => outputFault(output, name));
}

/** The probe of a whole run is given the run's input. */
function ofInput(probe: Probe, input: unknown): Probe {
  return (question) => probe({ ...question, input });
}

/** A call that a machine asked for by name: one of its own effects, or a worker thread. */
async function performNamed(definition: AgentDefinition, call: NamedCall, ctx: CallerContext): Promise<unknown> {
  if (call.kind !== 'unsafe') return await performOne(definition, call, ctx);
  const { probe } = definition.effects?.[effectName(call)] ?? {};
  const options = { kind: 'unsafe', args: call.input, ...(probe !== undefined && { probe }) } as const;
  return await ctx.once(() => performOne(definition, call, ctx), options);
}

function effectName({ name }: NamedCall): string {
  return name.startsWith('effect:') ? name.slice('effect:'.length) : '';
}

async function performOne(definition: AgentDefinition, call: NamedCall, ctx: AgentContext): Promise<unknown> {
  if (call.name === 'worker') {
    const { module, name, input } = call.input as {
      readonly module: string;
      readonly name?: string;
      readonly input?: unknown;
    };
    return await ctx.worker({ module, input, ...(name !== undefined && { name }) });
  }
  if (call.name === 'ask') {
    const { agent, key, event, timeoutMs } = call.input as AskInput;
    return await ctx.ask(agent, key, event, timeoutMs);
  }
  if (call.name === 'publish') {
    const { topic, data } = call.input as PublishInput;
    return await ctx.publish(topic, data);
  }
  const effect = definition.effects?.[effectName(call)];
  if (effect === undefined)
    throw new OperatingError(
      'NOT_AVAILABLE',
      `${definition.name} has no effect ${call.name}; give it under \`effects\` of defineAgent.`,
    );
  return await effect.run({ input: call.input, ctx });
}
