/** What LevelDB's manifest says is in use. Other files in the folder are leftovers of a crash, which LevelDB removes. */
import { logPayloads } from './level-log.ts';

/** The files that an opening would use. */
export interface LiveFiles {
  /** Numbers of tables with their sizes in bytes. */
  readonly tables: ReadonlyMap<number, number>;
  /** Whether a log is replayed when the database is opened. */
  usesLog(number: number): boolean;
}

/** Tags of a version edit, as in LevelDB's version_edit.cc. */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  prevLog: 9,
} as const;

/** The sum of the edits of a manifest. An unknown tag ends its edit, as it does in LevelDB. */
export function liveFiles(manifest: Uint8Array): LiveFiles {
  const tables = new Map<number, number>();
  let logNumber = 0;
  let prevLog = 0;
  for (const payload of logPayloads(manifest)) {
    const edit = new EditReader(payload);
    while (!edit.ended) {
      const tag = edit.number();
      if (tag === TAG.comparator) edit.skipBytes();
      else if (tag === TAG.logNumber) logNumber = edit.number();
      else if (tag === TAG.prevLog) prevLog = edit.number();
      else if (tag === TAG.nextFile || tag === TAG.lastSequence) edit.number();
      else if (tag === TAG.compactPointer) edit.skipLevel().skipBytes();
      else if (tag === TAG.deletedFile) tables.delete(edit.skipLevel().number());
      else if (tag === TAG.newFile) {
        tables.set(edit.skipLevel().number(), edit.number());
        edit.skipBytes().skipBytes();
      } else break;
    }
  }
  return { tables, usesLog: (number) => number >= logNumber || number === prevLog };
}

/** Numbers of seven bits a byte, the lowest first, and byte strings behind their lengths. */
class EditReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    let number = 0;
    for (let scale = 1; !this.ended; scale *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      number += (byte & 0x7f) * scale;
      if (byte < 128) break;
    }
    return number;
  }

  skipLevel(): this {
    this.number();
    return this;
  }

  skipBytes(): this {
    const length = this.number();
    this.#at += length;
    return this;
  }
}
