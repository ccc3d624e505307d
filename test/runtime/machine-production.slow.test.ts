/**
 * The contract with XState once more, with the build that a node runs on. A test runner chooses XState's development build,
 * which checks more and behaves differently where a machine is wrong; NODE_ENV=production makes it choose the other.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const FILES = ['corpus', 'random', 'refusals'].map((name) => `test/runtime/machine-${name}.test.ts`);
const TIME_MS = 180_000;

it(
  'is kept by the production build of XState too',
  async () => {
    // What the runner says to its own workers must not reach this one.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_OPTIONS)/.test(name));
    const env = { ...Object.fromEntries(inherited), NODE_ENV: 'production', NO_COLOR: '1' };
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'fast', ...FILES];
    const { stdout } = await promisify(execFile)(process.execPath, vitest, {
      cwd: new URL('../..', import.meta.url),
      env,
      timeout: TIME_MS,
      maxBuffer: 2 ** 26,
    }).catch((error: { readonly stdout: string }) => error);
    expect(stdout).toMatch(/Test Files +3 passed/);
    expect(stdout).toMatch(/\n\d{3,} passed, 0 failed, 0 skipped\s*$/);
  },
  TIME_MS,
);
