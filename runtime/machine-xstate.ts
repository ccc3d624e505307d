/**
 * All that leans on the inside of XState 5.33.3, in one file: which fields an actor, its scope and its system have, and
 * where they can be taken over. An upgrade of XState is read against this file and proved by test/runtime/machine-corpus.
 *
 * Relied upon: `system._relay`, `_bookId`, `_register`, `_unregister`, `scheduler` are replaceable and looked up at each
 * use; a snapshot is restored inside the actor's constructor, through `logic.restoreSnapshot(snapshot, scope)`; the fields
 * of `LiveActor`; an actor with a parent uses that parent's system and reports its errors there; `src` names of inline
 * invokes; StateNode instances are accepted as history; the `config` of a promise logic, and the event it settles by;
 * `StateNode.path`, `order`, `tags` and `config`; `_nodes`, `value`, `historyValue` and `tags` of a snapshot are fields that may be set.
 */
// tidy-allow exports: all that leans on the inside of XState belongs into this one file
import { type Actor, type ActorLogic, type AnyStateMachine, createActor, type Snapshot } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent } from './host.ts';

/** XState's numbers for what an actor does. */
const RUNNING = 1;
const STOPPED = 2;

/** An XState actor. */
export interface LiveActor {
  id: string;
  sessionId: string;
  _parent: object | undefined;
  _snapshot: LiveSnapshot;
  _processingStatus: number;
  readonly _syncSnapshot: boolean | undefined;
  readonly logic: { getPersistedSnapshot(snapshot: LiveSnapshot): unknown };
  readonly src: unknown;
  readonly systemId: string | undefined;
  readonly system: LiveSystem;
  readonly options: Readonly<Record<string, unknown>>;
  start(): void;
  _send(event: ActorEvent): void;
  _stop(): void;
}

/** A snapshot of any logic; those of machines have `machine` and all the rest. */
export interface LiveSnapshot {
  status: string;
  output?: unknown;
  error?: unknown;
  context?: unknown;
  value?: StateValue;
  /** The active states, in an order that XState goes by. Only of machines. */
  _nodes?: readonly StatePoint[];
  tags?: ReadonlySet<string>;
  readonly machine?: unknown;
  readonly children?: Readonly<Record<string, LiveActor | undefined>>;
  historyValue?: Readonly<Record<string, readonly StatePoint[]>>;
}

export type StateValue = string | { readonly [region: string]: StateValue };

/** A state node, as far as history and the list of active states need it. */
export interface StatePoint {
  readonly path: readonly string[];
  /** Its number in the machine, the same in every process. */
  readonly order: number;
  readonly tags: readonly string[];
  readonly states: Readonly<Record<string, StatePoint>>;
}

/** What keeps delayed events, in place of XState's own. */
export interface Scheduler {
  schedule(source: LiveActor, target: object, event: ActorEvent, delayMs: number, id?: string): void;
  cancel(source: LiveActor, id: string): void;
  cancelAll(source: LiveActor): void;
}

/** What takes over a system of actors. */
export interface SystemOwner {
  readonly scheduler: Scheduler;
  bookId(): string;
  deliver(source: LiveActor | undefined, target: object, event: ActorEvent): void;
  registered(actor: LiveActor): void;
  unregistered(actor: LiveActor): void;
}

interface LiveSystem {
  _bookId: (this: OwnedSystem) => string;
  _relay: (this: OwnedSystem, source: LiveActor | undefined, target: object, event: ActorEvent) => void;
  _register: (this: OwnedSystem, sessionId: string, actor: LiveActor) => string;
  _unregister: (this: OwnedSystem, actor: LiveActor) => void;
  scheduler: Scheduler;
  [OWNER]?: SystemOwner;
  [UNREGISTER]?: (actor: LiveActor) => void;
}

type OwnedSystem = LiveSystem & Required<Pick<LiveSystem, typeof OWNER | typeof UNREGISTER>>;

/** What XState gives to a logic about its actor. */
export interface LiveScope {
  id: string;
  sessionId: string;
  readonly self: LiveActor;
  readonly system: LiveSystem;
}

