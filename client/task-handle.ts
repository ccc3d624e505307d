/** One task, as a client follows it. It survives reconnects: after each, the client watches on from the last seq it has. */
import { OperatingError } from '../protocol/errors.ts';
import type { NodeMessageOf } from '../protocol/node-messages.ts';

/** A line of the task's log, or its end. */
export type TaskNews = NodeMessageOf<'task.event'> | NodeMessageOf<'task.chunk'> | NodeMessageOf<'task.result'>;

/** Lines kept for a slow reader of `events()`; the oldest are dropped, which the next read reports as an error. */
const BACKLOG_MAX = 10_000;

/** A task that was submitted or is watched. Made by the client. */
export class TaskHandle implements AsyncIterable<TaskNews> {
  /** The task's id, once the node has taken it on. Rejects with what the node answered instead. */
  readonly accepted: Promise<{ readonly task: string; readonly duplicate: boolean }>;
  /** The last seq that came. */
  seq: number;
  task: string | undefined;
  readonly #accept: PromiseWithResolvers<{ readonly task: string; readonly duplicate: boolean }>;
  readonly #end = Promise.withResolvers<NodeMessageOf<'task.result'>>();
  #backlog: TaskNews[] = [];
  #overflowed = false;
  #reading = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(after = 0, task?: string) {
    this.seq = after;
    this.task = task;
    this.#accept = Promise.withResolvers();
    this.accepted = this.#accept.promise;
    // Whoever does not ask for them must not be ended by them.
    this.accepted.catch(() => {});
    this.#end.promise.catch(() => {});
    if (task !== undefined) this.#accept.resolve({ task, duplicate: false });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How it ended, whatever way. Rejects only when the task was not taken on, or the connection is gone for good. */
  result(): Promise<NodeMessageOf<'task.result'>> {
    return this.#end.promise;
  }

  /** Every line from here on, the end included; for one reader. */
  async *events(): AsyncGenerator<TaskNews, void, undefined> {
    this.#reading = true;
    for (;;) {
      const news = this.#backlog.shift();
      if (news !== undefined) {
        yield news;
        if (news.type === 'task.result') return;
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#overflowed)
        throw new OperatingError(
          'BUSY',
          `The reader is more than ${BACKLOG_MAX} lines behind. Watch again after seq ${this.seq}.`,
        );
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<TaskNews, void, undefined> {
    return this.events();
  }

  /** For the client: the node has taken it on. */
  onAccepted(task: string, duplicate: boolean): void {
    this.task = task;
    this.#accept.resolve({ task, duplicate });
  }

  /** For the client: a frame of this task. What came before is left out. */
  onNews(news: TaskNews): void {
    if (this.#ended) return;
    if (news.type !== 'task.chunk') {
      if (news.type === 'task.event' && news.seq <= this.seq) return;
      this.seq = news.seq;
    }
    this.#backlog.push(news);
    if (this.#backlog.length > BACKLOG_MAX) {
      this.#backlog.shift();
      this.#overflowed = this.#reading;
    }
    if (news.type === 'task.result') {
      this.#ended = true;
      this.#end.resolve(news);
    }
    this.#wake?.();
  }

  /** For the client: nothing more will come. */
  onFailed(error: Error): void {
    this.#ended = true;
    this.#failure = error;
    this.#accept.reject(error);
    this.#end.reject(error);
    this.#wake?.();
  }
}
