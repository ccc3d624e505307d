import { describe, expect, it } from 'vitest';
import type { ClientMessage } from '../../../protocol/client-messages.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

function client(node: WorkNode) {
  const frames: Frame[] = [];
  const connection = {
    send: (frame: object) => void frames.push(frame as Frame),
    lost: false,
    ready: async () => undefined,
    close: () => undefined,
  };
  const handle = node.sessions.open(connection, 'loopback', 'troupe.v1.json');
  let ids = 0;
  const say = (message: object): string => {
    const id = `m${ids++}`;
    handle.message({ ...message, id } as ClientMessage, 64);
    return id;
  };
  return {
    frames,
    handle,
    say,
    ask: async (message: object): Promise<Frame> => {
      const id = say(message);
      await node.world.settle();
      return frames.find(({ re }) => re === id) as Frame;
    },
    topics: () => frames.filter(({ type }) => type === 'topic.message').map(({ topic, data }) => [topic, data]),
  };
}

describe('A session that listens to topics', () => {
  it('gets what is published from then on, also by itself, until it does not want it any more', async () => {
    const node = await createWorkNode();
    const one = client(node);
    const two = client(node);
    await two.ask({ type: 'topic.publish', topic: 'a.b', data: 0 });
    for (const topic of ['a.*', 'a.b', 'a.b'])
      expect(await one.ask({ type: 'topic.subscribe', topic })).toMatchObject({ type: 'ok' });
    expect(await two.ask({ type: 'topic.publish', topic: 'a.b', data: 1 })).toMatchObject({
      type: 'ok',
      message: expect.any(String),
    });
    await one.ask({ type: 'topic.publish', topic: 'a.c', data: 2 });
    await two.ask({ type: 'topic.publish', topic: 'b', data: 3 });
    expect(one.topics()).toEqual([
      ['a.b', 1],
      ['a.c', 2],
    ]);
    await one.ask({ type: 'topic.unsubscribe', topic: 'a.*' });
    expect(await one.ask({ type: 'topic.unsubscribe', topic: 'never.there' })).toMatchObject({ type: 'ok' });
    for (const topic of ['a.c', 'a.b']) await two.ask({ type: 'topic.publish', topic, data: 4 });
    expect(one.topics().slice(2)).toEqual([['a.b', 4]]);
    one.handle.closed();
    await node.world.settle();
    await two.ask({ type: 'topic.publish', topic: 'a.b', data: 5 });
    expect(one.topics()).toHaveLength(3);
    expect(two.topics()).toEqual([]);
  });

  it('gets nothing before it is on disk, nor does whoever publishes', async () => {
    const held = Promise.withResolvers<'done'>();
    let isHeld = false;
    const node = await createWorkNode({ disk: new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') }) });
    const one = client(node);
    await one.ask({ type: 'topic.subscribe', topic: '#' });
    one.frames.length = 0;
    isHeld = true;
    one.say({ type: 'agent.tell', agent: 'lab.counter', key: 'k', event: { type: 'add', n: 1 } });
    one.say({ type: 'topic.publish', topic: 'a', data: 1, key: 'k' });
    await node.world.settle();
    expect(one.frames).toEqual([]);
    held.resolve('done');
    isHeld = false;
    await node.world.settle();
    expect(one.frames.map(({ type }) => type).toSorted()).toEqual(['ok', 'ok', 'topic.message']);
  });

  it('follows at most so many topics', async () => {
    const node = await createWorkNode();
    const one = client(node);
    for (let n = 0; n < LIMITS.sessionSubscriptionsMax; n++) one.say({ type: 'topic.subscribe', topic: `t.${n}` });
    expect(await one.ask({ type: 'topic.subscribe', topic: 'one.more' })).toMatchObject({
      type: 'error',
      code: 'BUSY',
    });
    await one.ask({ type: 'topic.unsubscribe', topic: 't.0' });
    expect(await one.ask({ type: 'topic.subscribe', topic: 'one.more' })).toMatchObject({ type: 'ok' });
  });
});
