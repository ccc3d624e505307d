/**
 * The stored state of a machine as plain, readable data, for those who take it over into another version of the machine, and
 * back. What it says of children, history and timers is what XState needs to restore them; ids that only this product gives
 * (`sessionId`, `timerId`) may be left out of what is new, and are then given.
 */
import type { ActorEvent } from './host.ts';
import { type CheckpointBody, packCheckpoint, type PlaceRecord, unpackCheckpoint } from './machine-checkpoint.ts';
import type { KeptClasses } from './machine-classes.ts';
import { MARK, type Mark, type ReferenceWriter } from './machine-kinds.ts';
import { type ReferenceReader, Reviver } from './machine-marks.ts';
import type { ActorRecord, MachineRecord } from './machine-record.ts';
import { ActorAddress } from './machine-references.ts';
import { Survey } from './machine-values.ts';
import type { StateValue } from './machine-xstate.ts';

/** A machine. `history` holds, by the id of a history state, the paths of the states it remembers. */
export interface StoredMachine {
  readonly status: string;
  readonly value: StateValue | undefined;
  readonly context: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly history?: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly children?: Readonly<Record<string, StoredChild>>;
}

/** A child, by its key in `children`: a machine, or the snapshot of any other logic. `id` is its own id where that is another. */
export interface StoredChild {
  readonly src: string;
  readonly id?: string;
  readonly systemId?: string;
  readonly sync?: boolean;
  readonly machine?: StoredMachine;
  readonly snapshot?: unknown;
  /** What waits for it to start. */
  readonly events?: readonly ActorEvent[];
  readonly sessionId?: string;
}

/** A delayed event. Places are paths of keys in `children` (the root's is empty), or addresses of other actors. */
export interface StoredTimer {
  /** What it is canceled by; for an `after` of a state: `xstate.after.DELAY.STATE`. */
  readonly id: string;
  readonly source: PlaceRecord;
  readonly target: PlaceRecord;
  readonly event: ActorEvent;
  /** In ms since the epoch. */
  readonly dueAtMs: number;
  /** Whether it can be canceled still. Default: true. */
  readonly cancelable?: boolean;
  readonly timerId?: string;
}

/** The root machine with all its delayed events. */
export interface StoredState extends StoredMachine {
  readonly timers: readonly StoredTimer[];
}

/** A reference to a child that lives or has ended, in a stored value. It can be moved about, and nothing else. */
export class StoredReference {
  readonly mark: Mark;

  constructor(mark: Mark) {
    this.mark = mark;
  }
}

class StoredReferences implements ReferenceWriter, ReferenceReader {
  readonly classes: KeptClasses;

  constructor(classes: KeptClasses) {
    this.classes = classes;
  }

  read(mark: Mark): object | undefined {
    if (mark[MARK] === 'address') return new ActorAddress(String(mark['address']));
    return mark[MARK] === 'actor' || mark[MARK] === 'ended' ? new StoredReference(mark) : undefined;
  }

  write(value: object): Mark | undefined {
    if (value instanceof ActorAddress) return { [MARK]: 'address', address: value.address };
    return value instanceof StoredReference ? value.mark : undefined;
  }
}

/** Reads a checkpoint. Nothing in it is shared with another reading. Errors: VERSION_MISMATCH. */
export function readStored(bytes: Uint8Array, classes: KeptClasses): StoredState {
  const { isMarked, body } = unpackCheckpoint(bytes);
  const reviver = new Reviver(new StoredReferences(classes), false);
  const [, , machine, timers] = isMarked ? reviveBody(body, reviver) : body;
  return {
    ...readMachine(machine),
    timers: timers.map(([timerId, id, source, target, event, dueAtMs, cancelable]) => {
      return { id, source, target, event, dueAtMs, cancelable, timerId };
    }),
  };
}

