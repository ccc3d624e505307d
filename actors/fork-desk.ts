/**
 * The checkpoints of tasks, for people: which there are, what the actors were at one, and a task that goes on from there. A fork
 * is a task of its own: it has the log of the first one up to the checkpoint, and everything that was recorded by then; what was
 * not recorded is done again, under keys of its own.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { TaskEvent } from '../protocol/tasks.ts';
import { cellOf, fillCell } from '../runtime/cell-filling.ts';
import { FORK_ROW, type ForkRow } from '../runtime/cell-rows.ts';
import { fitCell, type LogicShelf } from '../runtime/cell-fit.ts';
import type { Cell } from '../runtime/cell.ts';
import {
  type CheckpointCell,
  type CheckpointState,
  stateAt,
  stateFor,
  wholeCheckpoints,
} from '../runtime/checkpoint-state.ts';
import type { Kernel } from '../runtime/kernel.ts';
import { unpackCheckpoint } from '../runtime/machine-checkpoint.ts';
import { readable } from '../runtime/readable.ts';
import { unpackCell } from '../runtime/snapshots.ts';
import { unpackState } from '../runtime/state-codec.ts';
import type { Store, TaskRecord } from '../runtime/stores/store.ts';
import type { Desk, Principal } from './desk.ts';
import type { JournalEntry } from './journal.ts';
import { TASK_LOGIC, type TaskState } from './task.ts';

/** What it needs of its node. */
export interface ForkDeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly desk: Desk;
  readonly shelf: LogicShelf;
  /** A cell was made of a stored state: its supervisor wants to know. */
  onLoaded(cell: Cell): void;
}

/** One checkpoint, in a list. `bytes`: what it keeps. */
export interface CheckpointView {
  readonly checkpoint: string;
  readonly seq: number;
  readonly at: number;
  readonly actors: number;
  readonly bytes: number;
}

/** One actor at a checkpoint. `mail` and `timers` wait for it. */
export interface ActorAt {
  readonly actor: string;
  readonly logic: string;
  readonly version: string;
  readonly state: unknown;
  readonly mail: readonly unknown[];
  readonly timers: readonly { readonly timer: string; readonly due: number }[];
  readonly rows: Readonly<Record<string, unknown>>;
}

/** The label of a task that goes on from a checkpoint of another. */
export const FORK_LABEL = 'fork-of';
/** Lines of the log that a fork takes over. */
const EVENTS_MAX = 100_000;
const PAGE_EVENTS = 1_000;

/** The checkpoints and forks of one node. */
export class ForkDesk {
  readonly #deps: ForkDeskDeps;

  constructor(deps: ForkDeskDeps) {
    this.#deps = deps;
  }

  /** The checkpoints of a task, the oldest first. Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async list(principal: Principal, task: string): Promise<readonly CheckpointView[]> {
    await this.#deps.desk.get(principal, task);
    return wholeCheckpoints(await this.#deps.store.checkpoints(task)).map(({ id, seq, atMs, cells, rows }) => ({
      checkpoint: id,
      seq,
      at: atMs,
      actors: cells.length,
      bytes: sum(cells.map(([, head]) => head?.length ?? 0)) + sum(rows.map(([, , value]) => value?.length ?? 0)),
    }));
  }

  /** The actors of the task at one. Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async inspect(principal: Principal, task: string, id: string): Promise<readonly ActorAt[]> {
    await this.#deps.desk.get(principal, task);
    const { cells } = stateAt(await this.#deps.store.checkpoints(task), task, id);
    return cells.map((cell) => actorAt(cell, this.#deps.shelf));
  }

  /**
   * Makes a task that goes on from a checkpoint; resolves once it is durable. The first one is not touched.
   * Errors: NOT_FOUND, VERSION_MISMATCH (what it needs is not loaded), DRAINING, BUSY, STORE_UNAVAILABLE, STORE_CORRUPT.
   */
  async fork(principal: Principal, task: string, id: string): Promise<string> {
    const { kernel, store, desk } = this.#deps;
    const record = await desk.get(principal, task);
    const state = stateAt(await store.checkpoints(task), task, id);
    const events = await this.#eventsUpTo(task, state.seq);
    desk.admit();
    const fork = kernel.world.id();
    this.#make(record, stateFor(state, task, fork), events, fork);
    await kernel.committer.committed();
    return fork;
  }

