/** A message of a topic, and the event that an actor gets for it. */
import type { ActorEvent } from '../../runtime/host.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';

/** A message of a topic. */
export interface TopicMessage {
  readonly id: string;
  readonly topic: string;
  /** ms since the epoch. */
  readonly atMs: number;
  /** Its data, packed: whoever gets it gets a copy of its own. */
  readonly body: Uint8Array;
}

/** The type of the event that an actor gets, where none is given. */
const EVENT = 'topic.message';

/** The data of a message. */
export function dataOf({ body }: TopicMessage): unknown {
  return unpackState(body);
}

/** A message as the event that an actor of a keyed agent gets. */
export function eventOf({ event: type = EVENT }: { readonly event?: string }, message: TopicMessage): ActorEvent {
  const { id, topic, atMs } = message;
  const data = dataOf(message);
  return { type, topic, message: id, at: atMs, ...(data !== undefined && { data }) };
}

/** The message in such an event; undefined for any other. */
export function messageIn(event: ActorEvent | undefined): TopicMessage | undefined {
  const { topic, message: id, at: atMs, data, event: inner } = event ?? { type: '' };
  if (typeof topic === 'string' && typeof id === 'string' && typeof atMs === 'number')
    return { id, topic, atMs, body: packState(data) };
  // As a coordinator gets it.
  return event?.type === 'mediate' ? messageIn(inner as ActorEvent | undefined) : undefined;
}