function reviveBody([number, parent, machine, timers]: CheckpointBody, reviver: Reviver): CheckpointBody {
  const reviveMachine = (record: MachineRecord): MachineRecord => {
    const [status, value, context, output, error, history, children] = record;
    const kept = children.map(([key, id, sessionId, src, systemId, sync, inner, snapshot, backlog]): ActorRecord => {
      const own = inner === null ? null : reviveMachine(inner);
      const waiting = backlog === null ? null : (reviver.revive(backlog) as readonly ActorEvent[]);
      return [key, id, sessionId, src, systemId, sync, own, reviver.revive(snapshot), waiting];
    });
    const [revivedContext, revivedOutput, revivedError] = [context, output, error].map((one) => reviver.revive(one));
    return [status, value, revivedContext, revivedOutput, revivedError, history, kept];
  };
  const kept = timers.map((timer) => timer.with(4, reviver.revive(timer[4]) as ActorEvent)) as unknown;
  return [number, parent, reviveMachine(machine), kept as CheckpointBody[3]];
}

function readMachine([status, value, context, output, error, history, children]: MachineRecord): StoredMachine {
  return {
    ...{ status, value, context, history: history ?? {} },
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    children: Object.fromEntries(children.map((child) => [child[0], readChild(child)])),
  };
}

function readChild([, id, sessionId, src, systemId, sync, machine, snapshot, events]: ActorRecord): StoredChild {
  return {
    src,
    ...(id !== null && { id }),
    ...(systemId !== null && { systemId }),
    ...(sync !== null && { sync }),
    ...(machine === null ? { snapshot } : { machine: readMachine(machine) }),
    ...(events !== null && { events }),
    sessionId,
  };
}

/** What a changed state becomes: its checkpoint, and the durable timers that go with it. */
export interface WrittenState {
  readonly body: CheckpointBody;
  readonly bytes: Uint8Array;
  readonly timers: readonly (readonly [timerId: string, dueAtMs: number])[];
}

/** Delays of Infinity are kept, and never armed. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** The checkpoint of a state that was read from `before`. Errors: UNSUPPORTED_LOGIC, naming the place, for what cannot be kept. */
export function writeStored(state: StoredState, before: Uint8Array, classes: KeptClasses): WrittenState {
  const references = new StoredReferences(classes);
  const [lastNumber, parent] = unpackCheckpoint(before).body;
  const writer = new StateWriter(new Survey(references), lastNumber);
  const machine = writer.machine(state, '');
  const timers = (state.timers ?? []).map((timer) => writer.timer(timer));
  const body: CheckpointBody = [writer.number, parent, machine, timers];
  return {
    body,
    bytes: packCheckpoint(body, writer.survey, references, undefined),
    timers: timers.flatMap(([timerId, , , , , dueAtMs]) => (dueAtMs < NEVER_MS ? [[timerId, dueAtMs] as const] : [])),
  };
}

class StateWriter {
  readonly survey: Survey;
  number: number;

  constructor(survey: Survey, number: number) {
    this.survey = survey;
    this.number = number;
  }

  machine({ status, value, context, output, error, history, children }: StoredMachine, place: string): MachineRecord {
    this.survey.keep(context, () => `${place}context`);
    this.survey.keep(output, () => `${place}output`);
    this.survey.keep(error, () => `${place}error`);
    const kept = Object.entries(children ?? {}).map(([key, child]) =>
      this.#child(key, child, `${place}children.${key}`),
    );
    const remembers = Object.keys(history ?? {}).length > 0;
    return [status, value, context, output, error, remembers ? (history ?? null) : null, kept];
  }

  #child(key: string, child: StoredChild, place: string): ActorRecord {
    const { src, id, systemId, sync, machine, snapshot, events, sessionId } = child;
    this.survey.keep(snapshot, () => place);
    this.survey.keep(events, () => `${place}.events`);
    const inner = machine === undefined ? null : this.machine(machine, `${place}.`);
    const session = sessionId ?? `x:${++this.number}`;
    return [key, id ?? null, session, src, systemId ?? null, sync ?? null, inner, snapshot ?? null, events ?? null];
  }

  timer({ id, source, target, event, dueAtMs, cancelable, timerId }: StoredTimer): CheckpointBody[3][number] {
    this.survey.keep(event, () => `timers.${id}`);
    return [timerId ?? `t${++this.number}`, id, source, target, event, dueAtMs, cancelable ?? true];
  }
}
