import { describe, expect, it } from 'vitest';
import type { Connection } from '../../actors/session.ts';
import type { SessionHandle } from '../../actors/sessions.ts';
import type { ClientMessage } from '../../protocol/client-messages.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Client {
  readonly node: WorkNode;
  readonly frames: Frame[];
  readonly closes: number[];
  readonly handle: SessionHandle;
  say(message: object): void;
  /** Says it, and gives what answers it. */
  ask(message: object): Promise<Frame>;
}

async function client(node: WorkNode, principal = 'loopback'): Promise<Client> {
  const frames: Frame[] = [];
  const closes: number[] = [];
  const connection: Connection = {
    send: (frame) => void frames.push(structuredClone(frame) as Frame),
    lost: false,
    ready: async () => undefined,
    close: (code) => void closes.push(code),
  };
  const handle = node.sessions.open(connection, principal, 'troupe.v1.json');
  let ids = 0;
  const say = (message: object): void => handle.message(message as ClientMessage, 64);
  return {
    ...{ node, frames, closes, handle, say },
    ask: async (message) => {
      const id = `m${ids++}`;
      say({ ...message, id });
      await node.world.settle();
      return frames.find(({ re }) => re === id) as Frame;
    },
  };
}

const types = (frames: readonly Frame[]): unknown[] => frames.map(({ type, kind }) => kind ?? type);
const ECHO = { type: 'task.submit', agent: 'lab.echo', input: 1 };

