import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../support/escaping-process.ts');
const MACHINES = path.resolve(import.meta.dirname, '../support/escaping-machines.ts');

interface Outcome {
  readonly code: number;
  readonly lines: readonly Record<string, unknown>[];
}

async function runProcess(...args: readonly string[]): Promise<Outcome> {
  return await runScript(SCRIPT, ...args);
}

async function runScript(script: string, ...args: readonly string[]): Promise<Outcome> {
  const done = await promisify(execFile)(process.execPath, [script, ...args], { timeout: 50_000 }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  const lines = done.stdout.split('\n').filter((line) => line !== '');
  return { code: done.code, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('An error that escapes from an actor', () => {
  it('crashes that actor alone: it is restarted, joins its call that is under way, and ends as it should', async () => {
    const { code, lines } = await runProcess();
    expect(lines).toEqual([
      {
        ended: ['deep', 'innocent', 'rejection', 'tick', 'timer']
          .map((way) => `child.done run/${way}`)
          .toSpliced(0, 0, 'child.done machine/callback'),
        restarts: { 'run/timer': 1, 'run/rejection': 1, 'run/deep': 1, 'run/tick': 1, 'run/innocent': 0 },
        calls: { timer: 1, rejection: 1, deep: 1, tick: 1, innocent: 1 },
        ticks: 2,
      },
    ]);
    expect(code).toBe(0);
  });
});

describe('An error that escapes from a listener to the signal of a call', () => {
  it('is that of the actor whose call is aborted, and harms nobody else', async () => {
    const { code, lines } = await runProcess('aborted');
    expect(lines.at(-1)).toEqual({ goesOn: true });
    expect(code).toBe(0);
  });
});

describe('An error that escapes from a machine', () => {
  it('crashes that machine alone, whichever way it took, and its neighbour goes on', async () => {
    const { code, lines } = await runScript(MACHINES);
    const ways = ['action', 'child', 'floating', 'listener', 'neighbour', 'observer', 'timer'];
    expect(lines).toEqual([
      {
        ended: ways.map((way) => `child.done machine/${way}`),
        crashed: ways.filter((way) => way !== 'neighbour').map((way) => `machine/${way}`),
      },
    ]);
    expect(code).toBe(0);
  });
});

describe('An error that belongs to no actor', () => {
  it('ends the process, with the code of whoever installed the handlers', async () => {
    const { code, lines } = await runProcess('nobody');
    expect(lines.at(-1)).toEqual({ unattributed: 'Error: nobody' });
    expect(code).toBe(70);
  });
});

describe('The handlers', () => {
  it('can be taken away again', () => {
    const count = (): number =>
      process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
    const before = count();
    const nothing = (): void => {};
    const uninstall = installEscapeHandlers({
      log: { info: nothing, warn: nothing, error: nothing },
      onUnattributed: nothing,
    });
    expect(count()).toBe(before + 2);
    uninstall();
    expect(count()).toBe(before);
  });
});
