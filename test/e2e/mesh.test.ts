/** An owner and workers as programs start them, over sockets of this machine. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { z } from 'zod';
import {
  connect,
  defineAgent,
  type Node,
  startNode,
  type StartOptions,
  startWorker,
  type WorkerNode,
} from '../../index.ts';
import type { StartWorkerOptions } from '../../worker-node.ts';
import { MESH_CERTIFICATES } from '../support/mesh-certificates.ts';
import { temporaryFolder } from '../support/node-process.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const SECRET = randomBytes(32).toString('base64');
const QUIET = { logLevel: 'error', store: 'memory', port: 0 } as const;

const shout = defineAgent({
  name: 'shout',
  version: '1.2.0',
  capabilities: ['text.upper'],
  labels: { tone: 'loud' },
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
  run: async ({ input, ctx }) => ({ text: await ctx.journal('upper', () => input.text.toUpperCase()) }),
});

async function owner(more: Partial<StartOptions> = {}): Promise<Node & { readonly join: string }> {
  const node = await startNode({ ...QUIET, meshPort: 0, meshSecret: [SECRET], ...more });
  cleanups.push(() => node.stop());
  return { ...node, join: `ws://127.0.0.1:${node.mesh?.port ?? 0}` };
}

async function worker(to: string, more: Partial<StartWorkerOptions> = {}): Promise<WorkerNode> {
  const { port: _none, ...quiet } = QUIET;
  const node = await startWorker({ ...quiet, join: to, meshSecret: [SECRET], agents: [shout], ...more });
  cleanups.push(() => node.stop());
  return node;
}

async function cluster(node: Node): Promise<readonly Record<string, unknown>[]> {
  const answer = (await (await fetch(`${node.url}/api/v1/cluster`)).json()) as {
    readonly nodes: readonly Record<string, unknown>[];
  };
  return answer.nodes;
}

async function submit(node: Node, text: string): Promise<unknown> {
  const client = await connect(`ws://127.0.0.1:${node.port}/ws`);
  try {
    return await client.submit({ capability: 'text.upper', input: { text } }).result();
  } finally {
    await client.close();
  }
}

describe('A worker', () => {
  it('makes the calls of its owner, and is seen in its lists', async () => {
    const node = await owner();
    const helper = await worker(node.join, { nodeName: 'w-1', labels: { zone: 'a' } });
    await helper.joined;
    expect(await submit(node, 'hi')).toMatchObject({ status: 'completed', output: { text: 'HI' } });
    expect(await cluster(node)).toMatchObject([
      { role: 'owner', status: 'active' },
      {
        ...{ node: 'w-1', role: 'worker', status: 'active', agents: ['shout@1.2.0'], labels: { zone: 'a' } },
        calls: { running: 0, capacity: 16 },
        breaker: { state: 'closed' },
      },
    ]);
    const { agents } = (await (await fetch(`${node.url}/api/v1/agents?capability=text.upper`)).json()) as {
      readonly agents: readonly unknown[];
    };
    expect(agents).toMatchObject([
      { name: 'shout', nodes: ['w-1'], source: 'node', labels: { tone: 'loud', zone: 'a' } },
    ]);
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(metrics).toMatch(/^troupe_mesh_nodes\{status="active"\} 1$/m);
    expect(metrics).toMatch(/^troupe_mesh_calls_total\{outcome="done"\} 1$/m);
    expect(metrics).toMatch(/^troupe_mesh_link_messages_total\{direction="in"\} [1-9]/m);
  });

  it('refuses input that does not fit before any node is asked', async () => {
    const node = await owner();
    await (await worker(node.join)).joined;
    const client = await connect(`ws://127.0.0.1:${node.port}/ws`);
    cleanups.push(() => client.close());
    const wrong = client.submit({ agent: 'shout', input: { text: 7 } }).result();
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('says how it is where it has a port for that, and is not ready without its owner', async () => {
    const node = await owner();
    const helper = await worker(node.join, { port: 0 });
    await helper.joined;
    const url = `http://127.0.0.1:${helper.door?.port ?? 0}`;
    expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: 'ok', node: helper.id });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('troupe_worker_queue');
    expect((await fetch(`${url}/api/v1/tasks`)).status).toBe(404);
    await node.stop();
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  });

  it('comes back by itself to an owner that was started again', async () => {
    const folder = temporaryFolder('mesh-owner');
    cleanups.push(folder.clear);
    const kept = { dataDir: folder.path, store: 'level' } as const;
    const first = await owner(kept);
    const helper = await worker(first.join);
    await helper.joined;
    const { port: meshPort } = first.mesh ?? { port: 0 };
    await first.stop();
    const second = await owner({ ...kept, meshPort });
    expect(await submit(second, 'again')).toMatchObject({ output: { text: 'AGAIN' } });
  });

  it('has nothing to offer without agents, and says what to do', async () => {
    await expect(worker('ws://127.0.0.1:1', { agents: [] })).rejects.toThrow(/--agents, or --lab/);
    await expect(worker('ws://127.0.0.1:1', { agents: [shout, shout] })).rejects.toThrow(/there twice/);
    await expect(startNode({ ...QUIET, join: 'ws://127.0.0.1:1' })).rejects.toThrow(/startWorker/);
  });

  it('proves itself by its certificate', async () => {
    const folder = temporaryFolder('mesh-tls');
    cleanups.push(folder.clear);
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder.path, name), text);
      return join(folder.path, name);
    };
    const tls = {
      meshTlsCert: file('node.crt', MESH_CERTIFICATES.cert),
      meshTlsKey: file('node.key', MESH_CERTIFICATES.key),
      meshTlsCa: file('ca.crt', MESH_CERTIFICATES.ca),
    };
    // Both go by the one name of the one certificate, which only the secret may prove here: TLS encrypts.
    const node = await owner(tls);
    const helper = await worker(node.join.replace('ws:', 'wss:'), tls);
    await helper.joined;
    expect(await submit(node, 'sealed')).toMatchObject({ output: { text: 'SEALED' } });
  });
});

describe('The door of an owner', () => {
  it.each([
    ['another secret', { meshSecret: [randomBytes(32).toString('base64')] }],
    ['no secret', { meshSecret: [] }],
  ])('is shut to a worker with %s, and work goes on', async (_what, wrong) => {
    const node = await owner();
    await (await worker(node.join)).joined;
    const stranger = await worker(node.join, { ...wrong, nodeName: 'stranger' });
    let isIn = false;
    void stranger.joined.then(() => (isIn = true));
    expect(await submit(node, 'safe')).toMatchObject({ output: { text: 'SAFE' } });
    expect((await cluster(node)).map(({ node: name }) => name)).not.toContain('stranger');
    expect(isIn).toBe(false);
  });

  it('is shut to bytes that are none of the protocol, and stays open to others', async () => {
    const node = await owner();
    const port = node.mesh?.port ?? 0;
    const raw = connectTcp(port, '127.0.0.1');
    raw.on('error', () => undefined);
    raw.write(randomBytes(4_096));
    const page = new WebSocket(`ws://127.0.0.1:${port}/mesh`, 'troupe.mesh.v1', { origin: 'http://evil.example' });
    const [refused] = (await once(page, 'error')) as [Error];
    expect(refused.message).toMatch(/403|401|400/);
    for (const frame of [Buffer.alloc(0), randomBytes(100), Buffer.alloc(900_000, 0x91), Buffer.from('"hello"')]) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/mesh`, 'troupe.mesh.v1');
      await once(socket, 'open');
      socket.send(frame);
      await once(socket, 'close');
    }
    await (await worker(node.join)).joined;
    expect(await submit(node, 'still')).toMatchObject({ output: { text: 'STILL' } });
    raw.destroy();
  });
});