describe('A session', () => {
  it('answers a submission first, then tells all that happens, the end as the result', async () => {
    const { node, frames, say } = await client(await createWorkNode());
    say({ ...ECHO, id: 'x' });
    await node.world.settle();
    expect(types(frames)).toEqual([
      'task.accepted',
      'task.submitted',
      'task.started',
      'agent.selected',
      'step.started',
      'step.completed',
      'task.result',
    ]);
    expect(frames[0]).toMatchObject({ re: 'x', duplicate: false });
    expect(frames.slice(1).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(frames.slice(1).every((frame) => !('re' in frame))).toBe(true);
    expect(frames.at(-1)).toMatchObject({ status: 'completed', output: 1 });
  });

  it('sends nothing of a task before its commit', async () => {
    const held = Promise.withResolvers<'done'>();
    let isHeld = false;
    const node = await createWorkNode({ disk: new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') }) });
    const { frames, say } = await client(node);
    await node.world.settle();
    isHeld = true;
    for (const key of [undefined, 'k', 'k']) say({ ...ECHO, ...(key !== undefined && { key }) });
    say({ type: 'agent.tell', agent: 'lab.counter', key: 'k', event: { type: 'add', n: 1 } });
    await node.world.settle();
    expect(frames).toEqual([]);
    isHeld = false;
    held.resolve('done');
    await node.world.settle();
    expect(
      frames
        .filter(({ type }) => type === 'task.accepted')
        .map(({ duplicate }) => duplicate)
        .sort((a, b) => Number(a) - Number(b)),
    ).toEqual([false, false, true]);
    expect(frames.filter(({ type }) => type === 'ok')).toHaveLength(1);
  });

  it('tells as much as was asked for: the end alone, or nothing', async () => {
    const node = await createWorkNode();
    const quiet = await client(node);
    quiet.say({ ...ECHO, watch: false });
    await node.world.settle();
    expect(types(quiet.frames)).toEqual(['task.accepted']);
    const brief = await client(node);
    brief.say({ ...ECHO, watch: 'result' });
    await node.world.settle();
    expect(types(brief.frames)).toEqual(['task.accepted', 'task.result']);
  });

  it('gives a task that is there already under its key, with all its history', async () => {
    const node = await createWorkNode();
    const first = await client(node);
    const { task } = await first.ask({ ...ECHO, key: 'k' });
    const second = await client(node);
    expect(await second.ask({ ...ECHO, key: 'k' })).toMatchObject({ task, duplicate: true });
    await node.world.settle();
    expect(types(second.frames)).toEqual(types(first.frames));
    expect(await second.ask({ ...ECHO, input: 2, key: 'k' })).toMatchObject({
      type: 'error',
      code: 'IDEMPOTENCY_MISMATCH',
    });
  });

  it('watches from where the reader is, anew when it is asked twice, and not after unwatch', async () => {
    const node = await createWorkNode();
    const one = await client(node);
    const { task } = await one.ask({ type: 'task.submit', agent: 'lab.stall', watch: false });
    await one.ask({ type: 'task.watch', task, after: 3 });
    await node.world.settle();
    expect(types(one.frames.slice(1))).toEqual(['task.status', 'step.started']);
    await one.ask({ type: 'task.watch', task, after: 4 });
    await one.ask({ type: 'task.cancel', task, reason: 'enough' });
    expect(one.frames.filter(({ type }) => type === 'task.result')).toHaveLength(1);
    const { task: other } = await one.ask({ type: 'task.submit', agent: 'lab.stall' });
    await one.ask({ type: 'task.unwatch', task: other });
    const { length } = one.frames;
    await one.ask({ type: 'task.cancel', task: other });
    expect(types(one.frames.slice(length))).toEqual(['ok']);
    expect(await one.ask({ type: 'task.watch', task: 'nobody' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('answers what it is asked', async () => {
    const node = await createWorkNode();
    const { ask } = await client(node);
    const { task } = await ask({ ...ECHO, watch: false });
    expect(await ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await ask({ type: 'auth', token: 'x' })).toMatchObject({ type: 'ok' });
    expect(await ask({ type: 'task.get', task })).toMatchObject({
      type: 'task.status',
      task,
      status: 'completed',
      result: { output: 1 },
    });
    expect(await ask({ type: 'task.list', status: 'completed' })).toMatchObject({ tasks: [{ task }], cursor: null });
    expect(await ask({ type: 'task.list', labels: { a: 'b' } })).toMatchObject({ tasks: [] });
    expect(await ask({ type: 'agent.list', capability: 'lab.echo' })).toMatchObject({ agents: [{ name: 'lab.echo' }] });
    const counter = { agent: 'lab.counter', key: 'k' };
    expect(await ask({ type: 'agent.tell', ...counter, event: { type: 'add', n: 4 } })).toMatchObject({ type: 'ok' });
    expect(await ask({ type: 'agent.ask', ...counter, event: { type: 'get' } })).toMatchObject({
      type: 'agent.reply',
      ...counter,
      value: { total: 4 },
    });
    expect(await ask({ type: 'task.signal', task, name: 'x' })).toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await ask({ type: 'task.submit', agent: 'nobody' })).toMatchObject({ code: 'NO_AGENT' });
  });

  it('makes pages that fit into a frame', async () => {
    const node = await createWorkNode();
    const { ask } = await client(node);
    const input = 'x'.repeat(300_000);
    for (let n = 0; n < 6; n++) await ask({ ...ECHO, input, watch: false });
    const seen = new Set<unknown>();
    let cursor: unknown;
    for (let page = 0; page < 6; page++) {
      const answer = await ask({ type: 'task.list', ...(typeof cursor === 'string' && { cursor }) });
      expect(JSON.stringify(answer).length).toBeLessThan(1_048_576);
      for (const { task } of answer['tasks'] as readonly { readonly task: string }[]) seen.add(task);
      cursor = answer['cursor'];
      if (cursor === null) break;
    }
    expect([seen.size, cursor]).toEqual([6, null]);
  });

  it('that is gone leaves no watch and no actor, and its task goes on', async () => {
    const node = await createWorkNode();
    const { frames, handle, say } = await client(node);
    say({ type: 'task.submit', agent: 'lab.delay', input: { ms: 1_000 } });
    await node.world.settle();
    const { length } = frames;
    handle.closed();
    handle.closed();
    await node.world.settle();
    expect([node.sessions.size, node.kernel.census.get('session')]).toEqual([0, 0]);
    const task = String(frames[0]?.['task']);
    expect(await node.end(task)).toMatchObject({ status: 'completed' });
    expect(frames).toHaveLength(length);
  });

  it('is told to go elsewhere when the node drains', async () => {
    const node = await createWorkNode();
    const { closes, frames, say } = await client(node);
    await node.world.settle();
    node.sessions.drain();
    await node.world.settle();
    say({ type: 'ping', id: 'late' });
    await node.world.settle();
    expect([closes, frames]).toEqual([[1012], []]);
  });

  it('that crashes is closed, and no other with it', async () => {
    const node = await createWorkNode();
    const [bad, good] = [await client(node), await client(node)];
    bad.handle.message(undefined as unknown as ClientMessage, 1);
    await node.world.elapse(100);
    expect([bad.closes, good.closes]).toEqual([[1011], []]);
    expect(await good.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });
});
