/** A node as users run it, whose agent fails: its breaker over a kill of the node, and what the command shows and does. */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const AGENT = `
import { existsSync } from 'node:fs';
import { defineAgent } from 'troupe';
export const line = defineAgent({
  name: 'line',
  version: '1.0.0',
  breaker: { failures: 5, openMs: 300_000 },
  run: () => {
    if (existsSync('dead')) throw new Error('The line is dead.');
    return 'hello';
  },
});
`;
const TASKS = 100;

const folder = temporaryFolder('cli-breakers');
const dead = path.join(folder.path, 'dead');
let node: NodeUnderTest;

interface View {
  readonly breaker: string;
  readonly state: string;
  readonly opens: number;
  readonly retryAt: number;
  readonly retryAfterMs: number;
  readonly openedAt: number;
  readonly waiting: number;
}

beforeAll(async () => {
  const file = path.join(folder.path, 'line.ts');
  writeFileSync(file, AGENT);
  writeFileSync(dead, '');
  node = new NodeUnderTest(folder.path, await freePort(), ['--agents', file]);
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

async function view(): Promise<View> {
  const response = await fetch(`${node.url}/api/v1/breakers/line`);
  return (await response.json()) as View;
}

async function submit(): Promise<string> {
  const response = await fetch(`${node.url}/api/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"agent":"line"}',
  });
  return ((await response.json()) as { task: string }).task;
}

async function statusOf(task: string): Promise<string> {
  const response = await fetch(`${node.url}/api/v1/tasks/${task}`);
  return ((await response.json()) as { status: string }).status;
}

describe('The breaker of an agent that fails', () => {
  it('opens, is still open for the rest of its time after kill -9, and loses none of the tasks that wait for it to be closed', async () => {
    const tasks = await Promise.all(Array.from({ length: TASKS }, submit));
    await vi.waitFor(async () => expect(await view()).toMatchObject({ state: 'open' }), { timeout: 10_000 });
    await vi.waitFor(async () => expect((await view()).waiting).toBeGreaterThan(TASKS - 10), { timeout: 10_000 });
    const before = await view();
    await node.kill();
    await node.start();
    const after = await view();
    expect(after).toMatchObject({ state: 'open', opens: before.opens, openedAt: before.openedAt });
    expect(Math.abs(after.retryAt - before.retryAt)).toBeLessThan(50);
    expect(after.retryAfterMs).toBeLessThan(before.retryAfterMs);

    const people = await troupe('breakers');
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^BREAKER +STATE +FAILURES +OPENED +WAITING +LAST ERROR\nagent:line +OPEN for \d/);
    const lines = (await troupe('breakers', '--json')).out.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as View).breaker)).toEqual(['agent:analyst', 'agent:line']);
    expect((await troupe('tree')).out).toMatch(/agents\/line {2}dynamic, open {2}breaker OPEN for/);

    rmSync(dead);
    const reset = await troupe('breakers', 'reset', 'line');
    expect([reset.code, reset.out]).toEqual([0, 'agent:line is closed.\n']);
    await vi.waitFor(
      async () => {
        const ends = await Promise.all(tasks.map(statusOf));
        expect(new Set(ends)).toEqual(new Set(['completed']));
      },
      { timeout: 40_000, interval: 500 },
    );
    expect(await view()).toMatchObject({ state: 'closed' });
  }, 90_000);

  it('ends a command that waits with exit code 5, and is closed by hand', async () => {
    writeFileSync(dead, '');
    await vi.waitFor(
      async () => {
        await submit();
        expect((await view()).state).toBe('open');
      },
      { timeout: 20_000, interval: 200 },
    );
    const { code, err } = await troupe('submit', '--agent', 'line', '--wait', '--deadline', '4s');
    expect([code, err]).toEqual([5, expect.stringContaining('The breaker in front of line is open')]);
    const reset = await runTroupe(['breakers', '--url', node.url, 'reset', 'agent:line'], { cwd: folder.path });
    expect([reset.code, reset.out]).toEqual([0, 'agent:line is closed.\n']);
    const nix = await troupe('breakers', 'reset', 'nix', '--json');
    expect([nix.code, nix.out]).toEqual([1, expect.stringContaining('NOT_FOUND')]);
  }, 60_000);
});
