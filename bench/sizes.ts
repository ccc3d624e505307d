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

/** Bytes per task, at one size and at ten times as many. */
export async function benchSizes(isQuick: boolean): Promise<void> {
  heading('bytes per task (heap after a full collection; live: a task, its step and its machine, waiting for a timer)');
  const base = isQuick ? 500 : 1_000;
  for (const times of [1, 10]) {
    const live = Math.min(base * times, 9_500);
    const finished = base * 5 * times;
    const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-heap-'));
    const path = fileURLToPath(new URL('./heap.ts', import.meta.url));
    const child = fork(path, [dir, String(live), String(finished)], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const [sizes] = (await once(child, 'message')) as [Sizes];
    await once(child, 'exit');
    rmSync(dir, { recursive: true, force: true });
    line(`live, ${figure(live)} of them`, `${figure(sizes.liveHeapBytes)} B heap`);
    line(
      `finished, ${figure(finished)} of them`,
      `${figure(sizes.finishedDiskBytes)} B disk`,
      `${figure(sizes.finishedHeapBytes)} B heap`,
    );
  }
}
