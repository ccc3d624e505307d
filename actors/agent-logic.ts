/**
 * Turns a definition into the logic its actors are made of: the function form runs on the product's own flat logic, the
 * machine form is the developer's XState machine, hosted. Both get at the world through the performer made here.
 */
import { inspect } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { EffectCall, RefusableCall } from '../runtime/effects.ts';
import { flatFactory } from '../runtime/flat-logic.ts';
import { machineFactory } from '../runtime/machine-host.ts';
import type { MachineOptions } from '../runtime/machine-options.ts';
import { withParent } from '../runtime/machine-parent.ts';
import type { World } from '../runtime/world.ts';
import { performCall } from './agent-call.ts';
import { type CallerContext, type ContextDeps, createContext, journalOf } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { lintOf } from './agent-lint.ts';
import { namesOf } from './agent-names.ts';
import type { CallPlacing } from './call-placing.ts';
import { parseInput } from './agent-schemas.ts';
import { takeOver, type TakeoverLogic } from './migration.ts';
import { runLogic, type RunInput } from './run.ts';

/** Of what one `log` action says. */
const LOGGED_CHARACTERS_MAX = 4_000;

/** What an agent's logic is made with. */
export type LogicDeps = ContextDeps & {
  /** Where its calls are made. Default: here. */
  readonly placing?: CallPlacing;
};

/** The logic of one agent. Errors: UNSUPPORTED_LOGIC for a machine that cannot be kept over a restart. */
export function agentLogic(definition: AgentDefinition, deps: LogicDeps): InstalledLogic {
  const { placing } = deps;
  const logic = localLogic(definition, deps);
  if (placing === undefined) return logic;
  // It changes as nodes come and go.
  return Object.defineProperty({ ...logic }, 'laneLimit', { get: () => placing.capacityOf(definition) });
}

function localLogic(definition: AgentDefinition, deps: LogicDeps): InstalledLogic {
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
      perform: (call, spec) => perform(definition, deps, call, spec),
    };
  }
  const factory = flatFactory(runLogic(name, definition.version, definition.kind));
  return {
    ...base,
    ...upgradable(definition, name, factory),
    factory,
    perform: (call, spec) => perform(definition, deps, call, spec),
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

async function perform(
  definition: AgentDefinition,
  deps: LogicDeps,
  call: RefusableCall,
  spec: ChildSpec,
): Promise<unknown> {
  const work = workOf(definition, call, spec);
  const { deadlineAtMs } = spec;
  const context = (made: EffectCall): CallerContext => createContext(deps, journalName(spec), work, made, deadlineAtMs);
  const here = (): Promise<unknown> => performCall(definition, call, work.input, context(call));
  if (deps.placing === undefined) return await here();
  return await deps.placing.perform({ definition, call, work, deadlineAtMs, context, here });
}

/** What a call is made for; a keyed agent works for no task. */
function workOf({ keyed }: Pick<AgentDefinition, 'keyed'>, call: EffectCall, { input }: ChildSpec): RunInput {
  return keyed ? { task: '', step: '', attempt: 1, owner: call.address, input: undefined } : (input as RunInput);
}

/** `name@version` of the agent that began the work: another version that takes it over finds what that one recorded. */
function journalName({ logic, begunAs = logic }: ChildSpec): string {
  return begunAs.slice('agent:'.length);
}
