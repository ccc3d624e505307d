/**
 * A goal that a model is to plan for: it has the plan made, which is recorded once, and then works like the workflow that came of it.
 * Goals that a template fits begin as that workflow and never come here.
 *
 *   drafting ──a plan──► running ──its workflow has ended──► done
 *      │  ▲
 *      │  └─timer.retry── waiting      (the model failed in a way that may pass)
 *      └──no plan can be had─────────────────────────────► done
 */
import type { ErrorBody } from '../../protocol/errors.ts';
import type { InstalledLogic } from '../../runtime/cell.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import type { FlowOutcome } from '../flow-order.ts';
import { TASKS_SUPERVISOR } from '../task.ts';
import { FLOW_LOGIC } from '../workflow/flow-start.ts';
import { flowWork } from '../workflow/planner.ts';
import { GOAL_LOGIC, type GoalPlanner, type GoalStart, plannedData, type PlanProposal } from './goal-planner.ts';

/** The state of one goal. */
export interface GoalState {
  readonly phase: 'drafting' | 'waiting' | 'running' | 'done';
  readonly attempt: number;
  readonly outcome?: FlowOutcome;
}

const DRAFT = 'draft';
const ATTEMPTS_MAX = 3;
const BACKOFF_MS = 1_000;
const BACKOFF_FACTOR = 4;
/** A model may think so long about one plan. */
const DRAFT_MS = 300_000;
/** Plans that are made at one time on a node. */
const DRAFTS_MAX = 8;

/** The logic of goals, installed with the planner that makes the plans. */
export function goalLogic(planner: GoalPlanner): InstalledLogic {
  return {
    name: GOAL_LOGIC,
    factory: flatFactory(goalTable),
    kind: GOAL_LOGIC,
    lane: GOAL_LOGIC,
    laneLimit: DRAFTS_MAX,
    timeoutMs: DRAFT_MS,
    perform: async ({ signal }, spec) => {
      const { goal, input } = spec.input as GoalStart;
      return await planner.fromModel(goal, input, signal);
    },
  };
}

/** The lifecycle as a table. */
export const goalTable: FlatLogic<GoalState, GoalStart> = {
  name: GOAL_LOGIC,
  version: LIFECYCLE_VERSIONS.goal,
  initial: (_start, port) => draft({ phase: 'drafting', attempt: 0 }, port),
  restored: (state, port) => {
    if (state.phase === 'drafting') ask(state.attempt, port, true);
    return state;
  },
  table: {
    drafting: {
      'effect.done': (state, event: { readonly value: unknown }, port) =>
        begin(state, event.value as PlanProposal, port),
      'effect.failed': (state, event: { readonly error: ErrorBody }, port) => failed(state, event.error, port),
      'flow.cancel': canceled,
    },
    waiting: { 'timer.retry': (state, _event, port) => draft(state, port), 'flow.cancel': canceled },
    running: {
      'child.done': (state, event: ActorEvent) => ended(state, event['output'] as FlowOutcome),
      'child.failed': (state, event: ActorEvent) => ended(state, failure(event['error'] as ErrorBody)),
      'child.quarantined': (state, event: ActorEvent) => ended(state, failure(event['error'] as ErrorBody)),
      'task.signal': toFlow,
      // It may have something to undo.
      'flow.cancel': toFlow,
    },
    done: {},
  },
  final: { done: ({ outcome }) => ({ output: outcome }) },
  describe: ({ phase, attempt }) => (phase === 'drafting' ? `drafting, attempt ${attempt}` : phase),
};

function draft(state: GoalState, port: CellPort): GoalState {
  const attempt = state.attempt + 1;
  ask(attempt, port, false);
  return { ...state, phase: 'drafting', attempt };
}

function ask(attempt: number, port: CellPort, again: boolean): void {
  port.effect({ key: `${DRAFT}/${attempt}`, name: DRAFT, kind: 'keyed', input: undefined, again });
}

function begin(state: GoalState, proposal: PlanProposal, port: CellPort): GoalState {
  const { goal: _words, input: _given, ...orders } = port.input as GoalStart;
  const { task, priority, deadlineAtMs } = orders;
  const deadline = deadlineAtMs === undefined ? {} : { deadlineAtMs };
  const { input, awaits, compensationMs } = flowWork({ ...orders, input: proposal.input }, proposal);
  const events = [{ kind: 'task.planned', data: plannedData(proposal) }];
  port.send(`task/${task}`, { type: 'task.progress', events, ...(awaits !== undefined && { awaits, compensationMs }) });
  port.startChild({
    address: flowOf(port),
    logic: FLOW_LOGIC,
    input,
    supervisor: TASKS_SUPERVISOR,
    owner: port.address,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
    ...deadline,
  });
  return { ...state, phase: 'running' };
}

function failed(state: GoalState, error: ErrorBody, port: CellPort): GoalState {
  if (!error.retryable || state.attempt >= ATTEMPTS_MAX) {
    const message = `No plan could be made for this goal: ${error.message}`;
    return ended(state, failure({ ...error, message }));
  }
  const pauseMs = BACKOFF_MS * BACKOFF_FACTOR ** (state.attempt - 1);
  port.setTimer('retry', port.nowMs() + Math.max(pauseMs, error.retryAfterMs ?? 0));
  return { ...state, phase: 'waiting' };
}

function toFlow(state: GoalState, event: ActorEvent, port: CellPort): GoalState {
  port.send(flowOf(port), event);
  return state;
}

/** There is no work yet that could be undone. */
function canceled(state: GoalState, event: ActorEvent): GoalState {
  return ended(state, failure(event['error'] as ErrorBody));
}

function flowOf(port: CellPort): string {
  // No path of a step looks like this: workflows that the plan calls have theirs there too.
  return `${port.address}/~planned`;
}

function ended(state: GoalState, outcome: FlowOutcome): GoalState {
  return { ...state, phase: 'done', outcome };
}

function failure(error: ErrorBody): FlowOutcome {
  return { ok: false, error, events: [], attempts: 0 };
}
