/** `troupe demo` as everybody runs it first. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runTroupe, temporaryFolder } from '../support/node-process.ts';

it('the demo kills its node in the middle, repeats nothing, loses nothing and leaves a report with charts', {
  timeout: 90_000,
}, async () => {
  const folder = temporaryFolder('demo');
  const startedMs = performance.now();
  const { code, out, err } = await runTroupe(['demo'], { env: { TMPDIR: folder.path } });
  expect([code, err]).toEqual([0, '']);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  const last = out.trimEnd().split('\n').slice(-5);
  expect(last[0]).toMatch(/^steps done before the kill: [1-9]\d*$/);
  expect(last[1]).toMatch(/^resumed in: \d+ ms$/);
  expect(last[2]).toBe('steps repeated: 0');
  expect(last[3]).toBe('tasks lost: 0');
  expect(last[4]).toMatch(/^report: \/.+\.md$/);
  const report = String(last[4]).slice('report: '.length);
  const text = readFileSync(report, 'utf8');
  const charts = [...text.matchAll(/!\[[^\]]*\]\(([^)]+\.svg)\)/g)].map(([, chart]) =>
    path.resolve(path.dirname(report), String(chart)),
  );
  expect(charts.length).toBeGreaterThanOrEqual(3);
  for (const chart of charts) expect(readFileSync(chart, 'utf8')).toMatch(/^(?:<\?xml[^>]*>\s*)?<svg [^]*<\/svg>\s*$/);
  expect(text.length).toBeGreaterThan(2_000);
  // The node's data and its processes are gone; the report stays.
  const [root] = readdirSync(folder.path).filter((name) => name.startsWith('troupe-demo-'));
  expect(readdirSync(path.join(folder.path, String(root)))).not.toContain('data');
  rmSync(folder.path, { recursive: true, force: true });
});
