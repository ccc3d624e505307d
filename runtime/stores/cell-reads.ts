/** Reads cells: one by its address, or all that are awake, each with its attachments; or heads alone; and alarms. */
import { OperatingError } from '../../protocol/errors.ts';
import { alarmOf, alarmsBehind } from './alarm-keys.ts';
import type { KeySpace, Row, Scan } from './key-space.ts';
import { keyOf, partsOf, rangeOf, rangeUnder } from './keys.ts';
import { orReport } from './record-damage.ts';
import { readBytes } from './records.ts';
import type { Alarm, StoredCell, StoredHead } from './store.ts';

/** Rows that one step of a scan brings at most. */
const STEP_ROWS = 256;
/** Rows of other cells that are walked over before the scan jumps. */
const WALK_ROWS_MAX = 64;

/** Errors: STORE_CORRUPT for any row of the cell. Not to be called while the same cell is being committed. */
export async function readCell(space: KeySpace, address: string): Promise<StoredCell | undefined> {
  const keys = [keyOf('c', address), keyOf('r', address)] as const;
  const [records, rows] = await Promise.all([space.getMany([...keys]), attachmentRows(space, address)]);
  const at = records[0] === undefined ? 1 : 0;
  const record = records[at];
  return record === undefined ? undefined : assembleCell(address, readBytes(keys[at], record), rows);
}

/** See `Store.readHeads`. Most cells that are asked for rest. */
export async function readHeads(
  space: KeySpace,
  addresses: readonly string[],
): Promise<readonly (Uint8Array | OperatingError | undefined)[]> {
  const heads = await headsAt(space, 'r', addresses);
  const missing = addresses.flatMap((_, at) => (heads[at] === undefined ? [at] : []));
  if (missing.length === 0) return heads;
  const awake = await headsAt(
    space,
    'c',
    missing.map((at) => addresses[at] as string),
  );
  missing.forEach((at, index) => (heads[at] = awake[index]));
  return heads;
}

async function headsAt(
  space: KeySpace,
  place: 'c' | 'r',
  addresses: readonly string[],
): Promise<(Uint8Array | OperatingError | undefined)[]> {
  const keys = addresses.map((address) => keyOf(place, address));
  const records = await space.getMany(keys);
  return records.map((record, at) => {
    if (record === undefined) return undefined;
    try {
      return readBytes(keys[at] as string, record);
    } catch (error) {
      if (error instanceof OperatingError) return error;
      throw error;
    }
  });
}

/** See `Store.heads`. */
export async function* readAllHeads(
  space: KeySpace,
  onCorrupt: (error: OperatingError) => void,
): AsyncGenerator<StoredHead, void, undefined> {
  for (const place of ['c', 'r'] as const) {
    const scan = space.scan(rangeOf(place));
    try {
      for (let rows = await scan.next(STEP_ROWS); rows.length > 0; rows = await scan.next(STEP_ROWS)) {
        for (const [key, record] of rows) {
          const head = orReport(() => readBytes(key, record), onCorrupt);
          if (head !== undefined) yield { address: partsOf(key)[0] ?? '', head, awake: place === 'c' };
        }
      }
    } finally {
      await scan.close();
    }
  }
}

/** See `Store.alarms`. A key says all there is to say, so the records are not looked at. */
export async function readAlarms(
  space: KeySpace,
  after: Alarm | undefined,
  untilMs: number,
  limit: number,
): Promise<readonly Alarm[]> {
  const alarms: Alarm[] = [];
  const scan = space.scan(alarmsBehind(after, untilMs));
  try {
    while (alarms.length < limit) {
      const rows = await scan.next(Math.min(STEP_ROWS, limit - alarms.length));
      if (rows.length === 0) break;
      for (const [key] of rows) alarms.push(alarmOf(key));
    }
  } finally {
    await scan.close();
  }
  return alarms;
}

/** All awake cells in the order of their keys. A cell with a damaged row is left out and reported. */
export async function* readAwakeCells(
  space: KeySpace,
  onCorrupt: (error: OperatingError) => void,
): AsyncGenerator<StoredCell, void, undefined> {
  const heads = space.scan(rangeOf('c'));
  const attached = new AttachmentWalk(space.scan(rangeOf('a')));
  try {
    for (let rows = await heads.next(STEP_ROWS); rows.length > 0; rows = await heads.next(STEP_ROWS)) {
      for (const [key, record] of rows) {
        const address = partsOf(key)[0] ?? '';
        const own = await attached.rowsOf(address);
        const cell = orReport(() => assembleCell(address, readBytes(key, record), own), onCorrupt);
        if (cell !== undefined) yield cell;
      }
    }
  } finally {
    await Promise.all([heads.close(), attached.close()]);
  }
}

async function attachmentRows(space: KeySpace, address: string): Promise<Row[]> {
  const all: Row[] = [];
  const scan = space.scan(rangeUnder('a', address));
  try {
    for (;;) {
      const rows = await scan.next(STEP_ROWS);
      all.push(...rows);
      if (rows.length === 0) return all;
    }
  } finally {
    await scan.close();
  }
}

function assembleCell(address: string, head: Uint8Array, rows: readonly Row[]): StoredCell {
  const attachments = new Map<string, Uint8Array>();
  for (const [key, record] of rows) attachments.set(partsOf(key)[1] ?? '', readBytes(key, record));
  return { address, head, attachments };
}

/** Goes through all attachments beside a walk over cells in the same order, and jumps over those of other cells. */
class AttachmentWalk {
  readonly #scan: Scan;
  #rows: readonly Row[] = [];
  #at = 0;
  #ended = false;

  constructor(scan: Scan) {
    this.#scan = scan;
  }

  async rowsOf(address: string): Promise<readonly Row[]> {
    const { gte, lt } = rangeUnder('a', address);
    await this.#skipTo(gte);
    const own: Row[] = [];
    for (let row = await this.#peek(); row !== undefined && row[0] < lt; row = await this.#peek()) {
      own.push(row);
      this.#at++;
    }
    return own;
  }

  close(): Promise<void> {
    return this.#scan.close();
  }

  async #skipTo(key: string): Promise<void> {
    for (let walked = 0; walked < WALK_ROWS_MAX; walked++) {
      const row = await this.#peek();
      if (row === undefined || row[0] >= key) return;
      this.#at++;
    }
    this.#scan.seek(key);
    this.#rows = [];
    this.#at = 0;
  }

  async #peek(): Promise<Row | undefined> {
    if (this.#at === this.#rows.length && !this.#ended) {
      this.#rows = await this.#scan.next(STEP_ROWS);
      this.#at = 0;
      this.#ended = this.#rows.length === 0;
    }
    return this.#rows[this.#at];
  }
}
