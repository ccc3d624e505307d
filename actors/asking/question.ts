/**
 * A question of an agent to another, as an actor of its own: it puts the question, and keeps what comes of it until whoever asked
 * has taken it. So the wait for an answer, and an answer that has come, survive restarts of the node, and a question is put once
 * however often the asker begins again.
 *
 *   new ──question.ask──► open ──any message to it──► answered ──question.drop, timer.forget──► gone
 *                          │ ▲                          ▲
 *                          │ └──question.ask──┐         └──any message to it: late, and kept
 *                          └──timer.due──► expired ──────────question.drop, timer.forget──────► gone
 *
 * Its address is the `replyTo` of what is asked: the same for each time that it is put.
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { AskChain } from '../../runtime/ask-chain.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { refusalIn, unanswered } from '../answers.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';

/** What is asked, and of whom; the event of `question.ask`. */
export interface QuestionAsked extends ActorEvent {
  readonly type: 'question.ask';
  /** How the asked is called in errors. */
  readonly who: string;
  /** The actor that is given the question. */
  readonly to: string;
  /** The event as that actor gets it, and where in it the address to answer to belongs. */
  readonly event: ActorEvent;
  readonly isMediated: boolean;
  readonly asker: string;
  /** Who waits for what comes of it, the asker included. */
  readonly chain: AskChain;
  readonly timeoutMs: number;
  readonly dueAtMs: number;
}

/** What came of it. */
export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: ErrorBody };

/** The state of one question. */
export interface QuestionState {
  readonly phase: 'new' | 'open' | 'answered' | 'expired' | 'gone';
  readonly who: string;
  readonly timeoutMs: number;
  /** Whoever waits in this run of the process. */
  readonly waiters: readonly string[];
  readonly answer?: Answer;
  readonly forgetAtMs?: number;
}

/** The kind of their addresses. */
export const QUESTION = 'question';
/** How long what came of it is kept for an asker that does not take it. */
export const ANSWER_KEPT_MS = 600_000;
/** A timer that is this late was late because the node was down: askers must have time to come back. */
const LATE_MS = 60_000;
/** Waits of one asker for one question; more come of restarts of its actor alone, and the last ones count. */
const WAITERS_MAX = 8;

const FORGOTTEN = new OperatingError(
  'TIMEOUT',
  'What came of a question is no longer known, since nobody took it. The message may have been handled.',
  { details: { outcome: 'unknown' } },
);

/** The address of a question, from the idempotency key of the call that asks it. */
export function questionAddress(idempotencyKey: string): string {
  return `${QUESTION}/${idempotencyKey}`;
}

/** The logic of questions. `onLost` hears of an answer that nobody waits for. */
export function questionLogic(onLost: (to: string, event: ActorEvent) => void): FlatLogic<QuestionState, FamilyStart> {
  return {
    name: QUESTION,
    version: LIFECYCLE_VERSIONS.question,
    initial: () => ({ phase: 'new', who: '', timeoutMs: 0, waiters: [] }),
    table: {
      new: {
        'question.ask': put,
        // It was forgotten, or never there: what became of the message is not known.
        'question.await': (state, event: ActorEvent, port) => {
          port.send(String(event['replyTo']), { type: 'rejected', error: FORGOTTEN.toBody() });
          return { ...state, phase: 'gone' };
        },
        'question.drop': gone,
        '*': (state, event: ActorEvent, port) => {
          onLost(port.address, event);
          return { ...state, phase: 'gone' };
        },
      },
      open: {
        'question.ask': (state) => state,
        'question.await': (state, event: ActorEvent) => ({
          ...state,
          waiters: [...state.waiters, String(event['replyTo'])].slice(-WAITERS_MAX),
        }),
        'question.drop': gone,
        'timer.forget': (state) => state,
        'timer.due': (state, _event, port) =>
          end({ ...state, phase: 'expired' }, unanswered(state.who, state.timeoutMs).toBody(), port),
        '*': answered,
      },
      answered: { 'question.await': tell, 'question.drop': gone, 'timer.forget': forget },
      expired: {
        'question.ask': put,
        'question.await': tell,
        'question.drop': gone,
        'timer.due': (state) => state,
        'timer.forget': forget,
        '*': answered,
      },
      gone: {},
    },
    final: { gone: () => ({ output: undefined }) },
    describe: ({ phase, who }) => (who === '' ? phase : `${phase}: ${who}`),
  };
}

/** Puts the question, or puts it again: under the same address, so that the asked can tell, and an answer to either counts. */
function put(state: QuestionState, asked: QuestionAsked, port: CellPort): QuestionState {
  const { who, to, event, isMediated, asker, chain, timeoutMs, dueAtMs } = asked;
  const replyTo = port.address;
  const whole = isMediated
    ? { ...event, replyTo, event: { ...(event['event'] as ActorEvent), replyTo } }
    : { ...event, replyTo };
  port.tell(to, whole, { from: asker, asked: chain, bounce: { to: replyTo } });
  port.clearTimer('forget');
  port.setTimer('due', dueAtMs);
  const { answer: _before, forgetAtMs: _when, ...rest } = state;
  return { ...rest, phase: 'open', who, timeoutMs };
}

function answered(state: QuestionState, event: ActorEvent, port: CellPort): QuestionState {
  const isRefusal = event.type === 'rejected' || event.type === 'bounced';
  if (isRefusal) return end({ ...state, phase: 'answered' }, refusalIn(event, state.who), port);
  const { type: _type, ...value } = event;
  return settle({ ...state, phase: 'answered', answer: { ok: true, value } }, port);
}

function end(state: QuestionState, error: ErrorBody, port: CellPort): QuestionState {
  return settle({ ...state, answer: { ok: false, error } }, port);
}

function settle(state: QuestionState, port: CellPort): QuestionState {
  port.clearTimer('due');
  for (const replyTo of state.waiters) port.send(replyTo, messageOf(state));
  return keep({ ...state, waiters: [] }, port);
}

function keep(state: QuestionState, port: CellPort): QuestionState {
  const forgetAtMs = port.nowMs() + ANSWER_KEPT_MS;
  port.setTimer('forget', forgetAtMs);
  return { ...state, forgetAtMs };
}

function tell(state: QuestionState, event: ActorEvent, port: CellPort): QuestionState {
  port.send(String(event['replyTo']), messageOf(state));
  return state;
}

function messageOf({ answer }: QuestionState): ActorEvent {
  if (answer?.ok === true) return { type: 'answer', value: answer.value, isKept: true };
  const error = answer?.error ?? new OperatingError('INTERNAL', 'A question ended without an answer.').toBody();
  return { type: 'rejected', error, isKept: true };
}

function forget(state: QuestionState, _event: ActorEvent, port: CellPort): QuestionState {
  const isLate = port.nowMs() - (state.forgetAtMs ?? 0) > LATE_MS;
  return isLate ? keep(state, port) : { ...state, phase: 'gone' };
}

function gone(state: QuestionState): QuestionState {
  return { ...state, phase: 'gone' };
}
