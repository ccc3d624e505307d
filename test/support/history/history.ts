/**
 * What clients did and saw, in the order of their one clock: each operation is begun, and ends in `ok`, `fail` (it certainly
 * did not happen) or `info` (nobody knows: no answer came). What tasks showed stands beside it. The checker judges a history
 * together with what is found at the end (checker.ts).
 */
import { appendFileSync } from 'node:fs';

/** What a client asks for. `n` of an `add` is above zero; a sender numbers its `append`s upwards. */
export type Operation =
  | {
      readonly op: 'submit';
      /** Names the wish: all submissions of one mark ask for the same task. A label of the task, and of its calls. */
      readonly mark: string;
      readonly key?: string;
      /** The body, as text: the same text, the same body. */
      readonly body: string;
      /** The output it must end with, as text; absent: it may end in any way. */
      readonly expect?: string;
      /** The kind of the one outside call that it makes, which leaves a line with its mark. */
      readonly call?: 'keyed' | 'unsafe';
    }
  | { readonly op: 'add'; readonly actor: string; readonly n: number }
  | { readonly op: 'total'; readonly actor: string }
  | { readonly op: 'append'; readonly actor: string; readonly sender: string; readonly n: number };

/** One line of a history. `value` of a submission is its task, of a `total` the number. */
export type Entry =
  | { readonly type: 'invoke'; readonly id: number; readonly atMs: number; readonly operation: Operation }
  | { readonly type: 'ok'; readonly id: number; readonly atMs: number; readonly value?: string | number }
  | { readonly type: 'fail'; readonly id: number; readonly atMs: number; readonly code: string }
  | { readonly type: 'info'; readonly id: number; readonly atMs: number; readonly why: string }
  | { readonly type: 'watch'; readonly connection: string; readonly task: string; readonly after: number }
  | {
      readonly type: 'event';
      readonly connection: string;
      readonly task: string;
      readonly seq: number;
      readonly at: number;
      readonly kind: string;
      readonly data: string;
    }
  | {
      readonly type: 'result';
      readonly connection: string;
      readonly task: string;
      readonly seq: number;
      readonly status: string;
      /** The output or the error, as text. */
      readonly value: string;
    }
  | {
      readonly type: 'gap';
      readonly connection: string;
      readonly task: string;
      readonly from: number;
      readonly to: number;
    }
  | { readonly type: 'kill'; readonly atMs: number };

/** A task as it stands at the end. */
export interface FinalTask {
  readonly task: string;
  readonly mark: string;
  readonly status: string;
  readonly seq: number;
}

/** What is found when all has come to rest. */
export interface Findings {
  readonly tasks: readonly FinalTask[];
  readonly totals: ReadonlyMap<string, number>;
  readonly lists: ReadonlyMap<string, readonly { readonly sender: string; readonly n: number }[]>;
  /** The outside calls that were made, counted where they arrive. */
  readonly calls: readonly { readonly mark: string; readonly atMs: number }[];
}

/** A history that is being written; with a file, line by line into that too. */
export class History {
  readonly entries: Entry[] = [];
  readonly #file: string | undefined;
  #ids = 0;

  constructor(file?: string) {
    this.#file = file;
  }

  invoke(operation: Operation): number {
    const id = ++this.#ids;
    this.note({ type: 'invoke', id, atMs: performance.now(), operation });
    return id;
  }

  ok(id: number, value?: string | number): void {
    this.note({ type: 'ok', id, atMs: performance.now(), ...(value !== undefined && { value }) });
  }

  fail(id: number, code: string): void {
    this.note({ type: 'fail', id, atMs: performance.now(), code });
  }

  info(id: number, why: string): void {
    this.note({ type: 'info', id, atMs: performance.now(), why });
  }

  note(entry: Entry): void {
    this.entries.push(entry);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}
