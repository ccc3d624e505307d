/**
 * Code that takes the whole process down, again and again: the node, a real one, sets it aside after the third time and goes on
 * with everything else. TROUPE_TEST_FULL=1 tries more ways down.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const WAIT_MS = 60_000;
const CASE_MS = 150_000;
/** Without an answer for so long, a node may be stuck; whether it is, its mark says. */
const SILENT_MS = 2_000;
/** Starts in a row that may be needed: three ends, and one that stays. */
const STARTS_MAX = 5;

const AGENTS = `
import { existsSync } from 'node:fs';
import { defineAgent } from 'troupe';
import { setup } from 'xstate';

const spin = () => { for (;;); };
const later = (name, act) => defineAgent({
  name, version: '1.0.0',
  machine: setup({ actions: { act } }).createMachine({
    id: name, initial: 'waiting',
    states: { waiting: { after: { 300: { target: 'done', actions: 'act' } } }, done: { type: 'final' } },
  }),
});

export const quitter = later('quitter', () => process.exit(3));
export const spinner = later('spinner', spin);
// Not before it is armed: whoever submits must get an answer first.
export const looper = defineAgent({
  name: 'looper', version: '1.0.0',
  run: () => (existsSync('armed') ? spin() : new Promise(() => {})),
});
export const leaver = defineAgent({
  name: 'leaver', version: '1.0.0',
  run: async () => { await new Promise((resolve) => setImmediate(resolve)); process.exit(4); },
});
export const glutton = later('glutton', () => { const all = []; for (;;) all.push(new Array(100_000).fill({})); });
export const sleeper = defineAgent({
  name: 'sleeper', version: '1.0.0',
  run: async ({ ctx }) => { await ctx.sleep(4_000); return 'awake'; },
});
export const waiter = defineAgent({
  name: 'waiter', version: '1.0.0',
  machine: setup({}).createMachine({
    id: 'waiter', initial: 'waiting',
    states: { waiting: { after: { 4000: 'done' } }, done: { type: 'final' } }, output: () => 'done',
  }),
});
`;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(): Promise<NodeUnderTest> {
  const folder = temporaryFolder('suspects');
  writeFileSync(path.join(folder.path, 'agents.mjs'), AGENTS);
  const node = new NodeUnderTest(folder.path, await freePort(), ['--lab', '--agents', 'agents.mjs']);
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

async function submit(node: NodeUnderTest, agent: string, input: unknown = null): Promise<string> {
  const response = await fetch(`${node.url}/api/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ agent, input }),
  });
  const { task } = (await response.json()) as { readonly task: string };
  return task;
}

interface TaskAnswer {
  readonly status: string;
  readonly result?: { readonly output?: unknown; readonly error?: { readonly code: string } };
}

async function get<T>(node: NodeUnderTest, route: string): Promise<T> {
  const response = await fetch(node.url + route, { signal: AbortSignal.timeout(SILENT_MS) });
  return (await response.json()) as T;
}

/** How the task ended; undefined where the process ended before, or had to be killed since it no longer answers. */
async function endOf(node: NodeUnderTest, task: string): Promise<TaskAnswer | undefined> {
  return await vi.waitFor(
    async () => {
      if (node.command.isOver) return undefined;
      try {
        const answer = await get<TaskAnswer>(node, `/api/v1/tasks/${task}`);
        if (answer.result !== undefined) return answer;
      } catch {
        if (!node.command.isOver && (await isStuck(node, 0))) await node.kill();
      }
      throw new TypeError('It goes on.');
    },
    { timeout: WAIT_MS, interval: 50 },
  );
}

/** Whether one actor's code has been running for long, in a process that was started then. */
async function isStuck(node: NodeUnderTest, sinceMs: number): Promise<boolean> {
  const file = path.join(node.dataDir, 'running');
  const mark = (): string => `${statSync(file).mtimeMs} ${readFileSync(file, 'latin1')}`;
  const before = mark();
  if (statSync(file).mtimeMs < sinceMs || / \0\0/.test(before)) return false;
  const changed = await vi
    .waitFor(() => expect(mark()).not.toBe(before), { timeout: SILENT_MS, interval: 50 })
    .then(
      () => true,
      () => false,
    );
  return !changed;
}

/** Starts the node until the task has ended, and says how often that was. */
async function endedAfter(node: NodeUnderTest, task: string): Promise<{ starts: number; end: TaskAnswer | undefined }> {
  let end = await endOf(node, task);
  let starts = 0;
  while (end === undefined && starts < STARTS_MAX) {
    starts++;
    const sinceMs = Date.now();
    node.spawn();
    await vi.waitFor(
      async () => {
        if (node.command.isOver || node.command.out.includes('"ready":true')) return;
        if (await isStuck(node, sinceMs)) return await node.kill();
        throw new TypeError('It starts.');
      },
      { timeout: WAIT_MS, interval: 20 },
    );
    end = await endOf(node, task);
  }
  return { starts, end };
}

interface Row {
  readonly id: string;
  readonly cause: string;
  readonly task: string;
  readonly message: string;
}

const WAYS: readonly (readonly [agent: string, what: string, starts: number])[] = [
  ['quitter', 'timer', 3],
  ['looper', 'call run', 4],
  ...(FULL
    ? ([
        ['spinner', 'timer', 3],
        ['leaver', 'call run', 3],
        ['glutton', 'timer', 3],
      ] as const)
    : []),
];

describe('An actor that takes the process down', () => {
  it.each(WAYS)(
    '%s: is set aside when it did so three times, while its neighbours get on',
    async (agent, what, needed) => {
      const node = await freshNode();
      const neighbours = [await submit(node, 'lab.delay', { ms: 3_000 }), await submit(node, 'waiter')];
      const task = await submit(node, agent);
      if (agent === 'looper') {
        writeFileSync(path.join(node.dataDir, 'armed'), '');
        await node.kill();
      }
      const { starts, end } = await endedAfter(node, task);
      expect(end?.result?.error?.code).toBe('QUARANTINED');
      expect(starts).toBe(needed);
      for (const neighbour of neighbours) expect((await endOf(node, neighbour))?.status).toBe('completed');
      const { quarantine } = await get<{ readonly quarantine: readonly Row[] }>(node, '/api/v1/quarantine');
      expect(quarantine).toMatchObject([{ cause: 'node', task, message: expect.stringContaining(what) as unknown }]);
      const shown = await runTroupe(['quarantine', 'list', '--url', node.url, '--json']);
      expect(JSON.parse(shown.out)).toMatchObject({ id: quarantine[0]?.id, cause: 'node' });
      expect(await runTroupe(['quarantine', 'discard', quarantine[0]?.id ?? '', '--url', node.url])).toMatchObject({
        code: 0,
      });
    },
    CASE_MS,
  );

  it(
    'is not suspected when it only waited while the process was killed',
    async () => {
      const node = await freshNode();
      const tasks = [await submit(node, 'sleeper'), await submit(node, 'waiter')];
      for (let kill = 0; kill < 3; kill++) {
        await vi.waitFor(async () =>
          expect((await get<TaskAnswer>(node, `/api/v1/tasks/${tasks[0]}`)).status).toBe('working'),
        );
        await node.kill();
        await node.start();
      }
      for (const task of tasks) expect((await endOf(node, task))?.status).toBe('completed');
      const file = path.join(node.dataDir, 'suspects.json');
      expect(existsSync(file) ? readFileSync(file, 'utf8') : '[]').toBe('[]');
    },
    CASE_MS,
  );
});
