/** What a task weighs, while it lives and when it has ended. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, heading, line } from './table.ts';

interface Sizes {
  readonly finishedHeapBytes: number;
  readonly finishedDiskBytes: number;
  readonly liveHeapBytes: number;
}

interface LiveFigures {
  readonly bareBytes: number;
  readonly liveBytes: number;
  readonly wakesPerSecond: number;
  readonly tellsPerSecond: number;
  readonly asksPerSecond: number;
  readonly betweenPerSecond: number;
}

/** What a file of this folder measures in a process of its own. */
async function measured<T>(file: string, args: readonly string[]): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [dir, ...args], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const [figures] = (await once(child, 'message')) as [T];
  await once(child, 'exit');
  rmSync(dir, { recursive: true, force: true });
  return figures;
}

/** Keyed actors of a statechart: what one weighs beside a bare actor of the same machine, and what it does in a second. */
export async function benchLiveActors(isQuick: boolean): Promise<void> {
  heading('keyed actors (lab.counter), all in memory, in one process without sockets');
  for (const actors of isQuick ? [900, 9_000] : [100, 1_000, 9_900]) {
    const figures = await measured<LiveFigures>('./live-actors.ts', [String(actors)]);
    const ratio = figures.liveBytes / figures.bareBytes;
    line(
      `${figure(actors)} live: bytes of one`,
      `${figure(figures.liveBytes)} B heap`,
      `${figure(ratio)} × a bare XState actor's; goal ≤ 1.25: ${ratio <= 1.25 ? 'met' : 'MISSED'}`,
    );
    line(`${figure(actors)}: made by their first message (durable)`, `${figure(figures.wakesPerSecond)}/s`);
    line(`${figure(actors)}: tells to live ones (durable)`, `${figure(figures.tellsPerSecond)}/s`);
    line(`${figure(actors)}: asks answered, 256 at a time`, `${figure(figures.asksPerSecond)}/s`);
    line(`${figure(actors)}: asks between actors, 256 at a time`, `${figure(figures.betweenPerSecond)}/s`);
  }
}

/** Bytes per task, at one size and at ten times as many. */
export async function benchSizes(isQuick: boolean): Promise<void> {
  heading('bytes per task (heap after a full collection; live: a task, its step and its machine, waiting for a timer)');
  const base = isQuick ? 500 : 1_000;
  for (const times of [1, 10]) {
    const live = Math.min(base * times, 9_500);
    const finished = base * 5 * times;
    const sizes = await measured<Sizes>('./heap.ts', [String(live), String(finished)]);
    line(`live, ${figure(live)} of them`, `${figure(sizes.liveHeapBytes)} B heap`);
    line(
      `finished, ${figure(finished)} of them`,
      `${figure(sizes.finishedDiskBytes)} B disk`,
      `${figure(sizes.finishedHeapBytes)} B heap`,
    );
  }
}
