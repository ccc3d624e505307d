/**
 * A task's actor: it owns the task's status, its numbered log and its end, and starts the one child that does the work (a
 * step for an agent or capability, a flow for a workflow).
 *
 *   working ⇄ input-required     (a call with an unknown outcome, later approvals)
 *      └──────────┴──► completed | failed | canceled
 *
 * A task is `submitted` and at once `working`: both lines are in its first commit. Every phase but the last three can be
 * canceled or run out of time.
 */
import { LIFECYCLE_VERSIONS } from './lifecycle-versions.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { TaskEvent, TaskOptions, TaskResult, TaskStatus, TaskTarget, Degradation } from '../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { RunSeed } from './run.ts';
import { type StepOutcome, STEP_LOGIC, type StepStart, stepAddress } from './step.ts';

/** A task that failed, and the capsule of the message that it failed over. */
export interface ReplayOf {
  readonly task: string;
  readonly capsule: string;
}

/** What a task's cell is started with. */
export interface TaskStart {
  readonly id: string;
  readonly target: TaskTarget;
  readonly input: unknown;
  readonly options: TaskOptions;
  readonly principal: string;
  readonly createdAtMs: number;
  /** What the first commit's `task.submitted` line says beside the target. */
  readonly flow?: { readonly logic: string; readonly input: unknown };
  readonly replayOf?: ReplayOf;
  /** What its one step goes on from. */
  readonly seed?: RunSeed;
}

/** The state of one task. `phase` is its status. */
export interface TaskState {
  readonly phase: 'working' | 'input-required' | 'completed' | 'failed' | 'canceled';
  readonly id: string;
  readonly seq: number;
  readonly createdAtMs: number;
  readonly child: string;
  readonly steps: number;
  readonly waiting?: string;
  /** The calls that someone must say something about: id → what is not known. */
  readonly parked?: Readonly<Record<string, string>>;
}

/** How a flow ended: like a step, with what was left out on the way. */
export type FlowOutcome = StepOutcome & { readonly degraded?: readonly Degradation[] };

/** The name of the logic in the kernel. */
export const TASK_LOGIC = 'task';
/** The supervisor of all task actors, their steps and flows. */
export const TASKS_SUPERVISOR = 'supervisor/tasks';
/** The step of a task that has no workflow. */
const MAIN_STEP = 'main';
const PRIORITY = 5;

/** The address of a task's flow. */
function flowAddress(task: string): string {
  return `flow/${task}`;
}

/** The cell of a new task. */
export function taskSpec(start: TaskStart): ChildSpec {
  return {
    address: `task/${start.id}`,
    logic: TASK_LOGIC,
    input: start,
    supervisor: TASKS_SUPERVISOR,
    restart: 'transient',
    recovery: 'resume',
    priority: start.options.priority ?? PRIORITY,
    durable: true,
  };
}

/** The logic of tasks. */
export const taskLogic: FlatLogic<TaskState, TaskStart> = {
  name: TASK_LOGIC,
  version: LIFECYCLE_VERSIONS.task,
  initial: begin,
  table: {
    working: {
      'task.progress': progress,
      'task.cancel': cancel,
      'task.signal': signal,
      'node.resumed': resumed,
      'child.done': childDone,
      'child.failed': childFailed,
      'child.quarantined': childFailed,
      'timer.deadline': deadline,
    },
    'input-required': {
      'task.progress': progress,
      'task.cancel': cancel,
      'task.signal': signal,
      'child.done': childDone,
      'child.failed': childFailed,
      'child.quarantined': childFailed,
      'timer.deadline': deadline,
    },
    completed: {},
    failed: {},
    canceled: {},
  },
  final: {
    completed: () => ({ output: undefined }),
    failed: () => ({ output: undefined }),
    canceled: () => ({ output: undefined }),
  },
  describe: (state) => (state.waiting === undefined ? state.phase : `${state.phase}: ${state.waiting}`),
};

function begin(start: TaskStart, port: CellPort): TaskState {
  const { id, target, options, createdAtMs } = start;
  const deadlineAtMs = options.deadlineMs === undefined ? undefined : createdAtMs + options.deadlineMs;
  const child = start.flow === undefined ? stepAddress(id, MAIN_STEP) : flowAddress(id);
  const state: TaskState = { phase: 'working', id, seq: 2, createdAtMs, child, steps: 0 };
  const nowMs = port.nowMs();
  port.logTask({
    id,
    created: { target, input: start.input, options, principal: start.principal, createdAtMs },
    progress: { status: 'working', seq: 2, updatedAtMs: nowMs },
    events: [
      { seq: 1, at: createdAtMs, kind: 'task.submitted', data: submittedData(start) },
      { seq: 2, at: nowMs, kind: 'task.started', data: {} },
    ],
  });
  port.startChild(childSpec(start, port, child, deadlineAtMs));
  if (deadlineAtMs !== undefined) port.setTimer('deadline', deadlineAtMs);
  return state;
}

