/** Runs seeds in processes of their own, by the command that anyone would use. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What such a process said. */
export interface ChildRun {
  readonly code: number | null;
  readonly lines: readonly string[];
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `node test/simulation/run.ts …`. Rejects where it cannot be started; what it writes to its standard error is among the lines. */
export function runSeeds(...args: readonly string[]): Promise<ChildRun> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildRun>();
  const child = spawn(process.execPath, ['test/simulation/run.ts', ...args], { cwd: ROOT });
  let text = '';
  const more = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', more);
  child.stderr.on('data', more);
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, lines: text.split('\n').filter((line) => line !== '') }));
  return promise;
}
