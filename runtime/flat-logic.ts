/**
 * The product's own hot lifecycles (task, step, the short form of an agent, session, workflow) as XState actors of plain
 * transition logic: an explicit table of phases and events, whose handlers are functions from state to state. A statechart
 * costs 5 to 10 times as much for each turn (bench: actor-creation line), and these have no nesting to show for it.
 *
 * States are never mutated: a handler returns a new one, or the same if nothing changed. That is why a state can serve as
 * its own checkpoint. An event that the table does not name for the current phase is dropped, on purpose and by design:
 * late answers, second cancels.
 */
import type { Actor, ActorLogic, Snapshot } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { InstalledLogic } from './cell.ts';
import type { CellPort } from './cell-port.ts';
import type {
  ActorEvent,
  EffectOutcome,
  Host,
  HostDescription,
  HostFactory,
  HostPort,
  HostStatus,
  Reentry,
} from './host.ts';
import { createSharedActor, stopSharedActor } from './machine-xstate.ts';
import type { Patience } from './patience.ts';
import { packState, unpackState } from './state-codec.ts';
import type { Wait, WaitScene } from './wait.ts';

/** The least a flat state has. */
export interface FlatState {
  readonly phase: string;
}

/** How a flat actor ended, where its phase is a final one. */
export type FlatEnd = { readonly output: unknown } | { readonly error: unknown };

// Method syntax, so that handlers of narrower events fit into the table.
type Handler<S> = { bivariant(state: S, event: never, port: CellPort): S }['bivariant'];

/** A lifecycle as a table. Handlers do not mutate the state they are given. */
export interface FlatLogic<S extends FlatState, Input> {
  readonly name: string;
  readonly version: string;
  initial(input: Input, port: CellPort): S;
  /**
   * phase → event type → handler. Timers arrive as `timer.ID`, outcomes of calls as `effect.done` / `effect.failed` with their
   * `key`. `*` is for all that the phase does not name.
   */
  readonly table: Readonly<Record<S['phase'], Readonly<Record<string, Handler<S>>>>>;
  /** In the first turn after a restore: ask again for the calls that the state waits for. */
  restored?(state: S, port: CellPort): S;
  /** Messages that can wait until the next cut. Default: none. */
  readonly patience?: Patience;
  /** Phases that end the actor. */
  readonly final: Partial<Readonly<Record<S['phase'], (state: S) => FlatEnd>>>;
  /** What of a state is stored, where that is not all of it; `restored` puts the rest back. */
  keep?(state: S): unknown;
  /** One line for people. */
  describe?(state: S): string;
  /** What it waits for in this state, beside its calls and children. */
  waits?(state: S, scene: WaitScene): readonly Wait[];
}

type FlatSnapshot<S> = Snapshot<unknown> & { readonly state: S; readonly port: CellPort };

interface FlatStart<S, Input> {
  readonly port: CellPort;
  readonly input?: Input;
  readonly state?: S;
}

/** The XState logic of a flat table. */
function actorLogic<S extends FlatState, Input>(
  logic: FlatLogic<S, Input>,
): ActorLogic<FlatSnapshot<S>, ActorEvent, FlatStart<S, Input>> {
  // Written out, and in one order: a spread of a snapshot costs as much as the rest of a turn of the plainest kind.
  const settle = (port: CellPort, state: S): FlatSnapshot<S> => {
    const end = logic.final[state.phase as S['phase']]?.(state);
    if (end === undefined) return { status: 'active', output: undefined, error: undefined, port, state };
    if ('error' in end) return { status: 'error', output: undefined, error: end.error, port, state };
    return { status: 'done', output: end.output, error: undefined, port, state };
  };
  return {
    getInitialSnapshot: (_scope, start) => {
      return settle(start.port, start.state ?? logic.initial(start.input as Input, start.port));
    },
    transition: (snapshot, event) => {
      if (snapshot.status !== 'active') return snapshot;
      const row = logic.table[snapshot.state.phase as S['phase']] as Readonly<Record<string, Handler<S>>> | undefined;
      const handle = (row?.[event.type] ?? row?.['*']) as
        | ((state: S, event: ActorEvent, port: CellPort) => S)
        | undefined;
      if (event.type === RESTORED) {
        const state = logic.restored?.(snapshot.state, snapshot.port) ?? snapshot.state;
        return state === snapshot.state ? snapshot : settle(snapshot.port, state);
      }
      if (handle === undefined) return snapshot;
      const state = handle(snapshot.state, event, snapshot.port);
      return state === snapshot.state ? snapshot : settle(snapshot.port, state);
    },
    getPersistedSnapshot: (snapshot) => snapshot,
    restoreSnapshot: (snapshot) => snapshot as FlatSnapshot<S>,
  };
}

