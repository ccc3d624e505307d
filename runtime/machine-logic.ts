/**
 * Makes a user's machine ready to be hosted, once for all its actors: a copy of it (`provide`) in which every registered or
 * invoked logic is wrapped, so that it starts after the commit and comes back by its record. The user's own machine is not
 * touched.
 */
import type { AnyActorLogic, AnyStateMachine } from 'xstate';
import type { ActorEvent } from './host.ts';
import { isCallLogic } from './machine-calls.ts';
import type { PromiseCalls } from './machine-promises.ts';
import { type ActorRecord, type MachineRecord, mismatch, restoreMachine } from './machine-record.ts';
import type { LateStarts, LooseLogic } from './machine-starts.ts';
import {
  isMachine,
  type LiveActor,
  type LiveScope,
  type LiveSnapshot,
  ownerOf,
  renameActor,
  type SystemOwner,
} from './machine-xstate.ts';

/** Microsteps without an event in between (`always`, `raise`). */
const MICROSTEPS_MAX = 10_000;

/** What children are started and restored by: the machine's host. */
export interface ChildStarter extends SystemOwner {
  readonly starts: LateStarts;
  /** An actor ends with an error that it was told of by `event`, and that it did not throw. */
  endsByItself(actor: LiveActor, event: ActorEvent): void;
  /** The state cannot be restored with this machine. */
  refuse(error: unknown): void;
}

/** Prepares machines, each once, with all that they can invoke or spawn by name. */
export class MachinePreparer {
  readonly #registered: ReadonlyMap<string, unknown>;
  readonly #machines = new Map<unknown, AnyStateMachine>();

  readonly #promises: PromiseCalls | undefined;

  /** `registered` are the actors that machines may name without defining them; with `promises`, promises become calls. */
  constructor(registered: ReadonlyMap<string, unknown>, promises?: PromiseCalls) {
    this.#registered = registered;
    this.#promises = promises;
  }

  /** `place`: where it is in the one that was given first. Errors: UNSUPPORTED_LOGIC. */
  prepare(machine: AnyStateMachine, place = ''): AnyStateMachine {
    const known = this.#machines.get(machine);
    if (known !== undefined) return known;
    const copy = machine.provide({});
    this.#machines.set(machine, copy);
    copy.options = {
      ...copy.options,
      maxIterations: Math.min(copy.options?.maxIterations ?? MICROSTEPS_MAX, MICROSTEPS_MAX),
    };
    const actors: Record<string, unknown> = {};
    for (const [name, logic] of this.#registered) actors[name] = this.#wrap(logic, name);
    for (const [name, logic] of Object.entries(machine.implementations.actors))
      actors[name] = this.#wrap(logic, `${place}actors.${name}`);
    copy.implementations.actors = actors as typeof copy.implementations.actors;
    this.#wrapInvokes(copy.root, place);
    return copy;
  }

  /** Inline logic of an `invoke` is looked up in the node's config, under the name XState gives it. */
  #wrapInvokes(node: ConfiguredNode, place: string): void {
    const { invoke } = node.config;
    if (invoke !== undefined) {
      const wrapped = [invoke]
        .flat()
        .map((one: InvokeConfig, at) =>
          typeof one.src === 'string' ? one : { ...one, src: this.#wrap(one.src, `${place}invoke[${at}]`) },
        );
      node.config = { ...node.config, invoke: wrapped };
    }
    for (const [key, child] of Object.entries(node.states)) this.#wrapInvokes(child, `${place}states.${key}.`);
  }

  #wrap(logic: unknown, place: string): unknown {
    if (isMachine(logic)) return machineLogic(this.prepare(logic, `${place}.`));
    if (typeof logic !== 'object' || logic === null) return logic;
    const loose = logic as LooseLogic;
    if (isCallLogic(logic) || loose.start === undefined) return namedLogic(loose);
    return this.#promises === undefined
      ? waitingLogic(loose)
      : namedLogic(this.#promises.callOf(logic, place) as unknown as LooseLogic);
  }
}

interface ConfiguredNode {
  config: { readonly invoke?: InvokeConfig | readonly InvokeConfig[] };
  readonly states: Readonly<Record<string, ConfiguredNode>>;
}

interface InvokeConfig {
  readonly src: unknown;
}

function starterOf(scope: LiveScope): ChildStarter {
  return ownerOf(scope) as ChildStarter;
}

/** Gives a restored child its names back, once it is sure that its record is one of its kind of logic. */
function rename(scope: LiveScope, record: ActorRecord, isMachineLogic: boolean): void {
  const [key, id, sessionId, src, , , machine, snapshot] = record;
  if (isMachineLogic !== (machine !== null)) {
    const refusal = mismatch(`the actor "${src}" is another kind of logic now`);
    starterOf(scope).refuse(refusal);
    throw refusal;
  }
  const status = machine === null ? (snapshot as LiveSnapshot).status : machine[0];
  renameActor(scope, id ?? key, sessionId, status !== 'active');
}

/** A logic whose actors come back by their records, and whose ends are looked at. */
function wrap(logic: object, own: LooseLogic): AnyActorLogic {
  const { transition } = own;
  return Object.assign(Object.create(logic) as AnyActorLogic, own, { transition: watchEnds(transition) });
}

/** Tells the host of an error that a logic ends with by itself; one that it throws does not come here. */
export function watchEnds(transition: LooseLogic['transition']): LooseLogic['transition'] {
  return (snapshot, event, scope) => {
    const next = transition(snapshot, event, scope);
    if (next.status === 'error') starterOf(scope).endsByItself(scope.self, event);
    return next;
  };
}

/** A child machine: it starts inside of the turn, as in XState. */
function machineLogic(machine: AnyStateMachine): AnyActorLogic {
  return wrap(machine, {
    transition: machine.transition as unknown as LooseLogic['transition'],
    restoreSnapshot: (kept, scope) => {
      const record = kept as ActorRecord;
      rename(scope, record, true);
      return restoreMachine(machine, record[6] as MachineRecord, scope, (error) => starterOf(scope).refuse(error));
    },
  });
}

/** Logic that starts nothing, or only records a wish. */
function namedLogic(logic: LooseLogic): AnyActorLogic {
  return wrap(logic, {
    transition: (snapshot, event, scope) => logic.transition(snapshot, event, scope),
    restoreSnapshot: (record, scope) => restoreChild(logic, record as ActorRecord, scope),
  });
}

function restoreChild(logic: LooseLogic, record: ActorRecord, scope: LiveScope): LiveSnapshot {
  rename(scope, record, false);
  const [, , , , , , , snapshot, backlog] = record;
  if (backlog !== null) starterOf(scope).starts.restore(scope.self, backlog);
  return logic.restoreSnapshot?.(snapshot, scope) ?? (snapshot as LiveSnapshot);
}

/** Logic whose start does something outside (a promise, a callback, an observable): it waits for the commit. */
function waitingLogic(logic: LooseLogic): AnyActorLogic {
  return wrap(logic, {
    start: (_, scope) => starterOf(scope).starts.startLater(logic, scope),
    transition: (snapshot, event, scope) => starterOf(scope).starts.transition(logic, snapshot, event, scope),
    restoreSnapshot: (record, scope) => restoreChild(logic, record as ActorRecord, scope),
  });
}
