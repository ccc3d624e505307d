/**
 * A durable subscription as an actor: it takes each message that is published to its topics, and hands it over, one after the
 * other. What is handed over, and the cursor behind it, are in one epoch: no message is lost, and none is handed over twice.
 *
 *   new ──subscription.open──► open ◄──timer.retry, subscription.open──┐
 *                               │  └──a message cannot be taken now──► waiting
 *                               └──subscription.close──► closed ◄──────┘
 *
 * What waits is kept in rows of its own, by its place (`seq`). Places begin with 1 and may have holes: what was handed over has no
 * row any more. All that is before `first` is done; `next` is the place of the next message to come.
 */
import type { ErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import type { Hand } from './handing.ts';
import type { SubscriptionRow } from './subscription-row.ts';
import { eventOf, messageIn, type TopicMessage } from './topic-message.ts';

/** A message on its way into a subscription. */
interface Arrival extends ActorEvent {
  readonly type: 'subscription.message';
  readonly message: TopicMessage;
  readonly seq: number;
}

/** What a subscription is to be from now on. */
interface Opening extends ActorEvent {
  readonly row: SubscriptionRow;
  readonly replyTo?: string;
}

/** Where a subscription is. */
export interface Cursor {
  readonly first: number;
  readonly next: number;
  /** Of what waits. */
  readonly bytes: number;
}

/** The state of one subscription. */
export interface SubscriptionState extends Cursor {
  readonly phase: 'new' | 'open' | 'waiting' | 'closed';
  readonly name: string;
  readonly row?: SubscriptionRow;
  /** Monitors of the tasks that it started and that have not ended. */
  readonly tasks: readonly string[];
  /** Tries in a row that ended with `lastError`. */
  readonly failures: number;
  readonly lastError?: Pick<ErrorBody, 'code' | 'message'>;
  readonly handed: number;
  /** What became a dead letter instead. */
  readonly dropped: number;
}

/** Why a message of a subscription became a dead letter. */
export type DropReason = 'subscription_full' | 'subscription_expired' | 'subscription_refused';

/** What subscriptions need of their node. */
export interface SubscriptionDeps {
  readonly hand: Hand;
  /** Where a subscription is now, once that is committed. */
  readonly onCursor: (name: string, cursor: Cursor) => void;
  readonly onDropped: (address: string, reason: DropReason, event: ActorEvent | undefined, bytes: number) => void;
}

/** The kind of their addresses. */
export const SUBSCRIPTION = 'subscription';
/** Messages that are handed over in one turn. */
const BATCH = 32;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 60_000;
const RETRY_DOUBLINGS_MAX = 10;

/** The row of a message that waits. */
function rowKey(seq: number): string {
  return `m/${seq}`;
}

/** The logic of subscriptions. */
export function subscriptionLogic(deps: SubscriptionDeps): FlatLogic<SubscriptionState, FamilyStart> {
  const turns = new SubscriptionTurns(deps);
  const inBoth: FlatLogic<SubscriptionState, FamilyStart>['table']['open'] = {
    'subscription.open': (state, event: Opening, port) => turns.open(state, event, port),
    'subscription.close': (state, event: ActorEvent, port) => turns.close(state, event, port),
    'subscription.read': (state, event: ActorEvent, port) => {
      port.send(String(event['replyTo']), { type: 'read', ...viewOf(state) });
      return state;
    },
    'subscription.message': (state, event: Arrival, port) => turns.arrived(state, event, port),
    bounced: (state, event: ActorEvent, port) => turns.bounced(state, event, port),
    down: (state, event: ActorEvent, port) => turns.taskEnded(state, event, port),
  };
  return {
    name: SUBSCRIPTION,
    version: LIFECYCLE_VERSIONS.subscription,
    initial: ({ parts: [name = ''] }) => ({
      ...{ phase: 'new', name, first: 1, next: 1, bytes: 0 },
      ...{ tasks: [], failures: 0, handed: 0, dropped: 0 },
    }),
    table: {
      new: {
        'subscription.open': (state, event: Opening, port) => turns.open(state, event, port),
        'subscription.resume': (state, event: Opening, port) => turns.open(state, event, port),
        '*': (state) => ({ ...state, phase: 'closed' }),
      },
      open: {
        ...inBoth,
        'subscription.resume': (state, event: Opening, port) => turns.resume(state, event, port),
        'subscription.next': (state, _event, port) => turns.go(state, port),
      },
      waiting: {
        ...inBoth,
        'subscription.resume': (state, event: Opening, port) => turns.resume(state, event, port),
        'timer.retry': (state, _event, port) => turns.go({ ...state, phase: 'open' }, port),
      },
      closed: {},
    },
    final: { closed: () => ({ output: undefined }) },
    describe: (state) => `${state.phase}, ${state.next - state.first} waiting`,
  };
}

/** A subscription as lists show it, without what it says. */
function viewOf(state: SubscriptionState) {
  const { phase, first, next, bytes, tasks, failures, lastError, handed, dropped } = state;
  return {
    state: phase,
    waiting: next - first,
    bytes,
    tasks: tasks.length,
    ...{ handed, dropped, failures },
    ...(lastError !== undefined && { lastError }),
  };
}

class SubscriptionTurns {
  readonly #deps: SubscriptionDeps;

  constructor(deps: SubscriptionDeps) {
    this.#deps = deps;
  }

  open(state: SubscriptionState, { row, replyTo }: Opening, port: CellPort): SubscriptionState {
    port.define({ kind: 'subscription', name: state.name, version: '1', body: row });
    answer(state, replyTo, port);
    port.clearTimer('retry');
    return this.go({ ...state, phase: 'open', row, failures: 0 }, port);
  }

  close(state: SubscriptionState, event: ActorEvent, port: CellPort): SubscriptionState {
    port.define({ kind: 'subscription', name: state.name, version: '1', body: null });
    const { replyTo } = event;
    if (typeof replyTo === 'string') port.send(replyTo, { type: 'closed', waiting: state.next - state.first });
    return { ...state, phase: 'closed' };
  }

  /** The node has started: it tells where it is, and goes on. */
  resume(state: SubscriptionState, { replyTo }: Opening, port: CellPort): SubscriptionState {
    answer(state, replyTo, port);
    port.clearTimer('retry');
    return this.go({ ...state, phase: 'open' }, port);
  }

  arrived(state: SubscriptionState, { message, seq }: Arrival, port: CellPort): SubscriptionState {
    if (seq < state.next) return state;
    const isAlone = state.first === state.next;
    const known = { ...state, next: seq + 1, ...(isAlone && { first: seq }) };
    if (!isAlone || state.phase !== 'open' || !this.#hasRoom(known))
      return this.#tell(state, this.#makeRoom(keep(known, seq, message, port), port), port);
    const then = this.#hand(known, message, port, new Map());
    return this.#tell(state, then.phase === 'waiting' ? keep(then, seq, message, port) : then, port);
  }

  /** A message came back: its actor could not be loaded. It waits again, before all that came after it. */
  bounced(state: SubscriptionState, event: ActorEvent, port: CellPort): SubscriptionState {
    const seq = Number(event['ref']);
    const message = messageIn(event['event'] as ActorEvent | undefined);
    if (!(seq >= 1) || message === undefined || port.attached().has(rowKey(seq))) return state;
    const back = { ...state, first: Math.min(seq, state.first), handed: state.handed - 1 };
    const waits = back.phase === 'waiting' ? back : this.#wait(back, event['error'] as ErrorBody, port);
    return this.#tell(state, keep(waits, seq, message, port), port);
  }

  taskEnded(state: SubscriptionState, event: ActorEvent, port: CellPort): SubscriptionState {
    const tasks = state.tasks.filter((ref) => ref !== event['ref']);
    const next = { ...state, tasks };
    return state.phase === 'open' ? this.go(next, port) : next;
  }

  /** Hands over what waits, as long as it is taken; the rest in turns of their own. */
  go(before: SubscriptionState, port: CellPort): SubscriptionState {
    const handed = new Map<string, number>();
    const rows = port.attached();
    let state = before;
    for (let count = 0; state.phase === 'open' && state.first < state.next && this.#hasRoom(state); ) {
      const { first } = state;
      const message = rows.get(rowKey(first)) as TopicMessage | undefined;
      if (message === undefined) {
        state = passed(state);
        continue;
      }
      if (count++ === BATCH) {
        port.send(port.address, { type: 'subscription.next' });
        break;
      }
      state = this.#hand(state, message, port, handed);
      if (state.first > first) state = unkeep(state, first, message, port);
    }
    return this.#tell(before, state, port);
  }

  #hand(
    state: SubscriptionState,
    message: TopicMessage,
    port: CellPort,
    handed: Map<string, number>,
  ): SubscriptionState {
    const row = state.row as SubscriptionRow;
    if (port.nowMs() - message.atMs > row.keepMs) return this.#drop(state, message, 'subscription_expired', port);
    const outcome = this.#deps.hand({ row, name: state.name, message, seq: state.first, port, handed });
    if (outcome.how === 'wait') return this.#wait(state, outcome.error, port);
    if (outcome.how === 'dead') {
      const failed = { ...state, lastError: wordsOf(outcome.error) };
      return this.#drop(failed, message, 'subscription_refused', port);
    }
    const { lastError: _before, ...rest } = state;
    const done = { ...passed(rest), handed: state.handed + 1, failures: 0 };
    if (outcome.task === undefined) return done;
    return { ...done, tasks: [...state.tasks, port.monitor(`task/${outcome.task}`)] };
  }

  #wait(state: SubscriptionState, error: ErrorBody, port: CellPort): SubscriptionState {
    const doubled = RETRY_FIRST_MS * 2 ** Math.min(state.failures, RETRY_DOUBLINGS_MAX);
    const pauseMs = Math.min(Math.max(doubled, error.retryAfterMs ?? 0), RETRY_MAX_MS);
    port.setTimer('retry', port.nowMs() + pauseMs);
    return { ...state, phase: 'waiting', failures: state.failures + 1, lastError: wordsOf(error) };
  }

  /** The oldest go where there are more than may wait; never the one that has just come. */
  #makeRoom(before: SubscriptionState, port: CellPort): SubscriptionState {
    const { row } = before;
    let state = before;
    if (row?.whenFull !== 'drop-oldest') return state;
    const rows = port.attached();
    while (
      state.next - state.first > row.backlogMax ||
      (state.bytes > LIMITS.backlogBytesMax && state.next - state.first > 1)
    ) {
      const { first } = state;
      const oldest = rows.get(rowKey(first)) as TopicMessage | undefined;
      if (oldest === undefined) state = passed(state);
      else state = unkeep(this.#drop(state, oldest, 'subscription_full', port), first, oldest, port);
    }
    return state;
  }

  #drop(state: SubscriptionState, message: TopicMessage, reason: DropReason, port: CellPort): SubscriptionState {
    const event = eventOf(state.row as SubscriptionRow, message);
    this.#deps.onDropped(port.address, reason, event, message.body.length);
    return { ...passed(state), dropped: state.dropped + 1 };
  }

  #hasRoom({ tasks, row }: SubscriptionState): boolean {
    return row?.task === undefined || tasks.length < row.tasksMax;
  }

  #tell(before: SubscriptionState, state: SubscriptionState, port: CellPort): SubscriptionState {
    if (state.first !== before.first || state.next !== before.next || state.bytes !== before.bytes)
      port.afterCommit(() => this.#deps.onCursor(state.name, state));
    return state;
  }
}

/** Where it is: whoever publishes must know. */
function answer({ first, next, bytes }: Cursor, replyTo: string | undefined, port: CellPort): void {
  if (replyTo !== undefined) port.send(replyTo, { type: 'opened', first, next, bytes });
}

/** A message waits from now on. */
function keep(state: SubscriptionState, seq: number, message: TopicMessage, port: CellPort): SubscriptionState {
  port.attach(rowKey(seq), message);
  return { ...state, bytes: state.bytes + message.body.length };
}

/** It no longer does. */
function unkeep(state: SubscriptionState, seq: number, message: TopicMessage, port: CellPort): SubscriptionState {
  port.attach(rowKey(seq), undefined);
  return { ...state, bytes: Math.max(state.bytes - message.body.length, 0) };
}

/** The first that waits is done. */
function passed(state: SubscriptionState): SubscriptionState {
  return { ...state, first: state.first + 1 };
}

function wordsOf({ code, message }: ErrorBody): Pick<ErrorBody, 'code' | 'message'> {
  return { code, message };
}
