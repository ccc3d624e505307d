/** Stored actors, unfinished tasks and timers, in numbers: what they cost while they rest, and to bring back. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, heading, line } from './table.ts';

type Figures = Readonly<Record<string, number>>;

/** One measurement in a process of its own. */
async function measure(what: string, dir: string, count: number): Promise<Figures> {
  const path = fileURLToPath(new URL('./actor-figures.ts', import.meta.url));
  const child = fork(path, [what, dir, String(count)], { env: { ...process.env, NODE_ENV: 'production' } });
  const [figures] = (await once(child, 'message')) as [Figures];
  await once(child, 'exit');
  return figures;
}

async function inFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-actors-'));
  try {
    await run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** At 1×, 10× and, unless it is to be quick, 100× the size: up to a million resting counters. */
export async function benchActors(isQuick: boolean): Promise<void> {
  heading('keyed actors at rest (lab.counter; at most 1,000 in memory, one process after another)');
  for (const count of isQuick ? [10_000] : [10_000, 100_000, 1_000_000])
    await inFolder((dir) => benchResting(dir, count));
  heading('unfinished tasks (each a task, a step and a machine that waits for a timer), after the process died');
  for (const count of isQuick ? [1_000] : [1_000, 10_000]) await inFolder((dir) => benchResume(dir, count));
  heading('actors with timers, stopped');
  for (const count of isQuick ? [10_000] : [10_000, 100_000])
    await inFolder(async (dir) => {
      const { stopMicros = 0 } = await measure('stop', dir, count);
      line(`${figure(count)} of them`, `${figure(stopMicros)} µs each`, 'linear: the same at each size');
    });
}

async function benchResting(dir: string, count: number): Promise<void> {
  const { createMicros = 0, residents = 0, heapBytes = 0 } = await measure('rest', dir, count);
  line(`${figure(count)}: begun by a message each`, `${figure(createMicros)} µs each`);
  line(
    '  heap of the node with those in memory',
    `${figure(heapBytes)} B`,
    `${figure(heapBytes / residents)} B for each of them`,
  );
  const { startMs = 0, each = 0, together = 0, getEach = 1, getTogether = 1 } = await measure('wake', dir, count);
  line('  start of the node', `${figure(startMs)} ms`, 'none of them is loaded');
  const against = (micros: number, get: number): string =>
    `${figure(micros / get)} × a get of the same record by LevelDB alone`;
  line('  woken one after another, to the end of the first turn', `${figure(each)} µs`, against(each, getEach));
  line('  woken together', `${figure(together)} µs each`, against(together, getTogether));
}

async function benchResume(dir: string, count: number): Promise<void> {
  await measure('begin', dir, count);
  const { resumed = 0, durationMs = 0, committedMs = 0 } = await measure('resume', dir, count);
  const micros = (durationMs * 1000) / count;
  line(
    `${figure(count)}: ${figure(resumed)} actors loaded`,
    `${figure(micros)} µs a task`,
    `goal ≤ 100: ${micros <= 100 ? 'met' : 'MISSED'}`,
  );
  line('  from the start to the commit that says so', `${figure(committedMs)} ms`);
}
