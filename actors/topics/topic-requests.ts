/** What a session is asked about topics. What a connection listens to ends with it. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Connection, SessionState } from '../session.ts';
import type { Requests } from '../session-requests.ts';
import { TopicFeed } from './live-topics.ts';
import type { Lane, TopicDesk } from './topic-desk.ts';

const OK = { type: 'ok' };

/** Requests about topics. */
export function createTopicRequests(topics: TopicDesk): Requests {
  const feeds = new WeakMap<Connection, TopicFeed>();
  const lanes = new WeakMap<Connection, Lane>();
  return {
    'topic.subscribe': async ({ topic }, { connection, follows }) => {
      if (connection.lost || follows.has(nameOf(topic))) return OK;
      admit(follows);
      const feed = made(feeds, connection, () => new TopicFeed(connection));
      topics.live.add(topic, feed);
      follows.set(nameOf(topic), { stop: () => topics.live.remove(topic, feed) });
      return OK;
    },
    'topic.unsubscribe': async ({ topic }, { follows }) => {
      follows.get(nameOf(topic))?.stop();
      follows.delete(nameOf(topic));
      return OK;
    },
    'topic.publish': async ({ topic, data, key }, { connection, principal }) => {
      const lane = made(lanes, connection, () => ({ last: undefined }));
      const publication = { topic, ...(data !== undefined && { data }), ...(key !== undefined && { key }) };
      const { message } = await topics.publish(principal, publication, lane);
      return { ...OK, message };
    },
  };
}

function nameOf(pattern: string): string {
  return `topic:${pattern}`;
}

function admit(follows: SessionState['follows']): void {
  if (follows.size < LIMITS.sessionSubscriptionsMax) return;
  const max = LIMITS.sessionSubscriptionsMax;
  throw new OperatingError('BUSY', `A connection follows at most ${max} topics and pieces of state.`, {
    retryable: false,
  });
}

function made<Value>(book: WeakMap<Connection, Value>, connection: Connection, make: () => Value): Value {
  let value = book.get(connection);
  if (value === undefined) book.set(connection, (value = make()));
  return value;
}
