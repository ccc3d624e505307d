import { describe, expect, it } from 'vitest';
import { LiveTopics, TopicFeed } from '../../../actors/topics/live-topics.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { packState } from '../../../runtime/state-codec.ts';

interface Frame {
  readonly type: string;
  readonly data?: unknown;
  readonly dropped?: number;
}

/** A reader who takes frames when it is told to. */
function reader() {
  const frames: Frame[] = [];
  let room = Promise.withResolvers<void>();
  let isOpen = true;
  const connection = {
    send: (frame: object) => void frames.push(frame as Frame),
    lost: false,
    ready: () => (isOpen ? Promise.resolve() : room.promise),
    close: () => undefined,
  };
  return {
    frames,
    connection,
    feed: new TopicFeed(connection),
    shut: () => {
      isOpen = false;
      room = Promise.withResolvers();
    },
    open: async () => {
      isOpen = true;
      room.resolve();
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

const message = (topic: string, data: unknown) => ({ id: `m${String(data)}`, topic, atMs: 1, body: packState(data) });
const dataOf = (frames: readonly Frame[]) =>
  frames.map(({ type, data, dropped }) => (type === 'topic.gap' ? `-${dropped}` : data));

describe('Live readers of topics', () => {
  it('each get what their patterns take in, once, in order', async () => {
    const live = new LiveTopics();
    const [one, two] = [reader(), reader()];
    for (const pattern of ['a.*', 'a.b', '#']) live.add(pattern, one.feed);
    live.add('c', two.feed);
    for (const [topic, n] of [
      ['a.b', 1],
      ['c', 2],
      ['a.b', 3],
    ] as const)
      live.publish(message(topic, n));
    live.remove('#', one.feed);
    live.publish(message('c', 4));
    await Promise.all([one.open(), two.open()]);
    expect([dataOf(one.frames), dataOf(two.frames)]).toEqual([
      [1, 2, 3],
      [2, 4],
    ]);
    expect(one.frames[0]).toEqual({ type: 'topic.message', topic: 'a.b', data: 1, message: 'm1', at: 1 });
  });

  it('who do not keep up have a bounded queue, and are told what was left out, in its place', async () => {
    const live = new LiveTopics();
    const { feed, frames, shut, open } = reader();
    live.add('#', feed);
    shut();
    const max = LIMITS.sessionTopicMessagesMax;
    // One is on its way already.
    for (let n = 0; n <= max + 5; n++) live.publish(message('t', n));
    await open();
    expect(frames).toHaveLength(max + 2);
    expect(dataOf(frames).slice(-2)).toEqual([max, '-5']);
    live.publish(message('t', 'next'));
    await open();
    expect(dataOf(frames).at(-1)).toBe('next');
  });

  it('have a bound of bytes as well, and a gap comes before what follows it', async () => {
    const live = new LiveTopics();
    const { feed, frames, shut, open } = reader();
    live.add('#', feed);
    shut();
    const large = 'x'.repeat(LIMITS.sessionTopicBytesMax - 100);
    for (const data of [large, 'y'.repeat(200), 'small']) live.publish(message('t', data));
    await open();
    expect(frames.map(({ type }) => type)).toEqual(['topic.message', 'topic.gap', 'topic.message']);
    expect(dataOf(frames).slice(1)).toEqual(['-1', 'small']);
  });

  it('who are gone get nothing', async () => {
    const live = new LiveTopics();
    const { feed, frames, connection, open } = reader();
    live.add('t', feed);
    connection.lost = true;
    live.publish(message('t', 1));
    await open();
    expect(frames).toEqual([]);
  });
});
