/**
 * The disk under the real record store. It knows for every batch whether it is only handed over, in the file, or on stable
 * storage, keeps all versions of every row, and so can show what was on stable storage at any moment. A kill of the process
 * loses what was not in the file yet; a power cut loses what was not synced, but for a part from the front, whose last batch
 * may be torn: that one is found when the disk is opened again, and dropped.
 *
 * It stands in for LevelDB and the file system as the store sees them, and is only as right as that: batches are atomic and
 * in order, a failed write has an unknown outcome, whatever an opening finds is synced by it.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { Batch, KeySpace, Range, Row, Scan } from '../../runtime/stores/key-space.ts';
import { OrderedKeys } from '../../runtime/stores/ordered-keys.ts';
import { Rng } from './rng.ts';
import type { Owner, SimulatedWorld } from './simulated-world.ts';

/** What is wrong with the disk, each as a probability or a state. */
export interface DiskFaults {
  /** Of a write: it fails, and is there or not. */
  writeFails: number;
  /** Of a write: it takes up to SLOW_MS. */
  slow: number;
  openFails: number;
  /** Nothing can be written. */
  full: boolean;
}

/** Moments of a write at which a process may die. */
export type WritePoint = 'asked' | 'in-file' | 'synced' | 'told';

/** What one batch changes. */
export type Change = readonly [key: string, record: Uint8Array | undefined];

interface Version {
  readonly batch: number;
  readonly record: Uint8Array | undefined;
}

const WRITE_MS = 0.4;
const SYNC_MS = 3;
const SLOW_MS = 4_000;
const OPEN_MS = 30;
/** Of reads: they take a moment. */
const READS_LATE = 0.3;
/** A new one each time: whoever waits for one that is shared is kept by it, with all that it knows. */
const never = (): Promise<never> => new Promise(() => undefined);

/** What is on the disk, and what goes wrong with it. It outlives processes. */
export class SimulatedDisk {
  readonly faults: DiskFaults = { writeFails: 0, slow: 0, openFails: 0, full: false };
  /** Keys of rows in which a bit has turned over at rest. */
  readonly damaged = new Set<string>();
  readonly world: SimulatedWorld;
  readonly #rng: Rng;
  readonly #rows = new Map<string, Version[]>();
  readonly #order = new OrderedKeys();
  /** Batches in the file that are not synced, with their keys. */
  readonly #unsynced: { readonly batch: number; readonly keys: readonly string[] }[] = [];
  #batches = 0;
  #synced = 0;
  #visible = 0;
  #holder: Owner | undefined;
  /** Hears of each moment of a write; what dies in it is dead before the next. */
  onPoint: (point: WritePoint, changes: readonly Change[]) => void = () => undefined;

  constructor(world: SimulatedWorld, seed: number) {
    this.world = world;
    this.#rng = new Rng(seed, 'disk');
  }

  /** The number of the last batch on stable storage. */
  get synced(): number {
    return this.#synced;
  }

  /** A key space for one process. */
  spaceOf(owner: Owner): KeySpace {
    return new SimulatedSpace(this, owner);
  }

