/**
 * Calls of every kind and form, on a node that is killed with SIGKILL while they are under way, at a bank in another process than
 * the node that counts what reaches it. Calls in doubt are decided about as a careful person would: by looking at the bank.
 * TROUPE_TEST_FULL=1 makes it 30 kills of more tasks.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, ROOT, temporaryFolder } from '../support/node-process.ts';
import { lookUp } from '../support/paying-agents.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const KILLS = FULL ? 30 : 3;
const TASKS_OF_EACH = FULL ? 8 : 2;
const SLOW_MS_MAX = 400;
const TEST_MS = FULL ? 600_000 : 90_000;
const NAMES = ['run', 'journal', 'machine'].flatMap((form) =>
  ['pure', 'keyed', 'unsafe', 'probed'].map((name) => `pay.${form}.${name}`),
);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Counts payments by key, and takes its time to answer. */
class Bank {
  readonly payments = new Map<string, { readonly to: string; count: number }>();
  /** To whom was paid → how often, whatever the key. */
  readonly paid = new Map<string, number>();
  readonly #server: Server = createServer((request, response) => this.#serve(request.url ?? '', response));
  /** Payments are taken, and never answered. */
  isSilent = false;
  url = '';

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    cleanups.push(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
  }

  #serve(address: string, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(address, this.url);
    const key = searchParams.get('key') ?? '';
    const payment = this.payments.get(key);
    if (pathname === '/payments') {
      response.statusCode = payment === undefined ? 404 : 200;
      response.end(payment === undefined ? '' : `paid ${payment.to}`);
      return;
    }
    const to = searchParams.get('to') ?? '';
    if (payment === undefined) this.payments.set(key, { to, count: 1 });
    else payment.count++;
    this.paid.set(to, (this.paid.get(to) ?? 0) + 1);
    if (this.isSilent) return;
    const answer = (): unknown => response.end(`paid ${to}`);
    setTimeout(answer, Math.random() * SLOW_MS_MAX);
  }
}

interface EffectView {
  readonly effect: string;
  readonly task: string;
  readonly idempotencyKey: string;
}

async function rest(node: NodeUnderTest, route: string, body?: object): Promise<{ status: number; json: never }> {
  const response = await fetch(`${node.url}/api/v1${route}`, {
    ...(body !== undefined && {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  return { status: response.status, json: (await response.json()) as never };
}

async function setUp(): Promise<{ bank: Bank; node: NodeUnderTest }> {
  const bank = new Bank();
  await bank.open();
  const folder = temporaryFolder('effects');
  const agents = path.join(ROOT, 'test/support/paying-agents.ts');
  const node = new NodeUnderTest(folder.path, await freePort(), ['--agents', agents]);
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return { bank, node };
}

async function submit(node: NodeUnderTest, bank: Bank, agent: string, to: string): Promise<string> {
  const { status, json } = await rest(node, '/tasks', { agent, input: { bank: bank.url, to } });
  expect(status).toBe(202);
  return (json as { task: string }).task;
}

/** Looks at the bank, and says what it shows. */
async function decideAll(node: NodeUnderTest, bank: Bank): Promise<void> {
  const { json } = await rest(node, '/effects?limit=200');
  for (const { effect, idempotencyKey } of (json as { effects: readonly EffectView[] }).effects) {
    const found = await lookUp(bank.url, idempotencyKey);
    const decision = found === undefined ? { decision: 'retry' } : { decision: 'done', output: found };
    const { status } = await rest(node, `/effects/${effect}`, decision);
    // A probe may have been quicker.
    expect([200, 409]).toContain(status);
  }
}

describe('Calls of every kind on a node that is killed', () => {
  it('are made by their kind: completed ones never again, unsafe ones never twice', { timeout: TEST_MS }, async () => {
    const { bank, node } = await setUp();
    const tasks = new Map<string, { readonly agent: string; readonly to: string }>();
    for (let kill = 0; kill < KILLS; kill++) {
      for (const agent of NAMES) {
        for (let n = 0; n < TASKS_OF_EACH; n++) {
          const to = `${agent}-${kill}-${n}`;
          tasks.set(await submit(node, bank, agent, to), { agent, to });
        }
      }
      await node.kill(1 + Math.floor(Math.random() * SLOW_MS_MAX));
      await node.start();
      await decideAll(node, bank);
    }
    const ended = new Map<string, { readonly status: string; readonly result: { readonly output: unknown } }>();
    await vi.waitFor(
      async () => {
        await decideAll(node, bank);
        for (const task of tasks.keys()) {
          if (ended.has(task)) continue;
          const { json } = await rest(node, `/tasks/${task}`);
          if ((json as { result?: unknown }).result !== undefined) ended.set(task, json);
        }
        expect(ended.size).toBe(tasks.size);
      },
      { timeout: 60_000, interval: 100 },
    );
    for (const [task, { agent, to }] of tasks) {
      expect(ended.get(task)).toMatchObject({ status: 'completed', result: { output: `paid ${to}` } });
      const times = bank.paid.get(to) ?? 0;
      if (/unsafe|probed/.test(agent)) expect([to, times]).toEqual([to, 1]);
      else expect(times).toBeGreaterThanOrEqual(1);
    }
    // One key for each payment, however often it was sent.
    expect(bank.payments.size).toBe(tasks.size);
    const before = [...bank.paid.values()].reduce((sum, count) => sum + count, 0);
    await node.kill();
    await node.start();
    expect((await rest(node, '/effects')).json).toEqual({ effects: [], cursor: null });
    expect([...bank.paid.values()].reduce((sum, count) => sum + count, 0)).toBe(before);
  });

  it('survive a kill right behind the answer to a decision', { timeout: TEST_MS }, async () => {
    const { bank, node } = await setUp();
    bank.isSilent = true;
    const tasks: string[] = [];
    for (const decision of ['done', 'failed', 'retry'])
      tasks.push(await submit(node, bank, 'pay.journal.unsafe', decision));
    await vi.waitFor(() => expect(bank.paid.size).toBe(3), { timeout: 10_000, interval: 10 });
    await node.kill();
    await node.start();
    const open = await vi.waitFor(
      async () => {
        const { json } = await rest(node, '/effects');
        const { effects } = json as { effects: readonly EffectView[] };
        expect(effects).toHaveLength(3);
        return effects;
      },
      { timeout: 10_000, interval: 20 },
    );
    bank.isSilent = false;
    for (const [at, decision] of ['done', 'failed', 'retry'].entries()) {
      const effect = open.find(({ task }) => task === tasks[at])?.effect;
      const body = decision === 'done' ? { decision, output: 'by hand' } : { decision };
      expect((await rest(node, `/effects/${effect}`, body)).status).toBe(200);
      await node.kill();
      await node.start();
    }
    await vi.waitFor(
      async () => {
        // The kill may have hit the call that was made again.
        await decideAll(node, bank);
        const ends = await Promise.all(tasks.map(async (task) => (await rest(node, `/tasks/${task}`)).json));
        expect(ends.map(({ status }: { status: string }) => status)).toEqual(['completed', 'failed', 'completed']);
        expect(ends[0]).toMatchObject({ result: { output: 'by hand' } });
      },
      { timeout: 15_000, interval: 50 },
    );
    expect([bank.paid.get('done'), bank.paid.get('failed')]).toEqual([1, 1]);
    expect(bank.paid.get('retry')).toBeLessThanOrEqual(2);
  });
});
