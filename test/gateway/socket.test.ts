import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNodeMessage } from '../../protocol/node-messages.ts';
import type { Wire } from '../support/wire.ts';
import { countUp, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

describe.each(['troupe.v1.msgpack', 'troupe.v1.json'] as const)('A client that speaks %s', (codec) => {
  let wire: Wire;
  beforeAll(async () => {
    wire = await rig.open(codec);
  });

  it('is told first who the node is and what it takes', () => {
    const [hello] = wire.frames;
    expect(hello).toMatchObject({ type: 'hello', protocol: 1, node: rig.node.id, heartbeatMs: 15_000 });
    expect(hello?.['limits']).toMatchObject({ frameBytesMax: 65_536, depthMax: 32, tasksInFlightMax: 10_000 });
  });

  it('submits a task: accepted first, then its events from 1 on, then its result with the last seq', async () => {
    const input = { text: 'héllo', list: [1, 2.5, null, true], deep: { er: '☃' } };
    const answer = await wire.request({ type: 'task.submit', agent: 'lab.echo', input });
    expect(answer).toMatchObject({ type: 'task.accepted', duplicate: false });
    const task = String(answer.task);
    const result = await wire.result(task);
    const mine = wire.frames.filter((frame) => frame.task === task);
    expect(mine.map(({ type }) => type)).toEqual([
      'task.accepted',
      'task.event',
      'task.event',
      'task.event',
      'task.event',
      'task.event',
      'task.result',
    ]);
    expect(wire.events(task).map(({ kind }) => kind)).toEqual([
      'task.submitted',
      'task.started',
      'agent.selected',
      'step.started',
      'step.completed',
    ]);
    expect(countUp(mine.slice(1).map(({ seq }) => seq))).toBe(true);
    expect(mine.slice(1).every((frame) => !('re' in frame))).toBe(true);
    expect(result).toMatchObject({ status: 'completed', output: input, usage: { steps: 1 } });
  });

  it('hears the result alone, or nothing at all, where it asks for no more', async () => {
    const alone = await wire.submit({ agent: 'lab.echo', input: 1, watch: 'result' });
    const silent = await wire.submit({ agent: 'lab.echo', input: 2, watch: false });
    expect(await wire.result(alone)).toMatchObject({ seq: 6, output: 1 });
    const watched = await wire.submit({ agent: 'lab.echo', input: 3 });
    await wire.result(watched);
    expect(wire.events(alone)).toEqual([]);
    expect(wire.frames.filter((frame) => frame.task === silent).map(({ type }) => type)).toEqual(['task.accepted']);
  });

  it('watches again after a lost connection, from any seq on, without a gap and without a repeat', async () => {
    const task = await wire.submit({ agent: 'lab.echo', input: 'again', watch: false });
    for (let after = 0; after <= 7; after++) {
      const other = await rig.open(codec);
      const status = await other.request({ type: 'task.watch', task, after });
      expect(status).toMatchObject({ type: 'task.status', task });
      const result = await other.result(task);
      expect(result).toMatchObject({ seq: 6, status: 'completed', output: 'again' });
      expect(other.events(task).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5].filter((seq) => seq > after));
      await other.close();
    }
  });

  it('watches a task that goes on: what was, then what comes', async () => {
    const task = await wire.submit({ agent: 'lab.delay', input: { ms: 300, value: 'late' }, watch: false });
    const other = await rig.open(codec);
    other.send({ type: 'task.watch', task });
    expect(await other.result(task)).toMatchObject({ status: 'completed', output: 'late' });
    const seqs = other.frames.filter((frame) => frame.task === task && frame.type !== 'task.status');
    expect(countUp(seqs.map(({ seq }) => seq))).toBe(true);
    await other.close();
  });

  it('looks at tasks one by one and in pages', async () => {
    const label = `team-${codec}`;
    const tasks: string[] = [];
    for (let n = 0; n < 5; n++) {
      tasks.push(await wire.submit({ agent: 'lab.echo', input: n, options: { labels: { label } }, watch: 'result' }));
      await wire.result(tasks[n] as string);
    }
    expect(await wire.request({ type: 'task.get', task: tasks[3] })).toMatchObject({
      type: 'task.status',
      status: 'completed',
      seq: 6,
      result: { output: 3 },
    });
    const found: string[] = [];
    let cursor: unknown = null;
    do {
      const page = await wire.request({
        type: 'task.list',
        labels: { label },
        limit: 2,
        ...(cursor ? { cursor } : {}),
      });
      found.push(...(page['tasks'] as { task: string }[]).map(({ task }) => task));
      ({ cursor } = page as { cursor?: unknown });
    } while (cursor !== null);
    expect(found).toEqual(tasks.toReversed());
    expect(await wire.request({ type: 'task.get', task: 'nix' })).toMatchObject({ type: 'error', code: 'NOT_FOUND' });
    expect(await wire.request({ type: 'task.watch', task: 'nix' })).toMatchObject({ type: 'error', code: 'NOT_FOUND' });
  });

  it('cancels a task, once', async () => {
    const task = await wire.submit({ agent: 'lab.stall' });
    expect(await wire.request({ type: 'task.cancel', task, reason: 'enough' })).toMatchObject({ type: 'ok' });
    const result = await wire.result(task);
    expect(result).toMatchObject({ status: 'canceled', error: { code: 'CANCELED' } });
    expect(await wire.request({ type: 'task.cancel', task })).toMatchObject({ type: 'ok' });
    const done = await wire.submit({ agent: 'lab.echo', watch: 'result' });
    await wire.result(done);
    expect(await wire.request({ type: 'task.cancel', task: done })).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('stops watching', async () => {
    const task = await wire.submit({ agent: 'lab.delay', input: { ms: 200, value: 1 } });
    expect(await wire.request({ type: 'task.unwatch', task })).toMatchObject({ type: 'ok' });
    const other = await rig.open(codec);
    other.send({ type: 'task.watch', task });
    await other.result(task);
    await wire.request({ type: 'ping' });
    expect(wire.frames.some((frame) => frame.type === 'task.result' && frame.task === task)).toBe(false);
    await other.close();
  });

  it('gets the same task for the same key, and hears of it; another body is refused', async () => {
    const key = `key-${codec}`;
    const body = { type: 'task.submit', agent: 'lab.echo', input: { n: 1 }, key };
    const first = await wire.request(body);
    await wire.result(String(first.task));
    const other = await rig.open(codec);
    const again = await other.request(body);
    expect(again).toMatchObject({ type: 'task.accepted', task: first.task, duplicate: true });
    expect(await other.result(String(first.task))).toMatchObject({ output: { n: 1 } });
    expect(countUp(other.events(String(first.task)).map(({ seq }) => seq))).toBe(true);
    const changed = await other.request({ ...body, input: { n: 2 } });
    expect(changed).toMatchObject({ type: 'error', code: 'IDEMPOTENCY_MISMATCH', retryable: false });
    await other.close();
  });

  it('makes one task of a hundred submissions with one key at the same time', async () => {
    const body = { type: 'task.submit', agent: 'lab.echo', input: 1, key: `race-${codec}`, watch: false };
    const answers = await Promise.all(Array.from({ length: 100 }, () => wire.request(body)));
    expect(new Set(answers.map(({ task }) => task)).size).toBe(1);
    expect(answers.filter(({ duplicate }) => duplicate === false)).toHaveLength(1);
  });

  it('tells and asks keyed agents', async () => {
    const counter = { agent: 'lab.counter', key: codec };
    expect(await wire.request({ type: 'agent.tell', ...counter, event: { type: 'add', n: 2 } })).toMatchObject({
      type: 'ok',
    });
    await wire.request({ type: 'agent.tell', ...counter, event: { type: 'add', n: 3 } });
    const reply = await wire.request({ type: 'agent.ask', ...counter, event: { type: 'get' } });
    expect(reply).toMatchObject({ type: 'agent.reply', ...counter, value: { total: 5 } });
  });

  it('lists agents, all of them or those with a capability', async () => {
    const all = await wire.request({ type: 'agent.list' });
    expect((all['agents'] as { name: string }[]).map(({ name }) => name)).toContain('lab.echo');
    const some = await wire.request({ type: 'agent.list', capability: 'lab.echo' });
    expect((some['agents'] as { name: string }[]).map(({ name }) => name)).toEqual(['lab.echo']);
  });

  it('gets an answer with a code for what is wrong, unknown or not there yet', async () => {
    const answers = {
      'task.submit': 'INVALID_INPUT',
      'no.such.type': 'UNKNOWN_TYPE',
      'topic.subscribe': 'INVALID_INPUT',
    };
    for (const [type, code] of Object.entries(answers)) {
      expect(await wire.request({ type })).toMatchObject({ type: 'error', code, retryable: false });
    }
    for (const message of [
      { type: 'state.get', scope: 's', name: 'n' },
      { type: 'task.submit', goal: 'make it so' },
    ])
      expect(await wire.request(message)).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await wire.request({ type: 'task.submit', agent: 'lab.ecko' })).toMatchObject({ code: 'NO_AGENT' });
    expect(await wire.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await wire.request({ type: 'auth', token: 'any' })).toMatchObject({ type: 'ok' });
  });

  it('can read every frame by its schema', () => {
    for (const frame of wire.frames) expect(parseNodeMessage(frame)).toMatchObject({ type: frame.type });
  });
});

it('A JSON client needs no subprotocol, and fields that are not known are ignored', async () => {
  const socket = new WebSocket(rig.socketUrl);
  const frames: string[] = [];
  socket.addEventListener('message', ({ data }) => void frames.push(String(data)));
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const answered = new Promise((resolve) =>
    socket.addEventListener('message', ({ data }) => String(data).includes('pong') && resolve(data)),
  );
  socket.send('{"type":"ping","id":"a","later":{"x":1}}');
  expect(JSON.parse(String(await answered))).toEqual({ type: 'pong', re: 'a' });
  expect(frames[0]).toContain('"hello"');
  socket.close();
});

it('Dropping a connection cancels nothing', async () => {
  const wire = await rig.open();
  const task = await wire.submit({ agent: 'lab.delay', input: { ms: 150, value: 'still' } });
  wire.drop();
  const other = await rig.open();
  other.send({ type: 'task.watch', task });
  expect(await other.result(task)).toMatchObject({ status: 'completed', output: 'still' });
});
