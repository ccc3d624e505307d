/**
 * Turns a definition into the logic its actors are made of: the function form runs on the product's own flat logic, the
 * machine form is the developer's XState machine, hosted. Both get at the world through the performer made here.
 */
import { inspect } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import type { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { EffectCall } from '../runtime/effects.ts';
import { flatFactory } from '../runtime/flat-logic.ts';
import type { HostPort } from '../runtime/host.ts';
import type { AskInput, PublishInput } from '../runtime/machine-messages.ts';
import { machineFactory } from '../runtime/machine-host.ts';
import type { MachineOptions } from '../runtime/machine-options.ts';
import { withParent } from '../runtime/machine-parent.ts';
import { type MachineScope, machineScopes } from '../runtime/machine-references.ts';
import type { World } from '../runtime/world.ts';
import { type AgentContext, type ContextDeps, createContext, journalOf } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { lintOf } from './agent-lint.ts';
import { namesOf } from './agent-names.ts';
import type { Probe } from './doubt.ts';
import { takeOver, type TakeoverLogic } from './migration.ts';
import { runLogic, type RunInput } from './run.ts';

const ISSUES_SHOWN_MAX = 20;
/** Of what one `log` action says. */
const LOGGED_CHARACTERS_MAX = 4_000;

/** The logic of one agent. Errors: UNSUPPORTED_LOGIC for a machine that cannot be kept over a restart. */
export function agentLogic(definition: AgentDefinition, deps: ContextDeps & { readonly world: World }): InstalledLogic {
  const { reference, logic: name, lane } = namesOf(definition);
  const base = {
    name,
    kind: 'agent',
    lane,
    laneLimit: definition.concurrency,
    timeoutMs: definition.timeoutMs,
  } as const;
  if (definition.machine !== undefined) {
    const factory = hosted(definition.machine, reference, {
      logicId: name,
      logicVersion: definition.version,
      world: deps.world,
      kindOf: (call) => definition.effects?.[call.replace(/^effect:/, '')]?.kind,
      ...(definition.classes !== undefined && { classes: definition.classes }),
      ...voices(reference, deps),
      ...(!definition.keyed && {
        parentOf: (port) => ((port as CellPort).input as RunInput).owner,
        toParent: (address, event) => ({ type: 'run.told', address, event }),
      }),
    });
    for (const { level: severity, ...finding } of lintOf(definition))
      deps.log.warn('The linter has found something in a machine.', { agent: reference, severity, ...finding });
    return {
      ...base,
      ...upgradable(definition, name, factory),
      factory: withSchemas(factory, definition),
      runsUserCode: true,
      ...(definition.keyed && {
        outlived: (spec, key, row) => {
          const records = journalOf(journalName(spec), key);
          return row.startsWith(`${records}/`) || row.startsWith(`${records}~`);
        },
        // What was asked is left to itself; whatever else was done must not be done again should the call come back.
        forsaken: (spec, key, row) =>
          row.startsWith(`${journalOf(journalName(spec), key)}/`) && /\/ctx\.ask#\d+$/.test(row),
      }),
      perform: (call, spec) => performNamed(definition, deps, call, spec),
    };
  }
  const factory = flatFactory(runLogic(name, definition.version, definition.kind));
  return {
    ...base,
    ...upgradable(definition, name, factory),
    factory,
    perform: (call, spec) => performRun(definition, deps, call, spec),
  };
}

/**
 * As much of the logic of an agent as it takes to take its stored actors over, on a node that does not run.
 * Errors: UNSUPPORTED_LOGIC.
 */
export function takeoverLogic(definition: AgentDefinition, world: World): TakeoverLogic {
  const { name: agent, version: logicVersion, machine, classes, kind } = definition;
  const reference = `${agent}@${logicVersion}`;
  const name = `agent:${reference}`;
  const options = { logicId: name, logicVersion, world, ...(classes !== undefined && { classes }) };
  return {
    name,
    factory:
      machine === undefined ? flatFactory(runLogic(name, logicVersion, kind)) : hosted(machine, reference, options),
  };
}

/** How cells that another version or shape of the agent stored are taken over. */
function upgradable(
  definition: AgentDefinition,
  name: string,
  factory: InstalledLogic['factory'],
): Pick<InstalledLogic, 'upgrade'> {
  return {
    upgrade: (stored) => {
      const takeover = takeOver(definition, { name, factory }, stored);
      if (takeover.refusal !== undefined) throw takeover.refusal;
      return takeover.snapshot;
    },
  };
}

/** Where a machine's `log` actions go, and what becomes of what it writes to a parent that it does not have. */
function voices(agent: string, deps: ContextDeps): Pick<MachineOptions, 'log' | 'onUndelivered'> {
  return {
    log: (actor, ...what) => {
      const words = what.map((one) => (typeof one === 'string' ? one : inspect(one, { breakLength: Infinity })));
      deps.log.info(words.join(' ').slice(0, LOGGED_CHARACTERS_MAX), { agent, actor });
    },
    onUndelivered: (actor, error) => {
      deps.undeliverable('no_parent', actor);
      deps.log.warn('A message reached nobody.', { agent, actor, code: error.code, error: error.message });
    },
  };
}

/** The factory of a machine; a refusal names the agent. */
function hosted(machine: AnyStateMachine, agent: string, options: MachineOptions): InstalledLogic['factory'] {
  try {
    return machineFactory(machine, options);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    throw new OperatingError(error.code, `The agent ${agent}: ${error.message}`, {
      details: error.details,
      cause: error,
    });
  }
}

/** Machines get the input as their schema gives it, and what they put out is held against theirs. */
function withSchemas(factory: InstalledLogic['factory'], definition: AgentDefinition): InstalledLogic['factory'] {
  return {
    ...factory,
    create: (port, work) => {
      const { input, seed, owner } = (definition.keyed ? { input: work } : work) as Partial<RunInput>;
      if (seed === undefined) return factory.create(port, definition.keyed ? work : parseInput(definition, input));
      if (seed.structureHash !== factory.structureHash) throw otherShape(definition);
      return factory.restore(port, factory.decode(withParent(seed.snapshot, owner ?? '')));
    },
    restore: (port, checkpoint) => factory.restore(port, checkpoint),
  };
}

function otherShape({ name, version }: AgentDefinition): OperatingError {
  const message = `${name}@${version} has another shape than the state that it was to go on from.`;
  return new OperatingError('VERSION_MISMATCH', message);
}

async function performRun(
  definition: AgentDefinition,
  deps: ContextDeps,
  call: EffectCall,
  spec: ChildSpec,
): Promise<unknown> {
  const work = spec.input as RunInput;
  const ctx = createContext(deps, journalName(spec), work, call, spec.deadlineAtMs);
  const run = definition.run as NonNullable<AgentDefinition['run']>;
  const input = parseInput(definition, work.input);
  if (definition.kind !== 'unsafe') return parseOutput(definition, await run({ input, ctx }));
  // Its step keeps what came of it: no other attempt may make it again.
  const { probe } = definition;
  const options = { kind: 'unsafe', ...(probe !== undefined && { probe: ofInput(probe, input) }) } as const;
  return parseOutput(definition, await ctx.once(() => run({ input, ctx }), options));
}

/** The probe of a whole run is given the run's input. */
function ofInput(probe: Probe, input: unknown): Probe {
  return (question) => probe({ ...question, input });
}

/** `name@version` of the agent that began the work: another version that takes it over finds what that one recorded. */
function journalName({ logic, begunAs = logic }: ChildSpec): string {
  return begunAs.slice('agent:'.length);
}

/** A call that a machine asked for by name: one of its own effects, or a worker thread. */
async function performNamed(
  definition: AgentDefinition,
  deps: ContextDeps,
  call: EffectCall,
  spec: ChildSpec,
): Promise<unknown> {
  const keyed: RunInput = { task: '', step: '', attempt: 1, owner: call.address, input: undefined };
  const ctx = createContext(
    deps,
    journalName(spec),
    definition.keyed ? keyed : (spec.input as RunInput),
    call,
    spec.deadlineAtMs,
  );
  if (call.kind !== 'unsafe') return await performOne(definition, call, ctx);
  const { probe } = definition.effects?.[effectName(call)] ?? {};
  const options = { kind: 'unsafe', args: call.input, ...(probe !== undefined && { probe }) } as const;
  return await ctx.once(() => performOne(definition, call, ctx), options);
}

function effectName({ name }: EffectCall): string {
  return name.startsWith('effect:') ? name.slice('effect:'.length) : '';
}

async function performOne(definition: AgentDefinition, call: EffectCall, ctx: AgentContext): Promise<unknown> {
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

/** Errors: INVALID_INPUT, with what is wrong where. */
export function parseInput(definition: Pick<AgentDefinition, 'name' | 'input'>, input: unknown): unknown {
  const { input: schema, name } = definition;
  if (schema === undefined) return input;
  // What escapes from a check of the developer's own is no fault of the node, also where there is no actor yet.
  const scope = machineScopes.getStore() ?? strayScope(name);
  const parsed = machineScopes.run(scope, () => schema.safeParse(input));
  if (parsed.success) return parsed.data;
  throw new OperatingError('INVALID_INPUT', `The input does not fit ${definition.name}: ${wordsOf(parsed.error)}`, {
    details: { issues: issuesOf(parsed.error) },
  });
}

/** Whose code it is that runs for an agent before any actor of it is there: an error that escapes is told, and harms nobody. */
function strayScope(agent: string): MachineScope {
  const port = { address: `the input schema of ${agent}`, fail: () => {} } as unknown as HostPort;
  return { port, forward: () => {} };
}

function parseOutput(definition: Pick<AgentDefinition, 'name' | 'output'>, output: unknown): unknown {
  if (definition.output === undefined) return output;
  const parsed = definition.output.safeParse(output);
  if (parsed.success) return parsed.data;
  throw new OperatingError(
    'INVALID_OUTPUT',
    `What ${definition.name} returned does not fit its own output schema: ${wordsOf(parsed.error)}`,
    { details: { issues: issuesOf(parsed.error) } },
  );
}

function issuesOf(error: z.ZodError): readonly { readonly path: string; readonly message: string }[] {
  return error.issues
    .slice(0, ISSUES_SHOWN_MAX)
    .map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
}

function wordsOf(error: z.ZodError): string {
  return issuesOf(error)
    .map((issue) => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
    .join('; ');
}
