/**
 * Logic that does something outside as soon as it starts (a promise, a callback, an observable) starts once the turn that
 * made it is committed, and again after each restore. What reaches it before that waits for it, and is kept with the
 * machine.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, HostPort } from './host.ts';
import type { Reviver } from './machine-marks.ts';
import { isRunning, type LiveActor, type LiveScope, type LiveSnapshot } from './machine-xstate.ts';

/** Events that wait for one child to start. */
const BACKLOG_MAX = 1_000;
/** A child that has started after the commit takes what waits for it. */
const STARTED = 'troupe.started';
/** A child ends with an error: its start threw, or what it sent cannot be kept. */
export const FAILED = 'xstate.error.troupe';

/** Any logic of XState. */
export interface LooseLogic {
  start?(snapshot: LiveSnapshot, scope: LiveScope): void;
  transition(snapshot: LiveSnapshot, event: ActorEvent, scope: LiveScope): LiveSnapshot;
  restoreSnapshot?(snapshot: unknown, scope: LiveScope): LiveSnapshot;
}

/** What late starts need of the machine. */
export interface StartOwner {
  readonly port: HostPort;
  readonly isDeaf: boolean;
  /** Runs code of a child so that its errors are known to be this machine's. */
  attribute(run: () => void): void;
  reenter(source: LiveActor | undefined, target: LiveActor, event: ActorEvent): void;
}

interface Backlog {
  started: boolean;
  events: ActorEvent[];
}

/** The children of one machine that have not started yet, or not yet taken what waited for them. */
export class LateStarts {
  readonly #owner: StartOwner;
  #backlogs: Map<LiveActor, Backlog> | undefined;
  /** All that start late and have not ended. */
  #working: Set<LiveActor> | undefined;

  constructor(owner: StartOwner) {
    this.#owner = owner;
  }

  /** Starts a child once the turn is committed, if it still runs then. */
  startLater(logic: LooseLogic, scope: LiveScope): void {
    const actor = scope.self;
    (this.#working ??= new Set()).add(actor);
    this.#backlogs ??= new Map();
    const backlog = this.#backlogs.get(actor) ?? { started: false, events: [] };
    this.#backlogs.set(actor, backlog);
    this.#owner.port.afterCommit(() => {
      if (this.#owner.isDeaf || !isRunning(actor)) return;
      backlog.started = true;
      this.#owner.attribute(() => this.#start(logic, scope, backlog));
    });
  }

  #start(logic: LooseLogic, scope: LiveScope, backlog: Backlog): void {
    const actor = scope.self;
    try {
      // The snapshot of this moment: an observable writes its subscription into it.
      logic.start?.(actor._snapshot, scope);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new OperatingError('AGENT_FAILED', String(thrown));
      this.#owner.reenter(undefined, actor, { type: FAILED, error });
      return;
    }
    if (backlog.events.length === 0) this.#backlogs?.delete(actor);
    else this.#owner.reenter(undefined, actor, { type: STARTED });
  }

  /** The transition of such logic. */
  transition(logic: LooseLogic, snapshot: LiveSnapshot, event: ActorEvent, scope: LiveScope): LiveSnapshot {
    const backlog = this.#backlogs?.get(scope.self);
    if (event.type === FAILED) return this.#fail(logic, snapshot, event['error'], scope);
    // Another life may have started it too, and the word of that may come late.
    if (event.type === STARTED && backlog?.started !== true) return snapshot;
    if (backlog === undefined) return logic.transition(snapshot, event, scope);
    if (event.type === 'xstate.stop') {
      this.#backlogs?.delete(scope.self);
      // Logic that has not started has nothing to let go of, and some (observables) would stumble over that.
      if (!backlog.started) return { ...snapshot, status: 'stopped' };
      return logic.transition(takeAll(logic, snapshot, scope, backlog), event, scope);
    }
    if (event.type === STARTED) {
      this.#backlogs?.delete(scope.self);
      return takeAll(logic, snapshot, scope, backlog);
    }
    if (backlog.events.length >= BACKLOG_MAX) {
      throw new OperatingError('BUSY', `More than ${BACKLOG_MAX} events wait for the actor "${scope.id}" to start.`);
    }
    backlog.events.push(event);
    return snapshot;
  }

  #fail(logic: LooseLogic, snapshot: LiveSnapshot, error: unknown, scope: LiveScope): LiveSnapshot {
    if (snapshot.status !== 'active') return snapshot;
    const backlog = this.#backlogs?.get(scope.self);
    this.#backlogs?.delete(scope.self);
    let last = snapshot;
    if (backlog === undefined || backlog.started) {
      try {
        last = logic.transition(snapshot, { type: 'xstate.stop' }, scope);
      } catch {
        // It could not even be stopped: the error it ends with is the first one.
      }
    }
    return { ...last, status: 'error', error };
  }

  get holdsWork(): boolean {
    return (this.#working?.size ?? 0) > 0;
  }

  /** A child has ended, or is about to: its stop may still be on its way. */
  ended(actor: LiveActor): void {
    this.#working?.delete(actor);
  }

  /** What waits for a child: it is kept with it. */
  eventsFor(actor: LiveActor): readonly ActorEvent[] | undefined {
    const events = this.#backlogs?.get(actor)?.events;
    return events === undefined || events.length === 0 ? undefined : events;
  }

  /** Gives a restored child back what waited for it. */
  restore(actor: LiveActor, events: readonly ActorEvent[]): void {
    (this.#backlogs ??= new Map()).set(actor, { started: false, events: [...events] });
  }

  /** Puts back what marks stand for in restored events. */
  revive(reviver: Reviver): void {
    for (const backlog of this.#backlogs?.values() ?? [])
      backlog.events = reviver.revive(backlog.events) as ActorEvent[];
  }
}

function takeAll(logic: LooseLogic, snapshot: LiveSnapshot, scope: LiveScope, backlog: Backlog): LiveSnapshot {
  return backlog.events.reduce(
    (at, event) => (at.status === 'active' ? logic.transition(at, event, scope) : at),
    snapshot,
  );
}
