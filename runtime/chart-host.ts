/**
 * Hosts the product's own statecharts in cells that belong to this run of the process alone (supervisors). A chart is a
 * plain XState machine without children, delays or promises: its actions ask the port for things, and what comes back are
 * events. Nothing of it is ever written, so its checkpoint is its snapshot itself, which XState never changes; a chart must
 * not change its context in place either.
 */
import { type Actor, type AnyActorLogic, type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { CellPort } from './cell-port.ts';
import type { ActorEvent, EffectOutcome, Host, HostDescription, HostFactory, HostPort, HostStatus } from './host.ts';

/**
 * What a chart's machine is given as its input, to be kept in its context: the port of its cell, and what the cell was
 * started with. XState walks through all of a context when it restores one; it cannot see into this.
 */
export class ChartSeat<Input> {
  readonly #port: CellPort;
  readonly #input: Input;

  constructor(port: CellPort, input: Input) {
    this.#port = port;
    this.#input = input;
  }

  get port(): CellPort {
    return this.#port;
  }

  get input(): Input {
    return this.#input;
  }
}

/** XState asks a clock for delays; a chart that has any would be called outside of its turns. */
const NO_CLOCK = {
  setTimeout: (): never => refuse('A statechart of the node has no delays of its own: set a timer through the port.'),
  clearTimeout: (): void => undefined,
};

class ChartHost implements Host {
  readonly #actor: Actor<AnyActorLogic>;
  #thrown: unknown;

  constructor(machine: AnyStateMachine, from: { readonly input: ChartSeat<unknown> } | { readonly snapshot: unknown }) {
    this.#actor = createActor(machine as AnyActorLogic, { ...from, clock: NO_CLOCK } as object);
    // Without an observer XState would report a throw to the process; the cell reads `status` and `error` instead.
    this.#actor.subscribe({ error: (error) => void (this.#thrown = error) });
  }

  start(): void {
    this.#actor.start();
  }

  send(event: ActorEvent): void {
    this.#actor.send(event);
  }

  relay(): void {
    refuse('A statechart of the node has no inner deliveries, but one came.');
  }

  fire(timerId: string): void {
    this.#actor.send({ type: `timer.${timerId}` });
  }

  settle(key: string, outcome: EffectOutcome): void {
    this.#actor.send({ type: outcome.ok ? 'effect.done' : 'effect.failed', key, ...outcome });
  }

  get status(): HostStatus {
    return this.#snapshot.status;
  }

  get output(): unknown {
    return this.#snapshot.output as unknown;
  }

  get error(): unknown {
    return this.#snapshot.error ?? this.#thrown;
  }

  checkpoint(): unknown {
    if (Object.keys(this.#snapshot.children).length > 0) refuse('A statechart of the node cannot have children.');
    return this.#snapshot;
  }

  stop(): void {
    this.#actor.stop();
  }

  describe(): HostDescription {
    return { state: stateOf(this.#snapshot.value) };
  }

  get #snapshot(): AnyMachineSnapshot {
    return this.#actor.getSnapshot() as AnyMachineSnapshot;
  }
}

/** A state value in one word: its path, where it has no parallel parts. */
function stateOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [first, ...others] = Object.entries(value as Record<string, unknown>);
  if (first === undefined || others.length > 0) return JSON.stringify(value);
  return `${first[0]}.${stateOf(first[1])}`;
}

/** Hosts of one chart, for cells that are not durable. The machine's input is a ChartSeat. */
export function chartFactory(machine: AnyStateMachine, id: string): HostFactory {
  const refuseToStore = (): never => refuse(`${id} belongs to this run of the process alone: it cannot be stored.`);
  return {
    logicId: id,
    logicVersion: '1',
    structureHash: '',
    create: (port: HostPort, input: unknown) =>
      new ChartHost(machine, { input: new ChartSeat(port as CellPort, input) }),
    // The live snapshot, not XState's persisted form of it: what there is to be lost in it, charts do not have.
    restore: (_port: HostPort, checkpoint: unknown) => new ChartHost(machine, { snapshot: checkpoint }),
    encode: refuseToStore,
    decode: refuseToStore,
  };
}

function refuse(message: string): never {
  throw new OperatingError('INTERNAL', message);
}
