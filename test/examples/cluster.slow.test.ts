import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const LIMIT_MS = 120_000;

it('The example of a mesh kills a worker in the middle, and loses nothing', { timeout: LIMIT_MS }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/cluster/main.ts'], { timeout: LIMIT_MS });
  expect(stdout).toMatch(/^worker-\d was killed, with \d+ steps in hand/m);
  expect(stdout.match(/^task [A-D] completed: .* 650, added up on worker-\d$/gm)).toHaveLength(4);
  expect(stdout).toMatch(/^steps done: 52$/m);
  expect(stdout).toMatch(/^tasks lost: 0$/m);
});
