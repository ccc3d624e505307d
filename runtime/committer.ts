/**
 * Epochs: everything touched since the last one is cut in one synchronous step between two turns, written in one atomic,
 * durable commit, and only then is what waited for it released, in order. While one write is in flight the next gathers.
 *
 * A failed commit has an unknown outcome. It releases nothing and forgets nothing: turns and intake pause, the store is
 * reopened, the same epoch is written again. If the store stays away longer than STORE_AWAY_MAX_MS the node is told to end:
 * its recovery is then that of a kill -9.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { TaskEvent, TaskStatus } from '../protocol/tasks.ts';
import type { TaskLogWrite } from './cell-port.ts';
import type { Checkpoints } from './checkpoints.ts';
import type {
  AttachmentWrite,
  CellWrite,
  CheckpointWrite,
  DefinitionWrite,
  EffectRecord,
  Epoch,
  Fence,
  KeyWrite,
  QuarantineWrite,
  Store,
  TaskCreated,
  TaskProgress,
} from './stores/store.ts';
import type { World } from './world.ts';
import { ChurnMap } from './churn-map.ts';

/** What the committer asks of a cell at the cut. `undefined`: it ended and was never written; `later`: at the next cut. */
export interface Dirty {
  cut(): CellWrite | 'later' | undefined;
}

/** What the committer tells the rest of the node. */
export interface CommitterHooks {
  /** Before a cut: run what is ready, so that more fits into the epoch. True while there is more. */
  readonly drain: () => boolean;
  /** The same, right before the cut, of what could wait until then. */
  readonly drainPatient?: () => void;
  /** A cell cannot be written as it is. It must end by this: it is not asked again. Default: the cut fails, and the node with it. */
  readonly onUnwritable?: (cell: Dirty, error: unknown) => void;
  /** The store is away (true) or back (false). */
  readonly onPause: (paused: boolean) => void;
  readonly onCommit: (seconds: number, writes: number) => void;
  /** The store cannot be had any more, or another owner has taken over. The node must end. */
  readonly onFatal: (error: OperatingError) => void;
  readonly log: { warn(message: string, fields?: object): void; error(message: string, fields?: object): void };
}

/**
 * What a cut waits for: cells whose state is still being read cannot be part of it, but what was sent to them must be in the
 * epoch of its sender.
 */
export interface CutGate {
  /** Resolves when all that is being read now has been; undefined where nothing is. Never rejects. */
  wakes(): Promise<void> | undefined;
  /** Undefined where there is nothing to wait for. Otherwise no turn runs until `release`. Never rejects. */
  settle(): Promise<void> | undefined;
  release(): void;
}

const STORE_AWAY_MAX_MS = 30_000;
const REOPEN_FIRST_MS = 50;
const REOPEN_MAX_MS = 2_000;
/** How long a cut waits for what is about to be ready: rounds of turns, and of promises that settle in between. */
const GATHER_ROUNDS = 4;
/** So many where they are short: chains of quick steps then begin and end in one epoch, and those who wait hardly notice. */
const GATHER_ROUNDS_MAX = 16;
const GATHER_MS_MAX = 20;
const GATHER_TICKS = 12;
/** Above either, sessions answer BUSY: a slow disk costs latency, not memory. */
const DIRTY_MAX = 50_000;
const RELEASES_MAX = 200_000;

interface TaskDraft {
  created?: TaskCreated;
  readonly was: TaskStatus | undefined;
  progress: TaskProgress;
  events: TaskEvent[];
}

interface RowDraft {
  readonly write: AttachmentWrite;
  /** Nothing was written under its key before. */
  readonly isNew: boolean;
}

/** The committer of one node: the only writer of its store. */
export class Committer {
  readonly #store: Store;
  readonly #fence: Fence;
  readonly #world: World;
  readonly #hooks: CommitterHooks;
  #dirty = new Set<Dirty>();
  #tasks = new Map<string, TaskDraft>();
  /** The status each unfinished task has in the store. */
  readonly #committedStatus = new ChurnMap<string, TaskStatus>();
  /** By the address of their cell, then by key. */
  #attachments = new Map<string, Map<string, RowDraft>>();
  #keys: KeyWrite[] = [];
  #definitions: DefinitionWrite[] = [];
  #quarantine: QuarantineWrite[] = [];
  #checkpoints: Checkpoints | undefined;
  #drops: CheckpointWrite[] = [];
  #effects = new Map<string, EffectRecord>();
  #releases: (() => void)[] = [];
  #gate: CutGate | undefined;
  #scheduled = false;
  #writing = false;
  #stopped = false;

  constructor(store: Store, fence: Fence, world: World, hooks: CommitterHooks) {
    this.#store = store;
    this.#fence = fence;
    this.#world = world;
    this.#hooks = hooks;
  }

  /** From now on each cut waits for this. */
  settleWith(gate: CutGate): void {
    this.#gate = gate;
  }

  /** Whether more work must be refused until the disk has caught up. */
  get pressed(): boolean {
    return this.#dirty.size > DIRTY_MAX || this.#releases.length > RELEASES_MAX;
  }

