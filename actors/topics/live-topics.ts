/**
 * Those who listen to topics while they are connected. A message gets to each of them at most once, after the commit that it was
 * acknowledged by, in the order of commits. A reader who does not keep up has a bounded queue; what does not fit is left out, and
 * told as a gap in its place.
 */
import { LIMITS } from '../../protocol/limits.ts';
import type { Connection } from '../session.ts';
import { TopicIndex } from './topic-index.ts';
import { dataOf, type TopicMessage } from './topic-message.ts';

/** A message for one reader. */
interface Line {
  readonly frame: object;
  readonly bytes: number;
}

/** The topics of one connection. */
export class TopicFeed {
  readonly #connection: Connection;
  #lines: Line[] = [];
  #bytes = 0;
  /** Messages that were left out since the last line. */
  #dropped = 0;
  #isSending = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a message when the reader has room for it. */
  offer({ id, topic, atMs, body }: TopicMessage, data: unknown): void {
    if (this.#connection.lost) return;
    const bytes = body.length;
    if (this.#lines.length >= LIMITS.sessionTopicMessagesMax || this.#bytes + bytes > LIMITS.sessionTopicBytesMax) {
      this.#dropped++;
      return;
    }
    this.#tellGap();
    const frame = { type: 'topic.message', topic, ...(data !== undefined && { data }), message: id, at: atMs };
    this.#push({ frame, bytes });
    if (!this.#isSending) void this.#send();
  }

  #tellGap(): void {
    if (this.#dropped === 0) return;
    this.#push({ frame: { type: 'topic.gap', dropped: this.#dropped }, bytes: 0 });
    this.#dropped = 0;
  }

  #push(line: Line): void {
    this.#lines.push(line);
    this.#bytes += line.bytes;
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    for (;;) {
      if (this.#lines.length === 0) this.#tellGap();
      const line = this.#lines.shift();
      if (line === undefined) break;
      await this.#connection.ready();
      this.#bytes -= line.bytes;
      this.#connection.send(line.frame);
    }
    this.#isSending = false;
  }
}

/** All live readers of one node. */
export class LiveTopics {
  readonly #index = new TopicIndex<TopicFeed>();

  add(pattern: string, feed: TopicFeed): void {
    this.#index.add(pattern, feed);
  }

  remove(pattern: string, feed: TopicFeed): void {
    this.#index.remove(pattern, feed);
  }

  /** A message is committed. */
  publish(message: TopicMessage): void {
    const feeds = this.#index.match(message.topic);
    if (feeds.size === 0) return;
    const data = dataOf(message);
    for (const feed of feeds) feed.offer(message, data);
  }
}
