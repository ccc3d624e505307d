/** What a client listens to. It survives reconnects: after each, the client subscribes again; what was published meanwhile is missed. */
import type { NodeMessageOf } from '../protocol/node-messages.ts';
import { matchesTopic } from '../protocol/topics.ts';

/** A message of a topic. */
export type TopicMessage = Omit<NodeMessageOf<'topic.message'>, 'type'>;

/** What becomes of a message. What it throws is nobody's: catch it there. */
export type TopicHandler = (message: TopicMessage) => void;

/** One subscription of a client. */
export interface TopicSubscription {
  readonly topic: string;
  /** Resolves once the node no longer sends what nobody else of this client listens to. */
  unsubscribe(): Promise<void>;
}

interface Listener {
  readonly topic: string;
  readonly handler: TopicHandler;
  readonly onGap: ((dropped: number) => void) | undefined;
}

/** The listeners of one client. */
export class TopicListeners {
  readonly #listeners = new Set<Listener>();

  /** The patterns that are listened to, each once. */
  get topics(): ReadonlySet<string> {
    return new Set([...this.#listeners].map(({ topic }) => topic));
  }

  /** Until the returned function is called: it tells whether nobody else listens to the same pattern. */
  add(topic: string, handler: TopicHandler, onGap?: (dropped: number) => void): () => boolean {
    const listener: Listener = { topic, handler, onGap };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener) && !this.topics.has(topic);
  }

  /** Each listener whose pattern takes it in gets it once, however many subscriptions it came by. */
  message({ type: _type, ...message }: NodeMessageOf<'topic.message'>): void {
    for (const { topic, handler } of [...this.#listeners]) if (matchesTopic(topic, message.topic)) handler(message);
  }

  gap(dropped: number): void {
    for (const { onGap } of [...this.#listeners]) onGap?.(dropped);
  }
}
