import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunSummary, summaryLines } from '../../scripts/vitest-summary.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
let project: string;

/** Runs vitest on one test file in a project of its own, with our reporter. */
function runTests(
  text: string,
  env: Readonly<Record<string, string>> = {},
): { status: number | null; lines: string[] } {
  writeFileSync(path.join(project, 'a.test.mjs'), text);
  const { CI: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const args = [path.join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'troupe-summary-'));
  mkdirSync(path.join(project, 'node_modules'));
  symlinkSync(path.join(ROOT, 'node_modules/vitest'), path.join(project, 'node_modules/vitest'), 'junction');
  const reporter = JSON.stringify(path.join(ROOT, 'scripts/vitest-summary.ts'));
  writeFileSync(
    path.join(project, 'vitest.config.mjs'),
    `import { SummaryReporter } from ${reporter};
    export default { test: { include: ['*.test.mjs'], reporters: [new SummaryReporter()] } };\n`,
  );
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the end of a test run', () => {
  it('is one plain line that counts, with the skipped tests named before it', () => {
    const { status, lines } = runTests(`
      import { describe, expect, it } from 'vitest';
      describe('a', () => { it('passes', () => {}); it.skipIf(true)('needs a browser', () => {}); });
      it('asks', (context) => context.skip('no python3'));
    `);
    expect(status).toBe(0);
    expect(lines.slice(-3)).toEqual([
      'skipped: a.test.mjs > a > needs a browser',
      'skipped: a.test.mjs > asks (no python3)',
      '1 passed, 0 failed, 2 skipped',
    ]);
  });

  it('fails for a skipped test where CI is set', () => {
    const text = `import { it } from 'vitest'; it('passes', () => {}); it.skipIf(true)('needs a browser', () => {});`;
    const { status, lines } = runTests(text, { CI: 'true' });
    expect(status).toBe(1);
    expect(lines.slice(-2)).toEqual([expect.stringMatching(/^CI is set/), '1 passed, 0 failed, 1 skipped']);
    expect(runTests(text, { CI: 'false' }).status).toBe(0);
  });

  it('counts failed tests, broken hooks and errors that nobody caught', () => {
    const { status, lines } = runTests(`
      import { beforeAll, describe, expect, it } from 'vitest';
      it('fails', () => expect(1).toBe(2));
      it('leaves a rejection behind', () => { void Promise.reject(new Error('x')); });
      describe('broken', () => { beforeAll(() => { throw new Error('y'); }); it('is not reached', () => {}); });
    `);
    expect(status).toBe(1);
    expect(lines).toContain('failed suite: a.test.mjs > broken');
    expect(lines.at(-1)).toBe('1 passed, 3 failed, 1 skipped');
  });

  it('counts a file that cannot be loaded', () => {
    const { status, lines } = runTests(`import './missing.mjs';`);
    expect(status).toBe(1);
    expect(lines.slice(-2)).toEqual(['failed suite: a.test.mjs', '0 passed, 1 failed, 0 skipped']);
  });
});

describe('the summary lines', () => {
  it('end in the fixed form, even when there is nothing else to say', () => {
    const summary: RunSummary = { passed: 12, failed: 0, skipped: 0, skips: [], brokenSuites: [] };
    expect(summaryLines(summary, true)).toEqual(['', '12 passed, 0 failed, 0 skipped']);
  });
});
