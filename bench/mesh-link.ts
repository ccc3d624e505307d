/** Messages over one link between two nodes, beside as many over a bare WebSocket, both in this process. */
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { dialMesh } from '../cluster/link/dial.ts';
import type { Link } from '../cluster/link/link.ts';
import { listenMesh } from '../cluster/link/listen.ts';
import { msgpackCodec } from '../protocol/codec.ts';
import { NODE_FRAME } from '../protocol/limits.ts';
import type { MeshMessage } from '../protocol/mesh-messages.ts';
import { createWorld } from '../runtime/world.ts';
import { figure, heading, line, median } from './table.ts';

const SECRET = 'a secret of the bench that is long enough';
const IN_FLIGHT = 128;

const message: MeshMessage = {
  ...{ type: 'call.outcome', call: 'run/01J00000000000000000000000/step/1 run', token: '1.234567.01J0000000000000' },
  ...{ ok: true, value: { text: 'hello', meta: { a: 1, b: 'x'.repeat(40) } } },
};

/** A way to send messages and hear of their arrival. */
interface Way {
  send(): void;
  onArrived: () => void;
  stop(): Promise<void>;
}

/** Messages per second. */
export async function benchLink(isQuick: boolean): Promise<void> {
  heading('messages of 200 bytes over one link, beside a bare WebSocket with a codec (one process, both ends)');
  const messages = isQuick ? 20_000 : 60_000;
  const ways = { bare: await bare(), open: await linked(false), sealed: await linked(true) };
  const figures: Record<keyof typeof ways, number[]> = { bare: [], open: [], sealed: [] };
  for (let round = -1; round < (isQuick ? 3 : 5); round++)
    for (const name of ['bare', 'open', 'sealed'] as const) {
      const perSecond = await run(ways[name], messages);
      if (round >= 0) figures[name].push(perSecond);
    }
  const floor = median(figures.bare);
  line('bare ws, msgpack there and back', `${figure(floor)}/s`);
  line('a link on loopback without a secret', `${figure(median(figures.open))}/s`, ratio(median(figures.open), floor));
  line(
    'a link with a secret: each frame sealed',
    `${figure(median(figures.sealed))}/s`,
    ratio(median(figures.sealed), floor),
  );
  for (const way of Object.values(ways)) await way.stop();
}

function ratio(value: number, floor: number): string {
  return `${figure(value / floor)} of the bare one`;
}

async function run(way: Way, messages: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  let arrived = 0;
  const more = (): void => {
    while (sent < messages && sent - arrived < IN_FLIGHT) {
      sent++;
      way.send();
    }
  };
  way.onArrived = () => {
    if (++arrived === messages) resolve();
    else if (sent - arrived < IN_FLIGHT / 2) more();
  };
  const startedMs = performance.now();
  more();
  await promise;
  return (messages * 1_000) / (performance.now() - startedMs);
}

async function bare(): Promise<Way> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  const way: Way = {
    send: () => client.send(msgpackCodec.encode(message, NODE_FRAME)),
    onArrived: () => undefined,
    stop: async () => {
      client.terminate();
      server.close();
    },
  };
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      msgpackCodec.decode(data, NODE_FRAME);
      way.onArrived();
    });
  });
  await once(client, 'open');
  return way;
}

async function linked(isSealed: boolean): Promise<Way> {
  const world = createWorld();
  const auth = isSealed ? ({ mode: 'secret', secrets: [SECRET] } as const) : ({ mode: 'none' } as const);
  const node = { version: '0.0.0', incarnation: '1' };
  const way: Way = { send: () => undefined, onArrived: () => undefined, stop: async () => undefined };
  const listener = await listenMesh({
    ...{ world, auth, self: { ...node, node: 'owner', role: 'owner', cluster: 'bench' } },
    onLink: (_link, setEars) => {
      setEars({
        onMessage: (_message, done) => {
          done();
          way.onArrived();
        },
        onEnd: () => undefined,
      });
    },
  });
  const { promise, resolve } = Promise.withResolvers<Link>();
  const dial = dialMesh({
    ...{ world, auth, to: `ws://127.0.0.1:${listener.port}/mesh` },
    self: { ...node, node: 'worker', role: 'worker', cluster: undefined },
    onLink: (link, setEars) => {
      setEars({ onMessage: (_message, done) => done(), onEnd: () => undefined });
      resolve(link);
    },
  });
  const link = await promise;
  way.send = () => link.send(message);
  way.stop = async () => {
    dial.stop(new Error('done') as never);
    await listener.close();
  };
  return way;
}
