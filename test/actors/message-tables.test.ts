/** The tables of what messages go through: questions, subscriptions, groups. */
import { describe } from 'vitest';
import { questionLogic } from '../../actors/asking/question.ts';
import { groupLogic } from '../../actors/groups/group.ts';
import { subscriptionLogic } from '../../actors/topics/subscription.ts';
import { rowOf } from '../../actors/topics/subscription-row.ts';
import type { FlatLogic, FlatState } from '../../runtime/flat-logic.ts';
import { type Walk, walkTable } from './table-walk.ts';

const error = { code: 'AGENT_FAILED', message: 'failed', retryable: true } as const;
const questioned = {
  who: 'a/k',
  to: 'agent/a/k',
  event: { type: 'x' },
  isMediated: false,
  asker: 'run/1',
  chain: [],
  dueAtMs: 2_000,
};
const topicMessage = { id: 'm', topic: 't', atMs: 1_000, body: new Uint8Array([192]) };
const row = rowOf({ topic: 't', agent: 'a', key: 'k' }, { principal: 'p', source: 'request', createdAtMs: 1 });
/** Where all goes that a question is sent and does not know. */
const anythingElse = (phase: string) => ({ 'an answer': phase, 'an event of nobody': phase });

const WALKS: Readonly<Record<string, Walk>> = {
  question: {
    logic: questionLogic(() => undefined) as unknown as FlatLogic<FlatState, never>,
    address: 'question/q',
    input: { parts: ['q'] },
    states: {
      new: (first) => first,
      open: (first) => ({ ...first, phase: 'open', who: 'a/k' }) as FlatState,
      answered: (first) => ({ ...first, phase: 'answered', answer: { ok: true, value: 1 } }) as FlatState,
      expired: (first) => ({ ...first, phase: 'expired', answer: { ok: false, error } }) as FlatState,
      gone: (first) => ({ ...first, phase: 'gone' }),
    },
    events: {
      'question.ask': { ...questioned, type: 'question.ask' },
      'question.await': { type: 'question.await', replyTo: 'ask/1' },
      'question.drop': { type: 'question.drop' },
      'timer.due': { type: 'timer.due' },
      'timer.forget, in time': { type: 'timer.forget' },
      'an answer': { type: '*' },
    },
    expected: {
      new: {
        ...{ 'question.ask': 'open', 'question.await': 'gone', 'question.drop': 'gone' },
        ...{ 'timer.due': 'gone', 'timer.forget, in time': 'gone', ...anythingElse('gone') },
      },
      open: {
        'question.ask': 'open',
        'question.await': 'open',
        'question.drop': 'gone',
        ...anythingElse('answered'),
        'timer.due': 'expired',
      },
      answered: { 'question.await': 'answered', 'question.drop': 'gone', 'timer.forget, in time': 'gone' },
      expired: {
        'question.ask': 'open',
        'question.await': 'expired',
        'question.drop': 'gone',
        ...anythingElse('answered'),
        'timer.forget, in time': 'gone',
      },
    },
  },
  subscription: {
    logic: subscriptionLogic({
      hand: () => ({ how: 'wait', error }),
      onCursor: () => undefined,
      onDropped: () => undefined,
    }) as unknown as FlatLogic<FlatState, never>,
    address: 'subscription/s',
    input: { parts: ['s'] },
    states: {
      new: (first) => first,
      open: (first) => ({ ...first, phase: 'open', row }) as FlatState,
      waiting: (first) => ({ ...first, phase: 'waiting', row }) as FlatState,
      closed: (first) => ({ ...first, phase: 'closed' }),
    },
    events: {
      'subscription.open': { type: 'subscription.open', row, replyTo: 'ask/1' },
      'subscription.resume': { type: 'subscription.resume', row, replyTo: 'ask/1' },
      'subscription.close': { type: 'subscription.close', replyTo: 'ask/1' },
      'subscription.read': { type: 'subscription.read', replyTo: 'ask/1' },
      'subscription.message': { type: 'subscription.message', seq: 1, message: topicMessage },
      'subscription.next': { type: 'subscription.next' },
      bounced: { type: 'bounced', ref: 1, error, event: { type: 'x', topic: 't', message: 'm', at: 1 } },
      down: { type: 'down', ref: 'ref' },
      'timer.retry': { type: 'timer.retry' },
      'something else': { type: '*' },
    },
    expected: {
      new: {
        ...Object.fromEntries(
          ['close', 'read', 'message', 'next'].map((name) => [`subscription.${name}`, 'closed'] as const),
        ),
        ...{ bounced: 'closed', down: 'closed', 'timer.retry': 'closed', 'something else': 'closed' },
        ...{ 'an event of nobody': 'closed', 'subscription.open': 'open', 'subscription.resume': 'open' },
      },
      open: {
        ...{ 'subscription.open': 'open', 'subscription.resume': 'open', 'subscription.read': 'open', down: 'open' },
        ...{ 'subscription.close': 'closed', 'subscription.message': 'waiting', bounced: 'waiting' },
        'subscription.next': 'open',
      },
      waiting: {
        ...{ 'subscription.open': 'open', 'subscription.resume': 'open', 'subscription.read': 'waiting' },
        ...{ 'subscription.close': 'closed', 'subscription.message': 'waiting', bounced: 'waiting' },
        ...{ down: 'waiting', 'timer.retry': 'open' },
      },
    },
  },
  group: {
    logic: groupLogic(() => undefined) as unknown as FlatLogic<FlatState, never>,
    address: 'group/g',
    input: { parts: ['g'] },
    states: {
      new: (first) => first,
      open: (first) => ({ ...first, phase: 'open', members: [['a', 'k']] }) as FlatState,
      gone: (first) => ({ ...first, phase: 'gone' }),
    },
    events: {
      'group.join': { type: 'group.join', agent: 'b', key: 'k', replyTo: 'ask/1' },
      'group.leave': { type: 'group.leave', agent: 'a', key: 'k', replyTo: 'ask/1' },
      'group.leave of a stranger': { type: 'group.leave', agent: 'c', key: 'k', replyTo: 'ask/1' },
      'group.set': { type: 'group.set', via: 'c', replyTo: 'ask/1' },
      'group.read': { type: 'group.read', replyTo: 'ask/1' },
      'group.remove': { type: 'group.remove', replyTo: 'ask/1' },
      'something else': { type: '*' },
    },
    expected: {
      new: {
        ...{ 'group.join': 'open', 'group.set': 'open', 'something else': 'gone', 'an event of nobody': 'gone' },
        ...{ 'group.leave': 'gone', 'group.leave of a stranger': 'gone', 'group.read': 'gone', 'group.remove': 'gone' },
      },
      open: {
        ...{ 'group.join': 'open', 'group.set': 'open', 'group.read': 'open', 'group.leave of a stranger': 'open' },
        ...{ 'group.leave': 'gone', 'group.remove': 'gone' },
      },
    },
  },
};

describe.each(Object.entries(WALKS))('The lifecycle of a %s', (_name, walk) => {
  walkTable(walk);
});
