import { goalTable } from '../../actors/planning/goal.ts';
/** Walks each table of the product's lifecycles: every phase with every event. The expected ends are the diagrams of the files' headers. */
import { pieceLogic } from '../../actors/state/piece.ts';
import { describe } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { runLogic } from '../../actors/run.ts';
import { type SessionDeps, sessionLogic } from '../../actors/session.ts';
import { type StepDeps, stepLogic, type StepStart } from '../../actors/step.ts';
import { taskLogic, type TaskStart } from '../../actors/task.ts';
import { chainLogic } from '../../actors/workflow/chain.ts';
import { flowLogic, type FlowStart } from '../../actors/workflow/flow.ts';
import { stageLogic } from '../../actors/workflow/stage.ts';
import type { StageStart } from '../../actors/workflow/stage-start.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { FlatLogic, FlatState } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { type Walk, walkTable } from './table-walk.ts';
import { graphOf, planOf } from './workflow/graph-lookups.ts';

const error = { code: 'AGENT_FAILED', message: 'failed', retryable: true } as const;
const final = { code: 'NOT_FOUND', message: 'failed', retryable: false } as const;
const outcome = { ok: true, output: 1, events: [], attempts: 1 };

const agent = defineAgent({ name: 'echo', version: '1.0.0', retry: { attempts: 2 }, run: () => 1 });
const breakers = {
  enter: () => ({ isIn: true, era: 0 }) as const,
  waitMs: () => 0,
  expect: () => undefined,
  passed: () => undefined,
  spent: () => undefined,
  failed: () => undefined,
};
const stepDeps: StepDeps = {
  choose: () => ({ agent, data: {} }),
  peek: () => agent,
  agent: () => agent,
  breakers,
  cached: { has: () => true },
  answered: () => undefined,
  random: () => 0.5,
};
const stepStart: StepStart = {
  owner: 'task/T',
  work: { task: 'T', step: 's', agent: 'echo', input: 1, priority: 5 },
};
const taskStart: TaskStart = {
  id: 'T',
  target: { agent: 'echo' },
  input: 1,
  options: {},
  principal: 'p',
  createdAtMs: 0,
};
const graph = graphOf([
  { id: 'a', agent: 'echo' },
  { id: 'b', agent: 'echo', needs: ['a'] },
  { id: 'c', agent: 'echo', optional: true },
]);
const flowStart: FlowStart = { task: 'T', graph, input: {}, priority: 5, reference: 'inline@0.0.0' };
const moved = { ...graph, version: '1.0.0', steps: [...graph.steps, { id: 'd', agent: 'echo' }] };
const stageStart: StageStart = {
  task: 'T',
  priority: 5,
  path: 's',
  rests: 'flow/T',
  index: 0,
  step: {
    id: 's',
    delayMs: 1,
    signal: { name: 'go' },
    approval: {},
    workflow: 'inner',
    retry: { attempts: 2 },
  },
  input: 1,
  signalName: 'go',
  pinned: { inner: graph },
};
const nothing = { usd: 0, tokens: 0, steps: 0, timeMs: 0 };
const refusal = { label: 'the task', exceeded: ['usd'], need: nothing, left: {}, limit: {}, onExceed: ['stop'] };
const chainOrder = {
  type: 'chain.start',
  after: 'T',
  link: { principal: 'p', priority: 5, depth: 1, left: 9 },
  endless: false,
};
const child = 'step/T/main';
const run = 'run/T/s/1';
const asked = 'approval/T/s/approval';
const sessionDeps = {
  desk: { list: () => new Promise(() => undefined) },
  feed: {},
  agents: () => [],
} as unknown as SessionDeps;

const childEvents = (address: string, output: unknown): Record<string, ActorEvent> => ({
  'child.done': { type: 'child.done', address, output },
  'child.failed': { type: 'child.failed', address, error: final },
  'child.failed retryable': { type: 'child.failed', address, error },
  'child.quarantined': { type: 'child.quarantined', address, error: final },
  'child.done of another': { type: 'child.done', address: 'step/T/other', output },
  'child.failed of another': { type: 'child.failed', address: 'step/T/other', error: final },
});

