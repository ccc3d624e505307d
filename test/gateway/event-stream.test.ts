import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countUp, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ heartbeatMs: 1_000 });
});
afterAll(async () => await rig.stop());

interface Line {
  readonly id: number;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The events of a stream, in the order they came. */
function linesOf(text: string): Line[] {
  const blocks = text.split('\n\n').filter((block) => block.startsWith('id: '));
  return blocks.map((block) => {
    const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    return {
      id: Number(fields['id']),
      event: String(fields['event']),
      data: JSON.parse(String(fields['data'])) as Line['data'],
    };
  });
}

async function follow(task: string, options: { after?: number; last?: number } = {}): Promise<Line[]> {
  const query = options.after === undefined ? '' : `?after=${options.after}`;
  const headers: Record<string, string> = options.last === undefined ? {} : { 'last-event-id': String(options.last) };
  const { status, headers: given, text } = await rig.get(`/api/v1/tasks/${task}/events${query}`, headers);
  expect(status).toBe(200);
  expect(given.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(given.get('cache-control')).toBe('no-store');
  expect(text).toMatch(/^retry: \d+\n\n/);
  return linesOf(text);
}

describe('The events of a task as a stream', () => {
  it('come from 1 on, live, and end with the result', async () => {
    const task = await rig.submit({ agent: 'lab.delay', input: { ms: 200, value: { n: 1 } } });
    const lines = await follow(task);
    expect(countUp(lines.map(({ id }) => id))).toBe(true);
    expect(lines[0]).toMatchObject({ event: 'task.submitted', data: { task, seq: 1, kind: 'task.submitted' } });
    const end = lines.at(-1);
    expect(end).toMatchObject({
      event: 'task.result',
      data: { task, seq: end?.id, status: 'completed', output: { n: 1 } },
    });
    expect(lines.filter(({ event }) => event === 'task.result')).toHaveLength(1);
  });

  it('say what the socket says', async () => {
    const task = await rig.submit({ agent: 'lab.echo', input: 'x' });
    const lines = await follow(task);
    const wire = await rig.open();
    wire.send({ type: 'task.watch', task });
    await wire.result(task);
    const frames = wire.frames.filter(({ type }) => type === 'task.event' || type === 'task.result');
    expect(lines.map(({ data }) => data)).toEqual(frames.map(({ type: _type, ...rest }) => rest));
  });

  it('go on behind the last one that a reader has, by header or by query; the header is newer', async () => {
    const task = await rig.submit({ agent: 'lab.echo', input: 'x', key: 'sse' });
    await follow(task);
    for (const last of [0, 1, 4, 5]) {
      expect((await follow(task, { last })).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6].filter((id) => id > last));
      expect((await follow(task, { after: last })).map(({ id }) => id)).toEqual(
        [1, 2, 3, 4, 5, 6].filter((id) => id > last),
      );
    }
    expect((await follow(task, { after: 1, last: 4 })).map(({ id }) => id)).toEqual([5, 6]);
    // The result can always be had again.
    for (const last of [6, 1_000])
      expect((await follow(task, { last })).map(({ id, event }) => ({ id, event }))).toEqual([
        { id: 6, event: 'task.result' },
      ]);
  });

  it('of a task that is not there, or behind what is no number, are a problem', async () => {
    expect(await rig.get('/api/v1/tasks/nix/events')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    const task = await rig.submit({ agent: 'lab.echo' });
    expect(await rig.get(`/api/v1/tasks/${task}/events?after=x`)).toMatchObject({ status: 422 });
    expect(await rig.get(`/api/v1/tasks/${task}/events`, { 'last-event-id': '-1' })).toMatchObject({ status: 422 });
  });

  it('show signs of life while nothing happens', async () => {
    const task = await rig.submit({ agent: 'lab.stall' });
    const stream = await openStream(rig.url, task);
    expect(await stream.until(/\n:\n\n/)).toContain('task.started');
    stream.socket.destroy();
  });

  it('end when the node stops, so that readers go elsewhere', async () => {
    const other = await startRig();
    const task = await other.submit({ agent: 'lab.stall' });
    const stream = await openStream(other.url, task);
    await stream.until(/task\.started/);
    const closed = once(stream.socket, 'close');
    await other.node.stop();
    await closed;
    // The last chunk of the answer: it was ended, not cut.
    expect(await stream.until(/\r\n0\r\n\r\n$/)).toContain('retry: ');
    await other.stop();
  });

  it('are given up for a reader that went away', async () => {
    const task = await rig.submit({ agent: 'lab.delay', input: { ms: 300, value: 1 } });
    const stream = await openStream(rig.url, task);
    await stream.until(/task\.started/);
    stream.socket.destroy();
    expect((await follow(task)).at(-1)).toMatchObject({ event: 'task.result' });
  });

  it('are bounded in number', async () => {
    const small = await startRig({ connectionsMax: 2 });
    const task = await small.submit({ agent: 'lab.stall' });
    const streams = await Promise.all([openStream(small.url, task), openStream(small.url, task)]);
    await Promise.all(streams.map((stream) => stream.until(/task\.started/)));
    expect(await small.get(`/api/v1/tasks/${task}/events`)).toMatchObject({ status: 429, json: { code: 'BUSY' } });
    for (const { socket } of streams) socket.destroy();
    await small.stop();
  });
});

interface OpenStream {
  readonly socket: Socket;
  /** Resolves with all that came once it fits. */
  until(pattern: RegExp): Promise<string>;
}

/** A stream by hand: fetch gives no part of an answer that goes on. */
async function openStream(url: string, task: string): Promise<OpenStream> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  let seen = '';
  const lookers = new Set<() => void>();
  socket.on('error', () => {});
  socket.on('data', (data) => {
    seen += data.toString();
    for (const look of lookers) look();
  });
  socket.write(`GET /api/v1/tasks/${task}/events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(seen)) return;
        lookers.delete(look);
        resolve(seen);
      };
      lookers.add(look);
      look();
    });
  await until(/200 OK/);
  return { socket, until };
}
