/** A pool with real threads for each test, and what the tests of the pool say often. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkerJob, WorkerPool, WorkerPoolOptions } from '../../runtime/workers/pool.ts';
import { createWorkerPool } from '../../runtime/workers/pool.ts';
import { createWorld } from '../../runtime/world.ts';

export const JOBS = new URL('./workers-jobs.ts', import.meta.url);
export const world = createWorld();

export function makePool(options: Partial<WorkerPoolOptions> = {}): WorkerPool {
  return createWorkerPool({ world, threadsMax: 1, queueMax: 10, ...options });
}

/** What a test has: a pool of one thread (or one of its own making) and an empty folder. */
export interface Rig {
  pool: WorkerPool;
  folder: string;
  /** Stops the pool of the test and takes another. */
  remake(options: Partial<WorkerPoolOptions>): Promise<void>;
  call(name: string, input?: unknown, more?: Partial<WorkerJob>): Promise<unknown>;
}

/** Call it at the top of a test file. */
export function useRig(): Rig {
  const rig: Rig = {
    pool: makePool(),
    folder: '',
    remake: async (options) => {
      await rig.pool.stop(0);
      rig.pool = makePool(options);
    },
    call: (name, input, more = {}) => rig.pool.run({ module: JOBS, name, input, ...more }),
  };
  beforeEach(() => {
    rig.folder = mkdtempSync(join(tmpdir(), 'troupe-workers-'));
    rig.pool = makePool();
  });
  afterEach(async () => {
    await rig.pool.stop(0);
    rmSync(rig.folder, { recursive: true, force: true });
  });
  return rig;
}

/** The error of a job that must fail, so that an unexpected success fails the test. */
export async function failure(job: Promise<unknown>): Promise<OperatingError> {
  const outcome = await job.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome) || !(outcome.error instanceof OperatingError)) {
    throw new Error(`no coded error: ${JSON.stringify(outcome)}`);
  }
  return outcome.error;
}

export function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 5 });
}

export function untilThere(path: string): Promise<void> {
  return until(() => statSync(path, { throwIfNoEntry: false }) !== undefined);
}
