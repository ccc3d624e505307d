import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { LIMITS } from '../../protocol/limits.ts';
import { countUp, type Rig, startRig } from './rig.ts';

// Megabytes for each test, and a reader that takes its time.
vi.setConfig({ testTimeout: 60_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

/** More than the system holds for a connection by itself, and what the node holds for a burst. */
const TASKS = 250;
const VALUE = 'x'.repeat(60_000);

interface Line {
  readonly type: string;
  readonly task: string;
  readonly seq: number;
  readonly output?: string;
}

/** A client that reads when it is told to. */
async function moodyClient(): Promise<{
  readonly socket: WebSocket;
  readonly lines: Line[];
  readonly closed: Promise<number>;
  send(message: object): void;
  until(fits: () => boolean): Promise<void>;
}> {
  const socket = new WebSocket(rig.socketUrl, 'troupe.v1.json', { perMessageDeflate: false });
  const lines: Line[] = [];
  const lookers = new Set<() => void>();
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('message', (data: Buffer) => {
    lines.push(JSON.parse(data.toString()) as Line);
    for (const look of lookers) look();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const until = (fits: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!fits()) return;
        lookers.delete(look);
        resolve();
      };
      lookers.add(look);
      look();
    });
  return { socket, lines, closed, send: (message) => socket.send(JSON.stringify(message)), until };
}

const tasksOf = (lines: readonly Line[], type: string): Set<string> =>
  new Set(lines.filter((line) => line.type === type).map(({ task }) => task));

describe('A reader that stops reading', () => {
  it('while much happens live is closed with 1013, and goes on from where it was without a gap', async () => {
    const slow = await moodyClient();
    for (let n = 0; n < TASKS; n++)
      slow.send({ type: 'task.submit', agent: 'lab.delay', input: { ms: 1_500, value: VALUE } });
    await slow.until(() => tasksOf(slow.lines, 'task.accepted').size === TASKS);
    slow.socket.pause();
    const witness = await rig.open();
    const last = [...tasksOf(slow.lines, 'task.accepted')];
    for (const task of last) {
      witness.send({ type: 'task.watch', task, after: 1_000 });
      await witness.result(task);
      witness.frames.length = 0;
    }
    slow.socket.resume();
    expect(await slow.closed).toBe(1013);
    const got = tasksOf(slow.lines, 'task.result');
    expect(got.size).toBeLessThan(TASKS);

    const again = await moodyClient();
    const seqs = new Map<string, number[]>();
    for (const { type, task, seq } of slow.lines) {
      if (type === 'task.event' || type === 'task.result') seqs.set(task, [...(seqs.get(task) ?? []), seq]);
    }
    for (const task of last) again.send({ type: 'task.watch', task, after: seqs.get(task)?.length ?? 0 });
    await again.until(() => tasksOf(again.lines, 'task.result').size === TASKS);
    for (const { type, task, seq } of again.lines) {
      if (type === 'task.event' || (type === 'task.result' && !got.has(task))) seqs.get(task)?.push(seq);
    }
    for (const task of last) expect(countUp(seqs.get(task) ?? [])).toBe(true);
    again.socket.terminate();
  });

  it('while it asks for much history is not closed: history waits for it', async () => {
    const maker = await moodyClient();
    for (let n = 0; n < TASKS; n++)
      maker.send({ type: 'task.submit', agent: 'lab.echo', input: VALUE, watch: 'result' });
    await maker.until(() => tasksOf(maker.lines, 'task.result').size === TASKS);
    const tasks = [...tasksOf(maker.lines, 'task.result')];
    maker.socket.terminate();

    const slow = await moodyClient();
    slow.socket.pause();
    for (const task of tasks) slow.send({ type: 'task.watch', task });
    // Two of them would be over what a live reader may leave unread; the node has had all the time to send all.
    const witness = await rig.open();
    for (let round = 0; round < 50; round++) await witness.request({ type: 'ping' });
    slow.socket.resume();
    await slow.until(() => tasksOf(slow.lines, 'task.result').size === TASKS);
    for (const task of tasks) {
      const mine = slow.lines.filter((line) => line.task === task && line.type !== 'task.status');
      expect(countUp(mine.map(({ seq }) => seq))).toBe(true);
      expect(mine.at(-1)?.output === VALUE).toBe(true);
    }
    slow.socket.terminate();
  });
});

describe('A writer that does not wait for answers', () => {
  it('gets all of them, in order, however many there are', async () => {
    const eager = await moodyClient();
    const count = 5 * LIMITS.sessionRequestsMax;
    for (let n = 0; n < count; n++) eager.send({ type: 'ping', id: String(n) });
    await eager.until(() => eager.lines.length === count + 1);
    const answers = eager.lines.slice(1) as unknown as { readonly type: string; readonly re: string }[];
    expect(answers.every(({ type, re }, n) => type === 'pong' && re === String(n))).toBe(true);
    eager.socket.terminate();
  });

  it('has all its tasks taken on and done', async () => {
    const eager = await moodyClient();
    const count = 3 * LIMITS.sessionRequestsMax;
    for (let n = 0; n < count; n++) {
      eager.send({ type: 'task.submit', id: String(n), agent: 'lab.echo', input: n, watch: 'result' });
    }
    await eager.until(() => tasksOf(eager.lines, 'task.result').size === count);
    expect(eager.lines.some(({ type }) => type === 'error')).toBe(false);
    expect(tasksOf(eager.lines, 'task.accepted').size).toBe(count);
    eager.socket.terminate();
  });

  it('of large frames is read at the pace of its session instead of being refused', async () => {
    const eager = await moodyClient();
    for (let n = 0; n < 200; n++) eager.send({ type: 'ping', id: String(n), filler: VALUE });
    await eager.until(() => eager.lines.length === 201);
    expect(eager.lines.some(({ type }) => type === 'error')).toBe(false);
    eager.socket.terminate();
  });
});
