/** The client library against a real node, over a relay that can lose connections. */
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Client, connect, defineAgent, type Node, startNode } from '../../index.ts';
import { type Relay, relayTo } from '../support/relay.ts';

let node: Node;
let relay: Relay;
const clients: Client[] = [];
const gate = { open: (): void => undefined, runs: 0 };

/** Waits until the test opens the gate. */
const gated = defineAgent({
  name: 'gated',
  version: '1.0.0',
  input: z.unknown(),
  run: async ({ input }) => {
    gate.runs++;
    await new Promise<void>((resolve) => (gate.open = resolve));
    return input;
  },
});

async function open(options: Parameters<typeof connect>[1] = {}, url = relay.url): Promise<Client> {
  const client = await connect(url, options);
  clients.push(client);
  return client;
}

beforeAll(async () => {
  node = await startNode({
    store: 'memory',
    port: 0,
    lab: true,
    logLevel: 'error',
    dataDir: tmpdir(),
    agents: [gated],
  });
  relay = await relayTo(node.port);
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

afterAll(async () => {
  await relay.close();
  await node.stop();
});

describe.each(['troupe.v1.msgpack', 'troupe.v1.json'] as const)('A client that speaks %s', (codec) => {
  it('submits a task and follows it to its end', async () => {
    const client = await open({ codec });
    const handle = client.submit({ agent: 'lab.echo', input: { text: 'hi' } });
    const seen: unknown[] = [];
    for await (const news of handle) seen.push(news.type === 'task.event' ? news.kind : news.type);
    expect(seen).toEqual([
      'task.submitted',
      'task.started',
      'agent.selected',
      'step.started',
      'step.completed',
      'task.result',
    ]);
    expect(await handle.result()).toMatchObject({ status: 'completed', output: { text: 'hi' }, seq: 6 });
    expect([handle.seq, handle.ended, handle.task]).toEqual([6, true, (await handle.accepted).task]);
  });

  it('asks for what there is', async () => {
    const client = await open({ codec });
    await client.ping();
    const { task } = await client.submit({ agent: 'lab.echo', input: 1, options: { labels: { of: codec } } }).result();
    expect(await client.get(task)).toMatchObject({ task, status: 'completed' });
    expect(await client.list({ status: 'completed', labels: { of: codec }, limit: 5 })).toMatchObject({
      tasks: [{ task }],
      cursor: null,
    });
    expect((await client.agents('lab.echo')).map(({ name }) => name)).toEqual(['lab.echo']);
    expect((await client.agents()).length).toBeGreaterThan(5);
    await client.tell('lab.counter', codec, { type: 'add', n: 2 });
    expect(await client.ask('lab.counter', codec, { type: 'get' })).toEqual({ total: 2 });
    expect(await client.ask('lab.counter', codec, { type: 'get' }, 5_000)).toEqual({ total: 2 });
  });
});

describe('A client', () => {
  it('is told what the node refuses, wherever it asks', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'nobody' });
    await expect(handle.accepted).rejects.toMatchObject({ code: 'NO_AGENT' });
    await expect(handle.result()).rejects.toMatchObject({ code: 'NO_AGENT' });
    await expect(handle.events().next()).rejects.toMatchObject({ code: 'NO_AGENT' });
    await expect(client.get('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.watch('nobody').result()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('cancels, and signals what waits', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'lab.stall' });
    const { task } = await handle.accepted;
    await client.signal(task, 'go', { word: 'now' });
    await client.cancel(task, 'enough');
    expect(await handle.result()).toMatchObject({
      status: 'canceled',
      error: { message: 'The task was canceled: enough' },
    });
    await expect(client.signal(task, 'go')).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('decides what a task waits for, once', async () => {
    const client = await open();
    const handle = client.submit({ graph: { steps: [{ id: 'ask', approval: {} }] } });
    for await (const news of handle) if (news.type === 'task.event' && news.kind === 'approval.requested') break;
    const approval = `${handle.task}.ask`;
    await client.resolveApproval(approval, 'approve', 'fine');
    await client.resolveApproval(approval, 'approve');
    await expect(client.resolveApproval(approval, 'reject')).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await handle.result()).toMatchObject({ output: { ask: { decision: 'approve', comment: 'fine' } } });
  });

  it('watches a task from after any line, as often as it likes', async () => {
    const client = await open();
    const { task } = await client.submit({ agent: 'lab.echo', input: 1 }).result();
    const seen: number[] = [];
    for await (const news of client.watch(task, 3)) if (news.type !== 'task.chunk') seen.push(news.seq);
    expect(seen).toEqual([4, 5, 6]);
    const two = [client.watch(task), client.watch(task)];
    for (const handle of two) expect(await handle.result()).toMatchObject({ task, output: 1 });
  });

  it('comes back when its connection is lost, and misses no line and sees none twice', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'gated', input: 'kept' });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const news of handle) if (news.type !== 'task.chunk') seen.push(news.seq);
    })();
    await handle.accepted;
    await expect.poll(() => seen.length).toBe(4);
    const before = relay.connections;
    for (let time = 1; time <= 3; time++) {
      relay.drop();
      await expect.poll(() => relay.connections).toBe(before + time);
      await client.ping();
    }
    relay.drop();
    gate.open();
    expect(await handle.result()).toMatchObject({ status: 'completed', output: 'kept' });
    await reading;
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('submits again what was not answered, and it is taken on once', async () => {
    const client = await open();
    await client.ping();
    const runs = gate.runs;
    relay.loseAnswers(2);
    const handle = client.submit({ agent: 'gated', input: 1, options: { labels: { test: 'once' } } });
    const { duplicate } = await handle.accepted;
    await expect.poll(() => gate.runs).toBe(runs + 1);
    gate.open();
    expect(await handle.result()).toMatchObject({ status: 'completed', output: 1 });
    expect(duplicate).toBe(true);
    expect((await client.list({ labels: { test: 'once' } })).tasks).toHaveLength(1);
    expect(gate.runs).toBe(runs + 1);
  });

  it('gives the same task for a key of the caller', async () => {
    const client = await open();
    const first = await client.submit({ agent: 'lab.echo', input: 1, key: 'mine' }).accepted;
    const second = await client.submit({ agent: 'lab.echo', input: 1, key: 'mine' }).accepted;
    expect([first.duplicate, second]).toEqual([false, { task: first.task, duplicate: true }]);
    await expect(client.submit({ agent: 'lab.echo', input: 2, key: 'mine' }).accepted).rejects.toMatchObject({
      code: 'IDEMPOTENCY_MISMATCH',
    });
  });

  it('that is closed ends all that waits, and asks nothing more', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'lab.stall' });
    const { task } = await handle.accepted;
    await client.close();
    await expect(handle.result()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(client.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const other = await open();
    expect(await other.get(task)).toMatchObject({ status: 'working' });
    await other.cancel(task);
  });

  it('that does not come back ends with its connection', async () => {
    const client = await open({ reconnect: false });
    const handle = client.submit({ agent: 'lab.stall' });
    const { task } = await handle.accepted;
    relay.drop();
    await expect(handle.result()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await (await open()).cancel(task);
  });

  it('is told at once that nobody is there', async () => {
    const closed = await relayTo(1);
    await closed.close();
    await expect(connect(closed.url)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('does not send what would end its connection, and goes on with the rest', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'gated', input: 'before' });
    await handle.accepted;
    await expect(client.submit({ agent: 'lab.echo', input: 'x'.repeat(70_000) }).accepted).rejects.toMatchObject({
      code: 'PROTOCOL_TOO_BIG',
      message: expect.stringContaining('frameBytesMax') as string,
      details: { limit: 'bytes', max: 65_536 },
    });
    gate.open();
    expect(await handle.result()).toMatchObject({ status: 'completed', output: 'before' });
  });

  it('does not send what is too large, and says so', async () => {
    const client = await open();
    const handle = client.submit({ agent: 'lab.echo', input: 'x'.repeat(2_000_000) });
    await expect(handle.accepted).rejects.toMatchObject({ code: 'PROTOCOL_TOO_BIG' });
    await client.ping();
  });
});
