/**
 * Messages that reached nobody, by why: counted for the metrics, and the last of them kept to be looked at. Diagnostic: they
 * are of this run of the process, and show what is not committed too.
 */
import type { ActorEvent } from './host.ts';
import { packState } from './state-codec.ts';

/** Dead letters that a node remembers, the last ones. All are counted. */
export const DEAD_LETTERS_MAX = 1_000;

/** A message that reached nobody. */
export interface DeadLetter {
  /** Grows by one with each. */
  readonly seq: number;
  readonly atMs: number;
  readonly reason: string;
  /** An address, or what stands for one. */
  readonly to: string;
  /** Who sent it, where that is known. */
  readonly from?: string;
  /** The type of the event. */
  readonly type?: string;
  /** What it would take to keep it, packed. */
  readonly bytes: number;
}

/** What is said of one. */
export interface DeadLetterReport {
  readonly reason: string;
  readonly to: string;
  readonly from?: string | undefined;
  readonly event?: ActorEvent | undefined;
  /** Where it is known; otherwise it is measured. */
  readonly bytes?: number;
}

/** Which of them. */
export interface DeadLetterQuery {
  readonly reason?: string;
  /** Those older than this one. */
  readonly before?: number;
  readonly limit: number;
}

/** The dead letters of one node. */
export class DeadLetters {
  readonly #nowMs: () => number;
  readonly #count: (reason: string) => void;
  readonly #ring: DeadLetter[] = [];
  #seq = 0;

  constructor(nowMs: () => number, count: (reason: string) => void) {
    this.#nowMs = nowMs;
    this.#count = count;
  }

  /** A message reached nobody. */
  add({ reason, to, from, event, bytes }: DeadLetterReport): void {
    this.#count(reason);
    const letter: DeadLetter = {
      ...{ seq: ++this.#seq, atMs: this.#nowMs(), reason, to },
      ...(from !== undefined && { from }),
      ...(event !== undefined && { type: event.type }),
      bytes: bytes ?? sizeOf(event),
    };
    this.#ring[(this.#seq - 1) % DEAD_LETTERS_MAX] = letter;
  }

  /** The newest first. */
  list({ reason, before = Infinity, limit }: DeadLetterQuery): readonly DeadLetter[] {
    const found: DeadLetter[] = [];
    const oldest = Math.max(this.#seq - DEAD_LETTERS_MAX, 0);
    for (let seq = Math.min(this.#seq, before - 1); seq > oldest && found.length < limit; seq--) {
      const letter = this.#ring[(seq - 1) % DEAD_LETTERS_MAX] as DeadLetter;
      if (reason === undefined || letter.reason === reason) found.push(letter);
    }
    return found;
  }
}

/** What cannot be packed has no size. */
function sizeOf(event: ActorEvent | undefined): number {
  if (event === undefined) return 0;
  try {
    return packState(event).length;
  } catch {
    return 0;
  }
}
