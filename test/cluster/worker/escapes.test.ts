import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = path.resolve(import.meta.dirname, '../../support/escaping-worker.ts');

it('An error that escapes from the code of a call on a worker fails that call as a crash, and harms no other', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { timeout: 50_000 });
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly call: string });
  const crash = (call: string) => ({
    ...{ call, ok: false, code: 'AGENT_CRASHED' },
    message: `An error escaped from the code of the call: ${call}`,
  });
  expect(lines.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual([
    crash('function'),
    crash('heeding'),
    { call: 'innocent', ok: true },
    crash('late'),
    crash('listener'),
    crash('refused'),
    crash('rejection'),
    crash('timer'),
    { heeded: 'AGENT_CRASHED' },
  ]);
});
