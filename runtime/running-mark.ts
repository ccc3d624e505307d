/**
 * A file that says whose code runs now, for the next start of a process that did not live to say it: one write into the page
 * cache before code of users runs, and one when it no longer does. It is not synced: it must survive the process, and not the
 * machine. Where it cannot be written, nothing is marked.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Whose code ran: the actor, what it handled, and its last commit before. */
export interface Mark {
  readonly address: string;
  readonly what: string;
  readonly seq: number;
}

/** Characters of `what` that are kept. */
const MARKED_CHARACTERS_MAX = 300;
const BYTES = 4_096;
const LENGTH_BYTES = 2;
const DIVIDER = '\n';

/** The file of one node. */
export class RunningMark {
  /** What an earlier process left, where it ended while code of users ran. */
  readonly found: Mark | undefined;
  readonly #file: number | undefined;
  readonly #bytes = Buffer.alloc(BYTES);
  #isSet: boolean;

  /** Opens or makes the file; what was in it stays there until it is overwritten. */
  constructor(path: string) {
    this.found = readMark(path);
    this.#isSet = this.found !== undefined;
    this.#file = openFile(path);
  }

  /** Code of users is about to run. */
  set(address: string, what: string, seq: number): void {
    this.#isSet = true;
    const text = `${address}${DIVIDER}${seq}${DIVIDER}${clipped(what)}`;
    const length = this.#bytes.write(text, LENGTH_BYTES);
    this.#bytes.writeUInt16LE(length, 0);
    this.#write(LENGTH_BYTES + length);
  }

  /** None runs any more. */
  clear(): void {
    if (!this.#isSet) return;
    this.#isSet = false;
    this.#bytes.writeUInt16LE(0, 0);
    this.#write(LENGTH_BYTES);
  }

  /** The process ends in order. */
  close(): void {
    this.clear();
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #write(length: number): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, this.#bytes, 0, length, 0);
    } catch {
      // A full or lost disk: the store says so, and louder.
    }
  }
}

/** As much of `what` as a mark holds: what is compared must be cut alike. */
export function clipped(what: string): string {
  return what.length > MARKED_CHARACTERS_MAX ? what.slice(0, MARKED_CHARACTERS_MAX) : what;
}

function openFile(path: string): number | undefined {
  try {
    const file = openSync(path, 'a');
    closeSync(file);
    return openSync(path, 'r+');
  } catch {
    return undefined;
  }
}

function readMark(path: string): Mark | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const length = bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt16LE(0);
  if (length === 0 || bytes.length < LENGTH_BYTES + length) return undefined;
  const [address = '', seq = '', ...what] = bytes.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length).split(DIVIDER);
  if (address === '' || !/^\d+$/.test(seq)) return undefined;
  return { address, seq: Number(seq), what: what.join(DIVIDER) };
}
