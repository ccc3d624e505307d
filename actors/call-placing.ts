/** Where the code of agents runs: on this node, or on another that has it (cluster/owner). */
import type { InstalledLogic } from '../runtime/cell.ts';
import type { EffectCall, RefusableCall } from '../runtime/effects.ts';
import type { CallerContext } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import type { MachineVoices } from './agent-machine.ts';
import type { RunInput } from './run.ts';

/** A call that is to be made somewhere. */
export interface PlacedCall {
  readonly definition: AgentDefinition;
  readonly call: RefusableCall;
  readonly work: RunInput;
  readonly deadlineAtMs: number | undefined;
  /**
   * A context of this node for the call, with another signal and another rest where the call is made elsewhere. Each time the
   * function begins anew it needs another one.
   */
  context(call: EffectCall): CallerContext;
  /** Says which other node has made it, before its outcome. */
  madeOn(node: string): void;
  /** Makes it here. Not for agents whose code is on other nodes alone. */
  here(): Promise<unknown>;
}

/** The key under which the turn that a machine is in is made elsewhere. */
export const TURN_KEY = 'turn';

/** Hosts of a machine whose turns are made on other nodes. */
export type FarMachine = Required<Pick<InstalledLogic, 'factory' | 'prepare'>>;

/** Finds the place. */
export interface CallPlacing {
  /** Errors: what the call fails with, wherever it was made. */
  perform(placed: PlacedCall): Promise<unknown>;
  /** Calls of an agent at one time, on all nodes together. */
  capacityOf(definition: AgentDefinition): number;
  /** How actors of a machine are hosted whose code is on other nodes alone; undefined for any other agent. */
  machineOf(definition: AgentDefinition, voices: MachineVoices): FarMachine | undefined;
  /** Whether nobody is there who could make its calls now. */
  isUnplaced(definition: AgentDefinition): boolean;
  /** The node that makes a call; null while it waits for one that can. Undefined: it is made here. */
  whereIs(address: string, key: string): string | null | undefined;
}
