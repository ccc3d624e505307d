/**
 * Turns a definition into the logic its actors are made of: the function form runs on the product's own flat logic, the
 * machine form is the developer's XState machine, hosted. Both get at the world through the performer made here.
 */
import type { AnyStateMachine } from 'xstate';
import type { InstalledLogic } from '../runtime/cell.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { EffectCall, RefusableCall } from '../runtime/effects.ts';
import { flatFactory } from '../runtime/flat-logic.ts';
import type { PromiseCalls } from '../runtime/machine-promises.ts';
import type { World } from '../runtime/world.ts';
import { performCall } from './agent-call.ts';
import { type CallerContext, type ContextDeps, createContext, journalOf } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { lintOf } from './agent-lint.ts';
import { agentMachine, hostedMachine, type MachineVoices } from './agent-machine.ts';
import { namesOf } from './agent-names.ts';
import type { CallPlacing } from './call-placing.ts';
import { takeOver, type TakeoverLogic } from './migration.ts';
import { RUN_CALL, runLogic, type RunInput } from './run.ts';

/** What an agent's logic is made with. */
export type LogicDeps = ContextDeps & {
  /** Where its calls are made. Default: here. */
  readonly placing?: CallPlacing;
  /** Where its promises are calls, as they are where only other nodes have its code. */
  readonly promises?: PromiseCalls;
};

/** The logic of one agent. Errors: UNSUPPORTED_LOGIC for a machine that cannot be kept over a restart. */
export function agentLogic(definition: AgentDefinition, deps: LogicDeps): InstalledLogic {
  const { placing } = deps;
  if (placing === undefined) return localLogic(definition, deps);
  const far = placing.machineOf(definition, voicesOf(definition, deps));
  const logic =
    far === undefined
      ? localLogic(definition, deps)
      : { ...baseOf(definition, deps), ...rowsOf(definition), ...far, runsUserCode: true };
  // It changes as nodes come and go.
  return Object.defineProperty({ ...logic }, 'laneLimit', { get: () => placing.capacityOf(definition) });
}

function localLogic(definition: AgentDefinition, deps: LogicDeps): InstalledLogic {
  const { reference, logic: name } = namesOf(definition);
  const base = baseOf(definition, deps);
  if (isMachine(definition)) {
    const { world, promises } = deps;
    const voices = voicesOf(definition, deps);
    const factory = agentMachine(definition, { world, voices, ...(promises !== undefined && { promises }) });
    for (const { level: severity, ...finding } of lintOf(definition))
      deps.log.warn('The linter has found something in a machine.', { agent: reference, severity, ...finding });
    return {
      ...base,
      ...upgradable(definition, name, factory),
      ...rowsOf(definition),
      factory,
      runsUserCode: true,
    };
  }
  const factory = flatFactory(runLogic(name, definition.version, definition.kind));
  return { ...base, ...upgradable(definition, name, factory), factory };
}

function isMachine(definition: AgentDefinition): definition is AgentDefinition & { readonly machine: AnyStateMachine } {
  return definition.machine !== undefined;
}

/** What all of them have, whatever they are and wherever their code is. */
function baseOf(definition: AgentDefinition, deps: LogicDeps): Omit<InstalledLogic, 'factory'> {
  const { logic: name, lane } = namesOf(definition);
  const { concurrency, timeoutMs } = definition;
  return {
    ...{ name, kind: 'agent', lane, laneLimit: concurrency, timeoutMs },
    perform: (call, spec) => perform(definition, deps, call, spec),
  };
}

/** A keyed actor keeps its own journal: its rows go with the calls that they are of. */
function rowsOf({ keyed }: AgentDefinition): Pick<InstalledLogic, 'outlived' | 'forsaken'> {
  if (!keyed) return {};
  return {
    outlived: (spec, key, row) => {
      const records = journalOf(journalName(spec), key);
      return row.startsWith(`${records}/`) || row.startsWith(`${records}~`);
    },
    // What was asked is left to itself; whatever else was done must not be done again should the call come back.
    forsaken: (spec, key, row) =>
      row.startsWith(`${journalOf(journalName(spec), key)}/`) && /\/ctx\.ask#\d+$/.test(row),
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
      machine === undefined
        ? flatFactory(runLogic(name, logicVersion, kind))
        : hostedMachine(machine, reference, options),
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
function voicesOf(definition: AgentDefinition, deps: ContextDeps): MachineVoices {
  const { reference: agent } = namesOf(definition);
  return {
    log: (actor, words) => deps.log.info(words, { agent, actor }),
    onUndelivered: (actor, error) => {
      deps.undeliverable('no_parent', actor);
      deps.log.warn('A message reached nobody.', { agent, actor, code: error.code, error: error.message });
    },
  };
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
  // A machine makes many calls, each wherever there is room.
  const madeOn = (node: string): void => (call.key === RUN_CALL ? deps.madeOn(work, node) : undefined);
  return await deps.placing.perform({ definition, call, work, deadlineAtMs, context, here, madeOn });
}

/** What a call is made for; a keyed agent works for no task. */
function workOf({ keyed }: Pick<AgentDefinition, 'keyed'>, call: EffectCall, { input }: ChildSpec): RunInput {
  return keyed ? { task: '', step: '', attempt: 1, owner: call.address, input: undefined } : (input as RunInput);
}

/** `name@version` of the agent that began the work: another version that takes it over finds what that one recorded. */
function journalName({ logic, begunAs = logic }: ChildSpec): string {
  return begunAs.slice('agent:'.length);
}
