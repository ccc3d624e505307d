/**
 * The driver that keeps everything in memory, encoded as on a disk: for nodes that may forget (`STORE=memory`), for tests
 * and for simulation. The bytes live on a `MemoryDisk`, which outlives the stores opened on it, tells written from synced,
 * and can crash.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { World } from '../world.ts';
import type { Batch, KeySpace, Range, Row, Scan } from './key-space.ts';
import { OrderedKeys } from './ordered-keys.ts';
import { type Durability, RecordStore, type StoreLog } from './record-store.ts';
import type { Store } from './store.ts';

/** What becomes of a write: as it should; an error, and it is not there; an error, and it is there all the same. */
export type WriteOutcome = 'done' | 'lost' | 'kept';

/** How a disk is made to fail. */
export interface MemoryDiskOptions {
  /** Decides on each write before it happens, and may hold it. Default: `done`. */
  readonly onWrite?: (rows: number, synced: boolean) => WriteOutcome | Promise<WriteOutcome>;
  /** Is called before each opening, and may throw an OperatingError, or hold it. */
  readonly onOpen?: () => void | Promise<void>;
}

/** Writes that a crash may lose; of more, the oldest count as synced. */
const UNSYNCED_WRITES_MAX = 1_000;

type Change = readonly [key: string, record: Uint8Array | undefined];

/** Bytes by key, as of the last write. One store at a time has it open. */
export class MemoryDisk {
  readonly #onWrite: NonNullable<MemoryDiskOptions['onWrite']>;
  readonly #onOpen: NonNullable<MemoryDiskOptions['onOpen']>;
  readonly #records = new Map<string, Uint8Array>();
  readonly #order = new OrderedKeys();
  /** For each write that is not synced, what was there before. */
  #undo: Change[][] = [];
  #bytes = 0;
  #holder: object | undefined;

  constructor(options: MemoryDiskOptions = {}) {
    this.#onWrite = options.onWrite ?? (() => 'done');
    this.#onOpen = options.onOpen ?? (() => undefined);
  }

  /**
   * The machine dies: what was not synced is lost, but for the first `keepWrites` of those writes (a disk may have got
   * further than it was asked to). Stores that were open on it fail for ever; a new one can be opened.
   */
  crash(keepWrites = 0): void {
    for (const before of this.#undo.splice(keepWrites).reverse()) {
      for (const [key, record] of before.reverse()) this.#set(key, record);
    }
    this.#undo = [];
    this.#holder = undefined;
  }

  /** The process dies, the machine lives: nothing is lost. Stores that were open on it fail for ever. */
  abandon(): void {
    this.#holder = undefined;
  }

  /** All keys, ascending. */
  keys(): readonly string[] {
    return this.#order.ascending('', '\uffff', Number.POSITIVE_INFINITY);
  }

  /** Flips one bit of a record; `bit` counts from its first byte and wraps. False if there is no such record. */
  flipBit(key: string, bit: number): boolean {
    const record = this.#records.get(key);
    if (record === undefined) return false;
    const damaged = Uint8Array.from(record);
    const at = (bit >> 3) % damaged.length;
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
    this.#records.set(key, damaged);
    return true;
  }

