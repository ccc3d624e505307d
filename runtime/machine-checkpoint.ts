/**
 * The checkpoint of a machine: one array of records, packed. Its head says whether the body holds marks, so that most
 * states need not be looked through again when they are restored.
 */
// tidy-allow exports: the format, and those who write and read it, belong together
import type { KeptClasses } from './machine-classes.ts';
import { MARK, type Mark, type ReferenceWriter } from './machine-kinds.ts';
import { Converter, type ReferenceReader, Reviver } from './machine-marks.ts';
import { type MachineRecord, mismatch } from './machine-record.ts';
import { ActorAddress, EndedActor } from './machine-references.ts';
import type { ActorEvent } from './host.ts';
import { packKept, type Survey, unpackKept } from './machine-values.ts';
import { actorAt, childrenOf, isLiveActor, type LiveActor, type LiveSnapshot, pathOf } from './machine-xstate.ts';

/** 2: the active states of each machine stand in its record. Format 1 is read, too: XState works them out. */
export const CHECKPOINT_FORMAT = 2;
const FORMATS_READ: readonly number[] = [1, 2];

/** Where a timer starts or ends: the path of an actor, an address, or null for an actor that has ended. */
export type PlaceRecord = readonly string[] | string | null;

/** A delayed event. */
export type TimerRecord = readonly [
  timerId: string,
  sendId: string,
  source: PlaceRecord,
  target: PlaceRecord,
  event: ActorEvent,
  dueAtMs: number,
  isKeyed: boolean,
];

/** All that is kept of a machine. `number` is the last that was given to an actor, a timer or a call. */
export type CheckpointBody = readonly [
  number: number,
  parent: string | null,
  machine: MachineRecord,
  timers: readonly TimerRecord[],
];

/** Packs a body whose values `survey` has seen; gives `last` back where nothing has changed since. */
export function packCheckpoint(
  body: CheckpointBody,
  survey: Survey,
  references: ReferenceWriter,
  last: Uint8Array | undefined,
): Uint8Array {
  const kept = survey.marked ? new Converter(references, false).convert(body) : body;
  return packKept([CHECKPOINT_FORMAT, survey.marked, kept], last);
}

/** The inverse; the values in it are not revived yet. Errors: VERSION_MISMATCH for bytes of another format. */
export function unpackCheckpoint(bytes: Uint8Array): { readonly isMarked: boolean; readonly body: CheckpointBody } {
  const [format, isMarked, body] = unpackKept(bytes) as readonly [number, boolean, CheckpointBody];
  if (!FORMATS_READ.includes(format))
    throw mismatch(`it is of format ${String(format)}, and this version reads ${FORMATS_READ.join(' and ')}`);
  return { isMarked, body };
}

/** Puts back what marks stand for, in the snapshots of an actor and all its children. */
export function reviveSnapshots(actor: LiveActor, reviver: Reviver): void {
  const snapshot = actor._snapshot;
  if (snapshot.machine === undefined) actor._snapshot = reviver.revive(snapshot) as LiveSnapshot;
  else for (const field of ['context', 'output', 'error'] as const) snapshot[field] = reviver.revive(snapshot[field]);
  for (const [, child] of childrenOf(actor)) reviveSnapshots(child, reviver);
}

/** The references inside of one machine. */
export class TreeReferences implements ReferenceWriter, ReferenceReader {
  readonly classes: KeptClasses;
  readonly #root: LiveActor;

  constructor(root: LiveActor, classes: KeptClasses) {
    this.#root = root;
    this.classes = classes;
  }

  write(value: object): Mark | undefined {
    if (value instanceof ActorAddress) return { [MARK]: 'address', address: value.address };
    if (value instanceof EndedActor) return this.#ended(value, value.status);
    if (!isLiveActor(value)) return undefined;
    if (value.system !== this.#root.system) return undefined;
    const path = pathOf(this.#root, value);
    return path === undefined
      ? this.#ended(value, value._snapshot.status === 'active' ? 'stopped' : value._snapshot.status)
      : { [MARK]: 'actor', path };
  }

  read(mark: Mark): object | undefined {
    if (mark[MARK] === 'address') return new ActorAddress(String(mark['address']));
    if (mark[MARK] !== 'actor' && mark[MARK] !== 'ended') return undefined;
    const path = mark['path'] as readonly string[] | null;
    const actor = path === null ? undefined : actorAt(this.#root, path);
    if (mark[MARK] === 'actor' && actor !== undefined) return actor;
    return new EndedActor(String(mark['id']), String(mark['sessionId']), String(mark['status']), actor);
  }

  place(actor: object): PlaceRecord {
    if (actor instanceof ActorAddress) return actor.address;
    return isLiveActor(actor) ? (pathOf(this.#root, actor) ?? null) : null;
  }

  actorOf(place: PlaceRecord): object {
    if (typeof place === 'string') return new ActorAddress(place);
    const actor = place === null ? undefined : actorAt(this.#root, place);
    return actor ?? new EndedActor('', '', 'stopped', undefined);
  }

  /** `path` is that of its parent: only that one may stop it. */
  #ended({ id, sessionId, _parent: parent }: EndedActor | LiveActor, status: string): Mark {
    const path = parent !== undefined && isLiveActor(parent) ? (pathOf(this.#root, parent) ?? null) : null;
    return { [MARK]: 'ended', id, sessionId, status, path };
  }
}

/** The references in what crosses the border of a machine: other actors know it by its address, and its children not at all. */
export class BorderReferences implements ReferenceWriter, ReferenceReader {
  readonly #root: LiveActor | undefined;
  readonly #address: string;

  constructor(root: LiveActor | undefined, address: string) {
    this.#root = root;
    this.#address = address;
  }

  write(value: object): Mark | undefined {
    if (value instanceof ActorAddress) return { [MARK]: 'address', address: value.address };
    return value === this.#root ? { [MARK]: 'address', address: this.#address } : undefined;
  }

  read(mark: Mark): object | undefined {
    if (mark[MARK] !== 'address' || typeof mark['address'] !== 'string') return undefined;
    const own = mark['address'] === this.#address ? this.#root : undefined;
    return own ?? new ActorAddress(mark['address']);
  }
}
