/** The worker pool of a simulation: jobs take simulated time, fail as threads do, and wait in a bounded queue. */
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkerJob, WorkerPool } from '../../runtime/workers/pool.ts';
import type { Rng } from './rng.ts';
import type { Owner, SimulatedWorld } from './simulated-world.ts';

/** How many run and wait. */
const THREADS = 2;
const QUEUE_MAX = 4;
const DIES = 0.1;

/** A pool for one process. Jobs are known by the name of their function: `burn` takes `ms`, and says so. */
export function createSimulatedWorkers(world: SimulatedWorld, process: Owner, rng: Rng): WorkerPool {
  let running = 0;
  const waiting: (() => void)[] = [];
  const figures = { queued: 0, running: 0, threads: THREADS, completed: 0, failed: 0, killed: 0, crashed: 0, stuck: 0 };
  const leave = (): void => {
    running--;
    waiting.shift()?.();
  };
  const perform = async ({ name, input, signal }: WorkerJob): Promise<unknown> => {
    const { ms } = input as { readonly ms: number };
    const dies = rng.chance(DIES);
    await new Promise<void>((resolve, reject) => {
      const cancel = world.at(dies ? ms * rng.next() : ms, process, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        reject(signal.reason instanceof OperatingError ? signal.reason : new OperatingError('CANCELED', 'Not wanted.'));
      });
    });
    if (dies) throw new OperatingError('AGENT_CRASHED', 'The worker thread died.');
    if (name !== 'burn') throw new OperatingError('NOT_FOUND', `There is no ${String(name)} in a simulation.`);
    return { ms, threadId: 1 };
  };
  return {
    run: async (job) => {
      if (running >= THREADS) {
        if (waiting.length >= QUEUE_MAX) throw new OperatingError('BUSY', 'The queue is full.', { retryAfterMs: 100 });
        await new Promise<void>((resolve) => void waiting.push(resolve));
      }
      running++;
      try {
        return await perform(job);
      } finally {
        leave();
      }
    },
    figures: () => figures,
    stop: () => Promise.resolve(),
  };
}