  /** Touched since the last cut. */
  isDirty(cell: Dirty): boolean {
    return this.#dirty.has(cell);
  }

  touch(cell: Dirty): void {
    this.#dirty.add(cell);
    if (!this.#scheduled) this.#schedule();
  }

  /** Runs `fn` once everything up to now is committed. A throw of it is logged. */
  release(fn: () => void): void {
    this.#releases.push(fn);
    if (!this.#scheduled) this.#schedule();
  }

  /** Resolves once everything up to now is committed. */
  committed(): Promise<void> {
    return new Promise((resolve) => this.release(resolve));
  }

  logTask(write: TaskLogWrite): void {
    const draft = this.#tasks.get(write.id);
    if (draft === undefined) {
      const fresh: TaskDraft = {
        was: this.#committedStatus.get(write.id),
        progress: write.progress,
        events: [...write.events],
      };
      if (write.created !== undefined) fresh.created = write.created;
      this.#tasks.set(write.id, fresh);
    } else {
      draft.progress = write.progress;
      for (const event of write.events) draft.events.push(event);
    }
    if (!this.#scheduled) this.#schedule();
  }

  /** A recovered task tells the status it has in the store. */
  adoptTask(id: string, status: TaskStatus): void {
    this.#committedStatus.set(id, status);
  }

  /** Writes a row of a cell, or removes it. `isNew`: none is stored under its key. One that goes before its first cut is never written. */
  attach(write: AttachmentWrite, isNew = false): void {
    let rows = this.#attachments.get(write.address);
    if (rows === undefined) this.#attachments.set(write.address, (rows = new Map()));
    const isUnwritten = rows.get(write.key)?.isNew ?? isNew;
    if (write.value === null && isUnwritten) rows.delete(write.key);
    else rows.set(write.key, { write, isNew: isUnwritten });
    if (!this.#scheduled) this.#schedule();
  }

  /** From now on, what commits change of the actors of tasks is kept. */
  keepCheckpoints(checkpoints: Checkpoints): void {
    this.#checkpoints = checkpoints;
  }

  /** Removes a checkpoint that is kept. */
  dropCheckpoint(task: string, id: string): void {
    this.#drops.push({ task, id, drop: true, seq: 0, atMs: 0, cells: [], rows: [] });
    if (!this.#scheduled) this.#schedule();
  }

  claimKey(write: KeyWrite): void {
    this.#keys.push(write);
  }

  define(write: DefinitionWrite): void {
    this.#definitions.push(write);
    if (!this.#scheduled) this.#schedule();
  }

  /** How a call with an unknown outcome stands. */
  recordEffect(record: EffectRecord): void {
    this.#effects.set(record.id, record);
    if (!this.#scheduled) this.#schedule();
  }

  setAside(write: QuarantineWrite): void {
    this.#quarantine.push(write);
    if (!this.#scheduled) this.#schedule();
  }

  /** Resolves once nothing waits to be written or released any more. */
  async flush(): Promise<void> {
    // A commit that has just released its last is still at work: what counts is whether anything waits for another.
    do {
      if (this.#stopped) return;
      await this.committed();
    } while (this.#dirty.size > 0 || this.#releases.length > 0);
  }

  /** No commit is begun any more. */
  stop(): void {
    this.#stopped = true;
  }

  #schedule(): void {
    if (this.#writing || this.#stopped) return;
    this.#scheduled = true;
    this.#world.defer(() => {
      this.#scheduled = false;
      if (!this.#writing && !this.#stopped) void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    this.#writing = true;
    this.#scheduled = true;
    while (!this.#stopped) {
      await this.#gatherWoken();
      this.#hooks.drainPatient?.();
      // Before the wait: what comes meanwhile may not be in this epoch.
      const releases = this.#releases;
      this.#releases = [];
      const settling = this.#gate?.settle();
      if (settling !== undefined) await settling;
      const epoch = this.#cut();
      if (settling !== undefined) this.#gate?.release();
      const writes =
        epoch.cells.length +
        epoch.attachments.length +
        epoch.tasks.length +
        epoch.keys.length +
        epoch.definitions.length +
        epoch.quarantine.length +
        (epoch.effects?.length ?? 0) +
        (epoch.checkpoints?.length ?? 0);
      // The end of a cell that could not be written may have to be released as well.
      if (writes === 0 && releases.length === 0 && this.#releases.length === 0) break;
      if (writes > 0) {
        const fromMs = this.#world.monotonicMs();
        if (!(await this.#write(epoch))) return;
        this.#hooks.onCommit((this.#world.monotonicMs() - fromMs) / 1000, writes);
      }
      for (const release of releases) this.#let(release);
      // One round of the event loop, so that what has arrived meanwhile is in the next epoch and no store can starve the sockets.
      await new Promise<void>((resolve) => this.#world.defer(resolve));
    }
    this.#writing = false;
    this.#scheduled = false;
  }

  /**
   * Runs what is ready, and what that makes ready by promises that settle at once: a task whose work is pure then begins
   * and ends in one epoch, as one record, instead of being written twice with all its actors.
   */
  async #gather(): Promise<void> {
    const fromMs = this.#world.monotonicMs();
    for (let round = 0; round < GATHER_ROUNDS_MAX; round++) {
      if (round >= GATHER_ROUNDS && this.#world.monotonicMs() - fromMs > GATHER_MS_MAX) return;
      this.#hooks.drain();
      for (let tick = 0; tick < GATHER_TICKS; tick++) await Promise.resolve();
      if (!this.#hooks.drain()) return;
    }
  }

  /** The same, and lets what was being read take its turns too: its mail is then written once, with what came of it. */
  async #gatherWoken(): Promise<void> {
    for (let round = 0; round < GATHER_ROUNDS; round++) {
      await this.#gather();
      const waking = this.#gate?.wakes();
      if (waking === undefined) return;
      await waking;
    }
  }

  /** One that throws must not keep the others back. */
  #let(release: () => void): void {
    try {
      release();
    } catch (error) {
      this.#hooks.log.error('Something that waited for a commit failed.', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }

  #cut(): Epoch {
    const { cells, later } = this.#cutCells();
    const tasks = [];
    for (const [id, draft] of this.#tasks) {
      const { status } = draft.progress;
      if (draft.progress.result === undefined) this.#committedStatus.set(id, status);
      else this.#committedStatus.delete(id);
      tasks.push({
        id,
        progress: draft.progress,
        events: draft.events,
        ...(draft.created !== undefined && { created: draft.created }),
        ...(draft.was !== undefined && { was: draft.was }),
      });
    }
    const attachments: AttachmentWrite[] = [];
    for (const rows of this.#attachments.values()) for (const { write } of rows.values()) attachments.push(write);
    const checkpoints = this.#drops.concat(this.#checkpoints?.of({ cells, attachments, tasks }) ?? []);
    const epoch: Epoch = {
      cells,
      tasks,
      attachments,
      keys: this.#keys,
      definitions: this.#definitions,
      quarantine: this.#quarantine,
      ...(this.#effects.size > 0 && { effects: [...this.#effects.values()] }),
      ...(checkpoints.length > 0 && { checkpoints }),
    };
    if (this.#dirty.size > 0) this.#dirty = later;
    if (tasks.length > 0) this.#tasks = new Map();
    if (this.#attachments.size > 0) this.#attachments = new Map();
    if (this.#effects.size > 0) this.#effects = new Map();
    if (this.#drops.length > 0) this.#drops = [];
    this.#keys = [];
    this.#definitions = [];
    this.#quarantine = [];
    return epoch;
  }

  /** What cannot be written ends, and those who hear of that are part of the same cut: all of it begins again then. */
  #cutCells(): { readonly cells: CellWrite[]; readonly later: Set<Dirty> } {
    for (;;) {
      const cells: CellWrite[] = [];
      const later = new Set<Dirty>();
      const unwritable = new Map<Dirty, unknown>();
      for (const cell of this.#dirty) {
        try {
          const write = cell.cut();
          if (write === 'later') later.add(cell);
          else if (write !== undefined) cells.push(write);
        } catch (error) {
          if (this.#hooks.onUnwritable === undefined) throw error;
          unwritable.set(cell, error);
        }
      }
      if (unwritable.size === 0) return { cells, later };
      for (const [cell, error] of unwritable) this.#hooks.onUnwritable?.(cell, error);
    }
  }

  /** Writes until it is written; false when the node must end. */
  async #write(epoch: Epoch): Promise<boolean> {
    try {
      await this.#store.commit(epoch, this.#fence);
      return true;
    } catch (error) {
      return await this.#writeAgain(epoch, error);
    }
  }

  async #writeAgain(epoch: Epoch, first: unknown): Promise<boolean> {
    const sinceMs = this.#world.monotonicMs();
    let error = first;
    let pauseMs = REOPEN_FIRST_MS;
    this.#hooks.onPause(true);
    while (this.#world.monotonicMs() - sinceMs < STORE_AWAY_MAX_MS && isAway(error) && !this.#stopped) {
      this.#hooks.log.warn('The store could not be written; nothing is acknowledged until it can.', {
        error: String(error),
      });
      await new Promise<void>((resolve) => void this.#world.after(pauseMs, resolve));
      pauseMs = Math.min(pauseMs * 2, REOPEN_MAX_MS);
      try {
        await this.#store.reopen();
        await this.#store.commit(epoch, this.#fence);
        this.#hooks.onPause(false);
        return true;
      } catch (again) {
        error = again;
      }
    }
    // A node that has been stopped needs nobody to end it.
    if (this.#stopped && isAway(error)) return false;
    this.#stopped = true;
    this.#hooks.onFatal(
      new OperatingError('STORE_UNAVAILABLE', `The store could not be written: ${String(error)}`, { cause: error }),
    );
    return false;
  }
}

/** Whether trying again may help: not for a fence that was lost, nor for an epoch that no store can hold. */
function isAway(error: unknown): boolean {
  return !(error instanceof OperatingError) || error.code === 'STORE_UNAVAILABLE';
}
