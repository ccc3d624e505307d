/** A worker that makes the turns of machines when a test wants it to. */
import type { AnyStateMachine } from 'xstate';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { MACHINE_TURN } from '../../../cluster/machine-turn.ts';
import type { MeshOwner } from '../../../cluster/owner/mesh-owner.ts';
import { agentOffer } from '../../../cluster/worker/agent-offer.ts';
import { TurnMaker } from '../../../cluster/worker/turn-maker.ts';
import type { MeshMessageOf } from '../../../protocol/mesh-messages.ts';
import type { World } from '../../../runtime/world.ts';
import { ScriptedWorker } from '../owner/scripted-worker.ts';

/** One, with one machine. */
export class SlowWorker extends ScriptedWorker {
  readonly #maker: TurnMaker;
  #made = 0;

  constructor(world: World, owner: MeshOwner, agent: AgentDefinition, node = 'slow', incarnation = `${node}-1`) {
    super(world, owner, node, incarnation);
    const definition = agent as AgentDefinition & { readonly machine: AnyStateMachine };
    this.#maker = new TurnMaker(definition, { world, log: { warn: () => undefined } });
    this.join([agentOffer(agent, true, this.#maker.structureHash)]);
  }

  /** The turns that it was asked for, the last one last. */
  get turns(): MeshMessageOf<'call.start'>[] {
    return this.calls.filter(({ name }) => name === MACHINE_TURN);
  }

  /** Turns that wait to be made. */
  get waiting(): number {
    return this.turns.length - this.#made;
  }

  /** Makes the oldest turn that waits, and says what it came to. */
  make(): void {
    const turn = this.turns[this.#made++];
    if (turn === undefined) throw new TypeError('No turn waits.');
    this.end(this.#maker.turn(turn.address, turn.input), turn);
  }
}
