/**
 * Backups: all records of a store in one file, as of one moment, and back into a new store.
 *
 *   magic, then for each record: length of its key and of itself (32 bits each), key, record;
 *   at the end: 0xffffffff, how many there were (32 bits), SHA-256 of all that comes before it.
 *
 * Records keep their own checksums and are held against them when they are restored. What is cut short or changed is refused.
 */
import { createHash } from 'node:crypto';
import { OperatingError } from '../protocol/errors.ts';
import type { Row } from './stores/key-space.ts';
import { RECORD_BYTES_MAX } from './stores/plain-encoder.ts';
import type { Store } from './stores/store.ts';

/** The format of these files. */
export const BACKUP_FORMAT = 1;
const MAGIC = Buffer.from(`troupe backup ${BACKUP_FORMAT}\n`, 'latin1');
const END = 0xffff_ffff;
const HEAD_BYTES = 8;
const DIGEST_BYTES = 32;
const KEY_BYTES_MAX = 64 * 1024;
/** Around the body of a record. */
const FRAME_BYTES = 64;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** The bytes of a backup. Errors: STORE_UNAVAILABLE. */
export async function* backupOf(store: Store): AsyncGenerator<Buffer, void, undefined> {
  const digest = createHash('sha256');
  const say = (bytes: Buffer): Buffer => {
    digest.update(bytes);
    return bytes;
  };
  let count = 0;
  const records = store.records()[Symbol.asyncIterator]();
  // Before anything is handed out: the moment that the backup shows is when it was asked for.
  let step = await records.next();
  yield say(MAGIC);
  for (; step.done !== true; step = await records.next()) {
    const rows = step.value;
    const parts = rows.flatMap(([key, record]) => [
      head(Buffer.byteLength(key), record.length),
      Buffer.from(key),
      record,
    ]);
    count += rows.length;
    yield say(Buffer.concat(parts));
  }
  yield say(head(END, count));
  yield digest.digest();
}

/**
 * Puts a backup into a new, open store. @returns how many records it had
 * Errors: STORE_CORRUPT (it is not a whole backup; the store must be thrown away), VERSION_MISMATCH, STORE_UNAVAILABLE.
 */
export async function restoreBackup(chunks: AsyncIterable<Uint8Array>, store: Store): Promise<number> {
  const reader = new BackupReader(chunks);
  await reader.expectMagic();
  let batch: Row[] = [];
  let batchBytes = 0;
  for (let count = 0; ; count++) {
    const row = await reader.next(count);
    if (row === undefined || batchBytes > BATCH_BYTES_MAX) {
      if (batch.length > 0) await store.restore(batch);
      batch = [];
      batchBytes = 0;
    }
    if (row === undefined) return count;
    batch.push(row);
    batchBytes += row[1].length;
  }
}

/** Reads a backup as its bytes come. It holds one record and one chunk at a time. */
class BackupReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #digest = createHash('sha256');
  #bytes: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async expectMagic(): Promise<void> {
    const magic = await this.#take(MAGIC.length, true);
    if (!magic.equals(MAGIC)) throw broken('it does not begin as one; `troupe backup` writes them');
  }

  /** The next record; undefined at the end, once that has been checked. */
  async next(seen: number): Promise<Row | undefined> {
    const lengths = await this.#take(HEAD_BYTES, true);
    const keyBytes = lengths.readUInt32BE(0);
    const recordBytes = lengths.readUInt32BE(4);
    if (keyBytes === END) {
      if (recordBytes !== seen) throw broken(`it says that it holds ${recordBytes} records, but holds ${seen}`);
      const digest = this.#digest.digest();
      if (!digest.equals(await this.#take(DIGEST_BYTES, false))) throw broken('its checksum does not fit');
      return undefined;
    }
    if (keyBytes > KEY_BYTES_MAX || recordBytes > RECORD_BYTES_MAX + FRAME_BYTES)
      throw broken('a record is larger than any can be');
    const key = (await this.#take(keyBytes, true)).toString('utf8');
    return [key, await this.#take(recordBytes, true)];
  }

  async #take(length: number, isSummed: boolean): Promise<Buffer> {
    const parts = [this.#bytes];
    let have = this.#bytes.length;
    while (have < length) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw broken('it is cut short');
      parts.push(Buffer.from(value));
      have += value.length;
    }
    const all = parts.length === 1 ? this.#bytes : Buffer.concat(parts);
    const taken = Buffer.from(all.subarray(0, length));
    this.#bytes = all.subarray(length);
    if (isSummed) this.#digest.update(taken);
    return taken;
  }
}

function head(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.writeUInt32BE(first, 0);
  bytes.writeUInt32BE(second, 4);
  return bytes;
}

function broken(why: string): OperatingError {
  return new OperatingError('STORE_CORRUPT', `This is not a whole backup: ${why}.`);
}
