/**
 * Threads that were ended and may not be gone yet. The place of such a thread is not free, or there would be more threads than
 * allowed; but a thread in a blocking system call (reading a pipe that nobody writes to) cannot be ended by anyone, so after a
 * while its place is written off and given away. At most as many are written off as there are places.
 */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { World } from '../world.ts';

/** Whom to tell, and how many places there are. */
export interface DyingThreadsOptions {
  readonly world: World;
  readonly placesMax: number;
  /** A thread did not end in time. */
  readonly onStuck: (thread: Worker) => void;
  /** A place became free. */
  readonly onFree: () => void;
}

/** How long an ended thread may take to be gone. */
export const DEATH_MS_MAX = 2000;

/** See the module. */
export class DyingThreads {
  /** Threads that did not end in time, ever. */
  stuck = 0;
  readonly #options: DyingThreadsOptions;
  readonly #threads = new Set<Worker>();
  #writtenOff = 0;

  constructor(options: DyingThreadsOptions) {
    this.#options = options;
  }

  /** Threads that still run. */
  get count(): number {
    return this.#threads.size;
  }

  /** Places that they still hold. */
  get placesHeld(): number {
    return this.#threads.size - this.#writtenOff;
  }

  /** Takes a thread that was ended just now. */
  add(thread: Worker): void {
    const { world, placesMax, onStuck, onFree } = this.#options;
    this.#threads.add(thread);
    let isWrittenOff = false;
    const cancel = world.after(DEATH_MS_MAX, () => {
      this.stuck += 1;
      onStuck(thread);
      if (this.#writtenOff >= placesMax) return;
      isWrittenOff = true;
      this.#writtenOff += 1;
      onFree();
    });
    thread.once('exit', () => {
      cancel();
      this.#threads.delete(thread);
      if (isWrittenOff) this.#writtenOff -= 1;
      onFree();
    });
  }

  /** Resolves when all that are there now are gone; never, if one is stuck for ever. */
  async gone(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => once(thread, 'exit')));
  }
}
