/**
 * Work that needs a processor, in worker threads: any function of any module, with a bounded queue, time and memory limits,
 * progress, and a cancel that really ends the thread. Threads come from piscina; nothing runs before the first job.
 *
 * Jobs wait here and not in piscina's queue, because piscina forgets to start a thread for the jobs behind one that was
 * killed when no idle threads are kept, and because a thread must be gone before its place is given away.
 *
 * It refuses to share: a job gets values, never live objects, and an empty environment. It is no wall against malicious code.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { OperatingError } from '../../protocol/errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { World } from '../world.ts';
import { DEATH_MS_MAX, DyingThreads } from './dying-threads.ts';
import type { JobReply, JobRequest } from './job.ts';
import { packValue, unpackValue } from './job.ts';
import type { WatchedJob } from './memory-watch.ts';
import { heapLimitMib, MemoryWatch } from './memory-watch.ts';
import { takeProgress } from './progress.ts';
import type { Threads } from './threads.ts';
import { createThreads } from './threads.ts';

/** One piece of work. */
export interface WorkerJob {
  /** The module, as a file: URL or an absolute path; `.ts` from source, `.js` from a build. Each thread loads it once. */
  readonly module: URL | string;
  /** The function it exports; `run` where none is given. It gets the input and a `WorkerContext`. */
  readonly name?: string;
  readonly input?: unknown;
  /** Ends the job, and its thread if it runs already. An OperatingError as its reason is passed on, else it is CANCELED. */
  readonly signal?: AbortSignal;
  /** From the start of the work, not of the waiting. */
  readonly timeoutMs?: number;
  /** ms since the epoch: a job that has not begun by then never begins, and one that runs is ended. */
  readonly deadlineAtMs?: number;
  readonly onProgress?: (value: unknown) => void;
}

/** `queued`, `running` and `threads` are now, the others since the start. `stuck`: threads that did not die when they were ended. */
export interface WorkerFigures {
  readonly queued: number;
  readonly running: number;
  readonly threads: number;
  readonly completed: number;
  readonly failed: number;
  readonly killed: number;
  readonly crashed: number;
  readonly stuck: number;
}

/** Worker threads, as the rooms use them. */
export interface WorkerPool {
  /**
   * Runs a job and gives what its function returned.
   * Errors: BUSY (queue full), DRAINING, CANCELED, TIMEOUT, DEADLINE_EXCEEDED, AGENT_CRASHED (its thread died),
   * INVALID_INPUT and INVALID_OUTPUT (a value that cannot cross or is too large), NOT_FOUND (no such function), AGENT_FAILED
   * or the code of what the job threw.
   */
  run(job: WorkerJob): Promise<unknown>;
  figures(): WorkerFigures;
  /** Refuses new and waiting jobs with DRAINING, lets running ones finish for `timeoutMs`, ends the others. */
  stop(timeoutMs: number): Promise<void>;
}

/** The bounds of a pool. Times in ms. */
export interface WorkerPoolOptions {
  readonly world: World;
  readonly threadsMax: number;
  readonly queueMax: number;
  /** What one job may hold, in its heap and in buffers; twice as much for up to two seconds. */
  readonly memoryMib?: number;
  /** For jobs that have no limit of their own. */
  readonly timeoutMs?: number;
  readonly metrics?: Pick<Metrics, 'watch'>;
  readonly log?: Log;
}

const INPUT_BYTES_MAX = 16 * 1024 * 1024;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const MEMORY_MIB = 512;
const TIMEOUT_MS = 900_000;
/** The share of its memory that a thread may still hold when it gets another job. */
const KEPT_SHARE_MAX = 0.5;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 10_000;
/** Weight of the newest job in the running mean of durations. */
const MEAN_WEIGHT = 0.2;

/** Makes a pool. Its first thread starts with the first job. Errors: none. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  return new ThreadPool(options);
}

type Outcome = { readonly value: unknown } | { readonly error: OperatingError };

/** One job on its way. `finish` answers its caller, once. */
interface Ticket extends WatchedJob {
  readonly request: Omit<JobRequest, 'progressPort'>;
  readonly timeoutMs: number;
  readonly deadlineAtMs: number | undefined;
  readonly onProgress: ((value: unknown) => void) | undefined;
  readonly ending: AbortController;
  thread: Worker | undefined;
  finish: (outcome: Outcome) => void;
}