const RESTORED = 'flat.restored';

class FlatHost<S extends FlatState, Input> implements Host {
  readonly #actor: Actor<ActorLogic<FlatSnapshot<S>, ActorEvent, FlatStart<S, Input>>>;
  readonly #logic: FlatLogic<S, Input>;
  readonly #restored: boolean;

  constructor(
    logic: FlatLogic<S, Input>,
    actor: ActorLogic<FlatSnapshot<S>, ActorEvent, FlatStart<S, Input>>,
    start: FlatStart<S, Input>,
  ) {
    this.#logic = logic;
    this.#restored = start.state !== undefined;
    this.#actor = createSharedActor(actor, start);
  }

  start(): void {
    this.#actor.start();
    if (this.#restored) this.#actor.send({ type: RESTORED });
  }

  send(event: ActorEvent): void {
    this.#actor.send(event);
  }

  relay(reentry: Reentry): void {
    throw new OperatingError('INTERNAL', `A flat actor has no inner deliveries, but one came: ${reentry.event.type}.`);
  }

  fire(timerId: string): void {
    this.#actor.send({ type: `timer.${timerId}` });
  }

  settle(key: string, outcome: EffectOutcome): void {
    this.#actor.send(
      outcome.ok
        ? { type: 'effect.done', key, value: outcome.value }
        : { type: 'effect.failed', key, error: outcome.error },
    );
  }

  get status(): HostStatus {
    return this.#actor.getSnapshot().status;
  }

  get output(): unknown {
    return this.#actor.getSnapshot().output;
  }

  /** The error the table ended with, or what a handler threw. */
  get error(): unknown {
    return this.#actor.getSnapshot().error;
  }

  get endedByItself(): boolean {
    const { state } = this.#actor.getSnapshot();
    return state !== undefined && this.#logic.final[state.phase as S['phase']] !== undefined;
  }

  checkpoint(): unknown {
    return this.#actor.getSnapshot().state;
  }

  stop(): void {
    stopSharedActor(this.#actor);
  }

  describe(): HostDescription {
    const { state } = this.#actor.getSnapshot();
    return { state: this.#logic.describe?.(state) ?? state.phase };
  }
}

/** A flat logic as a kernel takes it. `kind` is what its actors are counted as. */
export function installable<S extends FlatState, Input>(logic: FlatLogic<S, Input>, kind: string): InstalledLogic {
  const { name, patience } = logic;
  const factory = flatFactory(logic);
  return { name, factory, kind, lane: kind, laneLimit: 1, ...(patience !== undefined && { patience }) };
}

/** Hosts of a flat logic. */
export function flatFactory<S extends FlatState, Input>(logic: FlatLogic<S, Input>): HostFactory {
  const actor = actorLogic(logic);
  return {
    logicId: logic.name,
    logicVersion: logic.version,
    structureHash: '',
    create: (port: HostPort, input: unknown) =>
      new FlatHost(logic, actor, { port: port as CellPort, input: input as Input }),
    restore: (port: HostPort, checkpoint: unknown) =>
      new FlatHost(logic, actor, { port: port as CellPort, state: checkpoint as S }),
    encode: (checkpoint) => packState(logic.keep === undefined ? checkpoint : logic.keep(checkpoint as S)),
    decode: unpackState,
    ...(logic.waits !== undefined && {
      waits: (checkpoint: unknown, scene: WaitScene) => logic.waits?.(checkpoint as S, scene) ?? [],
    }),
  };
}
