/**
 * One reader of one task's log. It hands on committed events in order and without a gap, from any `seq` on: what happened
 * before from the store, at the reader's pace, then live. A reader that falls too far behind while live is dropped by its
 * own door, and comes back with the last seq it has.
 */
import { type ErrorBody, toErrorBody } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { TaskEvent, TaskResult } from '../protocol/tasks.ts';
import type { Feed, FeedItem } from '../runtime/feed.ts';

/** Where the lines go. */
export interface WatchReader {
  event(task: string, event: TaskEvent): void;
  result(task: string, seq: number, result: TaskResult): void;
  /** Lines that can not be had any more: retention has passed over them, or they are damaged. */
  gap(task: string, from: number, to: number): void;
  failed(task: string, error: ErrorBody): void;
  /** Resolves when the reader has room for one more line of history. */
  ready(): Promise<void>;
}

/** How a task ended, and the seq of its last line. */
export interface TaskEnd {
  readonly seq: number;
  readonly result: TaskResult;
}

/** Where logs are read: what is committed, and what is being committed. */
export interface WatchSource {
  readonly feed: Feed;
  events(task: string, after: number, limit: number): Promise<readonly TaskEvent[]>;
  /** The end of a task that has ended. */
  end(task: string): Promise<TaskEnd | undefined>;
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
    const { seq, result } = item.progress;
    if (this.#mode === 'result') {
      if (result !== undefined) this.#finish({ seq, result });
      return;
    }
    if (this.#catchingUp) {
      this.#seen = seq;
      return;
    }
    const first = item.events[0];
    if (first !== undefined && first.seq > this.#nextSeq) {
      // Events that were committed before this one have not come by here: read them from where all of them are.
      this.#catchingUp = true;
      this.#seen = seq;
      void this.#catchUp();
      return;
    }
    for (const event of item.events) this.#hand(event, result);
  }

  #hand(event: TaskEvent, result: TaskResult | undefined): void {
    if (this.#ended || event.seq < this.#nextSeq) return;
    if (event.seq > this.#nextSeq) this.#reader.gap(this.task, this.#nextSeq, event.seq - 1);
    this.#nextSeq = event.seq + 1;
    if (END_KINDS.has(event.kind) && result !== undefined) this.#finish({ seq: event.seq, result });
    else this.#reader.event(this.task, event);
  }

  #finish({ seq, result }: TaskEnd): void {
    this.#reader.result(this.task, seq, result);
    this.stop();
  }

  async #catchUp(): Promise<void> {
    try {
      while (!(await this.#replay()));
    } catch (error) {
      if (this.#ended) return;
      this.#reader.failed(this.task, toErrorBody(error, 'STORE_UNAVAILABLE'));
      this.stop();
    }
  }

  /** Hands on what the store holds, up to a bound. True when there is nothing more to read: the watch is live, or over. */
  async #replay(): Promise<boolean> {
    const seenBefore = this.#seen;
    // The end is read before the events: where there is one, they hold all that comes before it.
    const end = await this.#source.end(this.task);
    if (end !== undefined && this.#mode === 'result') return await this.#finishAtPace(end);
    if (this.#mode === 'result') return true;
    const events = await this.#source.events(this.task, this.#nextSeq - 1, LIMITS.replayEventsMax);
    for (const event of events) {
      const ended = END_KINDS.has(event.kind) ? (end ?? (await this.#source.end(this.task))) : undefined;
      await this.#reader.ready();
      this.#hand(event, ended?.result);
      if (this.#ended) return true;
    }
    if (this.#ended) return true;
    if (events.length >= LIMITS.replayEventsMax) return false;
    // The reader has the last line already, or that line is damaged: it gets the result, which can always be had again.
    if (end !== undefined) return await this.#finishAtPace(end);
    if (this.#seen < this.#nextSeq) {
      this.#catchingUp = false;
      return true;
    }
    if (events.length === 0 && this.#seen === seenBefore) {
      this.#reader.gap(this.task, this.#nextSeq, this.#seen);
      this.#nextSeq = this.#seen + 1;
    }
    return false;
  }

  async #finishAtPace(end: TaskEnd): Promise<true> {
    await this.#reader.ready();
    if (!this.#ended) this.#finish(end);
    return true;
  }
}