  /** For a space: takes the disk for itself. Errors: STORE_UNAVAILABLE, another one has it. */
  async hold(holder: object): Promise<void> {
    await this.#onOpen();
    if (this.#holder !== undefined)
      throw new OperatingError('STORE_UNAVAILABLE', 'Another store has this memory open. Close it first.');
    this.#holder = holder;
  }

  /** For a space: lets go of it. */
  release(holder: object): void {
    if (this.#holder === holder) this.#holder = undefined;
  }

  /** Whether it is this one that has it. */
  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  range(range: Range, max: number): Row[] {
    const { gte, lt, reverse } = range;
    const keys = reverse === true ? this.#order.descending(gte, lt, max) : this.#order.ascending(gte, lt, max);
    return keys.map((key) => [key, this.#records.get(key) ?? NOTHING]);
  }

  async write(changes: readonly Change[], synced: boolean, holder: object): Promise<void> {
    const outcome = await this.#onWrite(changes.length, synced);
    if (this.#holder !== holder) throw died();
    if (outcome !== 'lost') {
      const before: Change[] = [];
      for (const [key, record] of changes) {
        before.push([key, this.#records.get(key)]);
        this.#set(key, record);
      }
      this.#undo.push(before);
      if (synced) this.#undo = [];
      else if (this.#undo.length > UNSYNCED_WRITES_MAX) this.#undo.shift();
    }
    if (outcome !== 'done')
      throw new OperatingError('STORE_UNAVAILABLE', 'The write failed; whether it is there is not known.');
  }

  figures(): Readonly<Record<string, number>> {
    return { rows: this.#records.size, bytes: this.#bytes };
  }

  #set(key: string, record: Uint8Array | undefined): void {
    const old = this.#records.get(key);
    this.#bytes += (record?.length ?? 0) - (old?.length ?? 0);
    if (record === undefined) {
      if (this.#records.delete(key)) this.#order.remove(key);
    } else {
      if (old === undefined) this.#order.add(key);
      this.#records.set(key, record);
    }
  }
}

const NOTHING = new Uint8Array(0);

class MemorySpace implements KeySpace {
  readonly driver = 'memory';
  readonly #disk: MemoryDisk;
  #held = false;
  #dead = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async open(): Promise<void> {
    if (this.#dead) throw died();
    await this.#disk.hold(this);
    this.#held = true;
  }

  async close(): Promise<void> {
    if (this.#held && !this.#disk.isHeldBy(this)) this.#dead = true;
    this.#disk.release(this);
    this.#held = false;
  }

  batch(): Batch {
    const changes: Change[] = [];
    return {
      put: (key, record) => void changes.push([key, Uint8Array.from(record)]),
      del: (key) => void changes.push([key, undefined]),
      write: (synced) => this.#disk.write(changes, synced, this),
      discard: () => undefined,
    };
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#assertAlive();
    return this.#disk.get(key);
  }

  async getMany(keys: string[]): Promise<(Uint8Array | undefined)[]> {
    this.#assertAlive();
    return keys.map((key) => this.#disk.get(key));
  }

  scan(range: Range): Scan {
    let { gte, lt } = range;
    return {
      next: async (rowsMax) => {
        this.#assertAlive();
        const rows = this.#disk.range({ gte, lt, reverse: range.reverse === true }, rowsMax);
        const last = rows.at(-1)?.[0];
        if (last === undefined) return rows;
        if (range.reverse === true) lt = last;
        else gte = `${last}\0`;
        return rows;
      },
      seek: (key) => {
        if (key > range.gte) gte = key;
      },
      close: async () => undefined,
    };
  }

  async makeRoom(): Promise<boolean> {
    return false;
  }

  async figures(): Promise<Readonly<Record<string, number>>> {
    return this.#disk.figures();
  }

  #assertAlive(): void {
    if (!this.#disk.isHeldBy(this)) throw died();
  }
}

function died(): OperatingError {
  return new OperatingError(
    'STORE_UNAVAILABLE',
    'The memory that this store was opened on has crashed since. Open a new store on it.',
  );
}

/** What a memory store is made of. */
export interface MemoryStoreOptions {
  readonly world: World;
  /** Default: one of its own. */
  readonly disk?: MemoryDisk;
  /** Default: `fsync`, so that a crash of the disk loses nothing that was committed. */
  readonly durability?: Durability;
  readonly log?: StoreLog;
}

/** A store in memory. */
export function createMemoryStore({ world, disk, durability, log }: MemoryStoreOptions): Store {
  return new RecordStore(new MemorySpace(disk ?? new MemoryDisk()), { world, durability: durability ?? 'fsync', log });
}