const OWNER = Symbol('owner of the system');
const UNREGISTER = Symbol('what XState does itself');

/** Takes over a system before any of its children exists: called from the first method of the root's logic. */
export function takeOver(scope: LiveScope, owner: SystemOwner, address: string, parent: object): void {
  const { self, system } = scope;
  self.sessionId = address;
  scope.sessionId = address;
  self._parent = parent;
  system[OWNER] = owner;
  system[UNREGISTER] = system._unregister;
  system._bookId = bookId;
  system._relay = relay;
  system._register = register;
  system._unregister = unregister;
  system.scheduler = owner.scheduler;
}

// XState calls these as methods of the system. Shared functions instead of closures save 300 bytes for each live machine.

function bookId(this: OwnedSystem): string {
  return this[OWNER].bookId();
}

function relay(this: OwnedSystem, source: LiveActor | undefined, target: object, event: ActorEvent): void {
  this[OWNER].deliver(source, target, event);
}

function register(this: OwnedSystem, sessionId: string, actor: LiveActor): string {
  this[OWNER].registered(actor);
  return sessionId;
}

function unregister(this: OwnedSystem, actor: LiveActor): void {
  this[OWNER].unregistered(actor);
  this[UNREGISTER](actor);
}

/** Who has taken over the system of a scope; undefined where the logic runs in plain XState. */
export function ownerOf(scope: LiveScope): SystemOwner | undefined {
  return scope.system[OWNER];
}

/** Gives a restored child the names it had. One that has ended takes no events. */
export function renameActor(scope: LiveScope, id: string, sessionId: string, ended: boolean): void {
  scope.id = scope.self.id = id;
  scope.sessionId = scope.self.sessionId = sessionId;
  if (ended) scope.self._processingStatus = STOPPED;
}

/** Whether an actor has ended with an error; false while it is being made. */
export function hasFailed(actor: LiveActor): boolean {
  return (actor._snapshot as LiveSnapshot | undefined)?.status === 'error';
}

/** Whether an actor has started and not ended. */
export function isRunning(actor: LiveActor): boolean {
  return actor._processingStatus === RUNNING;
}

/** Whether a value is an actor of XState, of this copy of it or another. */
export function isLiveActor(value: object): value is LiveActor {
  return (
    '_processingStatus' in value && '_relay' in (((value as Partial<LiveActor>).system as object | undefined) ?? {})
  );
}

/** Whether a logic is a state machine, of this copy of XState or another. */
export function isMachine(logic: unknown): logic is AnyStateMachine {
  return (
    typeof logic === 'object' && logic !== null && (logic as { readonly __xstatenode?: unknown }).__xstatenode === true
  );
}

/** What a promise logic runs, as `fromPromise` was given it. */
export type PromiseCreator = (args: Readonly<Record<string, unknown>>) => unknown;

const PROBE = {};

/** What a logic runs that was made by `fromPromise`; undefined for any other. They are told by how they take their own event. */
export function promiseCreatorOf(logic: object): PromiseCreator | undefined {
  const { config, transition } = logic as {
    readonly config?: unknown;
    transition?(snapshot: object, event: ActorEvent, scope: object): LiveSnapshot;
  };
  if (typeof config !== 'function' || transition === undefined) return undefined;
  try {
    const event = { type: 'xstate.promise.resolve', data: PROBE };
    const { status, output } = transition({ status: 'active' }, event, { self: {} });
    return status === 'done' && output === PROBE ? (config as PromiseCreator) : undefined;
  } catch {
    return undefined;
  }
}

/** The children of an actor with the keys they have there. */
export function childrenOf(actor: LiveActor): [key: string, child: LiveActor][] {
  const { children } = actor._snapshot;
  if (children === undefined) return [];
  return Object.entries(children).filter((entry): entry is [string, LiveActor] => entry[1] !== undefined);
}

/** The states of a machine by their numbers. */
const POINTS = new WeakMap<object, readonly StatePoint[]>();

