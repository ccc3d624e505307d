import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { LIMITS } from '../../../protocol/limits.ts';
import { MESH_SUBPROTOCOL } from '../../../protocol/mesh-versions.ts';
import { upTo } from './numbered.ts';
import { dial, eventually, hasty, nodeOf, openDoor } from './rig.ts';

interface Outsider {
  readonly socket: WebSocket;
  readonly opened: Promise<boolean>;
  readonly closed: Promise<number>;
  readonly heard: Buffer[];
}

/** Someone who is no node. */
function outsider(url: string, options: object = {}, subprotocol: string | null = MESH_SUBPROTOCOL): Outsider {
  const socket = subprotocol === null ? new WebSocket(url, options) : new WebSocket(url, subprotocol, options);
  const heard: Buffer[] = [];
  socket.on('message', (data: Buffer) => void heard.push(data));
  socket.on('error', () => undefined);
  onTestFinished(() => socket.terminate());
  const opened = new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
  return { socket, opened, heard, closed: new Promise((resolve) => void socket.once('close', resolve)) };
}

async function rawTo(port: number): Promise<{ readonly socket: Socket; readonly closed: Promise<void> }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => void socket.once('connect', () => resolve()));
  return { socket, closed };
}

describe('someone at the door who is no node', () => {
  it('is refused where he comes from a page, at another path, or speaks something else', async () => {
    const { door, url } = await openDoor();
    expect(await outsider(url, { origin: 'https://page.example' }).opened).toBe(false);
    expect(await outsider(url.replace('/mesh', '/ws')).opened).toBe(false);
    expect(await outsider(url, {}, 'troupe.v1.json').opened).toBe(false);
    expect(await outsider(url, {}, null).opened).toBe(false);
    expect((await fetch(`http://127.0.0.1:${door.port}/mesh`)).status).toBe(426);
    expect(await outsider(url).opened).toBe(true);
  });

  const wrong: Readonly<Record<string, readonly [string | Buffer, number]>> = {
    'text instead of a frame': ['hello', 1003],
    'an empty frame': [Buffer.alloc(0), 4400],
    'bytes that are no handshake': [Buffer.alloc(100, 0x99), 4400],
    'a frame of a link before the handshake': [Buffer.alloc(100, 0x11), 4400],
    'a hello that is no map': [Buffer.of(0x01, 0x01), 4400],
    'a hello that says nothing': [Buffer.of(0x01, 0x80), 4400],
    'a hello of nested arrays': [Buffer.alloc(4_000, 0x91).fill(0x01, 0, 1), 1009],
    'a hello that is too long': [Buffer.alloc(LIMITS.meshHandshakeBytesMax + 2, 0x01), 1009],
    'a frame over the limit': [Buffer.alloc(LIMITS.meshFrameBytesMax + 1), 1009],
  };
  for (const [what, [frame, code]] of Object.entries(wrong)) {
    it(`is put out for ${what}`, async () => {
      const { seen, url } = await openDoor();
      const { socket, opened, closed } = outsider(url);
      await opened;
      socket.send(frame);
      expect(await closed).toBe(code);
      expect(seen.links).toEqual([]);
    });
  }

  it('is put out when he says nothing for as long as a handshake may take, over a WebSocket or before there is one', async () => {
    const { url, door } = await openDoor({ world: hasty(50) });
    const { opened, closed, heard } = outsider(url);
    const raw = await rawTo(door.port);
    expect(await opened).toBe(true);
    expect(await closed).toBe(4400);
    await raw.closed;
    expect(heard[0]?.includes('handshake took longer')).toBe(true);
  });

  it('is another than those who have proved who they are, of whom there may be many at one address', async () => {
    const { url, door } = await openDoor();
    for (const index of upTo(LIMITS.connectionsUnauthenticatedPerIpMax + 4)) {
      const { seen } = dial(url, { self: nodeOf({ role: 'worker', node: `worker-${index}` }) });
      await eventually(() => expect(seen.links).toHaveLength(1));
    }
    expect(door.size).toBe(LIMITS.connectionsUnauthenticatedPerIpMax + 4);
  });

  it('is one of 16 of one address at most, who do not keep out those that are in', async () => {
    const { url, door, seen } = await openDoor();
    const { seen: worker } = dial(url);
    await eventually(() => expect(worker.links).toHaveLength(1));
    const waiting = [];
    for (let count = 0; count < LIMITS.connectionsUnauthenticatedPerIpMax; count++)
      waiting.push(await rawTo(door.port));
    await (await rawTo(door.port)).closed;
    expect(await outsider(url).opened).toBe(false);
    waiting[0]?.socket.destroy();
    await eventually(async () => expect(await outsider(url).opened).toBe(true));
    expect(worker.links[0]?.state).toBe('up');
    expect(seen.ends).toEqual([]);
  });
});
