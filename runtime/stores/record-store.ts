/**
 * The store over a key space: status, fence, one write at a time, and the reads. It is the part of the memory and LevelDB
 * drivers that must not differ.
 *
 * After the first failed write nothing is written or read any more until `reopen`: the next write would go behind bytes
 * that may be half there. Epochs are encoded when `commit` is called, so the caller may go on changing what it gave.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { TaskEvent } from '../../protocol/tasks.ts';
import type { World } from '../world.ts';
import { readAllRecords, restoreRecords } from './backup-rows.ts';
import { readAlarms, readAllHeads, readAwakeCells, readCell, readHeads } from './cell-reads.ts';
import { readCheckpoints, readTasksWithCheckpoints } from './checkpoint-rows.ts';
import { listEffects, readEffect } from './effect-rows.ts';
import type { Batch, KeySpace, Row } from './key-space.ts';
import { keyOf, type rangeOf } from './keys.ts';
import {
  definitionsAfter,
  quarantinedAfter,
  readDefinition,
  readKeyRow,
  readQuarantined,
  writeEpoch,
} from './layout.ts';
import { pruneRows } from './prune-rows.ts';
import { orReport } from './record-damage.ts';
import { frameValue, readValue } from './records.ts';
import type {
  Alarm,
  CheckpointWrite,
  DefinitionKind,
  DefinitionPage,
  DefinitionWrite,
  EffectPage,
  EffectQuery,
  EffectRecord,
  Epoch,
  Fence,
  KeyWrite,
  Pruned,
  PruneQuery,
  QuarantinePage,
  QuarantineWrite,
  Store,
  StoredCell,
  StoredHead,
  StoreStatus,
  TaskPage,
  TaskQuery,
  TaskRecord,
} from './store.ts';
import { listTasks, readEvents, readTask } from './task-reads.ts';

/** What a driver tells the operator. */
export interface StoreLog {
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** `fsync`: a commit is on stable storage when it resolves. `os`: it is with the operating system, and a power cut may take it. */
export type Durability = 'fsync' | 'os';

/** What drivers have in common. */
export interface RecordStoreOptions {
  readonly world: World;
  readonly durability: Durability;
  readonly log: StoreLog | undefined;
}

/** Messages that `quarantined` gives at most. */
export const QUARANTINED_MAX = 1_000;
/** Rows that one step of a scan brings at most. */
const STEP_ROWS = 256;
/** The embedded drivers have one shard. */
const SHARD = 'local';
const FENCE_KEY = keyOf('m', 'fence');

type FenceFields = [epoch: number, owner: string];

/** A store whose bytes are in a key space. */
export class RecordStore implements Store {
  readonly #space: KeySpace;
  readonly #options: RecordStoreOptions;
  #status: StoreStatus = 'closed';
  #fence: Fence | undefined;
  /** Settles when the last write asked for has. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Settles when the last opening or closing has. */
  #moving: Promise<unknown> = Promise.resolve();
  #commits = 0;
  #corruptRecords = 0;

  constructor(space: KeySpace, options: RecordStoreOptions) {
    this.#space = space;
    this.#options = options;
  }

  get driver(): string {
    return this.#space.driver;
  }

  get status(): StoreStatus {
    return this.#status;
  }

  async open(): Promise<Fence> {
    if (this.#status !== 'closed')
      throw new OperatingError('STATE_CONFLICT', `The store is ${this.#status}; only a closed one can be opened.`);
    const fence = await this.#move('opening', 'closed', () => this.#openSpace(() => this.#takeFence()));
    this.#fence = fence;
    return fence;
  }

  async reopen(): Promise<void> {
    const fence = this.#fence;
    if (fence === undefined || (this.#status !== 'failed' && this.#status !== 'open')) throw this.#unavailable();
    await this.#move('opening', 'failed', async () => {
      await this.#writing;
      await this.#space.close();
      await this.#openSpace(async () => {
        const held = await this.#heldFence();
        if (held?.[0] !== fence.epoch || held[1] !== fence.owner) throw fenced();
      });
    });
  }

