/** Lets go of the checkpoints of tasks that have ended, but for those that ended last. */
import type { Committer } from './committer.ts';
import type { KernelLog } from './kernel-options.ts';
import type { Store } from './stores/store.ts';

/** Tasks whose checkpoints an earlier run of the process left, as far as they are looked at when the node starts. */
const FOUND_MAX = 100_000;
const PAGE_TASKS = 1_000;

/** What retention needs. */
export interface RetentionDeps {
  readonly store: Store;
  readonly committer: Committer;
  readonly log: KernelLog;
  /** Ended tasks whose checkpoints are kept. */
  readonly tasksMax: number;
  /** Whether a task is still under way. */
  isUnderWay(task: string): boolean;
}

/** The retention of one node. */
export class CheckpointRetention {
  readonly #deps: RetentionDeps;
  /** Ended tasks that have checkpoints, in the order of their ends. */
  #ended: string[] = [];
  #dropping = false;

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
  }

  /** Finds what an earlier run left. */
  async start(): Promise<void> {
    const { store, isUnderWay } = this.#deps;
    let after: string | undefined;
    for (let found = 0; found < FOUND_MAX; found += PAGE_TASKS) {
      const page = await store.tasksWithCheckpoints(after, PAGE_TASKS);
      for (const task of page) if (!isUnderWay(task)) this.#ended.push(task);
      after = page.at(-1);
      if (page.length < PAGE_TASKS) break;
    }
    void this.#drop();
  }

  /** A task that has checkpoints has ended. */
  ended(task: string): void {
    this.#ended.push(task);
    void this.#drop();
  }

  /** One at a time, so that a burst of ends costs the store no burst of reads. Never rejects. */
  async #drop(): Promise<void> {
    const { store, committer, log, tasksMax } = this.#deps;
    if (this.#dropping) return;
    this.#dropping = true;
    try {
      while (this.#ended.length > tasksMax) {
        const task = this.#ended.shift() as string;
        for (const { id } of await store.checkpoints(task)) committer.dropCheckpoint(task, id);
        await committer.committed();
      }
    } catch (error) {
      log.warn('Checkpoints of ended tasks could not be removed; it is tried again with the next end of a task.', {
        error: String(error),
      });
    } finally {
      this.#dropping = false;
    }
  }
}