  /** What is on stable storage now, also later. */
  syncedView(): KeySpace {
    return new SyncedView(this, this.#synced);
  }

  /** The process dies, the machine lives: what is in the file stays. */
  kill(): void {
    this.#holder = undefined;
  }

  /** The machine dies. @returns how many batches were lost, and whether the last of them was torn */
  powerCut(): { readonly lost: number; readonly torn: boolean } {
    this.#holder = undefined;
    const kept = this.#unsynced.length === 0 ? 0 : this.#rng.int(0, this.#unsynced.length);
    const lost = this.#unsynced.splice(kept);
    for (const { batch, keys } of lost) for (const key of keys) this.#drop(key, batch);
    return { lost: lost.length, torn: lost.length > 0 && this.#rng.chance(0.5) };
  }

  /** Turns one bit of a random row over; of the rows whose keys `fits` takes. @returns its key */
  rot(fits: (key: string) => boolean): string | undefined {
    const keys = this.range({ gte: '', lt: '\uffff' }, Infinity, Infinity).map(([key]) => key);
    const fitting = keys.filter(fits);
    if (fitting.length === 0) return undefined;
    const key = this.#rng.pick(fitting);
    const versions = this.#rows.get(key) ?? [];
    const last = versions.pop();
    if (last?.record === undefined) return undefined;
    const record = Uint8Array.from(last.record);
    const at = this.#rng.int(0, record.length - 1);
    record[at] = (record[at] ?? 0) ^ (1 << this.#rng.int(0, 7));
    versions.push({ batch: last.batch, record });
    this.damaged.add(key);
    return key;
  }

  /** The row as of a batch. */
  get(key: string, asOf: number): Uint8Array | undefined {
    const versions = this.#rows.get(key);
    if (versions === undefined) return undefined;
    for (let at = versions.length - 1; at >= 0; at--) {
      const version = versions[at] as Version;
      if (version.batch <= asOf) return version.record;
    }
    return undefined;
  }

  /** The rows of a range as of a batch. */
  range({ gte, lt, reverse }: Range, rowsMax: number, asOf: number): Row[] {
    const rows: Row[] = [];
    const keys =
      reverse === true ? this.#order.descending(gte, lt, Infinity) : this.#order.ascending(gte, lt, Infinity);
    for (const key of keys) {
      const record = this.get(key, asOf);
      if (record !== undefined && rows.push([key, record]) >= rowsMax) break;
    }
    return rows;
  }

  /** For a space: what its process sees. */
  get visible(): number {
    return this.#visible;
  }

  async open(owner: Owner, roomMade: boolean): Promise<void> {
    await this.#pass(owner, OPEN_MS * this.#rng.next());
    if (this.#rng.chance(this.faults.openFails)) throw failed('The disk did not answer');
    if (this.faults.full && !roomMade && this.#rng.chance(0.5)) throw failed('There is no space left on the disk');
    if (this.#holder !== undefined && this.#holder !== owner && this.#holder.alive)
      throw failed('Another process has it open');
    this.#holder = owner;
    this.#unsynced.length = 0;
    this.#synced = this.#visible = this.#batches;
  }

  release(owner: Owner): void {
    if (this.#holder === owner) this.#holder = undefined;
  }

  async write(changes: readonly Change[], synced: boolean, owner: Owner): Promise<void> {
    this.#reach('asked', changes);
    await this.#pass(owner, WRITE_MS * this.#rng.next() + (this.#rng.chance(this.faults.slow) ? this.#slowMs() : 0));
    const fails = this.faults.full ? 'lost' : this.#rng.chance(this.faults.writeFails) ? this.#rng.pick(FATES) : 'done';
    if (fails === 'lost') throw failed(this.faults.full ? 'There is no space left on the disk' : 'The write failed');
    const batch = this.#append(changes);
    this.#reach('in-file', changes);
    if (!owner.alive) return await never();
    if (synced) {
      await this.#pass(owner, SYNC_MS * this.#rng.next() + (this.#rng.chance(this.faults.slow) ? this.#slowMs() : 0));
      if (fails === 'kept') throw failed('The sync failed');
      this.#synced = batch;
      this.#unsynced.length = 0;
    } else if (fails === 'kept') throw failed('The write failed at its end');
    this.#visible = batch;
    this.#reach('synced', changes);
    await this.#pass(owner, WRITE_MS * this.#rng.next());
    this.#reach('told', changes);
    if (!owner.alive) await never();
  }

  /** A read takes its time now and then. */
  async read(owner: Owner): Promise<void> {
    if (!owner.alive) await never();
    if (this.#rng.chance(READS_LATE)) await this.#pass(owner, 2 * this.#rng.next());
  }

  #slowMs(): number {
    return this.#rng.skewed(0, SLOW_MS);
  }

  #reach(point: WritePoint, changes: readonly Change[]): void {
    this.onPoint(point, changes);
  }

  #pass(owner: Owner, ms: number): Promise<void> {
    return new Promise((resolve) => void this.world.at(ms, owner, resolve));
  }

  #append(changes: readonly Change[]): number {
    const batch = ++this.#batches;
    for (const [key, record] of changes) {
      const versions = this.#rows.get(key);
      if (versions === undefined) {
        this.#rows.set(key, [{ batch, record }]);
        this.#order.add(key);
      } else if (versions.at(-1)?.batch === batch) versions[versions.length - 1] = { batch, record };
      else versions.push({ batch, record });
      this.damaged.delete(key);
    }
    this.#unsynced.push({ batch, keys: changes.map(([key]) => key) });
    return batch;
  }

  #drop(key: string, batch: number): void {
    const versions = this.#rows.get(key);
    while ((versions?.at(-1)?.batch ?? -1) >= batch) versions?.pop();
  }
}

const FATES = ['lost', 'kept'] as const;

function failed(why: string): OperatingError {
  return new OperatingError('STORE_UNAVAILABLE', `${why}.`);
}

abstract class Reading {
  protected readonly disk: SimulatedDisk;

  constructor(disk: SimulatedDisk) {
    this.disk = disk;
  }

  protected abstract arrive(): Promise<number>;

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.disk.get(key, await this.arrive());
  }

  async getMany(keys: string[]): Promise<(Uint8Array | undefined)[]> {
    const asOf = await this.arrive();
    return keys.map((key) => this.disk.get(key, asOf));
  }

  scan(range: Range): Scan {
    let { gte, lt } = range;
    return {
      next: async (rowsMax) => {
        const asOf = await this.arrive();
        const rows = this.disk.range({ gte, lt, reverse: range.reverse === true }, rowsMax, asOf);
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

  async figures(): Promise<Readonly<Record<string, number>>> {
    return {};
  }
}

class SimulatedSpace extends Reading implements KeySpace {
  readonly driver = 'simulated';
  readonly #owner: Owner;
  #roomMade = false;

  constructor(disk: SimulatedDisk, owner: Owner) {
    super(disk);
    this.#owner = owner;
  }

  protected async arrive(): Promise<number> {
    await this.disk.read(this.#owner);
    return this.disk.visible;
  }

  async open(): Promise<void> {
    await this.disk.open(this.#owner, this.#roomMade);
  }

  async close(): Promise<void> {
    this.disk.release(this.#owner);
  }

  batch(): Batch {
    const changes: Change[] = [];
    return {
      put: (key, record) => void changes.push([key, Uint8Array.from(record)]),
      del: (key) => void changes.push([key, undefined]),
      write: (synced) => this.disk.write(changes, synced, this.#owner),
      discard: () => undefined,
    };
  }

  async makeRoom(): Promise<boolean> {
    if (!this.disk.faults.full || this.#roomMade) return false;
    this.#roomMade = true;
    return true;
  }
}

/** Stable storage as of a moment, for those who judge: nothing of it waits. */
class SyncedView extends Reading implements KeySpace {
  readonly driver = 'synced';
  readonly #asOf: number;

  constructor(disk: SimulatedDisk, asOf: number) {
    super(disk);
    this.#asOf = asOf;
  }

  protected arrive(): Promise<number> {
    return Promise.resolve(this.#asOf);
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  batch(): Batch {
    throw new TypeError('What is on stable storage can only be read.');
  }

  async makeRoom(): Promise<boolean> {
    return false;
  }
}
