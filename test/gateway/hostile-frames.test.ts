import { connect, type Socket } from 'node:net';
import { pack } from 'msgpackr';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { REFUSED_FRAMES_MAX } from '../../gateway/connection.ts';
import type { Wire } from '../support/wire.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
let witness: Wire;
beforeAll(async () => {
  rig = await startRig();
  witness = await rig.open();
});
afterAll(async () => await rig.stop());
// Whatever was done to one connection: another one works on.
afterEach(async () => {
  const { type } = await witness.request({ type: 'ping' });
  if (type !== 'pong') throw new TypeError(`Another connection was answered ${type}.`);
});

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), bytes(0xc0)]);

const MALFORMED_MSGPACK: Readonly<Record<string, Buffer>> = {
  'an empty frame': bytes(),
  'a byte that means nothing': bytes(0xc1),
  'a map that is cut short': bytes(0x82, 0xa4, 0x74, 0x79, 0x70, 0x65),
  'bytes after the end': Buffer.concat([pack({ type: 'ping' }), bytes(0x00)]),
  'text that is not UTF-8': bytes(0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa2, 0xc3, 0x28),
  'a regular expression': bytes(0xc7, 0x03, 0x78, 0xa1, 0x61, 0xa0),
  'a record of msgpackr': bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01),
  'a pointer extension': bytes(0xd6, 0x70, 0x00, 0x00, 0x00, 0x01),
  'a key that comes twice': bytes(0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02),
  'the key __proto__': Buffer.concat([bytes(0x81, 0xa9), Buffer.from('__proto__'), bytes(0x80)]),
  'a number instead of a map': bytes(0x2a),
  'a list instead of a map': bytes(0x91, 0x01),
  'an array that claims four thousand million elements': bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
};

const MALFORMED_JSON: Readonly<Record<string, string>> = {
  'an empty frame': '',
  'half of a map': '{"type":',
  'two values': '{} {}',
  'a key that comes twice': '{"type":"ping","type":"ping"}',
  'the key __proto__': '{"type":"ping","__proto__":{}}',
  'a number that no double holds': '{"type":"ping","x":1e999}',
  'a list': '[]',
  null: 'null',
};