function childSpec(start: TaskStart, port: CellPort, address: string, deadlineAtMs: number | undefined): ChildSpec {
  const { id, target, options, flow } = start;
  const priority = options.priority ?? PRIORITY;
  const deadline = deadlineAtMs === undefined ? {} : { deadlineAtMs };
  const common = {
    address,
    supervisor: TASKS_SUPERVISOR,
    owner: port.address,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
    ...deadline,
  } as const;
  if (flow !== undefined) return { ...common, logic: flow.logic, input: flow.input };
  const work: StepStart = {
    owner: port.address,
    work: {
      task: id,
      step: MAIN_STEP,
      input: start.input,
      priority,
      ...deadline,
      ...(start.seed !== undefined && { seed: start.seed }),
      ...(target.agent !== undefined && { agent: target.agent }),
      ...(target.capability !== undefined && { capability: target.capability }),
      ...(options.select !== undefined && { select: options.select }),
    },
  };
  return { ...common, logic: STEP_LOGIC, input: work };
}

/** Appends lines to the log; the last may be the end. */
function log(
  state: TaskState,
  port: CellPort,
  drafts: readonly EventDraft[],
  status: TaskStatus,
  result?: TaskResult,
): TaskState {
  const at = port.nowMs();
  const events: TaskEvent[] = drafts.map((draft, index) => ({
    seq: state.seq + 1 + index,
    at,
    kind: draft.kind,
    data: draft.data,
  }));
  const seq = state.seq + drafts.length;
  port.logTask({
    id: state.id,
    progress: {
      status,
      seq,
      updatedAtMs: at,
      ...(state.waiting !== undefined && { waiting: state.waiting }),
      ...(result !== undefined && { result }),
    },
    events,
  });
  return { ...state, seq };
}

function progress(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const drafts = event['events'] as readonly EventDraft[];
  const steps =
    state.steps + drafts.filter((draft) => draft.kind === 'step.started' && draft.data['attempt'] !== undefined).length;
  const next = { ...state, steps };
  const settled = event['parked'] === undefined && event['unparked'] === undefined ? next : doubted(next, event);
  return log(settled, port, drafts, settled.phase);
}

/** The task waits for people while there is any call in doubt. */
function doubted({ waiting: _old, parked: before, ...state }: TaskState, event: ActorEvent): TaskState {
  const { [String(event['unparked'])]: _known, ...rest } = before ?? {};
  const doubt = event['parked'] as { readonly effect: string; readonly message: string } | undefined;
  const parked = doubt === undefined ? rest : { ...rest, [doubt.effect]: doubt.message };
  const [first] = Object.values(parked);
  if (first === undefined) return { ...state, phase: 'working' };
  return { ...state, phase: 'input-required', waiting: first, parked };
}

/** The node was started again with this task unfinished; or it is a fork, and begins where another was. */
function resumed(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const { boot, forkOf, checkpoint } = event;
  const data = forkOf === undefined ? { boot } : { forkOf, checkpoint };
  return log(state, port, [{ kind: 'task.resumed', data }], state.phase);
}

function signal(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  port.send(state.child, event);
  return state;
}

function cancel(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const reason = event['reason'] as string | undefined;
  port.stopChild(state.child);
  const message = reason === undefined ? 'The task was canceled.' : `The task was canceled: ${reason}`;
  const error = new OperatingError('CANCELED', message).toBody();
  return end({ ...state, phase: 'canceled' }, port, [], { status: 'canceled', error });
}

function deadline(state: TaskState, _event: ActorEvent, port: CellPort): TaskState {
  port.stopChild(state.child);
  const error = new OperatingError(
    'DEADLINE_EXCEEDED',
    'The deadline of the task passed before its work was done.',
  ).toBody();
  return end({ ...state, phase: 'failed' }, port, [], { status: 'failed', error });
}

function childDone(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  if (event['address'] !== state.child) return state;
  const outcome = event['output'] as FlowOutcome;
  const degraded =
    outcome.degraded === undefined || outcome.degraded.length === 0 ? {} : { degraded: outcome.degraded };
  if (outcome.ok)
    return end({ ...state, phase: 'completed' }, port, outcome.events, {
      status: 'completed',
      output: outcome.output,
      ...degraded,
    });
  return end({ ...state, phase: 'failed' }, port, outcome.events, {
    status: 'failed',
    error: outcome.error,
    ...degraded,
  });
}

function childFailed(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  if (event['address'] !== state.child) return state;
  return end({ ...state, phase: 'failed' }, port, [], { status: 'failed', error: event['error'] as ErrorBody });
}

const END_KINDS = { completed: 'task.completed', failed: 'task.failed', canceled: 'task.canceled' } as const;

function end(
  state: TaskState,
  port: CellPort,
  before: readonly EventDraft[],
  how: Pick<TaskResult, 'output' | 'error' | 'degraded'> & { readonly status: keyof typeof END_KINDS },
): TaskState {
  const usage = { usd: 0, tokensIn: 0, tokensOut: 0, steps: state.steps };
  const result: TaskResult = { ...how, usage, durationMs: Math.max(0, port.nowMs() - state.createdAtMs) };
  const data = how.error === undefined ? {} : { code: how.error.code, message: how.error.message };
  const { waiting: _over, parked: _open, ...rest } = state;
  return log(rest, port, [...before, { kind: END_KINDS[how.status], data }], how.status, result);
}

function submittedData({ target, replayOf }: TaskStart): Readonly<Record<string, unknown>> {
  return { target: describeTarget(target), ...(replayOf !== undefined && { replayOf }) };
}

/** The target as the log shows it: an inline graph by its name alone. */
function describeTarget(target: TaskTarget): Readonly<Record<string, unknown>> {
  if (target.graph === undefined) return { ...target };
  const name = (target.graph as { readonly name?: unknown }).name;
  return { graph: typeof name === 'string' ? name : true };
}
