/** Topics by the client library, against a real node, over a relay that can lose connections. */
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Client, connect, type Node, startNode, type TopicMessage } from '../../index.ts';
import { type Relay, relayTo } from '../support/relay.ts';
import { scribe } from '../support/scribe.ts';

let node: Node;
let relay: Relay;
const clients: Client[] = [];

async function open(url = relay.url): Promise<Client> {
  const client = await connect(url);
  clients.push(client);
  return client;
}

beforeAll(async () => {
  node = await startNode({
    ...{ store: 'memory', port: 0, logLevel: 'error', dataDir: tmpdir() },
    agents: [scribe('notes', { on: { 'durable.*': { key: 'all' } } })],
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

const until = async (check: () => void): Promise<void> => await vi.waitFor(check, { timeout: 10_000, interval: 10 });

describe('A client', () => {
  it('listens to topics with several handlers, each of which hears what its pattern takes in, once', async () => {
    const client = await open();
    const got: Record<string, unknown[]> = { all: [], eu: [], exact: [] };
    const into = (name: string) => (message: TopicMessage) => void got[name]?.push([message.topic, message.data]);
    await client.subscribe('a.#', into('all'));
    const eu = await client.subscribe('a.*.eu', into('eu'));
    const exact = await client.subscribe('a.b.eu', into('exact'));
    const id = await client.publish('a.b.eu', 1);
    await until(() => expect(got).toEqual({ all: [['a.b.eu', 1]], eu: [['a.b.eu', 1]], exact: [['a.b.eu', 1]] }));
    expect(id).toEqual(expect.any(String));
    for (const one of [eu, exact]) await one.unsubscribe();
    await client.publish('a', 2);
    await client.publish('a.c.eu', 3);
    await until(() => expect(got['all']).toHaveLength(3));
    expect([got['eu'], got['exact']]).toEqual([[['a.b.eu', 1]], [['a.b.eu', 1]]]);
  });

  it('goes on listening after a lost connection, and publishes once over it', async () => {
    const client = await open();
    const got: unknown[] = [];
    await client.subscribe('durable.*', ({ data }) => void got.push(data));
    relay.loseAnswers(1);
    await client.publish('durable.x', 'over a loss');
    await client.publish('durable.x', 'after it');
    await until(() => expect(got).toContain('after it'));
    const answer = await client.ask('notes', 'all', { type: 'read' });
    const heard = (answer as { heard: { data: unknown }[] }).heard.map(({ data }) => data);
    expect(heard).toEqual(['over a loss', 'after it']);
    expect(relay.connections).toBeGreaterThan(1);
  });

  it('is told what is wrong with a topic', async () => {
    const client = await open();
    await expect(client.subscribe('a..b', () => undefined)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(client.publish('a.*')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
