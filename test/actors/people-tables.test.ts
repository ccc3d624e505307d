/** The tables of what waits for people and what comes at times. */
import { describe } from 'vitest';
import type { ApprovalStart } from '../../actors/approvals/approval.ts';
import { approvalLogic } from '../../actors/approvals/approval-logic.ts';
import { scheduleLogic } from '../../actors/schedules/schedule.ts';
import type { FlatLogic, FlatState } from '../../runtime/flat-logic.ts';
import { type Walk, walkTable } from './table-walk.ts';

const approvalStart: ApprovalStart = {
  place: { task: 'T', step: 's' },
  terms: { role: 'editor', deadlineMs: 10, onExpire: 'reject', escalate: [{ afterMs: 0, role: 'lead' }] },
};
const resolution = { type: 'approval.resolve', decision: 'approve', by: 'me', replyTo: 'ask/1' };
const scheduleSpec = { everyMs: 60_000, task: { agent: 'echo' } };
const schedulePut = { type: 'schedule.put', mode: 'replace', principal: 'p', replyTo: 'ask/1', spec: scheduleSpec };
const scheduleDeps = { submit: () => ({ task: 'T', duplicate: false }), onRun: () => undefined, random: () => 0 };
const schedulePuts = {
  'schedule.put': 'active',
  'schedule.put of one that is held': 'paused',
  'schedule.put of one whose times are over': 'done',
};
const scheduleOrders = {
  ...schedulePuts,
  'schedule.trigger': 'active',
  'schedule.remove': 'removed',
  'timer.retry': 'active',
  down: 'active',
};
/** Orders that leave a schedule as it is. */
const held = { 'schedule.trigger': 'paused', 'timer.retry': 'paused', down: 'paused' };
const over = { 'schedule.trigger': 'done', 'timer.retry': 'done', down: 'done' };

const WALKS: Readonly<Record<string, Walk>> = {
  approval: {
    logic: approvalLogic as unknown as FlatLogic<FlatState, never>,
    address: 'approval/T/s',
    input: approvalStart,
    states: {
      pending: (first) => first,
      decided: (first) => ({ ...first, phase: 'decided' }),
      expired: (first) => ({ ...first, phase: 'expired' }),
    },
    events: {
      'approval.resolve': { ...resolution, role: 'editor' },
      'approval.resolve as asked of another': { ...resolution, role: 'lead' },
      'timer.expire': { type: 'timer.expire' },
      'timer.escalate': { type: 'timer.escalate' },
    },
    expected: {
      pending: {
        'approval.resolve': 'decided',
        'approval.resolve as asked of another': 'pending',
        'timer.expire': 'decided',
        'timer.escalate': 'pending',
      },
    },
  },
  schedule: {
    logic: scheduleLogic(scheduleDeps) as unknown as FlatLogic<FlatState, never>,
    address: 'schedule/beat',
    input: { parts: ['beat'] },
    attached: { spec: scheduleSpec },
    states: {
      absent: (first) => first,
      active: (first) => ({ ...first, phase: 'active', nextAtMs: 500 }) as FlatState,
      paused: (first) => ({ ...first, phase: 'paused' }),
      done: (first) => ({ ...first, phase: 'done' }),
      removed: (first) => ({ ...first, phase: 'removed' }),
    },
    events: {
      'schedule.put': schedulePut,
      'schedule.put of one that is held': { ...schedulePut, spec: { ...scheduleSpec, paused: true } },
      'schedule.put of one whose times are over': { ...schedulePut, spec: { at: 1, task: { agent: 'echo' } } },
      'schedule.pause': { type: 'schedule.pause' },
      'schedule.resume': { type: 'schedule.resume' },
      'schedule.trigger': { type: 'schedule.trigger' },
      'schedule.remove': { type: 'schedule.remove' },
      'schedule.review': { type: 'schedule.review' },
      'timer.due': { type: 'timer.due' },
      'timer.retry': { type: 'timer.retry' },
      down: { type: 'down', ref: 'another' },
    },
    expected: {
      absent: {
        ...schedulePuts,
        'schedule.pause': 'removed',
        'schedule.resume': 'removed',
        'schedule.trigger': 'removed',
        'schedule.remove': 'removed',
        'schedule.review': 'removed',
      },
      active: {
        ...scheduleOrders,
        'schedule.pause': 'paused',
        'schedule.resume': 'active',
        'schedule.review': 'active',
        'timer.due': 'active',
      },
      paused: { ...scheduleOrders, 'schedule.pause': 'paused', 'schedule.resume': 'active', ...held },
      done: { ...scheduleOrders, 'schedule.pause': 'paused', 'schedule.resume': 'done', ...over },
    },
  },
};

describe.each(Object.entries(WALKS))('The lifecycle of a %s', (_name, walk) => {
  walkTable(walk);
});
