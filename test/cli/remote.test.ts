/** The node that a verb talks to, where it does not talk back. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { askNode } from '../../cli/remote.ts';
import { msgpackCodec } from '../../protocol/codec.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** One that greets, and hears of each request; what it then does is said here. */
async function node(onRequest: (end: () => void) => void): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  cleanups.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    const limits = { depthMax: 32 };
    socket.send(
      msgpackCodec.encode({ type: 'hello', protocol: 1, node: 'n', version: '0', heartbeatMs: 15_000, limits }),
    );
    socket.on('message', () => onRequest(() => socket.terminate()));
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it.each([
  ['is stuck', () => {}],
  ['is gone, and comes back, and is gone again', (end: () => void) => end()],
])('A verb does not wait without end for a node that %s', async (_how, does) => {
  const patience = new AbortController();
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(patience.signal);
  let requests = 0;
  const url = await node((end) => {
    requests++;
    does(end);
  });
  const canceled = askNode({ url }, (client) => client.cancel('01M8260000000000000000000A'));
  canceled.catch(() => {});
  await vi.waitFor(() => expect(requests).toBeGreaterThan(0));
  patience.abort();
  await expect(canceled).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('did not answer within 60 s') as unknown,
  });
});
