/** The machines whose turns a worker makes. One whose turns cannot be made apart from its actor is not offered. */
import type { AnyStateMachine } from 'xstate';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { namesOf } from '../../actors/agent-names.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { TurnMaker, type TurnMakerDeps } from './turn-maker.ts';

/** Those of one worker. */
export class TurnMakers {
  readonly #makers = new Map<string, TurnMaker>();
  /** The agents that can be offered: all functions, and the machines that are here. */
  readonly offered: readonly AgentDefinition[];

  constructor(agents: readonly AgentDefinition[], deps: TurnMakerDeps) {
    this.offered = agents.filter((agent) => this.#admit(agent, deps));
  }

  /** Undefined for a function. */
  structureHashOf(agent: AgentDefinition): string | undefined {
    return this.#makers.get(namesOf(agent).reference)?.structureHash;
  }

  /** Errors: NOT_AVAILABLE where it is no machine. */
  of(agent: AgentDefinition): TurnMaker {
    const { reference } = namesOf(agent);
    const maker = this.#makers.get(reference);
    if (maker === undefined) throw new OperatingError('NOT_AVAILABLE', `${reference} is no machine here.`);
    return maker;
  }

  #admit(agent: AgentDefinition, deps: TurnMakerDeps): boolean {
    const { machine } = agent;
    if (machine === undefined) return true;
    const { reference } = namesOf(agent);
    try {
      const definition = agent as AgentDefinition & { readonly machine: AnyStateMachine };
      this.#makers.set(reference, new TurnMaker(definition, deps));
      return true;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const { code, message } = error;
      deps.log.warn('An agent is not offered to the owner.', { agent: reference, code, error: message });
      return false;
    }
  }
}
