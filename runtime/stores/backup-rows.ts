/** A whole store as records, out of one and into another: what backups are made of. They stay as they lie, with their checksums. */
import { OperatingError } from '../../protocol/errors.ts';
import type { KeySpace, Row } from './key-space.ts';
import { readBytes, readValue } from './records.ts';

const STEP_ROWS = 256;
/** Behind every key. */
const END = '\x7f';

/** All records, in the order of their keys, as of the moment the first is asked for. */
export async function* readAllRecords(space: KeySpace): AsyncGenerator<readonly Row[], void, undefined> {
  const scan = space.scan({ gte: '', lt: END });
  try {
    for (;;) {
      const rows = await scan.next(STEP_ROWS);
      if (rows.length === 0) return;
      yield rows;
    }
  } finally {
    await scan.close();
  }
}

/**
 * Writes records into a store, but the one under `fenceKey`: who may write is the new store's own affair.
 * Errors: STORE_CORRUPT, with nothing of this batch written; STORE_UNAVAILABLE.
 */
export async function restoreRecords(space: KeySpace, records: readonly Row[], fenceKey: string): Promise<void> {
  const batch = space.batch();
  try {
    for (const [key, record] of records) {
      if (key === fenceKey) continue;
      // Read for what reading finds; the codec stands in the fourth byte.
      if (record[3] === 0) readBytes(key, record);
      else readValue(key, record);
      batch.put(key, record);
    }
  } catch (error) {
    batch.discard();
    if (error instanceof OperatingError) throw error;
    throw new OperatingError('STORE_CORRUPT', `A record of the backup cannot be read: ${String(error)}`, {
      cause: error,
    });
  }
  await batch.write(true);
}
