import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import type { Connection } from '../../actors/session.ts';
import { authenticateAnyone, type Authenticate } from '../../gateway/authentication.ts';
import { SocketDoor } from '../../gateway/socket-door.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

interface Stage {
  readonly world: ManualWorld;
  readonly door: SocketDoor;
  /** What sessions were given, by the order of their connections. */
  readonly connections: Connection[];
  readonly messages: unknown[];
  readonly ended: string[];
  readonly warned: string[];
  /** What a session does with a message. */
  onMessage: (message: { readonly id?: string }, connection: Connection) => void;
  connect(options?: WebSocket.ClientOptions): Promise<WebSocket>;
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** The door alone, on a world that stands still, with sessions that a test plays. */
async function stage(authenticate: Authenticate = authenticateAnyone): Promise<Stage> {
  const world = createManualWorld({ auto: true });
  const outcome = loadSettings({ cwd: import.meta.dirname, options: { heartbeatMs: 1_000 } });
  if (!outcome.ok) throw outcome.error;
  const warned: string[] = [];
  const ignore = (): void => undefined;
  const log = {
    enabled: () => false,
    error: ignore,
    info: ignore,
    debug: ignore,
    trace: ignore,
    warn: (line: string) => void warned.push(line),
    child: () => log,
  };
  const connections: Connection[] = [];
  const messages: unknown[] = [];
  const ended: string[] = [];
  const result: Partial<Stage> & { onMessage: Stage['onMessage'] } = { onMessage: ignore };
  const open = (connection: Connection) => {
    const id = `s${connections.push(connection)}`;
    const message = (one: { readonly id?: string }): void => {
      result.onMessage(one, connection);
      messages.push(one);
    };
    return { id, message, closed: () => void ended.push(id) };
  };
  const node = { id: 'n', version: '0' };
  const door = new SocketDoor({
    settings: outcome.settings,
    world,
    log,
    node,
    sessions: { open },
    isFull: () => false,
    authenticate,
  });
  const server = createServer();
  servers.push(server);
  server.on('upgrade', (request, socket, head) => door.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connect = async (options: WebSocket.ClientOptions = {}): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, options);
    socket.on('error', ignore);
    await once(socket, 'message');
    return socket;
  };
  return Object.assign(result, { world, door, connections, messages, ended, warned, connect });
}

const codeOf = async (socket: WebSocket): Promise<number> => ((await once(socket, 'close')) as [number])[0];

