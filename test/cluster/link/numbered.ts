/** Messages that can be told from one another. */
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';

/** A message of a worker that tells one from another. */
export function numbered(index: number, value: unknown = index): MeshMessage {
  return { type: 'call.outcome', call: 'run/task agent', token: `t${index}`, ok: true, value };
}

/** The numbers of such messages. */
export function numbersOf(messages: readonly MeshMessage[]): number[] {
  return messages.map((message) => Number('token' in message ? message.token.slice(1) : Number.NaN));
}

/** 0 and all below `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