class ThreadPool implements WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #memoryMib: number;
  readonly #memory: MemoryWatch;
  readonly #dying: DyingThreads;
  readonly #unwatch: (() => void) | undefined;
  readonly #queue: Ticket[] = [];
  readonly #running = new Set<Ticket>();
  #threads: Threads | undefined;
  #isLoading = false;
  #stopping: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #completed = 0;
  #failed = 0;
  #killed = 0;
  #crashed = 0;
  #meanMs = RETRY_MS_MIN;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#memoryMib = options.memoryMib ?? MEMORY_MIB;
    this.#memory = new MemoryWatch({
      world: options.world,
      memoryMib: this.#memoryMib,
      jobs: () => this.#running,
      onOver: (job, heldMib) => this.#endOverMemory(job, heldMib),
    });
    this.#dying = new DyingThreads({
      world: options.world,
      placesMax: options.threadsMax,
      onStuck: (thread) => options.log?.error('a worker thread does not end', { thread: thread.threadId }),
      onFree: () => this.#dispatch(),
    });
    this.#unwatch = options.metrics?.watch('troupe_worker_queue', () => this.#queue.length);
  }

  async run(job: WorkerJob): Promise<unknown> {
    if (this.#stopping !== undefined) throw draining();
    if (job.signal?.aborted === true) throw canceledBy(job.signal);
    const input = packValue(job.input, 'The input', INPUT_BYTES_MAX, 'INVALID_INPUT');
    const request = { module: hrefOf(job.module), name: job.name ?? 'run', input, outputBytesMax: OUTPUT_BYTES_MAX };
    if (this.#queue.length - Math.max(0, this.#free()) >= this.#options.queueMax) throw this.#busy();
    return new Promise<unknown>((resolve, reject) => {
      const onAbort = (): void => this.#end(ticket, canceledBy(job.signal));
      let isFinished = false;
      const ticket: Ticket = {
        request,
        timeoutMs: job.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS,
        deadlineAtMs: job.deadlineAtMs,
        // It is told when the thread has something to say, which may be in the turn of any other job.
        onProgress: job.onProgress === undefined ? undefined : AsyncLocalStorage.bind(job.onProgress),
        ending: new AbortController(),
        thread: undefined,
        overCount: 0,
        isAsked: false,
        finish: (outcome) => {
          if (isFinished) return;
          isFinished = true;
          job.signal?.removeEventListener('abort', onAbort);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
        },
      };
      job.signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(ticket);
      this.#dispatch();
    });
  }

  figures(): WorkerFigures {
    return {
      queued: this.#queue.length,
      running: this.#running.size,
      threads: (this.#threads?.count ?? 0) + this.#dying.count,
      completed: this.#completed,
      failed: this.#failed,
      killed: this.#killed,
      crashed: this.#crashed,
      stuck: this.#dying.stuck,
    };
  }

  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  #free(): number {
    return this.#options.threadsMax - this.#running.size - this.#dying.placesHeld;
  }

  #busy(): OperatingError {
    const { threadsMax } = this.#options;
    const expectedMs = (this.#meanMs * (this.#queue.length + 1)) / threadsMax;
    const retryAfterMs = Math.round(Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, expectedMs)));
    const message = `All ${threadsMax} worker threads are at work and ${this.#queue.length} jobs wait.`;
    return new OperatingError('BUSY', message, { retryAfterMs });
  }

  #dispatch(): void {
    if (this.#queue.length === 0 || this.#stopping !== undefined) return;
    const threads = this.#threads;
    if (threads === undefined) {
      if (!this.#isLoading) void this.#load();
      return;
    }
    while (this.#free() > 0) {
      const ticket = this.#queue.shift();
      if (ticket === undefined) return;
      if (this.#leftMs(ticket) > 0) void this.#work(ticket, threads);
      else ticket.finish({ error: expired() });
    }
  }

  #leftMs({ deadlineAtMs }: Ticket): number {
    return deadlineAtMs === undefined ? Infinity : deadlineAtMs - this.#options.world.nowMs();
  }

  async #load(): Promise<void> {
    this.#isLoading = true;
    try {
      this.#threads = await createThreads({
        threadsMax: this.#options.threadsMax,
        heapMibMax: heapLimitMib(this.#memoryMib),
        onError: (error) => this.#options.log?.error('a worker thread failed outside of a job', { error }),
      });
      this.#dispatch();
    } catch (error) {
      for (const ticket of this.#queue.splice(0)) ticket.finish({ error: asCrash(error) });
    } finally {
      this.#isLoading = false;
    }
  }

  /** Gives a job to a thread and its answer to the caller. Never rejects. */
  async #work(ticket: Ticket, threads: Threads): Promise<void> {
    const { world, log } = this.#options;
    const { signal } = ticket.ending;
    const startedMs = world.monotonicMs();
    this.#running.add(ticket);
    this.#memory.wake();
    const leftMs = this.#leftMs(ticket);
    const cancelTimeout = world.after(Math.min(ticket.timeoutMs, leftMs), () => {
      const message = `The job took longer than its limit of ${ticket.timeoutMs} ms; its thread was ended.`;
      this.#end(ticket, leftMs < ticket.timeoutMs ? expired() : new OperatingError('TIMEOUT', message));
    });
    const onFault = (error: unknown): void => log?.warn('progress of a job could not be taken', { error });
    const progress = ticket.onProgress === undefined ? undefined : takeProgress(ticket.onProgress, onFault);
    const request = progress === undefined ? ticket.request : { ...ticket.request, progressPort: progress.far };
    const onThread = (thread: Worker): void => {
      ticket.thread = thread;
    };
    const reply = await threads.run({ request, signal, onThread }).catch(asCrash);
    cancelTimeout();
    progress?.end();
    if (!signal.aborted) {
      this.#meanMs += (world.monotonicMs() - startedMs - this.#meanMs) * MEAN_WEIGHT;
      ticket.finish(this.#judge(ticket, reply));
    }
    this.#running.delete(ticket);
    if (!signal.aborted && !(reply instanceof OperatingError)) this.#keepOrRetire(ticket, reply.heldMib, threads);
    this.#dispatch();
    if (this.#running.size === 0) this.#onIdle?.();
  }

  /** What one job leaves in its thread would count for the next: a thread that holds much is let go. */
  #keepOrRetire({ thread }: Ticket, heldMib: number, threads: Threads): void {
    if (thread === undefined || heldMib <= this.#memoryMib * KEPT_SHARE_MAX) return;
    threads.retire(thread);
    this.#dying.add(thread);
  }

  #judge(ticket: Ticket, reply: JobReply | OperatingError): Outcome {
    const { module, name } = ticket.request;
    const place = { module, function: name };
    if (reply instanceof OperatingError) {
      this.#crashed += 1;
      this.#options.log?.warn('a worker thread died', { ...place, error: reply });
      return { error: reply };
    }
    if (!reply.ok) {
      this.#failed += 1;
      const { code, message } = reply.error;
      this.#options.log?.debug('a job in a worker thread failed', {
        ...place,
        code,
        reason: message,
        stack: reply.stack,
      });
      return { error: OperatingError.fromBody(reply.error) };
    }
    try {
      const value = unpackValue(reply.output);
      this.#completed += 1;
      return { value };
    } catch (cause) {
      this.#failed += 1;
      const message = 'The output of the job cannot be read here; it may be nested too deeply.';
      return { error: new OperatingError('INVALID_OUTPUT', message, { cause }) };
    }
  }

  /** Ends a job that waits or runs; of one that runs, the thread too. */
  #end(ticket: Ticket, error: OperatingError): void {
    ticket.finish({ error });
    const index = this.#queue.indexOf(ticket);
    if (index >= 0) this.#queue.splice(index, 1);
    if (!this.#running.has(ticket) || ticket.ending.signal.aborted) return;
    ticket.ending.abort();
    if (ticket.thread === undefined) return;
    this.#killed += 1;
    this.#dying.add(ticket.thread);
  }

  #endOverMemory(job: WatchedJob, heldMib: number): void {
    const ticket = [...this.#running].find((running) => running === job);
    if (ticket === undefined || ticket.ending.signal.aborted) return;
    const { module, name } = ticket.request;
    this.#crashed += 1;
    this.#options.log?.warn('a job held too much memory', { module, function: name, heldMib });
    const message = `The job held ${heldMib} MiB of memory and may hold ${this.#memoryMib} MiB; its thread was ended.`;
    this.#end(ticket, new OperatingError('AGENT_CRASHED', message));
  }

  async #stop(timeoutMs: number): Promise<void> {
    const { world } = this.#options;
    for (const ticket of this.#queue.splice(0)) ticket.finish({ error: draining() });
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = world.after(timeoutMs, resolve);
        this.#onIdle = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const ticket of this.#running) this.#end(ticket, draining());
    this.#unwatch?.();
    this.#memory.stop();
    await new Promise<void>((resolve) => {
      const cancel = world.after(DEATH_MS_MAX, resolve);
      void Promise.all([this.#dying.gone(), this.#threads?.destroy()]).then(() => {
        cancel();
        resolve();
      });
    });
  }
}

function asCrash(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  return new OperatingError('INTERNAL', 'The worker threads failed.', { cause: error });
}

function expired(): OperatingError {
  return new OperatingError('DEADLINE_EXCEEDED', 'The deadline passed before the job was done.');
}

function draining(): OperatingError {
  return new OperatingError('DRAINING', 'The worker threads are stopping; the job can be run again after the start.');
}

function canceledBy(signal: AbortSignal | undefined): OperatingError {
  const reason: unknown = signal?.reason;
  return reason instanceof OperatingError
    ? reason
    : new OperatingError('CANCELED', 'The job was canceled.', { cause: reason });
}

/** Only files: a name of a package means something else in every folder. */
function hrefOf(module: URL | string): string {
  const text = String(module);
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href;
  if (URL.parse(text)?.protocol === 'file:') return text;
  throw new OperatingError(
    'INVALID_INPUT',
    `A worker module must be a file: URL or an absolute path, not ${JSON.stringify(text)}.`,
  );
}
