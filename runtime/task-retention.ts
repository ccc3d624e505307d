/**
 * Lets go of tasks that ended long ago, with their logs; of calls in doubt that were closed as long ago; and of idempotency keys
 * that have expired. It looks once an hour, a step at a time with a pause behind each, so that what works meanwhile does not notice.
 */
import type { KernelLog } from './kernel-options.ts';
import type { Fence, Store } from './stores/store.ts';
import type { Cancel, World } from './world.ts';

/** How often it looks. */
export const SWEEP_MS = 3_600_000;
/** Behind each step. */
const PAUSE_MS = 50;

/** What it needs. */
export interface TaskRetentionDeps {
  readonly store: Store;
  readonly fence: Fence;
  readonly world: World;
  readonly log: KernelLog;
  /** How long ended tasks are kept. */
  readonly keptMs: number;
}

/** The retention of one node. */
export class TaskRetention {
  readonly #deps: TaskRetentionDeps;
  /** What the wall clock was ahead of the monotonic one by, when the node started. */
  readonly #aheadMs: number;
  #cancel: Cancel = () => {};
  #isStopped = false;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(deps: TaskRetentionDeps) {
    this.#deps = deps;
    this.#aheadMs = deps.world.nowMs() - deps.world.monotonicMs();
  }

  /** From now on, until it is stopped. */
  start(): void {
    const sweep = (): void => {
      this.#sweeping = this.#sweep();
    };
    if (!this.#isStopped) this.#cancel = this.#deps.world.after(SWEEP_MS, sweep);
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#sweeping;
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    const { store, fence, world, log, keptMs } = this.#deps;
    // By the slower of both clocks: one that was set forward by mistake must cost nothing.
    const endedBeforeMs = Math.min(world.nowMs(), world.monotonicMs() + this.#aheadMs) - keptMs;
    const removed = { tasks: 0, effects: 0, keys: 0 };
    try {
      for (let cursor: string | undefined = ''; cursor !== undefined && !this.#isStopped; ) {
        const step = await store.prune({ endedBeforeMs, ...(cursor !== '' && { cursor }) }, fence);
        for (const what of ['tasks', 'effects', 'keys'] as const) removed[what] += step[what];
        ({ cursor } = step);
        await new Promise<void>((resolve) => void world.after(PAUSE_MS, resolve));
      }
      if (removed.tasks + removed.effects > 0) log.info('What ended long ago was removed.', removed);
    } catch (error) {
      log.warn('What ended long ago could not be removed; it is tried again in an hour.', { error: String(error) });
    }
    this.start();
  }
}