function pointsOf(machine: { readonly root: StatePoint }): readonly StatePoint[] {
  const known = POINTS.get(machine);
  if (known !== undefined) return known;
  const points: StatePoint[] = [];
  const collect = (point: StatePoint): void => {
    points[point.order] = point;
    for (const child of Object.values(point.states)) collect(child);
  };
  collect(machine.root);
  POINTS.set(machine, points);
  return points;
}

/**
 * Makes the active states of a restored snapshot what they were. XState works them out of the state value, which gives them
 * in another order, and in some machines (where conflicting transitions of parallel regions left a state half entered) not
 * the same ones: it goes by the list, and not by the value, when it leaves states.
 */
export function activate(
  snapshot: LiveSnapshot,
  machine: { readonly root: StatePoint },
  value: StateValue | undefined,
  orders: readonly number[],
): void {
  const points = pointsOf(machine);
  const nodes = orders.map((order) => points[order]).filter((point) => point !== undefined);
  snapshot._nodes = nodes;
  snapshot.tags = new Set(nodes.flatMap(({ tags }) => tags));
  if (value !== undefined) snapshot.value = value;
}

/** Keys of `children` from the root to an actor; undefined when it is not there any more. */
export function pathOf(root: LiveActor, actor: LiveActor): string[] | undefined {
  const path: string[] = [];
  for (let at = actor; at !== root; ) {
    const parent = at._parent;
    if (parent === undefined || !isLiveActor(parent)) return undefined;
    const key = keyIn(parent, at);
    if (key === undefined) return undefined;
    path.unshift(key);
    at = parent;
  }
  return path;
}

function keyIn(parent: LiveActor, child: LiveActor): string | undefined {
  const children = parent._snapshot.children ?? {};
  if (children[child.id] === child) return child.id;
  return Object.keys(children).find((key) => children[key] === child);
}

/** The inverse. */
export function actorAt(root: LiveActor, path: readonly string[]): LiveActor | undefined {
  let at: LiveActor | undefined = root;
  for (const key of path) {
    const children: LiveSnapshot['children'] = at?._snapshot.children;
    at = children !== undefined && Object.hasOwn(children, key) ? children[key] : undefined;
  }
  return at;
}

/**
 * The one system of all actors that have no timers, children, names or observers of XState's. Made for each of them, as XState
 * does for a root, it would be half of what such an actor costs.
 */
const SHARED_SYSTEM = {
  _bookId: (): string => 'flat',
  _register: (sessionId: string): string => sessionId,
  _unregister: (): void => undefined,
  _set: (): void => undefined,
  get: (): undefined => undefined,
  getAll: (): object => ({}),
  _sendInspectionEvent: (): void => undefined,
  _relay: (_source: unknown, target: { _send(event: unknown): void }, event: unknown): void => target._send(event),
  scheduler: { schedule: refuseTimer, cancel: (): void => undefined, cancelAll: (): void => undefined },
  _clock: { setTimeout: refuseTimer, clearTimeout: (): void => undefined },
  _logger: (): void => undefined,
} as const;

/** Hears of the ends and errors of the actors below it, and lets them be: whoever hosts them reads their snapshots. */
const SHARED_PARENT = { system: SHARED_SYSTEM, _send: (): void => undefined };

function refuseTimer(): never {
  throw new OperatingError(
    'INTERNAL',
    'An actor of the shared system has no delays of its own: set a timer through the port.',
  );
}

/**
 * Makes an actor in a system that it shares with all others made here. Its logic has neither timers nor children, and nobody
 * observes it: what it throws is the `error` of its snapshot.
 */
export function createSharedActor<S extends Snapshot<unknown>, E extends ActorEvent, I>(
  logic: ActorLogic<S, E, I>,
  input: I,
): Actor<ActorLogic<S, E, I>> {
  return createActor(logic, { input, parent: SHARED_PARENT } as unknown as { readonly input: I });
}

/** Stops an actor made by `createSharedActor`. */
export function stopSharedActor(actor: object): void {
  (actor as LiveActor)._stop();
}