  async close(): Promise<void> {
    await this.#moving;
    if (this.#status === 'closed') return;
    this.#status = 'closing';
    const closed = this.#writing.then(() => this.#space.close());
    this.#moving = closed.catch(() => undefined);
    try {
      await closed;
    } finally {
      this.#status = 'closed';
    }
  }

  async commit(epoch: Epoch, fence: Fence): Promise<void> {
    this.#assertMay(fence);
    const batch = this.#space.batch();
    try {
      writeEpoch(epoch, batch);
    } catch (error) {
      batch.discard();
      throw error;
    }
    await this.#inTurn(batch);
  }

  async prune(query: PruneQuery, fence: Fence): Promise<Pruned> {
    this.#assertMay(fence);
    const batch = this.#space.batch();
    let removals = 0;
    const sink = {
      put: batch.put.bind(batch),
      del: (key: string): void => {
        removals++;
        batch.del(key);
      },
    };
    let pruned: Pruned;
    try {
      const nowMs = this.#options.world.nowMs();
      pruned = await pruneRows({ ...query, space: this.#space, sink, nowMs, onCorrupt: this.#leftOut });
    } catch (error) {
      batch.discard();
      throw error;
    }
    if (removals === 0) batch.discard();
    else await this.#inTurn(batch);
    return pruned;
  }

  async readCell(address: string): Promise<StoredCell | undefined> {
    this.#assertOpen();
    return await readCell(this.#space, address);
  }

  async readHeads(addresses: readonly string[]): Promise<readonly (Uint8Array | OperatingError | undefined)[]> {
    this.#assertOpen();
    return await readHeads(this.#space, addresses);
  }

  async *heads(onCorrupt: (error: OperatingError) => void): AsyncGenerator<StoredHead, void, undefined> {
    this.#assertOpen();
    yield* readAllHeads(this.#space, onCorrupt);
  }

  async alarms(after: Alarm | undefined, untilMs: number, limit: number): Promise<readonly Alarm[]> {
    this.#assertOpen();
    return await readAlarms(this.#space, after, untilMs, limit);
  }

  async *awakeCells(onCorrupt: (error: OperatingError) => void): AsyncGenerator<StoredCell, void, undefined> {
    this.#assertOpen();
    yield* readAwakeCells(this.#space, (error) => {
      this.#corruptRecords++;
      onCorrupt(error);
    });
  }

  async readTask(id: string): Promise<TaskRecord | undefined> {
    this.#assertOpen();
    return await readTask(this.#space, id);
  }

  async readEvents(task: string, after: number, limit: number): Promise<readonly TaskEvent[]> {
    this.#assertOpen();
    return await readEvents(this.#space, task, after, limit);
  }

  async listTasks(query: TaskQuery): Promise<TaskPage> {
    this.#assertOpen();
    return await listTasks(this.#space, query, this.#leftOut);
  }

  async readKey(principal: string, key: string): Promise<KeyWrite | undefined> {
    this.#assertOpen();
    const row = keyOf('k', principal, key);
    const record = await this.#space.get(row);
    if (record === undefined) return undefined;
    const found = readKeyRow(row, record);
    return found.expiresAtMs > this.#options.world.nowMs() ? found : undefined;
  }

  async definitions(
    kind: DefinitionKind,
    { after, limit = Number.POSITIVE_INFINITY }: DefinitionPage = {},
  ): Promise<readonly DefinitionWrite[]> {
    return await this.#readAll(definitionsAfter(kind, after), limit, readDefinition);
  }

  async readDefinition(kind: DefinitionKind, name: string, version: string): Promise<DefinitionWrite | undefined> {
    this.#assertOpen();
    const row = keyOf('d', kind, name, version);
    const record = await this.#space.get(row);
    return record === undefined ? undefined : readDefinition(row, record);
  }

  async readEffect(id: string): Promise<EffectRecord | undefined> {
    this.#assertOpen();
    return await readEffect(this.#space, id);
  }

  async listEffects(query: EffectQuery): Promise<EffectPage> {
    this.#assertOpen();
    return await listEffects(this.#space, query, this.#leftOut);
  }

  async quarantined({ after, limit = QUARANTINED_MAX }: QuarantinePage = {}): Promise<readonly QuarantineWrite[]> {
    return await this.#readAll(quarantinedAfter(after), Math.min(limit, QUARANTINED_MAX), readQuarantined);
  }

  async readQuarantined(id: string): Promise<QuarantineWrite | undefined> {
    this.#assertOpen();
    const row = keyOf('q', id);
    const record = await this.#space.get(row);
    return record === undefined ? undefined : readQuarantined(row, record);
  }

  async checkpoints(task: string): Promise<readonly CheckpointWrite[]> {
    this.#assertOpen();
    return await readCheckpoints(this.#space, task);
  }

  async tasksWithCheckpoints(after: string | undefined, limit: number): Promise<readonly string[]> {
    this.#assertOpen();
    return await readTasksWithCheckpoints(this.#space, after, limit);
  }

  records(): AsyncIterable<readonly Row[]> {
    this.#assertOpen();
    return readAllRecords(this.#space);
  }

  async restore(records: readonly Row[]): Promise<void> {
    this.#assertOpen();
    await restoreRecords(this.#space, records, FENCE_KEY);
  }

  async figures(): Promise<Readonly<Record<string, number>>> {
    const own = { commits: this.#commits, corruptRecords: this.#corruptRecords };
    return this.#status === 'open' ? { ...(await this.#space.figures()), ...own } : own;
  }

  /** Writes behind what was asked for before. */
  async #inTurn(batch: Batch): Promise<void> {
    const written = this.#writing.then(() => this.#write(batch));
    this.#writing = written.catch(() => undefined);
    await written;
  }

  async #write(batch: Batch): Promise<void> {
    if (this.#status !== 'open') {
      batch.discard();
      throw this.#unavailable();
    }
    try {
      await batch.write(this.#options.durability === 'fsync');
      this.#commits++;
    } catch (error) {
      if (this.#status === 'open') this.#status = 'failed';
      this.#options.log?.error('A write to the store failed; nothing is written until it is opened again.', {
        error: String(error),
      });
      throw error;
    }
  }

  /** Runs a change of status; `fallback` is the status after its failure. */
  async #move<T>(through: StoreStatus, fallback: StoreStatus, run: () => Promise<T>): Promise<T> {
    this.#status = through;
    const moved = run();
    this.#moving = moved.then(
      () => (this.#status = 'open'),
      () => (this.#status = fallback),
    );
    await this.#moving;
    return await moved;
  }

  /** Opens the space and does `first`; with less on a full disk, if there is something to give up. */
  async #openSpace<T>(first: () => Promise<T>): Promise<T> {
    try {
      await this.#space.open();
      return await first();
    } catch (error) {
      await this.#space.close();
      if (!(await this.#space.makeRoom(error))) throw error;
    }
    try {
      await this.#space.open();
      return await first();
    } catch (error) {
      await this.#space.close();
      throw error;
    }
  }

  async #takeFence(): Promise<Fence> {
    const held = await this.#heldFence();
    const fence: Fence = { shard: SHARD, owner: this.#options.world.id(), epoch: (held?.[0] ?? 0) + 1 };
    const batch = this.#space.batch();
    batch.put(FENCE_KEY, frameValue(FENCE_KEY, [fence.epoch, fence.owner] satisfies FenceFields));
    await batch.write(true);
    return fence;
  }

  async #heldFence(): Promise<FenceFields | undefined> {
    const record = await this.#space.get(FENCE_KEY);
    return record === undefined ? undefined : (readValue(FENCE_KEY, record) as FenceFields);
  }

  async #readAll<T>(
    range: ReturnType<typeof rangeOf>,
    max: number,
    read: (key: string, record: Uint8Array) => T,
  ): Promise<T[]> {
    this.#assertOpen();
    const all: T[] = [];
    const scan = this.#space.scan(range);
    try {
      while (all.length < max) {
        const rows = await scan.next(Math.min(STEP_ROWS, max - all.length));
        if (rows.length === 0) break;
        for (const [key, record] of rows) {
          const one = orReport(() => read(key, record), this.#leftOut);
          if (one !== undefined) all.push(one);
        }
      }
    } finally {
      await scan.close();
    }
    return all;
  }

  readonly #leftOut = (error: OperatingError): void => {
    this.#corruptRecords++;
    this.#options.log?.error('A damaged record was left out of a list.', {
      error: error.message,
      details: error.details,
    });
  };

  #assertMay(fence: Fence): void {
    this.#assertOpen();
    const held = this.#fence;
    if (held?.epoch !== fence.epoch || held.owner !== fence.owner || held.shard !== fence.shard) throw fenced();
  }

  #assertOpen(): void {
    if (this.#status !== 'open') throw this.#unavailable();
  }

  #unavailable(): OperatingError {
    const why =
      this.#status === 'failed' ? 'a write to it failed, and it has not been opened again' : `it is ${this.#status}`;
    return new OperatingError('STORE_UNAVAILABLE', `The store cannot be used: ${why}.`, {
      details: { status: this.#status },
    });
  }
}

function fenced(): OperatingError {
  return new OperatingError(
    'STATE_CONFLICT',
    'The store has been opened again by another owner; this one must not write to it any more.',
  );
}
