/**
 * The state of a tree of actors as plain records, and back. A record holds what XState's own persisted snapshot does, and
 * what that loses: session ids, history by the path of its states, whether a child's own id differs from its key, events
 * that wait for a child to start.
 */
import type { AnyStateMachine } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent } from './host.ts';
import { type Survey, unsupported } from './machine-values.ts';
import {
  activate,
  childrenOf,
  isRunning,
  type LiveActor,
  type LiveScope,
  type LiveSnapshot,
  type StatePoint,
  type StateValue,
} from './machine-xstate.ts';

type History = Readonly<Record<string, readonly (readonly string[])[]>>;

/** A machine. */
export type MachineRecord = readonly [
  status: string,
  value: StateValue | undefined,
  context: unknown,
  output: unknown,
  error: unknown,
  history: History | null,
  children: readonly ActorRecord[],
  /** The numbers of the active states. Records of format 1 have none. */
  active?: readonly number[],
];

/** A child: a machine, or the snapshot of any other logic. `id` is null where it is the key. */
export type ActorRecord = readonly [
  key: string,
  id: string | null,
  sessionId: string,
  src: string,
  systemId: string | null,
  sync: boolean | null,
  machine: MachineRecord | null,
  snapshot: unknown,
  backlog: readonly ActorEvent[] | null,
];

/** Writes the records of one checkpoint, and shows every value of the user's to the survey. */
export class RecordWriter {
  /** Actors met that still run. */
  runningCount = 0;
  readonly #survey: Survey;
  readonly #backlogOf: (actor: LiveActor) => readonly ActorEvent[] | undefined;

  constructor(survey: Survey, backlogOf: (actor: LiveActor) => readonly ActorEvent[] | undefined) {
    this.#survey = survey;
    this.#backlogOf = backlogOf;
  }

  /** `place` is where the machine is: empty for the root, `children.KEY.` for a child. Errors: UNSUPPORTED_LOGIC. */
  writeMachine(actor: LiveActor, place: string): MachineRecord {
    const { status, value, context, output, error, historyValue, _nodes: nodes = [] } = actor._snapshot;
    if (isRunning(actor)) this.runningCount++;
    this.#survey.keep(context, () => `${place}context`);
    if (output !== undefined) this.#survey.keep(output, () => `${place}output`);
    if (error !== undefined) this.#survey.keep(error, () => `${place}error`);
    const children = childrenOf(actor).map(([key, child]) => this.#writeChild(key, child, `${place}children.${key}.`));
    const active = nodes.map(({ order }) => order);
    return [status, value, context, output, error, historyRecord(historyValue), children, active];
  }

  #writeChild(key: string, child: LiveActor, place: string): ActorRecord {
    const { id, sessionId, src, systemId, _syncSnapshot: sync } = child;
    if (typeof src !== 'string') throw inlineSpawn(place.slice(0, -1));
    const isMachine = child._snapshot.machine !== undefined;
    const machine = isMachine ? this.writeMachine(child, place) : null;
    const snapshot = isMachine ? null : this.#writeSnapshot(child, place);
    const backlog = this.#backlogOf(child) ?? null;
    if (backlog !== null) this.#survey.keep(backlog, () => `${place}events`);
    return [key, id === key ? null : id, sessionId, src, systemId ?? null, sync ?? null, machine, snapshot, backlog];
  }

  #writeSnapshot(child: LiveActor, place: string): unknown {
    if (isRunning(child)) this.runningCount++;
    const snapshot = child.logic.getPersistedSnapshot(child._snapshot);
    this.#survey.keep(snapshot, () => place.slice(0, -1));
    return snapshot;
  }
}

/** The refusal of logic that has no name to find it by after a restart. */
export function inlineSpawn(place: string): OperatingError {
  return unsupported(
    place,
    'an actor that was spawned from inline logic',
    'Register the logic in setup({ actors }) and spawn it by its name there.',
  );
}

/** XState keeps the ids of remembered states, and finds them again only where none contains a dot: paths always work. */
function historyRecord(history: LiveSnapshot['historyValue']): History | null {
  const keys = history === undefined ? [] : Object.keys(history);
  if (history === undefined || keys.length === 0) return null;
  return Object.fromEntries(
    keys.map((key) => [key, (history[key] as readonly StatePoint[]).map((point) => point.path)]),
  );
}

function stateAt(machine: AnyStateMachine, path: readonly string[]): StatePoint {
  let at: StatePoint | undefined = machine.root;
  for (const key of path) at = at?.states[key];
  if (at === undefined) throw mismatch(`the remembered state "${path.join('.')}" is not there any more`);
  return at;
}

/** The refusal of a state that belongs to another machine. */
export function mismatch(what: string, cause?: unknown): OperatingError {
  return new OperatingError('VERSION_MISMATCH', `The kept state does not fit the machine: ${what}.`, { cause });
}

/**
 * The snapshot of a record. Contexts, outputs and errors are put in as they are: references in them are revived once all
 * actors are there. `refuse` is told before anything is thrown, since XState swallows what a child's logic throws here.
 */
export function restoreMachine(
  machine: AnyStateMachine,
  record: MachineRecord,
  scope: LiveScope,
  refuse: (error: unknown) => void,
): LiveSnapshot {
  const [status, value, context, output, error, history, children, active] = record;
  try {
    const historyValue = Object.fromEntries(
      Object.entries(history ?? {}).map(([id, paths]) => [id, paths.map((path) => stateAt(machine, path))]),
    );
    const entries = children.map((child) => {
      const [key, , , src, systemId, sync] = child;
      return [key, { snapshot: child, src, systemId: systemId ?? undefined, syncSnapshot: sync ?? undefined }] as const;
    });
    // XState would look for references of its own in the context.
    const persisted = {
      status,
      value,
      context: {},
      output,
      error,
      historyValue,
      children: Object.fromEntries(entries),
    };
    const snapshot = machine.restoreSnapshot(persisted as never, scope as never) as unknown as LiveSnapshot;
    const lost = children.find(([key]) => snapshot.children?.[key] === undefined);
    if (lost !== undefined) throw mismatch(`the actor "${lost[3]}" of its child "${lost[0]}" is not there any more`);
    snapshot.context = context;
    // XState drops a history of no states, which it goes by otherwise: nothing is entered then, and not the default.
    snapshot.historyValue = historyValue;
    if (active !== undefined) activate(snapshot, machine, value, active);
    return snapshot;
  } catch (cause) {
    const refusal =
      cause instanceof OperatingError ? cause : mismatch(cause instanceof Error ? cause.message : String(cause), cause);
    refuse(refusal);
    throw refusal;
  }
}
