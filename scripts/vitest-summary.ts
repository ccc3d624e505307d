/**
 * The end of a test run, for people and for programs: the failed suites and the skipped tests by name, then, as the very
 * last line, `N passed, N failed, N skipped`.
 *
 * `failed` counts failed tests, suites that failed outside of their tests (an import, a hook) and errors that nobody
 * caught, so that it is 0 only when all is well. Where CI is set, a skipped test makes the run fail: what a test needs is
 * there, or is installed before. The last line is written when the process ends, after the coverage report.
 */
import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node';

/** What a run came to. `skips` and `brokenSuites` are names for people. */
export interface RunSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skips: readonly string[];
  readonly brokenSuites: readonly string[];
}

type Broken = Pick<TestModule | TestSuite, 'errors'>;

const errorsOf = (suite: Broken): number => suite.errors().length;

/** Adds up a run. Pure. A test that never came to an end (its process died) counts as failed. */
export function summarize(modules: readonly TestModule[], unhandled: readonly SerializedError[]): RunSummary {
  let passed = 0;
  let failed = unhandled.length;
  const skips: string[] = [];
  const brokenSuites: string[] = [];
  for (const module of modules) {
    const file = module.relativeModuleId;
    if (errorsOf(module) > 0) brokenSuites.push(file);
    for (const suite of module.children.allSuites()) {
      if (errorsOf(suite) > 0) brokenSuites.push(`${file} > ${suite.fullName}`);
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'skipped')
        skips.push(`${file} > ${test.fullName}${result.note ? ` (${result.note})` : ''}`);
      else failed += 1;
    }
  }
  failed += brokenSuites.length;
  return { passed, failed, skipped: skips.length, skips, brokenSuites };
}

/** The lines that end the output, the last of them in its fixed form. */
export function summaryLines(summary: RunSummary, failOnSkip: boolean): string[] {
  const lines = ['', ...summary.brokenSuites.map((name) => `failed suite: ${name}`)];
  lines.push(...summary.skips.map((name) => `skipped: ${name}`));
  if (failOnSkip && summary.skipped > 0)
    lines.push('CI is set: a skipped test fails the run; install what it needs (see .ci/run)');
  lines.push(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
  return lines;
}

function writeOut(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // A full pipe that does not block; its reader will make room. Anything else: nobody is left to read it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

/** The reporter for vitest.config.ts. */
export class SummaryReporter implements Reporter {
  readonly #failOnSkip: boolean;
  #summary: RunSummary | undefined;

  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#failOnSkip = env['CI'] !== undefined && !['', '0', 'false'].includes(env['CI']);
  }

  onInit(): void {
    process.once('exit', () => {
      if (this.#summary === undefined) return;
      if (this.#failOnSkip && this.#summary.skipped > 0) process.exitCode ||= 1;
      writeOut(`${summaryLines(this.#summary, this.#failOnSkip).join('\n')}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#summary = summarize(modules, unhandled);
  }
}