describe('A frame that is no message is answered, and the connection lives', () => {
  it.each(Object.entries(MALFORMED_MSGPACK))('MessagePack: %s', async (_what, frame) => {
    const wire = await rig.open();
    wire.sendRaw(frame);
    const error = await wire.until(({ type }) => type === 'error');
    expect(error).toMatchObject({ code: 'PROTOCOL_MALFORMED', retryable: false });
    expect(error).not.toHaveProperty('re');
    expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await wire.close();
  });

  it.each(Object.entries(MALFORMED_JSON))('JSON: %s', async (_what, frame) => {
    const wire = await rig.open('troupe.v1.json');
    wire.sendRaw(frame);
    expect(await wire.until(({ type }) => type === 'error')).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
    expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await wire.close();
  });

  it('JSON that is not UTF-8', async () => {
    const raw = await rawSocket(rig.url);
    raw.write(maskedFrame(0x81, bytes(0x22, 0xc3, 0x28, 0x22)));
    expect(await raw.until('PROTOCOL_MALFORMED')).toContain('"type":"error"');
    raw.write(maskedFrame(0x81, Buffer.from('{"type":"ping","id":"u"}')));
    expect(await raw.until('"re":"u"')).toContain('pong');
    raw.end();
  });

  it('of the other kind than its codec has', async () => {
    const binary = await rig.open();
    binary.sendRaw('{"type":"ping"}');
    expect(await binary.until(({ type }) => type === 'error')).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
    const text = await rig.open('troupe.v1.json');
    text.sendRaw(pack({ type: 'ping' }));
    expect(await text.until(({ type }) => type === 'error')).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
    for (const wire of [binary, text]) expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });

  it('with the id of what could be read of it', async () => {
    const wire = await rig.open();
    wire.send({ type: 'task.submit', id: 'mine' });
    expect(await wire.until(({ type }) => type === 'error')).toMatchObject({ re: 'mine', code: 'INVALID_INPUT' });
    wire.send({ id: 'other' });
    expect(await wire.until(({ re }) => re === 'other')).toMatchObject({ code: 'INVALID_INPUT' });
    wire.send({ type: 'ping', id: 'x'.repeat(129) });
    expect(await wire.until((frame) => frame.type === 'error' && frame.re === undefined)).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('but for a long row of nothing else', async () => {
    const wire = await rig.open();
    for (let frame = 1; frame < REFUSED_FRAMES_MAX; frame++) wire.sendRaw(bytes(0xc1));
    expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    for (let frame = 0; frame < REFUSED_FRAMES_MAX; frame++) wire.sendRaw(bytes(0xc1));
    expect(await wire.closed).toMatchObject({ code: 1002 });
    expect(wire.frames.filter(({ type }) => type === 'error')).toHaveLength(2 * REFUSED_FRAMES_MAX - 1);
  });
});

describe('A frame that is too big is answered, and closes with 1009', () => {
  it.each([
    [
      'more bytes than hello says',
      pack({ type: 'task.submit', agent: 'lab.echo', input: 'x'.repeat(66_000) }),
      'bytes',
    ],
    ['more depth', Buffer.concat([bytes(0x81, 0xa1, 0x61), nested(40)]), 'depth'],
    ['72 KB of nested arrays', nested(72_000), 'bytes'],
    ['60 KB of nested arrays', nested(60_000), 'depth'],
  ])('%s', async (_what, frame, limit) => {
    const wire = await rig.open();
    wire.sendRaw(frame);
    expect(await wire.closed).toMatchObject({ code: 1009 });
    expect(wire.frames.at(-1)).toMatchObject({ type: 'error', code: 'PROTOCOL_TOO_BIG', details: { limit } });
  });

  it('where it is so big that it is not even read, without an answer', async () => {
    const wire = await rig.open();
    wire.sendRaw(Buffer.alloc(1_000_000, 0x91));
    expect(await wire.closed).toMatchObject({ code: 1009 });
  });

  it('as large as it may be is taken', async () => {
    const wire = await rig.open();
    const envelope = pack({ type: 'task.submit', id: 'r', agent: 'lab.echo', input: '' }).length + 2;
    const input = 'x'.repeat(65_536 - envelope);
    wire.send({ type: 'task.submit', id: 'r', agent: 'lab.echo', input });
    const accepted = await wire.until(({ re }) => re === 'r');
    expect(accepted).toMatchObject({ type: 'task.accepted' });
    const { status, output } = await wire.result(String(accepted.task));
    expect({ status, isWhole: output === input }).toEqual({ status: 'completed', isWhole: true });
  });
});

describe('Below the level of messages', () => {
  it('a frame that is not masked ends its own connection alone', async () => {
    const raw = await rawSocket(rig.url);
    raw.write(Buffer.concat([bytes(0x81, 0x02), Buffer.from('{}')]));
    await raw.closed;
  });

  it('a message in very many pieces ends its own connection alone', async () => {
    const raw = await rawSocket(rig.url);
    raw.write(maskedFrame(0x01, Buffer.from(' ')));
    for (let piece = 0; piece < 100; piece++) raw.write(maskedFrame(0x00, Buffer.from(' ')));
    await raw.closed;
  });

  it('a message in a few pieces is read', async () => {
    const raw = await rawSocket(rig.url);
    raw.write(maskedFrame(0x01, Buffer.from('{"type":"pi')));
    raw.write(maskedFrame(0x80, Buffer.from('ng","id":"pieces"}')));
    expect(await raw.until('"re":"pieces"')).toContain('pong');
    raw.end();
  });
});

interface RawSocket {
  write(data: Buffer): void;
  /** Resolves with all that came once it holds `text`. */
  until(text: string): Promise<string>;
  readonly closed: Promise<void>;
  end(): void;
}

/** A WebSocket by hand, for what no library sends. */
async function rawSocket(url: string): Promise<RawSocket> {
  const { hostname, port, host } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  let seen = '';
  const lookers = new Set<() => void>();
  socket.on('error', () => {});
  socket.on('data', (data) => {
    seen += data.toString('latin1');
    for (const look of lookers) look();
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const until = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!seen.includes(text)) return;
        lookers.delete(look);
        resolve(seen);
      };
      lookers.add(look);
      look();
      void closed.then(() => reject(new TypeError(`closed before ${text}`)));
    });
  const head = ['GET /ws HTTP/1.1', `Host: ${host}`, 'Upgrade: websocket', 'Connection: Upgrade'];
  head.push('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13', '', '');
  socket.write(head.join('\r\n'));
  await until('hello');
  return { write: (data) => void socket.write(data), until, closed, end: () => socket.destroy() };
}

/** A frame of a client; the mask of zeros leaves its payload as it is. */
function maskedFrame(first: number, payload: Buffer): Buffer {
  return Buffer.concat([bytes(first, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}
