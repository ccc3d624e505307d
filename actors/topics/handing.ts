/** How a message of a topic gets to whom a subscription is for: in one turn, and so in one epoch, with the subscription's cursor. */
import { type ErrorBody, type ErrorCode, OperatingError, toErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { TaskTarget } from '../../protocol/tasks.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Desk } from '../desk.ts';
import { type SubscriptionRow, templatesOf } from './subscription-row.ts';
import { eventOf, type TopicMessage } from './topic-message.ts';

/** One message for one subscription, in a turn of the subscription. */
export interface Handing {
  readonly row: SubscriptionRow;
  readonly name: string;
  readonly message: TopicMessage;
  /** Its place in the subscription. */
  readonly seq: number;
  readonly port: CellPort;
  /** Messages that were handed over in this turn, by the actor that gets them. */
  readonly handed: Map<string, number>;
}

/** `wait`: it cannot be taken now. `dead`: it never will be. */
export type Handed =
  | { readonly how: 'done'; readonly task?: string }
  | { readonly how: 'wait'; readonly error: ErrorBody }
  | { readonly how: 'dead'; readonly error: ErrorBody };

/** Hands messages over. */
export type Hand = (handing: Handing) => Handed;

/** Errors that pass, or that a person can do something about, while the message waits. */
const WAITING: ReadonlySet<ErrorCode> = new Set([
  ...(['BUSY', 'DRAINING', 'STORE_UNAVAILABLE', 'UNAVAILABLE', 'RATE_LIMITED'] as const),
  ...(['NO_AGENT', 'NOT_FOUND', 'WORKFLOW_INVALID', 'VERSION_MISMATCH', 'STORE_CORRUPT', 'BUDGET_EXCEEDED'] as const),
]);

/** Whether what failed with this error is tried again. */
export function isWorthWaiting({ code, retryable }: ErrorBody): boolean {
  return retryable || WAITING.has(code);
}

/** Makes the hand of a node. */
export function createHand(kernel: Kernel, desk: () => Desk): Hand {
  return (handing) => {
    try {
      return handing.row.task === undefined ? wake(kernel, desk(), handing) : start(desk(), handing);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const body = toErrorBody(error);
      return { how: isWorthWaiting(body) ? 'wait' : 'dead', error: body };
    }
  };
}

/** Writes into the mailbox of an actor, where it has room: nothing may be behind it that was not behind it before. */
function wake(kernel: Kernel, { mail }: Desk, { row, message, seq, port, handed }: Handing): Handed {
  const reached = mail.reach(row.agent ?? '', templatesOf(row).keyOf(message), port.address);
  const { to, refusal } = reached;
  if (refusal !== undefined) throw refusal;
  const before = handed.get(to) ?? 0;
  const bytes = message.body.length;
  // A bound on what this turn alone may add, whatever the sizes were.
  const cell = kernel.find(to);
  if (cell?.mailbox.hasRoom(before + 1, bytes + before * LIMITS.topicMessageBytesMax) !== true)
    throw new OperatingError('BUSY', `The mailbox of ${to} is full.`, { retryAfterMs: 200 });
  handed.set(to, before + 1);
  port.tell(to, reached.wrap(eventOf(row, message)), { bytes, bounce: { to: port.address, ref: seq } });
  return { how: 'done' };
}

function start(desk: Desk, { row, name, message, port }: Handing): Handed {
  const { agent, capability, workflow, graph, options } = row.task ?? {};
  const target: TaskTarget = {
    ...(agent !== undefined && { agent }),
    ...(capability !== undefined && { capability }),
    ...(workflow !== undefined && { workflow }),
    ...(graph !== undefined && { graph }),
  };
  const labels = { 'topic.message': message.id, 'topic.subscription': name.slice(0, LIMITS.labelValueCharactersMax) };
  const input = templatesOf(row).inputOf(message);
  const { task } = desk.submit(port, row.principal, { target, input, options: { ...options, labels } });
  return { how: 'done', task };
}
