/**
 * The embedded driver: LevelDB in a folder of its own, which one process at a time has open. In it: `db` (LevelDB's files),
 * `ballast` and `pid`.
 *
 * What LevelDB does not do is done here: its files are checked for damage before it opens them, one failed write ends the
 * use of an open database (record-store.ts), and room for opening it again is kept aside. A store with damaged files is not
 * opened at all: LevelDB would give wrong or no answers, and ends the process when it compacts a table with damaged keys.
 */
import { chmod, mkdir, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { OperatingError } from '../../protocol/errors.ts';
import type { World } from '../world.ts';
import { BALLAST_BYTES, Ballast } from './ballast.ts';
import type { Batch, KeySpace, Range, Row, Scan } from './key-space.ts';
import { type Damage, findDamage } from './level-files.ts';
import { type Durability, RecordStore, type StoreLog } from './record-store.ts';
import type { Store } from './store.ts';

/** What a LevelDB store is made of. */
export interface LevelStoreOptions {
  /** The store's own folder; made if it is not there. */
  readonly dir: string;
  readonly durability: Durability;
  readonly world: World;
  readonly log?: StoreLog;
  /** Room kept for a full disk. Default: BALLAST_BYTES; 0 for none. */
  readonly ballastBytes?: number;
  /** Tables that are checked for damage when the store is opened, the newest first. Default: TABLES_CHECKED_BYTES. */
  readonly tablesCheckedBytes?: number;
}

/** About 0.3 s. */
export const TABLES_CHECKED_BYTES = 64 * 1024 * 1024;
/** Bytes that one step of a scan holds, about. */
const SCAN_BYTES = 256 * 1024;

type Database = Level<string, Uint8Array>;

/** A store in LevelDB. */
export function createLevelStore(options: LevelStoreOptions): Store {
  const { world, durability, log } = options;
  return new RecordStore(new LevelSpace(options), { world, durability, log });
}

class LevelSpace implements KeySpace {
  readonly driver = 'level';
  readonly #options: LevelStoreOptions;
  readonly #dbDir: string;
  readonly #pidPath: string;
  readonly #ballast: Ballast;
  #open: Database | undefined;
  #uncheckedBytes = 0;

  constructor(options: LevelStoreOptions) {
    this.#options = options;
    this.#dbDir = join(options.dir, 'db');
    this.#pidPath = join(options.dir, 'pid');
    this.#ballast = new Ballast(options.dir, options.ballastBytes ?? BALLAST_BYTES, options.world);
  }

  async open(): Promise<void> {
    const { dir } = this.#options;
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await chmod(dir, 0o700);
      await this.#check();
      const db: Database = new Level(this.#dbDir, { valueEncoding: 'view' });
      await db.open();
      this.#open = db;
      // For the message to whoever finds the store locked; on a full disk there is none.
      await writeFile(this.#pidPath, `${process.pid}\n`, { mode: 0o600 }).catch(() => undefined);
    } catch (error) {
      throw await this.#notOpened(error);
    }
    this.#ballast.keep();
  }

  async close(): Promise<void> {
    await this.#ballast.rest();
    const db = this.#open;
    if (db === undefined) return;
    this.#open = undefined;
    try {
      await rm(this.#pidPath, { force: true });
      await db.close();
    } catch (error) {
      throw translated(error, 'The store could not be closed');
    }
  }

  batch(): Batch {
    const batch = this.#db.batch();
    return {
      put: (key, record) => void batch.put(key, record),
      del: (key) => void batch.del(key),
      write: async (synced) => {
        try {
          await batch.write({ sync: synced });
        } catch (error) {
          throw translated(error, 'The store could not be written');
        }
      },
      discard: () => void batch.close().catch(() => undefined),
    };
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await reading(key, () => this.#db.get(key));
  }

  async getMany(keys: string[]): Promise<(Uint8Array | undefined)[]> {
    return await reading(keys[0] ?? '', () => this.#db.getMany(keys));
  }

  scan({ gte, lt, reverse }: Range): Scan {
    const iterator = this.#db.iterator({ gte, lt, reverse: reverse === true, highWaterMarkBytes: SCAN_BYTES });
    return {
      next: (rowsMax) => reading<Row[]>(gte, () => iterator.nextv(rowsMax)),
      seek: (key) => iterator.seek(key),
      close: () => iterator.close(),
    };
  }

  async makeRoom(error: unknown): Promise<boolean> {
    if (!isFull(error) || !(await this.#ballast.release())) return false;
    this.#options.log?.warn(
      'The disk is full; the ballast was given up so that the store can be opened. Free some room.',
      {
        dir: this.#options.dir,
      },
    );
    return true;
  }

  async figures(): Promise<Readonly<Record<string, number>>> {
    try {
      return await this.#measure();
    } catch (error) {
      throw translated(error, 'The store could not be measured');
    }
  }

  async #measure(): Promise<Readonly<Record<string, number>>> {
    const { dir } = this.#options;
    const names = await readdir(this.#dbDir);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(this.#dbDir, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    const { bavail, bsize } = await statfs(dir);
    return {
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      files: names.length,
      freeBytes: bavail * bsize,
      ballastBytes: await this.#ballast.heldBytes(),
      uncheckedBytes: this.#uncheckedBytes,
    };
  }

  get #db(): Database {
    if (this.#open === undefined) throw new OperatingError('STORE_UNAVAILABLE', 'The store is not open.');
    return this.#open;
  }

  async #check(): Promise<void> {
    const { log, tablesCheckedBytes } = this.#options;
    const { damage, uncheckedBytes } = await findDamage(this.#dbDir, tablesCheckedBytes ?? TABLES_CHECKED_BYTES);
    this.#uncheckedBytes = uncheckedBytes;
    for (const { file, offset } of damage.filter(({ unfinished }) => unfinished)) {
      log?.warn('A log ends in a write that a crash cut off. It was never acknowledged and is dropped.', {
        file,
        offset,
      });
    }
    const real = damage.filter(({ unfinished }) => !unfinished);
    if (real.length > 0) throw this.#damaged(real);
  }

  #damaged(damage: readonly Damage[]): OperatingError {
    const places = damage.map(({ file, offset }) => `${file} at byte ${offset}`).join(', ');
    return new OperatingError(
      'STORE_CORRUPT',
      `The store in ${this.#options.dir} is damaged: ${places}. It was not opened and not changed. ` +
        'Restore a backup of the folder, or use another.',
      { details: { key: damage[0]?.file, damage } },
    );
  }

  async #notOpened(error: unknown): Promise<OperatingError> {
    if (error instanceof OperatingError) return error;
    const { dir } = this.#options;
    if (causes(error).some(({ code }) => code === 'LEVEL_LOCKED')) {
      const pid = await readFile(this.#pidPath, 'utf8').then(
        (text) => text.trim(),
        () => '',
      );
      const who =
        pid === '' ? 'Another process' : pid === String(process.pid) ? 'This process' : `Another process (${pid})`;
      return new OperatingError(
        'STORE_UNAVAILABLE',
        `${who} has the store in ${dir} open. Stop it first, or use another data directory.`,
        {
          cause: error,
          retryable: false,
          details: { pid: Number(pid) || undefined },
        },
      );
    }
    return translated(error, `The store in ${dir} could not be opened`);
  }
}

async function reading<T>(key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw translated(error, 'The store could not be read', key);
  }
}

/** An error of LevelDB or the file system as one of ours. */
function translated(error: unknown, what: string, key?: string): OperatingError {
  if (error instanceof OperatingError) return error;
  const chain = causes(error);
  const why = chain.at(-1)?.message ?? String(error);
  const damaged = chain.some(({ code }) => code === 'LEVEL_CORRUPTION');
  return new OperatingError(damaged ? 'STORE_CORRUPT' : 'STORE_UNAVAILABLE', `${what}: ${why}.`, {
    cause: error,
    ...(key !== undefined && { details: { key } }),
  });
}

function isFull(error: unknown): boolean {
  return causes(error).some(
    ({ message, code }) => code === 'ENOSPC' || code === 'EDQUOT' || /no space left|quota exceeded/i.test(message),
  );
}

/** An error and what caused it, the deepest last. */
function causes(error: unknown): { readonly message: string; readonly code: unknown }[] {
  const chain = [];
  for (let at = error; at instanceof Error && chain.length < 8; at = at.cause) {
    chain.push({ message: at.message, code: 'code' in at ? at.code : undefined });
  }
  return chain;
}
