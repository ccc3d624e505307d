import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket, { type ClientOptions } from 'ws';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ originsAllowed: ['https://app.example'], connectionsMax: 3 });
});
afterAll(async () => await rig.stop());

interface Outcome {
  /** 101, or how the upgrade was refused. */
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Tries to open a WebSocket, and gives it up at once. */
async function knock(path = '/ws', options: ClientOptions = {}, url = rig.url): Promise<Outcome> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, options);
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    socket.once('open', () => resolve({ status: 101, body: '', headers: {} }));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data) => (body += String(data)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  socket.terminate();
  return outcome;
}

describe('An upgrade', () => {
  it('is taken at /ws alone', async () => {
    expect(await knock('/ws?x=1')).toMatchObject({ status: 101 });
    const refused = await knock('/wss');
    expect(refused).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    });
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'UNKNOWN_TYPE', instance: '/wss' });
  });

  it.each(['http://evil.example', 'null', 'file://', 'https://app.example.evil.example', 'http://127.0.0.1:1'])(
    'of a page from %s is refused',
    async (origin) => {
      const refused = await knock('/ws', { origin });
      expect(refused).toMatchObject({ status: 403 });
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  it('of its own pages, of pages that are allowed, and of programs is taken', async () => {
    expect(await knock('/ws', { origin: rig.url })).toMatchObject({ status: 101 });
    expect(await knock('/ws', { origin: 'https://app.example' })).toMatchObject({ status: 101 });
    expect(await knock('/ws')).toMatchObject({ status: 101 });
  });

  it('by a name that is not this machine is refused: the name may have been pointed here', async () => {
    expect(await knock('/ws', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
    expect(await knock('/ws', { headers: { host: 'localhost.evil.example' } })).toMatchObject({ status: 403 });
    expect(await knock('/ws', { headers: { host: `localhost:${rig.node.port}` } })).toMatchObject({ status: 101 });
    expect(await knock('/ws', { headers: { host: '[::1]' } })).toMatchObject({ status: 101 });
  });

  it('over the number of connections is refused for now', async () => {
    const open = await Promise.all([rig.open(), rig.open(), rig.open()]);
    const refused = await knock();
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'BUSY', retryable: true, retryAfterMs: 1_000 });
    await Promise.all(open.map((wire) => wire.close()));
    expect(await knock()).toMatchObject({ status: 101 });
  });

  it('to another protocol is left alone: the request is answered', async () => {
    const asked = request(`${rig.url}/healthz`, { headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(200);
  });
});

describe('A subprotocol', () => {
  it('is the first of the client that the node knows', async () => {
    const asked = ['troupe.v9.json', 'troupe.v1.json', 'troupe.v1.msgpack'];
    const socket = new WebSocket(rig.socketUrl, asked);
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    expect(socket.protocol).toBe('troupe.v1.json');
    expect(isBinary).toBe(false);
    expect(JSON.parse(data.toString())).toMatchObject({ type: 'hello' });
    socket.terminate();
  });

  it('that is not known is refused with words and with 4406', async () => {
    const headers = ['GET /ws HTTP/1.1', `Host: ${new URL(rig.url).host}`, 'Upgrade: websocket', 'Connection: Upgrade'];
    headers.push('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13');
    headers.push('Sec-WebSocket-Protocol: troupe.v9.json', '', '');
    const { connect } = await import('node:net');
    const socket = connect(rig.node.port, rig.node.host);
    socket.write(headers.join('\r\n'));
    let seen = Buffer.alloc(0);
    socket.on('data', (data) => (seen = Buffer.concat([seen, data])));
    // A close frame of a client without a code, masked: the node has said its own by then or says it next.
    socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    await once(socket, 'close');
    const text = seen.toString('latin1');
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text).not.toMatch(/sec-websocket-protocol/i);
    expect(text).toContain('"code":"PROTOCOL_VERSION"');
    expect(seen.includes(Buffer.from([0x11, 0x36]))).toBe(true); // 4406
  });

  it('that ws cannot get ends the attempt there, cleanly', async () => {
    const socket = new WebSocket(rig.socketUrl, 'troupe.v9.json');
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('subprotocol');
  });
});

describe('A node that stops', () => {
  it('says so to whoever asks, closes its connections with 1012, and takes no new ones', async () => {
    const other = await startRig({ drainMs: 60_000 });
    const wire = await other.open();
    // Work that goes on for a moment holds up the stop, so that it can be looked at.
    await wire.submit({ agent: 'lab.append', input: { name: 'x', line: 'y', delayMs: 1_500 } });
    await wire.until(({ kind }) => kind === 'step.started');
    const stopped = other.node.stop();
    expect(await wire.closed).toMatchObject({ code: 1012 });
    const readiness = await other.get('/readyz');
    expect(readiness).toMatchObject({ status: 503, json: { code: 'UNAVAILABLE' } });
    expect(await other.get('/healthz')).toMatchObject({ status: 200 });
    expect(await knock('/ws', {}, other.url)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    const refused = await other.send('POST', '/api/v1/tasks', { agent: 'lab.echo' });
    expect(refused).toMatchObject({ status: 503, json: { code: 'DRAINING', retryable: true } });
    await stopped;
    await expect(other.get('/healthz')).rejects.toThrow('fetch failed');
    await other.stop();
  });
});