  async #eventsUpTo(task: string, seq: number): Promise<readonly TaskEvent[]> {
    const events: TaskEvent[] = [];
    while (events.length < Math.min(seq, EVENTS_MAX)) {
      const page = await this.#deps.store.readEvents(task, events.at(-1)?.seq ?? 0, PAGE_EVENTS);
      const wanted = page.filter((event) => event.seq <= seq);
      events.push(...wanted);
      if (wanted.length < page.length || page.length === 0) break;
    }
    if (events.length === seq) return events;
    throw new OperatingError(
      'NOT_FOUND',
      `The log of ${task} up to line ${seq} is not there any more, or longer than ${EVENTS_MAX} lines.`,
    );
  }

  /** All in one epoch: the record with its log, and the cells with their rows. */
  #make(record: TaskRecord, state: CheckpointState, events: readonly TaskEvent[], fork: string): void {
    const { kernel, shelf, onLoaded } = this.#deps;
    const nowMs = kernel.nowMs();
    const { target, input, options, principal } = record;
    const labels = { ...options.labels, [FORK_LABEL]: record.id };
    // All of them are tried before any is made.
    const fits = state.cells.map((cell) => ({ cell, fit: fitCell(shelf, unpackCell(cell.head)) }));
    const made = fits.map(({ cell, fit }) => ({ cell, fit, live: kernel.book.admit(cellOf(kernel, fit, cell.rows)) }));
    let status: TaskState['phase'] = 'working';
    for (const { cell, fit, live } of made) {
      fillCell(kernel, live, fit, cell.rows);
      for (const [key, value] of live.attached()) kernel.attach(live, key, value);
      const entries = underWay(live);
      if (entries.length > 0) kernel.attach(live, FORK_ROW, { of: record.id, task: fork, entries } satisfies ForkRow);
      kernel.book.linkOwner(live);
      kernel.touch(live);
      onLoaded(live);
      if (live.logic.name === TASK_LOGIC && live.checkpoint !== undefined)
        status = (live.checkpoint as TaskState).phase;
    }
    // Each may watch one that was made after it.
    for (const { live } of made) kernel.bonds.readmit(live);
    kernel.logTask({
      id: fork,
      created: { target, input, options: { ...options, labels }, principal, createdAtMs: record.createdAtMs },
      progress: { status, seq: state.seq, updatedAtMs: nowMs },
      events,
    });
    kernel.post(`task/${fork}`, { type: 'node.resumed', forkOf: record.id, checkpoint: state.id });
  }
}

/** Unsafe calls of which a cell knows that they were begun, and not what came of them. */
function underWay(cell: Cell): string[] {
  return [...cell.attached()].flatMap(([key, value]) => {
    const { kind, state } = (value ?? {}) as Partial<JournalEntry>;
    return kind === 'unsafe' && state === 'intended' ? [key] : [];
  });
}

/** What cannot be decoded, since its logic is not loaded in that version, is shown as `null`. */
function stateOf(body: Uint8Array | undefined, logic: string, version: string, shelf: LogicShelf): unknown {
  const factory = shelf.logic(logic)?.factory;
  if (body === undefined || factory?.logicVersion !== version) return null;
  const decoded = factory.decode(body);
  if (!(decoded instanceof Uint8Array)) return readable(decoded);
  const [, , [status, value, context, output, error, , children]] = unpackCheckpoint(decoded).body;
  return readable({ status, value, context, output, error, children: children.map(([key]) => key) });
}

function actorAt({ head, rows }: CheckpointCell, shelf: LogicShelf): ActorAt {
  const { spec, logicVersion, body, timers, control, user } = unpackCell(head);
  return {
    actor: spec.address,
    logic: spec.logic,
    version: logicVersion,
    state: stateOf(body, spec.logic, logicVersion, shelf),
    mail: [...control, ...user].map(({ bytes: _bytes, ...envelope }) => readable(envelope)),
    timers: timers.map(([timer, due]) => ({ timer, due })),
    rows: Object.fromEntries([...rows].map(([key, value]) => [key, readable(unpackState(value))])),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
