/**
 * Ends jobs that hold too much memory, from outside, while they run.
 *
 * V8's own limit for a thread is not enough: it ends the thread only when small objects fill the heap. One large allocation
 * past the limit (an array of numbers that grows, a large JSON text) is a fatal error of the whole process, and buffers do not
 * count at all. So V8's limit is set far higher, and the threads at work are asked ten times a second what they hold; a thread
 * answers in the middle of a loop too.
 */
import type { Worker } from 'node:worker_threads';
import type { Cancel, World } from '../world.ts';

/** A job at work, as the watch sees it. */
export interface WatchedJob {
  /** Its thread; undefined while that starts. */
  readonly thread: Worker | undefined;
  /** Looks in a row that found it over its limit. */
  overCount: number;
  isAsked: boolean;
}

/** Whom to watch, and how much they may hold. */
export interface MemoryWatchOptions {
  readonly world: World;
  /** What a job may hold in its heap and in buffers. Twice as much ends it at once, more than this after two seconds. */
  readonly memoryMib: number;
  /** The jobs at work now. */
  readonly jobs: () => Iterable<WatchedJob>;
  readonly onOver: (job: WatchedJob, heldMib: number) => void;
}

/** The time between two looks. */
const MEMORY_LOOK_MS = 100;
/** Garbage that is not collected yet counts in a look; over this many looks it is gone, if it was garbage. */
const LOOKS_OVER_MAX = 20;
const PEAK_FACTOR = 2;
/** Room above the peak for one large allocation between two looks. */
const HEADROOM_MIB = 2048;
const MIB = 1024 * 1024;

/** The limit to give V8: one that a watched job is ended before. In MiB. */
export function heapLimitMib(memoryMib: number): number {
  return memoryMib * PEAK_FACTOR + HEADROOM_MIB;
}

/** See the module. It looks only while there are jobs: `wake` it when one starts. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  #cancel: Cancel | undefined;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#cancel ??= this.#options.world.after(MEMORY_LOOK_MS, () => {
      this.#cancel = undefined;
      this.#look();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(): void {
    let count = 0;
    for (const job of this.#options.jobs()) {
      count += 1;
      if (job.thread !== undefined && !job.isAsked) void this.#ask(job, job.thread);
    }
    if (count > 0) this.wake();
  }

  async #ask(job: WatchedJob, thread: Worker): Promise<void> {
    job.isAsked = true;
    try {
      const { used_heap_size: heap, external_memory: buffers } = await thread.getHeapStatistics();
      this.#judge(job, (heap + buffers) / MIB);
    } catch {
      // The thread is gone: its job is answered elsewhere.
    } finally {
      job.isAsked = false;
    }
  }

  #judge(job: WatchedJob, heldMib: number): void {
    const { memoryMib, onOver } = this.#options;
    job.overCount = heldMib > memoryMib ? job.overCount + 1 : 0;
    if (heldMib > memoryMib * PEAK_FACTOR || job.overCount >= LOOKS_OVER_MAX) onOver(job, Math.round(heldMib));
  }
}
