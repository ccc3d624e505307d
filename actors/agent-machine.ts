/** The machine of an agent as hosts are made of it: the same on the node that keeps its actors and on any other that has its code. */
import { inspect } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { HostFactory } from '../runtime/host.ts';
import { machineFactory } from '../runtime/machine-host.ts';
import type { MachineOptions } from '../runtime/machine-options.ts';
import { withParent } from '../runtime/machine-parent.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import { parseInput } from './agent-schemas.ts';
import type { RunInput } from './run.ts';

/** Of what one `log` action says. */
const LOGGED_CHARACTERS_MAX = 4_000;

/** What a machine says on the way: what its `log` actions say, and what becomes of what it writes to a parent that it does not have. */
export interface MachineVoices {
  log(actor: string, words: string): void;
  onUndelivered(actor: string, error: OperatingError): void;
}

/** What the machine of an agent is hosted with, beside its definition. */
export type AgentMachineOptions = Pick<MachineOptions, 'world' | 'promises'> & { readonly voices: MachineVoices };

/** Hosts of the machine of an agent, which work on its tasks, or live for its keys. Errors: UNSUPPORTED_LOGIC, naming the agent. */
export function agentMachine(
  definition: AgentDefinition & { readonly machine: AnyStateMachine },
  { world, promises, voices }: AgentMachineOptions,
): HostFactory {
  const { machine, version, effects, classes, keyed } = definition;
  const { reference, logic } = namesOf(definition);
  const factory = hostedMachine(machine, reference, {
    ...{ logicId: logic, logicVersion: version, world },
    kindOf: (call) => effects?.[call.replace(/^effect:/, '')]?.kind,
    log: (actor, ...what) => voices.log(actor, wordsOf(what)),
    onUndelivered: (actor, error) => voices.onUndelivered(actor, error),
    ...(classes !== undefined && { classes }),
    ...(promises !== undefined && { promises }),
    ...(!keyed && {
      parentOf: (port) => ((port as CellPort).input as RunInput).owner,
      toParent: (address, event) => ({ type: 'run.told', address, event }),
    }),
  });
  return withSchemas(factory, definition);
}

/** The factory of a machine; a refusal names the agent. */
export function hostedMachine(machine: AnyStateMachine, agent: string, options: MachineOptions): HostFactory {
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

function wordsOf(what: readonly unknown[]): string {
  const words = what.map((one) => (typeof one === 'string' ? one : inspect(one, { breakLength: Infinity })));
  return words.join(' ').slice(0, LOGGED_CHARACTERS_MAX);
}

/** Machines get the input as their schema gives it, and what they put out is held against theirs. */
function withSchemas(factory: HostFactory, definition: AgentDefinition): HostFactory {
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
