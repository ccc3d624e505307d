/**
 * One reader of one task's log. It hands on committed events in order and without a gap, from any `seq` on: what happened
 * before from the store, at the reader's pace, then live. A reader that falls too far behind while live is dropped by its
 * own door, and comes back with the last seq it has.
 */
import { type ErrorBody, toErrorBody } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { isTerminal, type TaskEvent, type TaskResult } from '../protocol/tasks.ts';
import type { Feed, FeedItem } from '../runtime/feed.ts';

/** Where the lines go. */
export interface WatchReader {
  event(task: string, event: TaskEvent): void;
  result(task: string, seq: number, result: TaskResult): void;
  failed(task: string, error: ErrorBody): void;
  /** Resolves when the reader has room for more history. */
  ready(): Promise<void>;
}

/** Where logs are read: what is committed, and what is being committed. */
export interface WatchSource {
  readonly feed: Feed;
  events(task: string, after: number, limit: number): Promise<readonly TaskEvent[]>;
  /** The result, where the task has ended. */
  result(task: string): Promise<TaskResult | undefined>;
}

/** `result`: nothing but the end. */
export type WatchMode = 'events' | 'result';

const END_KINDS: ReadonlySet<string> = new Set(['task.completed', 'task.failed', 'task.canceled']);

/** One watch. It stops by itself at the task's end. */
export class Watch {
  readonly task: string;
  readonly #source: WatchSource;
  readonly #reader: WatchReader;
  readonly #mode: WatchMode;
  #nextSeq: number;
  #catchingUp: boolean;
  #stop: (() => void) | undefined;
  #ended = false;
  /** The last seq that was published while history was read. */
  #seen = 0;

  /** `after`: the last seq the reader has. `isNew`: the task has no history yet. `onEnd` hears when there is nothing more to come. */
  constructor(
    source: WatchSource,
    reader: WatchReader,
    task: string,
    options: { readonly mode: WatchMode; readonly after: number; readonly isNew: boolean; readonly onEnd: () => void },
  ) {
    this.task = task;
    this.#source = source;
    this.#reader = reader;
    this.#mode = options.mode;
    this.#nextSeq = options.after + 1;
    this.#catchingUp = !options.isNew;
    const unlisten = source.feed.listen(task, (item) => this.#live(item));
    this.#stop = () => {
      unlisten();
      options.onEnd();
    };
    if (this.#catchingUp) void this.#catchUp();
  }

  stop(): void {
    this.#ended = true;
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
  }

  #live(item: FeedItem): void {
    if (this.#ended) return;
    if (this.#catchingUp) {
      this.#seen = item.progress.seq;
      return;
    }
    const first = item.events[0];
    if (first !== undefined && first.seq > this.#nextSeq) {
      // Events that were committed before this one have not come by here: read them from where all of them are.
      this.#catchingUp = true;
      void this.#catchUp();
      return;
    }
    this.#hand(item.events, item.progress.result);
  }

  #hand(events: readonly TaskEvent[], result: TaskResult | undefined): void {
    for (const event of events) {
      if (this.#ended || event.seq < this.#nextSeq) continue;
      this.#nextSeq = event.seq + 1;
      if (END_KINDS.has(event.kind) && result !== undefined) {
        this.#reader.result(this.task, event.seq, result);
        this.stop();
      } else if (this.#mode === 'events') this.#reader.event(this.task, event);
    }
  }

  async #catchUp(): Promise<void> {
    try {
      for (;;) {
        await this.#reader.ready();
        if (this.#ended) return;
        const events = await this.#source.events(this.task, this.#nextSeq - 1, LIMITS.replayEventsMax);
        const last = events.at(-1);
        const ends = last !== undefined && END_KINDS.has(last.kind);
        const result = ends || last === undefined ? await this.#source.result(this.task) : undefined;
        this.#hand(events, result);
        if (this.#ended) return;
        // The reader knows the last seq of a task that has ended: it still gets the result, which can always be had again.
        if (last === undefined && result !== undefined && isTerminal(result.status)) {
          this.#reader.result(this.task, this.#nextSeq - 1, result);
          this.stop();
          return;
        }
        if (events.length < LIMITS.replayEventsMax && this.#seen < this.#nextSeq) break;
      }
      this.#catchingUp = false;
    } catch (error) {
      this.#reader.failed(this.task, toErrorBody(error, 'STORE_UNAVAILABLE'));
      this.stop();
    }
  }
}
