/** Topics, subscriptions, groups, broadcasts and dead letters over REST, beside a socket that listens, on a real node. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { ROOT, temporaryFolder } from '../support/node-process.ts';
import { scribe } from '../support/scribe.ts';
import type { Wire } from '../support/wire.ts';
import { type Answer, type Rig, startRig } from './rig.ts';

const API = '/api/v1';

let rig: Rig;
const folder = temporaryFolder('messages');
const inside = folder.path;
beforeAll(async () => {
  const workflow = { name: 'greeting', version: '1.0.0', steps: [{ id: 'say', agent: 'lab.echo', input: '${input}' }] };
  rig = await startRig({
    agents: [scribe('notes', { capabilities: ['noting'] })],
    moduleRoots: [inside],
    workflows: [workflow],
    subscriptions: [{ name: 'declared', topic: 'declared.#', agent: 'notes', key: 'declared' }],
  });
});
afterAll(async () => {
  await rig.stop();
  folder.clear();
});

const publish = (topic: string, data?: unknown, headers = {}): Promise<Answer> =>
  rig.send('POST', `${API}/topics/${topic}`, data, headers);

async function heard(wire: Wire, key: string): Promise<readonly Record<string, unknown>[]> {
  const { value } = await wire.request({ type: 'agent.ask', agent: 'notes', key, event: { type: 'read' } });
  return (value as { heard: Record<string, unknown>[] }).heard;
}

describe('Topics over REST', () => {
  it('are published to, once for a key; whoever listens over a socket hears of it, in JSON and in MessagePack', async () => {
    const wires = [await rig.open('troupe.v1.json'), await rig.open('troupe.v1.msgpack')];
    for (const wire of wires) await wire.request({ type: 'topic.subscribe', topic: 'news.*' });
    const key = { 'idempotency-key': 'news-1' };
    const first = await publish('news.eu', { n: 1 }, key);
    expect(first).toMatchObject({ status: 200, json: { topic: 'news.eu', subscriptions: 0, duplicate: false } });
    const { message } = first.json;
    expect((await publish('news.eu', { n: 1 }, key)).json).toMatchObject({ message, duplicate: true });
    expect(await publish('news.eu', { n: 2 }, key)).toMatchObject({
      status: 409,
      json: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    await publish('news.eu');
    for (const wire of wires) {
      await wire.until(({ type, data }) => type === 'topic.message' && data === undefined);
      const got = wire.frames.filter(({ type }) => type === 'topic.message');
      expect(got).toEqual([
        { type: 'topic.message', topic: 'news.eu', data: { n: 1 }, message, at: expect.any(Number) },
        { type: 'topic.message', topic: 'news.eu', message: expect.any(String), at: expect.any(Number) },
      ]);
    }
  });

  it('refuse what is no topic, and what is too large', async () => {
    expect(await publish('news.*', 1)).toMatchObject({ status: 422, json: { code: 'INVALID_INPUT' } });
    const large = 'x'.repeat(LIMITS.topicMessageBytesMax);
    expect(await publish('news.eu', JSON.stringify(large))).toMatchObject({
      status: 413,
      json: { code: 'PROTOCOL_TOO_BIG' },
    });
    const wire = await rig.open();
    const answer = await wire.request({ type: 'topic.publish', topic: 'a..b', data: 1 });
    expect(answer).toMatchObject({ type: 'error', code: 'INVALID_INPUT' });
  });
});

describe('Subscriptions over REST', () => {
  it('are made, shown, changed and removed', async () => {
    const book = { name: 'book', topic: 'orders.#', agent: 'notes', key: '${input.data.order}', event: 'changed' };
    const made = await rig.send('POST', `${API}/subscriptions`, book);
    expect(made).toMatchObject({
      status: 201,
      json: { subscription: 'book', state: 'open', source: 'request', waiting: 0 },
    });
    expect(made.headers.get('location')).toBe(`${API}/subscriptions/book`);
    expect((await rig.send('POST', `${API}/subscriptions`, book)).status).toBe(201);
    const other = { ...book, topic: 'x' };
    expect(await rig.send('POST', `${API}/subscriptions`, other)).toMatchObject({
      status: 409,
      json: { code: 'STATE_CONFLICT' },
    });
    expect((await publish('orders.eu', { order: 'o1' })).json).toMatchObject({ subscriptions: 1 });
    const { name: _name, ...says } = other;
    expect(await rig.send('PUT', `${API}/subscriptions/book`, says)).toMatchObject({
      status: 200,
      json: { topic: 'x', handed: 1 },
    });
    expect((await publish('orders.eu', { order: 'o1' })).json).toMatchObject({ subscriptions: 0 });
    const wire = await rig.open();
    expect(await heard(wire, 'o1')).toMatchObject([{ type: 'changed', topic: 'orders.eu', data: { order: 'o1' } }]);
    const list = (await rig.get(`${API}/subscriptions?limit=1`)).json as { subscriptions: object[]; cursor: string };
    expect(list).toMatchObject({ subscriptions: [{ subscription: 'book', waiting: 0 }], cursor: 'book@1' });
    expect((await rig.get(`${API}/subscriptions?cursor=${list.cursor}`)).json).toMatchObject({
      subscriptions: [{ subscription: 'declared', source: 'code' }],
      cursor: null,
    });
    expect((await rig.send('DELETE', `${API}/subscriptions/book`)).json).toEqual({
      subscription: 'book',
      removed: true,
      waiting: 0,
    });
    expect(await rig.get(`${API}/subscriptions/book`)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect(await rig.send('PUT', `${API}/subscriptions/declared`, says)).toMatchObject({ status: 409 });
  });

  it('start agents and workflows, and get a name where they have none', async () => {
    const made = await rig.send('POST', `${API}/subscriptions`, { topic: 'greet.*', task: { workflow: 'greeting' } });
    expect(made).toMatchObject({ status: 201, json: { subscription: expect.stringMatching(/^s-/) } });
    const { message } = (await publish('greet.eu', { to: 'Ada' })).json;
    const label = `topic.message:${String(message)}`;
    await vi.waitFor(
      async () => {
        const { tasks } = (await rig.get(`${API}/tasks?label=${label}`)).json as { tasks: object[] };
        expect(tasks).toMatchObject([{ status: 'completed', result: { output: { say: { to: 'Ada' } } } }]);
      },
      { timeout: 10_000, interval: 20 },
    );
  });

  it('are made of agents that come while the node runs, too', async () => {
    rig.node.register(scribe('later', { on: { 'later.#': { key: 'k' } } }));
    writeFileSync(
      path.join(inside, 'late.ts'),
      `import { scribe } from '${ROOT}/test/support/scribe.ts';
       export const late = scribe('late', { on: { 'later.#': { key: 'k' } } });`,
    );
    const registered = await rig.send('POST', `${API}/agents`, { module: path.join(inside, 'late.ts') });
    expect(registered.status, registered.text).toBe(201);
    expect((await publish('later.now', 1)).json).toMatchObject({ subscriptions: 2 });
    const wire = await rig.open();
    for (const agent of ['later', 'late']) {
      const { value } = await wire.request({ type: 'agent.ask', agent, key: 'k', event: { type: 'read' } });
      expect(value).toMatchObject({ heard: [{ topic: 'later.now', data: 1 }] });
    }
  });

  it.each([
    [{ topic: 'a' }, 'expected either `agent`'],
    [{ topic: 'a', agent: 'notes' }, '`key` says which actor'],
    [{ topic: 'a', agent: 'notes', key: 'k', task: { agent: 'lab.echo' } }, 'expected either'],
    [{ topic: 'a', task: {} }, 'expected exactly one of agent, capability, workflow, graph'],
    [{ topic: 'a', task: { agent: 'lab.echo', workflow: 'greeting' } }, 'expected exactly one of'],
    [{ topic: 'a.#.b', agent: 'notes', key: 'k' }, 'expected a topic'],
    [{ topic: 'a', agent: 'notes', key: 'k', backlogMax: 0 }, 'backlogMax'],
    [{ topic: 'a', agent: 'notes', key: 'k', tasksMax: 2 }, '`tasksMax` bounds the tasks'],
    [{ topic: 'a', task: { agent: 'lab.echo' }, event: 'x' }, '`event` is the type'],
    [{ topic: 'a', agent: 'notes', key: '${steps.x}' }, 'reads more than `input`'],
  ])('that say %j are refused', async (body, why) => {
    const { status, json } = await rig.send('POST', `${API}/subscriptions`, body);
    expect({ status, code: json['code'] }).toEqual({ status: 422, code: 'INVALID_INPUT' });
    expect(JSON.stringify(json)).toContain(why);
  });
});

describe('Groups and broadcasts over REST', () => {
  it('reach each member, and each that offers a capability', async () => {
    const members = `${API}/groups/staff/members`;
    for (const key of ['a', 'b/c']) await rig.send('POST', members, { agent: 'notes', key });
    expect((await rig.get(`${API}/groups/staff`)).json).toEqual({
      group: 'staff',
      members: [
        { agent: 'notes', key: 'a' },
        { agent: 'notes', key: 'b/c' },
      ],
    });
    expect((await rig.get(`${API}/groups`)).json).toEqual({ groups: [{ group: 'staff', members: 2 }], cursor: null });
    const event = { type: 'news', n: 1 };
    expect(await rig.send('POST', `${API}/broadcasts`, { group: 'staff', event })).toMatchObject({
      status: 200,
      json: { delivered: 2, refused: [] },
    });
    expect((await rig.send('POST', `${API}/broadcasts`, { capability: 'noting', key: 'a', event })).json).toMatchObject(
      { delivered: 1 },
    );
    const wire = await rig.open();
    expect([await heard(wire, 'a'), await heard(wire, 'b/c')]).toEqual([[event, event], [event]]);
    expect((await rig.send('DELETE', `${members}/notes/${encodeURIComponent('b/c')}`)).json).toMatchObject({
      members: [{ key: 'a' }],
    });
    expect(await rig.send('PUT', `${API}/groups/staff`, { via: 'notes/chief' })).toMatchObject({
      status: 200,
      json: { via: 'notes/chief' },
    });
    await rig.send('POST', `${API}/broadcasts`, { group: 'staff', event });
    expect(await heard(wire, 'chief')).toEqual([{ type: 'mediate', group: 'staff', from: 'outside', event }]);
    expect((await rig.send('DELETE', `${API}/groups/staff`)).json).toEqual({ group: 'staff', removed: true });
    expect(await rig.get(`${API}/groups/staff`)).toMatchObject({ status: 404 });
  });

  it.each([
    [{ event: { type: 'x' } }],
    [{ group: 'g', capability: 'c', key: 'k', event: { type: 'x' } }],
    [{ group: 'g', key: 'k', event: { type: 'x' } }],
    [{ capability: 'c', event: { type: 'x' } }],
    [{ group: 'g', event: {} }],
    [{ group: 'g', event: { type: 'xstate.stop' } }],
  ])('that say %j are refused', async (body) => {
    expect(await rig.send('POST', `${API}/broadcasts`, body)).toMatchObject({
      status: 422,
      json: { code: 'INVALID_INPUT' },
    });
  });

  it('refuse a coordinator that is none', async () => {
    expect(await rig.send('PUT', `${API}/groups/g`, { via: 'lab.echo' })).toMatchObject({
      status: 422,
      json: { code: 'INVALID_INPUT' },
    });
    expect(await rig.send('PUT', `${API}/groups/g`, { via: 'a b' })).toMatchObject({ status: 422 });
    expect(await rig.send('PUT', `${API}/groups/g`, { via: 'nobody' })).toMatchObject({
      status: 422,
      json: { code: 'NO_AGENT' },
    });
  });
});

describe('Dead letters over REST', () => {
  it('are listed, the newest first, and by reason', async () => {
    await rig.send('POST', `${API}/subscriptions`, {
      name: 'lost',
      topic: 'lost',
      agent: 'notes',
      key: '${input.data.missing}',
    });
    for (let n = 0; n < 3; n++) await publish('lost', { n });
    const path = `${API}/dead-letters?reason=subscription_refused&limit=2`;
    const page = (await rig.get(path)).json as { deadLetters: Record<string, unknown>[]; cursor: string };
    expect(page.deadLetters).toHaveLength(2);
    expect(page.deadLetters[0]).toEqual({
      ...{ seq: expect.any(Number), at: expect.any(Number), reason: 'subscription_refused', to: 'subscription/lost' },
      ...{ type: 'topic.message', bytes: expect.any(Number) },
    });
    const rest = (await rig.get(`${path}&cursor=${page.cursor}`)).json;
    expect(rest).toMatchObject({ deadLetters: [{ reason: 'subscription_refused' }], cursor: null });
    expect((await rig.get(`${API}/dead-letters?reason=none`)).json).toEqual({ deadLetters: [], cursor: null });
    expect((await rig.get('/metrics')).text).toContain('troupe_dead_letters_total{reason="subscription_refused"} 3');
  });
});
