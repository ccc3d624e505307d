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
/** Room for several dozen marks of the usual size. */
const BYTES = 16_384;
const LENGTH_BYTES = 2;
/** UTF-8 of one UTF-16 unit. */
const CHARACTER_BYTES_MAX = 3;
const DIVIDER = '\n';
/** Of a mark, beside its address and what it handled: its length, the number of a commit, and what stands between. */
const FRAME_BYTES_MAX = LENGTH_BYTES + String(Number.MAX_SAFE_INTEGER).length + 2 * DIVIDER.length;

/** The file of one node: the length of all, then each mark behind its own length. */
export class RunningMark {
  /** What an earlier process left, where it ended while code of users ran. */
  readonly found: readonly Mark[];
  readonly #file: number | undefined;
  readonly #bytes = Buffer.alloc(BYTES);
  #isSet: boolean;

  /** Opens or makes the file; what was in it stays there until it is overwritten. */
  constructor(path: string) {
    this.found = readMarks(path);
    this.#isSet = this.found.length > 0;
    this.#file = openFile(path);
  }

  /** Code of users is about to run. */
  set(address: string, what: string, seq: number): void {
    this.#end(this.#put(LENGTH_BYTES, address, what, seq));
  }

  /** The code of one of these is about to run, and then that of the next. @returns how many of them there was room for; at least one */
  setFirst(marks: readonly Mark[]): number {
    let at = LENGTH_BYTES;
    let count = 0;
    for (const { address, what, seq } of marks) {
      if (count > 0 && at + mostBytes(address, what) > BYTES) break;
      at = this.#put(at, address, what, seq);
      count++;
    }
    this.#end(at);
    return count;
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

  /** @returns where the next one goes */
  #put(at: number, address: string, what: string, seq: number): number {
    const length = this.#bytes.write(`${address}${DIVIDER}${seq}${DIVIDER}${clipped(what)}`, at + LENGTH_BYTES);
    this.#bytes.writeUInt16LE(length, at);
    return at + LENGTH_BYTES + length;
  }

  #end(at: number): void {
    this.#isSet = true;
    this.#bytes.writeUInt16LE(at - LENGTH_BYTES, 0);
    this.#write(at);
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

function mostBytes(address: string, what: string): number {
  const units = address.length + Math.min(what.length, MARKED_CHARACTERS_MAX);
  return FRAME_BYTES_MAX + units * CHARACTER_BYTES_MAX;
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

function readMarks(path: string): readonly Mark[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return [];
  }
  const end = bytes.length < LENGTH_BYTES ? 0 : LENGTH_BYTES + bytes.readUInt16LE(0);
  if (bytes.length < end) return [];
  const marks: Mark[] = [];
  for (let at = LENGTH_BYTES; at + LENGTH_BYTES <= end; ) {
    const from = at + LENGTH_BYTES;
    at = from + bytes.readUInt16LE(at);
    const mark = at <= end ? markIn(bytes.toString('utf8', from, at)) : undefined;
    if (mark === undefined) return [];
    marks.push(mark);
  }
  return marks;
}

function markIn(text: string): Mark | undefined {
  const [address = '', seq = '', ...what] = text.split(DIVIDER);
  if (address === '' || !/^\d+$/.test(seq)) return undefined;
  return { address, seq: Number(seq), what: what.join(DIVIDER) };
}
