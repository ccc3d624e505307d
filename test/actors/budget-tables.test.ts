/** The tables of budgets and of results that are kept. */
import { describe } from 'vitest';
import { budgetLogic } from '../../actors/budget/budget.ts';
import { cachedLogic } from '../../actors/cache/cached-result.ts';
import type { FlatLogic, FlatState } from '../../runtime/flat-logic.ts';
import { type Walk, walkTable } from './table-walk.ts';

const error = { code: 'AGENT_FAILED', message: 'failed', retryable: true } as const;
const nothing = { usd: 0, tokens: 0, steps: 0, timeMs: 0 };
const claim = {
  ...{ type: 'budget.reserve', holder: 'step/T/s', account: 'root', attempt: 1, step: 's', agent: 'echo@1.0.0' },
  need: { ...nothing, steps: 1 },
};
const opening = { parent: 'root', label: 'step a', limit: { usd: 1 }, onExceed: ['stop'] };
const cachedHooks = {
  hasMail: () => false,
  stored: () => undefined,
  used: () => undefined,
  missed: () => undefined,
  gone: () => undefined,
};
const cachePut = { type: 'cache.put', from: 'step/T/s', value: 1, bytes: 1, ttlMs: 1, usd: 0, durationMs: 0 };

const WALKS: Readonly<Record<string, Walk>> = {
  budget: {
    logic: budgetLogic as unknown as FlatLogic<FlatState, never>,
    address: 'budget/T',
    input: { task: 'T', priority: 5, label: 'the task', limit: { usd: 1, steps: 1 }, onExceed: ['stop'] },
    states: { open: (first) => first },
    events: {
      'budget.open': { type: 'budget.open', account: 'step/T/a', opening, user: 'flow/T' },
      'budget.close': { type: 'budget.close', account: 'root' },
      'budget.reserve': claim,
      'budget.settle': { type: 'budget.settle', holder: 'step/T/s', began: true, timeMs: 1 },
      'budget.spent': { type: 'budget.spent', holder: 'step/T/s', account: 'root', attempt: 1, usage: { usd: 1 } },
      down: { type: 'down', address: 'step/T/s', ref: 'r', reason: 'normal' },
      'child.done of nobody': { type: 'child.done', address: 'approval/x', output: { decision: 'approve' } },
      'child.failed of nobody': { type: 'child.failed', address: 'approval/x', error },
      'child.quarantined of nobody': { type: 'child.quarantined', address: 'approval/x', error },
    },
    expected: {
      open: {
        'budget.open': 'open',
        'budget.close': 'open',
        'budget.reserve': 'open',
        'budget.settle': 'open',
        'budget.spent': 'open',
        down: 'open',
      },
    },
  },
  'kept result': {
    logic: cachedLogic(cachedHooks) as unknown as FlatLogic<FlatState, never>,
    address: 'cached/echo@1.0.0/h',
    input: { parts: ['echo@1.0.0', 'h'] },
    states: {
      empty: (first) => first,
      making: (first) => ({ ...first, phase: 'making', by: 'step/T/s', ref: 'r' }) as FlatState,
      kept: () => ({ phase: 'kept', facts: { expiresAtMs: 2_000, usd: 0, durationMs: 0, hits: 0 } }) as FlatState,
      gone: () => ({ phase: 'gone' }),
    },
    attached: { value: { value: 1 } },
    events: {
      'cache.get': { type: 'cache.get', replyTo: 'step/T/other' },
      'cache.peek': { type: 'cache.peek', replyTo: 'step/T/other' },
      'cache.put': cachePut,
      'cache.put of another': { ...cachePut, from: 'step/T/other' },
      'cache.leave': { type: 'cache.leave', from: 'step/T/s' },
      'cache.leave of another': { type: 'cache.leave', from: 'step/T/other' },
      'cache.drop': { type: 'cache.drop' },
      down: { type: 'down', ref: 'r', address: 'step/T/s', reason: 'normal' },
      'down of another': { type: 'down', ref: 'r2', address: 'step/T/other', reason: 'normal' },
      'timer.expire': { type: 'timer.expire' },
    },
    expected: {
      empty: {
        'cache.get': 'making',
        'cache.peek': 'gone',
        'cache.leave': 'gone',
        'cache.leave of another': 'gone',
        'cache.drop': 'gone',
        down: 'gone',
        'down of another': 'gone',
      },
      making: {
        'cache.get': 'making',
        'cache.peek': 'making',
        'cache.put': 'kept',
        'cache.leave': 'gone',
        'cache.drop': 'making',
        down: 'gone',
      },
      kept: { 'cache.get': 'kept', 'cache.peek': 'kept', 'cache.drop': 'gone', 'timer.expire': 'gone' },
    },
  },
};

describe.each(Object.entries(WALKS))('The lifecycle of a %s', (_name, walk) => {
  walkTable(walk);
});