const taskEnds = {
  'child.done': 'completed',
  'child.failed': 'failed',
  'child.failed retryable': 'failed',
  'child.quarantined': 'failed',
  'task.cancel': 'canceled',
  'timer.deadline': 'failed',
  'task.progress parked': 'input-required',
};
const stepEnds = {
  'child.done': 'done',
  'child.failed': 'done',
  'child.failed retryable': 'waiting',
  'child.quarantined': 'done',
};

const WALKS: Readonly<Record<string, Walk>> = {
  task: {
    logic: taskLogic as unknown as FlatLogic<FlatState, never>,
    address: 'task/T',
    input: taskStart,
    states: {
      working: (first) => first,
      'input-required': (first) => ({ ...first, phase: 'input-required', waiting: 'for someone', waitsFor: 'e' }),
      completed: (first) => ({ ...first, phase: 'completed' }),
      failed: (first) => ({ ...first, phase: 'failed' }),
      canceled: (first) => ({ ...first, phase: 'canceled' }),
    },
    events: {
      ...childEvents(child, outcome),
      'task.progress': { type: 'task.progress', events: [] },
      'task.progress parked': { type: 'task.progress', events: [], parked: { effect: 'e', message: 'for someone' } },
      'task.progress unparked': { type: 'task.progress', events: [], unparked: 'e' },
      'task.spent': { type: 'task.spent', usage: { usd: 1 } },
      'task.raised': { type: 'task.raised', limit: { usd: 2 } },
      'task.cancel': { type: 'task.cancel' },
      'task.signal': { type: 'task.signal', event: { type: 'go' } },
      'signal.wanted': { type: 'signal.wanted', name: 'go', by: 'stage/T/s' },
      'signal.taken': { type: 'signal.taken', number: 1 },
      'node.resumed': { type: 'node.resumed', boot: 2 },
      'timer.deadline': { type: 'timer.deadline' },
      'timer.compensation': { type: 'timer.compensation' },
      'timer.other': { type: 'timer.other' },
    },
    expected: {
      working: {
        ...taskEnds,
        'task.progress': 'working',
        'task.progress unparked': 'working',
        'task.spent': 'working',
        'task.raised': 'working',
        'node.resumed': 'working',
      },
      'input-required': {
        ...taskEnds,
        'task.progress': 'input-required',
        'task.progress unparked': 'working',
        'task.spent': 'input-required',
        'task.raised': 'input-required',
      },
    },
  },
  step: {
    logic: stepLogic(stepDeps) as unknown as FlatLogic<FlatState, never>,
    address: 'step/T/s',
    input: stepStart,
    states: {
      looking: (first) => ({ ...first, phase: 'looking', attempt: 0, making: 'cached/echo@1.0.0/h' }) as FlatState,
      reserving: (first) => ({ ...first, phase: 'reserving', attempt: 0 }) as FlatState,
      working: (first) => first,
      waiting: (first) => ({ ...first, phase: 'waiting', isTurnedAway: true }),
      parked: (first) => ({ ...first, phase: 'parked', parked: ['e'] }) as FlatState,
      done: (first) => ({ ...first, phase: 'done' }),
    },
    events: {
      ...childEvents(run, 1),
      'run.parked': { type: 'run.parked', effect: 'e2', name: 'pay', message: 'in doubt' },
      'run.unparked': { type: 'run.unparked', effect: 'e', name: 'pay', said: { how: 'done', by: 'me' } },
      'run.unparked of another': { type: 'run.unparked', effect: 'e3', name: 'pay', said: {} },
      'cache.hit': { type: 'cache.hit', value: 1, usd: 0.1, durationMs: 5 },
      'cache.miss': { type: 'cache.miss' },
      rejected: { type: 'rejected', error },
      'budget.granted': { type: 'budget.granted', attempt: 1, held: nothing, left: {} },
      'budget.granted for an attempt before': { type: 'budget.granted', attempt: 0, held: nothing, left: {} },
      'budget.refused': { type: 'budget.refused', attempt: 1, refusal },
      'budget.refused where a person may be asked': {
        type: 'budget.refused',
        attempt: 1,
        refusal: { ...refusal, onExceed: ['ask'] },
      },
      'budget.refused for an attempt before': { type: 'budget.refused', attempt: 0, refusal },
      'timer.retry': { type: 'timer.retry' },
      'breaker.retry': { type: 'breaker.retry' },
      'run.asks': { type: 'run.asks', address: asked },
      'child.done of an approval': { type: 'child.done', address: asked, output: {} },
      'child.done of the last approval': { type: 'child.done', address: 'approval/e', output: {} },
      'child.failed of the last approval': { type: 'child.failed', address: 'approval/e', error: final },
      'timer.timeout': { type: 'timer.timeout' },
      'task.signal': { type: 'task.signal', event: { type: 'go' } },
    },
    expected: {
      looking: { 'cache.hit': 'done', 'cache.miss': 'working', rejected: 'working', 'task.signal': 'looking' },
      reserving: {
        'budget.granted': 'working',
        'budget.refused': 'done',
        'budget.refused where a person may be asked': 'reserving',
        'task.signal': 'reserving',
      },
      working: { ...stepEnds, 'run.parked': 'parked', 'run.asks': 'parked', 'timer.timeout': 'waiting' },
      waiting: { 'timer.retry': 'working', 'breaker.retry': 'working', 'task.signal': 'waiting' },
      parked: {
        ...stepEnds,
        'run.parked': 'parked',
        'run.unparked': 'working',
        'run.asks': 'parked',
        'child.done of the last approval': 'working',
        'child.failed of the last approval': 'working',
        'timer.timeout': 'waiting',
      },
    },
  },
  run: {
    logic: runLogic('agent:x@1', '1', 'keyed') as unknown as FlatLogic<FlatState, never>,
    address: run,
    input: {},
    states: {
      calling: (first) => first,
      done: () => ({ phase: 'done' }),
      failed: () => ({ phase: 'failed' }),
    },
    events: {
      'effect.done': { type: 'effect.done', key: 'run', value: 1 },
      'effect.failed': { type: 'effect.failed', key: 'run', error },
    },
    expected: { calling: { 'effect.done': 'done', 'effect.failed': 'failed' } },
  },
  flow: {
    logic: flowLogic(
      ({ steps }) => planOf(steps),
      () => 'T2',
    ) as unknown as FlatLogic<FlatState, never>,
    address: 'flow/T',
    input: flowStart,
    states: {
      running: (first) => first,
      compensating: (first) => ({ ...first, phase: 'compensating', cause: final }) as FlatState,
      done: (first) => ({ ...first, phase: 'done' }),
    },
    events: {
      ...childEvents('step/T/a', outcome),
      'child.done of a step that fails': {
        type: 'child.done',
        address: 'step/T/a',
        output: { ...outcome, ok: false, error: final },
      },
      'child.done of an optional one': {
        type: 'child.done',
        address: 'step/T/c',
        output: { ...outcome, ok: false, error: final },
      },
      'child.done of one that has not begun': { type: 'child.done', address: 'step/T/b', output: outcome },
      'item.parked': { type: 'item.parked', address: 'step/T/a/0' },
      'item.unparked': { type: 'item.unparked', address: 'step/T/a/0' },
      'flow.migrate': {
        type: 'flow.migrate',
        to: { graph: moved, reference: 'inline@1.0.0', pinned: {} },
        replyTo: 'ask/1',
      },
      'flow.items': { type: 'flow.items', step: 'a' },
      'flow.cancel': { type: 'flow.cancel', error: final },
      'flow.undo': { type: 'flow.undo' },
      'timer.settle': { type: 'timer.settle' },
      'timer.compensation': { type: 'timer.compensation' },
      'task.signal': { type: 'task.signal', event: { type: 'go' } },
    },
    expected: {
      running: {
        'child.done': 'running',
        'child.failed': 'done',
        'child.failed retryable': 'done',
        'child.quarantined': 'done',
        'child.done of a step that fails': 'done',
        'child.done of an optional one': 'running',
        'flow.migrate': 'running',
        'flow.cancel': 'done',
      },
      // What still ends is written down; there is nothing to undo here. Whoever wants to move it is refused.
      compensating: {
        'child.done': 'compensating',
        'child.failed': 'compensating',
        'child.failed retryable': 'compensating',
        'child.quarantined': 'compensating',
        'child.done of a step that fails': 'compensating',
        'child.done of an optional one': 'compensating',
        'flow.migrate': 'compensating',
        'flow.undo': 'done',
        'timer.settle': 'compensating',
        'timer.compensation': 'done',
      },
    },
  },
  chain: {
    logic: chainLogic((_port, _principal, { target }) => {
      if (target.workflow === 'full') throw new OperatingError('BUSY', 'There is no room.');
      return { task: 'T2', duplicate: false };
    }) as unknown as FlatLogic<FlatState, never>,
    address: 'chain/T',
    input: { parts: ['T'] },
    states: {
      open: (first) =>
        ({ ...first, order: chainOrder, next: [{ task: 'T2', workflow: 'full', input: 1 }] }) as FlatState,
      done: (first) => ({ ...first, phase: 'done' }),
    },
    events: {
      'chain.start': { ...chainOrder, next: [{ task: 'T2', workflow: 'w', input: 1 }] },
      'chain.start without end': { ...chainOrder, endless: true, next: [{ task: 'T2', workflow: 'w', input: 1 }] },
      'chain.start with no room': { ...chainOrder, next: [{ task: 'T2', workflow: 'full', input: 1 }] },
      'chain.go': { type: 'chain.go' },
      'timer.retry': { type: 'timer.retry' },
    },
    expected: {
      open: {
        'chain.go': 'open',
        'chain.start': 'done',
        'chain.start without end': 'done',
        'chain.start with no room': 'open',
        'timer.retry': 'open',
      },
    },
  },
  'piece of shared state': {
    logic: pieceLogic(() => undefined) as unknown as FlatLogic<FlatState, never>,
    address: 'state/global/x',
    input: { parts: ['global', 'x'] },
    states: {
      open: (first) => first,
      gone: (first) => ({ ...first, phase: 'gone' }),
    },
    events: {
      'state.get': { type: 'state.get', replyTo: 'ask/1' },
      'state.history': { type: 'state.history', replyTo: 'ask/1' },
      'state.set': { type: 'state.set', value: 1, by: 'p', replyTo: 'ask/1' },
      'state.set of another version': { type: 'state.set', value: 1, ifVersion: 7, by: 'p', replyTo: 'ask/1' },
      'state.remove': { type: 'state.remove', by: 'p', replyTo: 'ask/1' },
      'state.lock': { type: 'state.lock', holder: 'h', ttlMs: 1, replyTo: 'ask/1' },
      'state.renew': { type: 'state.renew', token: 1, ttlMs: 1, replyTo: 'ask/1' },
      'state.unlock': { type: 'state.unlock', token: 1, replyTo: 'ask/1' },
      'timer.lease': { type: 'timer.lease' },
      down: { type: 'down', ref: 'r', address: 'task/T', reason: 'normal' },
      'timer.forget': { type: 'timer.forget' },
    },
    expected: {
      open: { 'state.set': 'open', 'state.lock': 'open', 'timer.lease': 'open', down: 'open', 'timer.forget': 'gone' },
    },
  },
  goal: {
    logic: goalTable as unknown as FlatLogic<FlatState, never>,
    address: 'flow/T',
    input: { task: 'T', goal: 'g', input: null, priority: 5 },
    states: {
      drafting: (first) => first,
      waiting: (first) => ({ ...first, phase: 'waiting' }),
      running: (first) => ({ ...first, phase: 'running' }),
      done: (first) => ({ ...first, phase: 'done' }),
    },
    events: {
      'effect.done': { type: 'effect.done', key: 'draft/1', value: { graph: { steps: [] }, pinned: {}, changes: [] } },
      'effect.failed': { type: 'effect.failed', key: 'draft/1', error: final },
      'effect.failed retryable': { type: 'effect.failed', key: 'draft/1', error },
      'timer.retry': { type: 'timer.retry' },
      'child.done': { type: 'child.done', address: 'flow/T/~planned', output: outcome },
      'child.failed': { type: 'child.failed', address: 'flow/T/~planned', error: final },
      'child.quarantined': { type: 'child.quarantined', address: 'flow/T/~planned', error: final },
      'flow.cancel': { type: 'flow.cancel', error: final },
      'task.signal': { type: 'task.signal', event: { type: 'go' } },
    },
    expected: {
      drafting: {
        'effect.done': 'running',
        'effect.failed': 'done',
        'effect.failed retryable': 'waiting',
        'flow.cancel': 'done',
      },
      waiting: { 'timer.retry': 'drafting', 'flow.cancel': 'done' },
      running: { 'child.done': 'done', 'child.failed': 'done', 'child.quarantined': 'done', 'flow.cancel': 'running' },
    },
  },
  stage: {
    logic: stageLogic({ random: () => 0.5 }) as unknown as FlatLogic<FlatState, never>,
    address: 'stage/T/s',
    input: stageStart,
    states: {
      delayed: (first) => ({ ...first, phase: 'delayed' }),
      listening: (first) => ({ ...first, phase: 'listening' }),
      asking: (first) => ({ ...first, phase: 'asking', child: 'approval/T/s' }) as FlatState,
      working: (first) => ({ ...first, phase: 'working', child: 'flow/T/s' }) as FlatState,
      pausing: (first) => ({ ...first, phase: 'pausing' }),
      done: (first) => ({ ...first, phase: 'done' }),
    },
    events: {
      'child.done of the approval': {
        type: 'child.done',
        address: 'approval/T/s',
        output: { decision: 'approve', by: 'me', atMs: 1 },
      },
      'child.failed of the approval': { type: 'child.failed', address: 'approval/T/s', error: final },
      'child.quarantined of the approval': { type: 'child.quarantined', address: 'approval/T/s', error: final },
      'child.done of the workflow': { type: 'child.done', address: 'flow/T/s', output: outcome },
      'child.done of the workflow, failed': {
        type: 'child.done',
        address: 'flow/T/s',
        output: { ok: false, error, events: [], attempts: 1 },
      },
      'child.failed of the workflow': { type: 'child.failed', address: 'flow/T/s', error: final },
      'child.quarantined of the workflow': { type: 'child.quarantined', address: 'flow/T/s', error: final },
      'child.done of another': { type: 'child.done', address: 'flow/T/other', output: outcome },
      'task.signal': { type: 'task.signal', event: { type: 'go' }, number: 1 },
      'task.signal of another name': { type: 'task.signal', event: { type: 'stop' }, number: 2 },
      'item.parked': { type: 'item.parked', address: 'step/T/s.a' },
      'item.unparked': { type: 'item.unparked', address: 'step/T/s.a' },
      'timer.delay': { type: 'timer.delay' },
      'timer.signal': { type: 'timer.signal' },
      'timer.timeout': { type: 'timer.timeout' },
      'flow.cancel': { type: 'flow.cancel', error },
      'timer.retry': { type: 'timer.retry' },
    },
    expected: {
      delayed: { 'timer.delay': 'listening', 'flow.cancel': 'done' },
      listening: { 'task.signal': 'asking', 'timer.signal': 'done', 'flow.cancel': 'done' },
      asking: {
        'flow.cancel': 'done',
        'child.done of the approval': 'working',
        'child.failed of the approval': 'done',
        'child.quarantined of the approval': 'done',
      },
      working: {
        'child.done of the workflow': 'done',
        'child.done of the workflow, failed': 'pausing',
        'child.failed of the workflow': 'done',
        'child.quarantined of the workflow': 'done',
        'timer.timeout': 'pausing',
        'item.parked': 'working',
        // The workflow at work for it undoes first what it has done.
        'flow.cancel': 'working',
      },
      pausing: { 'timer.retry': 'working', 'flow.cancel': 'done' },
    },
  },
  session: {
    logic: sessionLogic(sessionDeps) as unknown as FlatLogic<FlatState, never>,
    address: 'session/1',
    input: {
      connection: { send: () => undefined, close: () => undefined, ready: async () => undefined, lost: false },
      principal: 'p',
    },
    states: {
      ready: (first) => first,
      draining: (first) => ({ ...first, phase: 'draining' }),
      closed: (first) => ({ ...first, phase: 'closed' }),
    },
    events: {
      'session.message': { type: 'session.message', message: { type: 'task.list', id: '1' } },
      'session.drain': { type: 'session.drain' },
      'session.closed': { type: 'session.closed' },
    },
    expected: {
      ready: { 'session.drain': 'draining', 'session.closed': 'closed' },
      draining: { 'session.closed': 'closed' },
    },
  },
};

describe.each(Object.entries(WALKS))('The lifecycle of a %s', (_name, walk) => {
  walkTable(walk);
});
