/**
 * Everything that must hold before a change is committed:
 *
 *     node scripts/check.ts                types, lint, format, house rules, then the fast tests: under a minute
 *     node scripts/check.ts --all          the same, then all tests with their coverage and with the full figures (about an hour)
 *     node scripts/check.ts STEP [PATH...] one of types, lint, format, tidy
 *
 * Says one line for each step, and shows the output of those that fail. Exit code 1 where one failed.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const VITEST = 'node_modules/vitest/vitest.mjs';

/** The programs by step, as arguments of Node.js. They change nothing. */
const STATIC_STEPS: Readonly<Record<string, readonly string[]>> = {
  types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'format'],
  tidy: ['scripts/tidy.ts'],
};

/** What tests that run a small dose on each change look for, to run all of it. */
const FULL_FIGURES = { TROUPE_TEST_FULL: '1' };

interface Outcome {
  readonly passed: boolean;
  readonly output: string;
  readonly tookMs: number;
}

/** Runs one program; its output comes back, or goes to the terminal where it is worth watching. */
function run(args: readonly string[], output: 'kept' | 'shown', variables: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const startedAtMs = performance.now();
  const env = { ...process.env, ...variables };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: output === 'kept' ? 'pipe' : 'inherit' });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        passed: code === 0,
        output: Buffer.concat(chunks).toString(),
        tookMs: performance.now() - startedAtMs,
      });
    });
  });
}

function report(step: string, { passed, output, tookMs }: Outcome): void {
  const body = passed || output.trim() === '' ? '' : `${output.trimEnd()}\n\n`;
  process.stdout.write(`${step.padEnd(7)} ${passed ? 'ok' : 'FAILED'}  ${(tookMs / 1000).toFixed(1)} s\n${body}`);
}

async function checkAll(testArgs: readonly string[], variables: NodeJS.ProcessEnv): Promise<boolean> {
  const outcomes = await Promise.all(
    Object.entries(STATIC_STEPS).map(async ([step, args]) => {
      const outcome = await run(args, 'kept');
      report(step, outcome);
      return outcome;
    }),
  );
  const tests = await run([VITEST, 'run', ...testArgs], 'shown', variables);
  report('tests', tests);
  return tests.passed && outcomes.every(({ passed }) => passed);
}

const [step, ...rest] = process.argv.slice(2);
if (step === undefined || step === '--all') {
  const isWhole = step === '--all';
  const passed = isWhole ? await checkAll([], FULL_FIGURES) : await checkAll(['--project', 'fast'], {});
  process.exitCode = passed ? 0 : 1;
} else {
  const args = STATIC_STEPS[step];
  if (args === undefined) {
    process.stderr.write(`There is no step "${step}"; the steps are ${Object.keys(STATIC_STEPS).join(', ')}.\n`);
    process.exitCode = 2;
  } else {
    process.exitCode = (await run([...args, ...rest], 'shown')).passed ? 0 : 1;
  }
}
