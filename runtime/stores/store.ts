/**
 * The store contract, in the product's own words. Drivers: memory, level (later postgres); one suite
 * (test/contract/store-suite.ts) tests them all.
 *
 * A store is written in epochs: `commit` makes all of an epoch durable or, from the view of a later open, none of it.
 * A commit that rejects has an unknown outcome; the same epoch may be committed again (every write is a put or delete by
 * key). A driver never retries by itself. After the first write error a driver refuses everything but `reopen` and
 * `close` with STORE_UNAVAILABLE: going on after a failed append loses later writes in LevelDB.
 *
 * Bytes handed over and values read back are never shared with the caller's live state: an epoch is encoded before
 * `commit` returns its promise. Every record carries a checksum; a record that fails it is never returned: a read of one
 * thing throws OperatingError STORE_CORRUPT with `details.key`, `awakeCells` passes it to `onCorrupt` and goes on, lists
 * leave it out, log it and count it in the figures.
 *
 * Values (inputs, outputs, the data of events) come back as runtime/stores/values.ts says. One that is nested too deeply
 * fails a commit: `assertKeepable` finds it where it comes in.
 */
// tidy-allow exports: the contract and the nouns it is said in belong together
import type { ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type {
  TaskBudget,
  TaskEvent,
  TaskOptions,
  TaskResult,
  TaskStatus,
  TaskTarget,
  TaskUsage,
} from '../../protocol/tasks.ts';

/** Who may write: a later boot (or owner) fences an earlier one. */
export interface Fence {
  readonly shard: string;
  readonly owner: string;
  readonly epoch: number;
}

/**
 * A cell's state as of this epoch. `head: null` removes the cell; its attachments are removed by writes of their own: whoever
 * owns a cell knows them, and a driver would have to look for them.
 */
export interface CellWrite {
  readonly address: string;
  readonly head: Uint8Array | null;
  /** Whether a restart must load it at once (it has work, timers or mail) or may leave it until someone writes to it. */
  readonly awake: boolean;
  /** How the last commit left it, where the caller knows: it saves a driver a delete. */
  readonly was?: 'awake' | 'resting' | 'none';
  /** When it must be woken if it is not in memory then, in ms since the epoch: its earliest timer. Absent for never. */
  readonly alarmAtMs?: number;
  /** The same as of its last commit, so that the driver can take it back. */
  readonly alarmWasAtMs?: number;
}

/** A cell that must be woken at a time, in ms since the epoch. */
export interface Alarm {
  readonly address: string;
  readonly dueAtMs: number;
}

/** The head of a cell, without its attachments, and whether a start loads it. */
export interface StoredHead {
  readonly address: string;
  readonly head: Uint8Array;
  readonly awake: boolean;
}

/** A row that belongs to a cell and is written once, beside its head: a journal result, a step's state. */
export interface AttachmentWrite {
  readonly address: string;
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** The part of a task that never changes. */
export interface TaskCreated {
  readonly target: TaskTarget;
  readonly input: unknown;
  readonly options: TaskOptions;
  readonly principal: string;
  readonly createdAtMs: number;
}

/** The part that does. */
export interface TaskProgress {
  readonly status: TaskStatus;
  readonly seq: number;
  readonly updatedAtMs: number;
  /** What it waits for, in words, where it does. */
  readonly waiting?: string;
  readonly result?: TaskResult;
  /** What was used so far, where that is shown before the end. */
  readonly usage?: TaskUsage;
  /** What its budget limits, where that is no longer what it was submitted with. */
  readonly limit?: Omit<TaskBudget, 'onExceed'>;
}

/**
 * `created` is present in the first write of a task only; `was` is the status last committed, absent in the first. There
 * is no write after a terminal status.
 */
export interface TaskWrite {
  readonly id: string;
  readonly created?: TaskCreated;
  readonly was?: TaskStatus;
  readonly progress: TaskProgress;
  /** The events new in this epoch, contiguous, the last with `progress.seq`. */
  readonly events: readonly TaskEvent[];
}

/** A task as it stands. */
export interface TaskRecord extends TaskCreated, TaskProgress {
  readonly id: string;
}

/** An idempotency key and the task it made; `bodyHash` tells another body. */
export interface KeyWrite {
  readonly principal: string;
  readonly key: string;
  readonly task: string;
  readonly bodyHash: string;
  readonly expiresAtMs: number;
}

/** What rows of the registry are of. */
export type DefinitionKind =
  | 'agent'
  | 'workflow'
  | 'breaker'
  | 'template'
  | 'figures'
  | 'schedule'
  | 'subscription'
  | 'group'
  | 'approval'
  | 'state'
  | 'cached'
  | 'worker'
  | 'cluster';

/** A named, versioned thing of the registry, or a row that lists an actor of the node. `body: null` removes it. */
export interface DefinitionWrite {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly version: string;
  readonly body: unknown;
}

/** Which rows of a kind. */
export interface DefinitionPage {
  /** The last one that the reader has. */
  readonly after?: { readonly name: string; readonly version: string };
  readonly limit?: number;
}

/** A message that was set aside, with what is needed to look into it. `body: null` removes it. */
export interface QuarantineWrite {
  readonly id: string;
  readonly body: unknown;
}

/** Which of the messages that were set aside. */
export interface QuarantinePage {
  /** The id of the last one that the reader has. */
  readonly after?: string;
  readonly limit?: number;
}

/** What someone said of a call whose outcome was not known. `by`: a principal, `probe`, or `the call itself`. */
export interface EffectDecision {
  readonly how: 'done' | 'failed' | 'retry';
  readonly by: string;
  readonly atMs: number;
  readonly output?: unknown;
  readonly error?: ErrorBody;
  readonly comment?: string;
}

/**
 * An outside call whose outcome nobody knew: `unknown` until someone says, then `resolved`; `abandoned` where whoever waited
 * for it ended first. `late`: it came back when nobody waited for it any more.
 */
export interface EffectRecord {
  readonly id: string;
  readonly state: 'unknown' | 'resolved' | 'abandoned' | 'late';
  /** The cell that keeps the journal, and the call's entry in it. */
  readonly owner: string;
  readonly entry: string;
  readonly name: string;
  /** `name@version`. */
  readonly agent: string;
  readonly idempotencyKey: string;
  readonly sinceMs: number;
  readonly why: string;
  readonly task?: string;
  readonly step?: string;
  readonly item?: number;
  readonly attempt?: number;
  readonly input?: unknown;
  readonly decision?: EffectDecision;
}

/** Which of them; `unknown` where no state is given, the oldest first, all others the newest first. */
export interface EffectQuery {
  readonly state?: EffectRecord['state'];
  /** As given by an earlier page. */
  readonly cursor?: string;
  /** 1 to 200. */
  readonly limit: number;
}

/** A page may be shorter than its limit and still have a cursor: the scan of one call is bounded. */
export interface EffectPage {
  readonly effects: readonly EffectRecord[];
  readonly cursor?: string;
}

/**
 * What one commit changed of the actors that work for a task: all of them put together, from the first on, are the state of the
 * task at this moment. `drop: true` removes one that was kept before.
 */
export interface CheckpointWrite {
  readonly task: string;
  /** Sorts in the order of making. */
  readonly id: string;
  readonly drop?: true;
  readonly seq: number;
  readonly atMs: number;
  readonly cells: readonly (readonly [address: string, head: Uint8Array | null])[];
  readonly rows: readonly (readonly [address: string, key: string, value: Uint8Array | null])[];
}

/** All that is written together. */
export interface Epoch {
  readonly cells: readonly CellWrite[];
  readonly attachments: readonly AttachmentWrite[];
  readonly tasks: readonly TaskWrite[];
  readonly keys: readonly KeyWrite[];
  readonly definitions: readonly DefinitionWrite[];
  readonly quarantine: readonly QuarantineWrite[];
  /** Absent in most: calls with an unknown outcome are rare. */
  readonly effects?: readonly EffectRecord[];
  readonly checkpoints?: readonly CheckpointWrite[];
}

/** A cell as it rests. */
export interface StoredCell {
  readonly address: string;
  readonly head: Uint8Array;
  readonly attachments: ReadonlyMap<string, Uint8Array>;
}

/** Which tasks; all that is given must fit. */
export interface TaskQuery {
  readonly status?: TaskStatus;
  readonly labels?: Readonly<Record<string, string>>;
  readonly principal?: string;
  /** As given by an earlier page. */
  readonly cursor?: string;
  /** 1 to 200. */
  readonly limit: number;
}

/** Newest first. A page may be shorter than its limit and still have a cursor: the scan of one call is bounded. */
export interface TaskPage {
  readonly tasks: readonly TaskRecord[];
  readonly cursor?: string;
}

/** What is to be let go of. */
export interface PruneQuery {
  /** Tasks that had ended before this, and calls in doubt that were closed before this, in ms since the epoch. */
  readonly endedBeforeMs: number;
  /** As given by an earlier step. */
  readonly cursor?: string;
}

/** What one step let go of; without `cursor`, all has been looked at. */
export interface Pruned {
  readonly tasks: number;
  readonly effects: number;
  readonly keys: number;
  readonly cursor?: string;
}

export type StoreStatus = 'closed' | 'opening' | 'open' | 'failed' | 'closing';

/** The contract. */
export interface Store {
  readonly driver: string;
  readonly status: StoreStatus;
  /**
   * Opens, takes the fence (a boot counter, made durable before this resolves). Errors: STORE_UNAVAILABLE, e.g. the store is
   * open elsewhere; STORE_CORRUPT, it is damaged and was not changed; VERSION_MISMATCH; STATE_CONFLICT, it is not closed.
   */
  open(): Promise<Fence>;
  /**
   * All or nothing, durable when it resolves (as far as the driver's `durability` says). Calls may overlap; they are
   * written in order. Errors: STORE_UNAVAILABLE (outcome unknown); with nothing written: STATE_CONFLICT (fenced),
   * PROTOCOL_TOO_BIG (a record is too large, or a value nested too deeply), INTERNAL (a write breaks its contract).
   */
  commit(epoch: Epoch, fence: Fence): Promise<void>;
  /**
   * After a write error: closes and opens again, under the same fence. Errors: STORE_UNAVAILABLE (try again later),
   * STATE_CONFLICT (another owner has opened it meanwhile).
   */
  reopen(): Promise<void>;
  /**
   * Lets go of what is no longer needed, a bounded step at a time: tasks with all of their rows, closed calls, expired idempotency
   * keys. Each step is one write like a commit, with the same errors. Nothing writes to a task that has ended.
   */
  prune(query: PruneQuery, fence: Fence): Promise<Pruned>;
  close(): Promise<void>;

  /** Not for a cell that is being committed. */
  readCell(address: string): Promise<StoredCell | undefined>;
  /**
   * The heads of several cells, as of one moment, in the order asked for; what cannot be read of one is its error
   * (STORE_CORRUPT, VERSION_MISMATCH). Not for cells that are being committed. The caller bounds their number.
   */
  readHeads(addresses: readonly string[]): Promise<readonly (Uint8Array | OperatingError | undefined)[]>;
  /** All heads, those of awake cells first, in the order of their keys. */
  heads(onCorrupt: (error: OperatingError) => void): AsyncIterable<StoredHead>;
  /** Alarms behind `after` (undefined: from the first) that are due at `untilMs` at the latest, the earliest first, at most `limit`. */
  alarms(after: Alarm | undefined, untilMs: number, limit: number): Promise<readonly Alarm[]>;
  /** Cells that a restart must load, in batches, in the order of their keys. */
  awakeCells(onCorrupt: (error: OperatingError) => void): AsyncIterable<StoredCell>;
  readTask(id: string): Promise<TaskRecord | undefined>;
  /** The checkpoints of a task, the oldest first, at most 1,000. */
  checkpoints(task: string): Promise<readonly CheckpointWrite[]>;
  /** Tasks that have checkpoints, the oldest first, behind `after` where it is given, at most `limit`. */
  tasksWithCheckpoints(after: string | undefined, limit: number): Promise<readonly string[]>;
  /** Every record of the store as it lies there, in batches, all as of the moment this is called. For backups. */
  records(): AsyncIterable<readonly (readonly [key: string, record: Uint8Array])[]>;
  /**
   * Puts records of a backup into a new store, which keeps its own fence. Each is checked first. Durable when it resolves.
   * Errors: STORE_CORRUPT, with nothing of this batch written; STORE_UNAVAILABLE.
   */
  restore(batch: readonly (readonly [key: string, record: Uint8Array])[]): Promise<void>;
  /** Events with `seq > after`, ascending, at most `limit`. */
  readEvents(task: string, after: number, limit: number): Promise<readonly TaskEvent[]>;
  listTasks(query: TaskQuery): Promise<TaskPage>;
  /** Nothing once it has expired. */
  readKey(principal: string, key: string): Promise<KeyWrite | undefined>;
  /** All of a kind, by name and version, ascending; those behind `after` alone where it is given, at most `limit`. */
  definitions(kind: DefinitionKind, page?: DefinitionPage): Promise<readonly DefinitionWrite[]>;
  /** Errors: STORE_UNAVAILABLE, STORE_CORRUPT. */
  readDefinition(kind: DefinitionKind, name: string, version: string): Promise<DefinitionWrite | undefined>;
  readEffect(id: string): Promise<EffectRecord | undefined>;
  listEffects(query: EffectQuery): Promise<EffectPage>;
  /** By id, ascending: those behind `after`, at most `limit` (1,000 where it is not given, and at most). */
  quarantined(page?: QuarantinePage): Promise<readonly QuarantineWrite[]>;
  /** Errors: STORE_UNAVAILABLE, STORE_CORRUPT. */
  readQuarantined(id: string): Promise<QuarantineWrite | undefined>;
  /** For the metrics and `doctor`: what the driver can say about its size, bytes on disk and so on. */
  figures(): Promise<Readonly<Record<string, number>>>;
}
