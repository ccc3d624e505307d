/**
 * Cells whose code took the whole process down: an endless loop that someone killed, no memory left, `process.exit`. Whose code
 * ran is in a file (runtime/running-mark.ts); after a start that follows no stop, that cell is a suspect, and how often it
 * was, for the same message, is written and synced before any cell takes a turn. A cell that gets on with what it was
 * suspected for is none any more. Cells that waited when the process ended never count.
 *
 * Calls that begin in the same moment are marked together, since each mark is a system call. They are then suspects together;
 * what is suspected begins alone, so that the next end of the process tells them apart.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelLog } from './kernel-options.ts';
import { clipped, type Mark, RunningMark } from './running-mark.ts';

/** Times that the process may end over one message of one cell. */
export const NODE_ENDS_MAX = 3;
/** Suspects that are remembered; the oldest makes room. */
const SUSPECTS_MAX = 64;
/** Calls that are marked together: none of them may make room for another. */
const TOGETHER_MAX = SUSPECTS_MAX / 2;
const RUNNING_FILE = 'running';
const SUSPECTS_FILE = 'suspects.json';

interface Suspect {
  readonly address: string;
  readonly what: string;
  /** Ends of the process in a row. */
  readonly count: number;
}

/** The suspects of one node. */
export class Suspects {
  readonly #dir: string;
  readonly #log: KernelLog;
  readonly #mark: RunningMark;
  readonly #suspects = new Map<string, Suspect>();
  #awaitsMicrotask = false;

  /** Reads what an earlier process left in the folder, which is made where it is not there. */
  constructor(dir: string, log: KernelLog) {
    this.#dir = dir;
    this.#log = log;
    mkdirSync(dir, { recursive: true });
    this.#mark = new RunningMark(join(dir, RUNNING_FILE));
    for (const suspect of readSuspects(join(dir, SUSPECTS_FILE))) this.#suspects.set(suspect.address, suspect);
  }

  /**
   * Counts the cells that were marked, unless a later commit of one shows that what was marked had ended well. Before any turn.
   * `seqOf` knows the last commit of a stored cell.
   */
  async judge(seqOf: (address: string) => Promise<number | undefined>): Promise<void> {
    const { found } = this.#mark;
    if (found.length === 0) return;
    const counted: Mark[] = [];
    for (const mark of found) {
      const storedSeq = await seqOf(mark.address);
      if (storedSeq === undefined ? mark.seq === 0 : storedSeq <= mark.seq) counted.push(mark);
    }
    if (counted.length > 0) this.#count(counted);
    this.#mark.clear();
  }

  /** Code of users is about to run: handling `what`, behind the commit `seq` of its cell. */
  enter(address: string, what: string, seq: number): void {
    this.#mark.set(address, what, seq);
  }

  /**
   * The same, for the beginnings of calls, outside of turns. What the calls of one batch do behind their first `await` can no
   * longer be told apart, so the mark ends before any of that.
   * @returns how many of them are marked, and may begin now: as many as wanted and there is room for; one that is suspected, alone
   */
  enterCalls(calls: readonly Mark[]): number {
    if (!this.#awaitsMicrotask) {
      this.#awaitsMicrotask = true;
      queueMicrotask(this.#leaveCalls);
    }
    return this.#mark.setFirst(this.#firstOf(calls));
  }

  #firstOf(calls: readonly Mark[]): readonly Mark[] {
    const isSuspected = ({ address, what }: Mark): boolean => this.endsOver(address, what) > 0;
    const first = this.#suspects.size === 0 ? -1 : calls.findIndex(isSuspected);
    return calls.slice(0, first === 0 ? 1 : Math.min(first < 0 ? calls.length : first, TOGETHER_MAX));
  }

  readonly #leaveCalls = (): void => {
    this.#awaitsMicrotask = false;
    this.#mark.clear();
  };

  /** No code of users runs any more. */
  leave(): void {
    this.#mark.clear();
  }

  /** How often the process has ended over this. */
  endsOver(address: string, what: string): number {
    const suspect = this.#suspects.size === 0 ? undefined : this.#suspects.get(address);
    return suspect?.what === clipped(what) ? suspect.count : 0;
  }

  /** What the cell is suspected for; undefined for nearly all. */
  suspicion(address: string): string | undefined {
    return this.#suspects.size === 0 ? undefined : this.#suspects.get(address)?.what;
  }

  /** It has got on with it, or it was set aside. Called when that is committed. */
  clearOf(address: string): void {
    if (this.#suspects.delete(address)) this.#save();
  }

  /** The node stops in order. */
  close(): void {
    this.#mark.close();
  }

  #count(marks: readonly Mark[]): void {
    for (const { address, what } of marks) {
      const before = this.#suspects.get(address);
      const count = before?.what === what ? before.count + 1 : 1;
      this.#suspects.delete(address);
      this.#suspects.set(address, { address, what, count });
      const said = marks.length === 1 ? '' : `, or another of ${marks.length},`;
      this.#log.warn(`The process ended while this actor${said} ran; it is watched.`, {
        actor: address,
        what,
        times: count,
      });
    }
    for (const oldest of this.#suspects.keys()) {
      if (this.#suspects.size <= SUSPECTS_MAX) break;
      this.#suspects.delete(oldest);
    }
    this.#save();
  }

  /** Whole or not at all, and on disk when it returns. */
  #save(): void {
    const path = join(this.#dir, SUSPECTS_FILE);
    try {
      const file = openSync(`${path}.new`, 'w');
      try {
        writeSync(file, JSON.stringify([...this.#suspects.values()]));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.new`, path);
    } catch (error) {
      this.#log.error('Which actors took the process down cannot be written.', { file: path, error: String(error) });
    }
  }
}

function readSuspects(path: string): readonly Suspect[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) ? value.filter(isSuspect).slice(-SUSPECTS_MAX) : [];
  } catch {
    return [];
  }
}

function isSuspect(value: unknown): value is Suspect {
  const { address, what, count } = (value ?? {}) as Partial<Suspect>;
  return typeof address === 'string' && typeof what === 'string' && typeof count === 'number';
}
