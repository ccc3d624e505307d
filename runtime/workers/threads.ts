/**
 * The worker threads themselves, through piscina: starts them when there is work, hands each one job, lets idle ones go. Here
 * piscina's errors become coded ones. It keeps no queue to speak of: the pool gives it no more jobs than it has threads.
 */
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { OperatingError } from '../../protocol/errors.ts';
import type { JobReply, JobRequest } from './job.ts';

/** One job for one thread. `onThread` is called when it has one. */
export interface ThreadTask {
  readonly request: JobRequest;
  /** Ends the thread if it has the job already. */
  readonly signal: AbortSignal;
  readonly onThread: (thread: Worker) => void;
}

/** The threads of one pool. */
export interface Threads {
  /** Errors: AGENT_CRASHED when the thread dies; anything at all once the signal is aborted. */
  run(task: ThreadTask): Promise<JobReply>;
  /** Threads that are there, without those that were let go. */
  readonly count: number;
  /** Lets an idle thread go; it gets no job any more. */
  retire(thread: Worker): void;
  /** Ends all threads; resolves when they are gone. */
  destroy(): Promise<void>;
}

/** How many threads, and how large. */
export interface ThreadsOptions {
  readonly threadsMax: number;
  /** V8's limit for the heap of a thread. */
  readonly heapMibMax: number;
  /** An error in a thread that has no job. */
  readonly onError: (error: unknown) => void;
}

const IDLE_MS = 30_000;

/** Loads piscina. No thread runs before the first job. */
export async function createThreads(options: ThreadsOptions): Promise<Threads> {
  const { Piscina } = await import('piscina');
  // A `new URL('./entry.ts', …)` would not be rewritten by the build: the entry has the ending of this file.
  const entry = new URL(import.meta.url.endsWith('.ts') ? './entry.ts' : './entry.js', import.meta.url);
  const retired = new Set<number>();
  const piscina = new Piscina({
    filename: fileURLToPath(entry),
    name: 'runJob',
    minThreads: 0,
    // Threads that were let go count for piscina until they are gone; the pool sees to the real bound.
    maxThreads: options.threadsMax * 2,
    maxQueue: options.threadsMax * 2,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: options.heapMibMax },
    env: {},
    recordTiming: false,
    loadBalancer: (task, threads) => {
      const idle = threads.find((thread) => thread.currentUsage === 0 && !retired.has(thread.id)) ?? null;
      const onThread: unknown = Reflect.get(task, Piscina.queueOptionsSymbol);
      const worker = idle === null ? undefined : piscina.threads.find((thread) => thread.threadId === idle.id);
      if (worker !== undefined && typeof onThread === 'function') onThread(worker);
      return idle;
    },
  });
  piscina.on('error', options.onError);

  return {
    async run({ request, signal, onThread }) {
      const transferList = request.progressPort === undefined ? [] : [request.progressPort];
      try {
        // What stands under this symbol goes to the balancer above; it does not cross to the thread.
        return (await piscina.run(
          { ...request, [Piscina.queueOptionsSymbol]: onThread },
          { signal, transferList },
        )) as JobReply;
      } catch (cause) {
        throw new OperatingError('AGENT_CRASHED', describeCrash(cause), { cause });
      }
    },
    get count() {
      return piscina.threads.filter((thread) => !retired.has(thread.threadId)).length;
    },
    retire(thread) {
      const id = thread.threadId;
      retired.add(id);
      thread.once('exit', () => retired.delete(id));
      void thread.terminate();
    },
    destroy: () => piscina.destroy(),
  };
}

/** What the job throws comes back as a reply; what arrives here is the end of the thread. */
function describeCrash(cause: unknown): string {
  const { code, message } =
    cause instanceof Error ? (cause as NodeJS.ErrnoException) : { code: undefined, message: String(cause) };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'The worker thread of the job had no memory left.';
  const exit = /^worker exited with code: (-?\d+)$/.exec(message)?.[1];
  if (exit !== undefined) return `The worker thread of the job ended (exit code ${exit}) before the job did.`;
  return `The worker thread of the job died of an error outside of the job: ${message}`;
}