describe('A client', () => {
  it('that answers pings lives; one that does not is cut after two misses, and its session told', async () => {
    const { world, door, ended, connect } = await stage();
    const alive = await connect();
    const dead = await connect({ autoPong: false });
    const pings = { alive: 0, dead: 0 };
    alive.on('ping', () => pings.alive++);
    dead.on('ping', () => pings.dead++);
    for (let beat = 1; beat <= LIMITS.heartbeatMissesMax; beat++) {
      const ponged = once(alive, 'ping');
      world.advance(1_000);
      await ponged;
      await vi.waitFor(() => expect(pings.dead).toBe(beat));
      // The answer has left; the node hears it in one of its next turns.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    const cut = codeOf(dead);
    world.advance(1_000);
    expect(await cut).toBe(1006);
    await vi.waitFor(() => expect(ended).toEqual(['s2']));
    expect(alive.readyState).toBe(WebSocket.OPEN);
    expect(door.size).toBe(1);
    await Promise.all([door.close(), codeOf(alive)]);
  });

  it('that cannot prove who it is gets no connection', async () => {
    const refusal = new OperatingError('UNAUTHENTICATED', 'No.');
    const { connect, connections } = await stage(() => ({ refusal }));
    await expect(connect()).rejects.toThrow('401');
    expect(connections).toEqual([]);
  });
});

describe('A session that has no room', () => {
  it('gets what it could not take once it has answered others, in order, and nothing is refused', async () => {
    const told = await stage();
    let room = 2;
    told.onMessage = () => {
      if (room === 0) throw new OperatingError('BUSY', 'full');
      room--;
    };
    const socket = await told.connect();
    const answers: string[] = [];
    socket.on('message', (data: Buffer) => void answers.push(String(data)));
    for (const id of ['a', 'b', 'c', 'd', 'e']) socket.send(JSON.stringify({ type: 'ping', id }));
    await vi.waitFor(() => expect(told.messages).toHaveLength(2));
    const [connection] = told.connections;
    for (const re of ['a', 'b', 'c', 'd', 'e']) {
      room++;
      connection?.send({ type: 'pong', re });
      await vi.waitFor(() => expect(answers.at(-1)).toContain(`"${re}"`));
    }
    expect(told.messages.map((message) => (message as { id: string }).id)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(answers.every((answer) => answer.includes('pong'))).toBe(true);
    await Promise.all([told.door.close(), codeOf(socket)]);
  });

  it('and none to answer refuses what comes', async () => {
    const told = await stage();
    told.onMessage = () => {
      throw new OperatingError('BUSY', 'full', { retryAfterMs: 200 });
    };
    const socket = await told.connect();
    socket.send('{"type":"ping","id":"a"}');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(String(data))).toMatchObject({ type: 'error', re: 'a', code: 'BUSY', retryAfterMs: 200 });
    await Promise.all([told.door.close(), codeOf(socket)]);
  });

  it('is not read on while too many of its requests are unanswered', async () => {
    const told = await stage();
    const socket = await told.connect();
    const extra = 50;
    for (let n = 0; n < LIMITS.sessionRequestsMax + extra; n++) socket.send('{"type":"ping"}');
    await vi.waitFor(() => expect(told.messages).toHaveLength(LIMITS.sessionRequestsMax));
    const [connection] = told.connections;
    connection?.send({ type: 'task.event', task: 't', seq: 1, at: 1, kind: 'task.started', data: {} });
    await once(socket, 'message');
    expect(told.messages).toHaveLength(LIMITS.sessionRequestsMax);
    for (let n = 0; n < extra; n++) connection?.send({ type: 'pong' });
    await vi.waitFor(() => expect(told.messages).toHaveLength(LIMITS.sessionRequestsMax + extra));
    await Promise.all([told.door.close(), codeOf(socket)]);
  });
});

describe('What a session sends', () => {
  it('loses chunks first for a slow reader, and all that is live when it stays slow', async () => {
    const told = await stage();
    const socket = await told.connect();
    const types: string[] = [];
    socket.on('message', (data: Buffer) => void types.push((JSON.parse(String(data)) as { type: string }).type));
    socket.pause();
    const [connection] = told.connections;
    const event = {
      type: 'task.event',
      task: 't',
      seq: 1,
      at: 1,
      kind: 'task.started',
      data: { text: 'x'.repeat(900_000) },
    };
    const chunk = { type: 'task.chunk', task: 't', step: 's', attempt: 1, text: 'y', offset: 0 };
    connection?.send(chunk);
    let sent = 0;
    // The system takes some megabytes; what it does not take is the backlog.
    for (; sent < 8; sent++) {
      connection?.send(event);
      await new Promise((resolve) => setImmediate(resolve));
    }
    connection?.send(chunk);
    expect(connection?.lost).toBe(false);
    told.world.advance(1_000);
    connection?.send(event);
    expect(connection?.lost).toBe(true);
    expect(told.warned).toEqual(['A reader is too slow; its connection is closed.']);
    connection?.send(event);
    socket.resume();
    expect(await codeOf(socket)).toBe(1013);
    expect(types).toEqual(['task.chunk', ...Array.from({ length: sent }, () => 'task.event')]);
    await told.door.close();
  });

  it('and cannot be said becomes an error that names it', async () => {
    const told = await stage();
    const socket = await told.connect();
    const [connection] = told.connections;
    connection?.send({
      type: 'task.result',
      task: 't',
      seq: 3,
      status: 'completed',
      output: 'x'.repeat(LIMITS.nodeFrameBytesMax),
    });
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(String(data))).toMatchObject({
      type: 'error',
      code: 'PROTOCOL_TOO_BIG',
      details: { type: 'task.result', task: 't', seq: 3 },
    });
    await Promise.all([told.door.close(), codeOf(socket)]);
  });

  it('before it closes arrives before the close, and the reason is cut to what a close can say', async () => {
    const told = await stage();
    const socket = await told.connect();
    const [connection] = told.connections;
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    const heard = once(socket, 'message') as Promise<[Buffer]>;
    connection?.send({ type: 'ok' });
    connection?.close(1011, 'é'.repeat(200));
    connection?.close(1012, 'too late');
    expect(String((await heard)[0])).toBe('{"type":"ok"}');
    const [code, reason] = await closed;
    expect({ code, reason: reason.toString() }).toEqual({ code: 1011, reason: 'é'.repeat(61) });
    await told.door.close();
  });
});

describe('A door that closes', () => {
  it('cuts a client that does not answer its close', async () => {
    const told = await stage();
    const socket = await told.connect();
    socket.pause();
    const closing = told.door.close();
    await vi.waitFor(() => expect(told.connections[0]?.lost).toBe(true));
    told.world.advance(1_000);
    await closing;
    expect(told.door.size).toBe(0);
    socket.terminate();
  });
});
