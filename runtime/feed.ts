/**
 * The committed logs of tasks as they grow: the only way from a task to those who watch it. What is published here is on
 * disk already, so a watcher can never see what a crash would take back.
 */
import type { TaskEvent } from '../protocol/tasks.ts';
import type { TaskProgress } from './stores/store.ts';
import { ChurnMap } from './churn-map.ts';

/** What one commit added to a task. */
export interface FeedItem {
  readonly task: string;
  readonly events: readonly TaskEvent[];
  readonly progress: TaskProgress;
}

/** Hears of each commit of a task's log, in order. */
export type FeedListener = (item: FeedItem) => void;

/** The feed of one node. */
export class Feed {
  readonly #everywhere = new Set<FeedListener>();
  /** A task has one listener as a rule: a set is made for the second. */
  readonly #listeners = new ChurnMap<string, FeedListener | Set<FeedListener>>();

  /** Until the returned function is called. A listener must not throw. */
  listen(task: string, listener: FeedListener): () => void {
    const known = this.#listeners.get(task);
    if (known === undefined) this.#listeners.set(task, listener);
    else if (known instanceof Set) known.add(listener);
    else this.#listeners.set(task, new Set([known, listener]));
    return () => this.#unlisten(task, listener);
  }

  /** The same, for the logs of all tasks. */
  listenAll(listener: FeedListener): () => void {
    this.#everywhere.add(listener);
    return () => void this.#everywhere.delete(listener);
  }

  #unlisten(task: string, listener: FeedListener): void {
    const known = this.#listeners.get(task);
    if (known instanceof Set) known.delete(listener);
    if (known === listener || (known instanceof Set && known.size === 0)) this.#listeners.delete(task);
  }

  publish(item: FeedItem): void {
    for (const listener of this.#everywhere) listener(item);
    const listeners = this.#listeners.get(item.task);
    if (listeners === undefined) return;
    if (listeners instanceof Set) for (const listener of listeners) listener(item);
    else listeners(item);
  }
}
