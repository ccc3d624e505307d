/**
 * A task's actor: it owns the task's status, its numbered log and its end, and starts the one child that does the work (a
 * step for an agent or capability, a flow for a workflow).
 *
 *   working ⇄ input-required     (a call with an unknown outcome, an approval)
 *      └──────────┴──► completed | failed | canceled
 *
 * A task is `submitted` and at once `working`: both lines are in its first commit. Every phase but the last three can be
 * canceled or run out of time. Where its flow can undo what it has done, that comes first: the task stays as it is, and waits
 * for it (`compensating`) within a time of its own.
 */
import { LIFECYCLE_VERSIONS } from './lifecycle-versions.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { TaskEvent, TaskOptions, TaskResult, TaskStatus, TaskTarget, TaskUsage } from '../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { TaskProgress } from '../runtime/stores/store.ts';
import { budgetSpec, taskAccount } from './budget/account-ref.ts';
import { type Amounts, limitOf } from './budget/amounts.ts';
import { addUsage } from './budget/usage.ts';
import {
  type AwaitedSignal,
  awaitsOf,
  isAwaited,
  keepSignal,
  type KeptSignals,
  letGoOfSignal,
  offerSignal,
} from './kept-signals.ts';
import { COMPENSATING, type FlowOrder, type FlowOutcome } from './flow-order.ts';
import type { RunSeed } from './run.ts';
import { STEP_LOGIC, type StepStart, stepAddress } from './step.ts';
import { newsPatience, timesIn } from './task-news.ts';
import { submittedData } from './task-submitted.ts';
import { shortened } from './workflow/note.ts';

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
  readonly flow?: FlowOrder;
  /** What the first commit's `task.submitted` line says beside the target: what it replays, the task that it follows. */
  readonly replayOf?: ReplayOf;
  readonly follows?: string;
  /** What its one step goes on from. */
  readonly seed?: RunSeed;
}

/** The state of one task. `phase` is its status. */
export interface TaskState {
  readonly phase: 'working' | 'input-required' | 'completed' | 'failed' | 'canceled';
  readonly id: string;
  readonly seq: number;
  /** The time of the last line, ms since the epoch. */
  readonly lastAtMs?: number;
  readonly createdAtMs: number;
  readonly child: string;
  readonly steps: number;
  /** What was used so far, where anything was; its steps are counted beside it. */
  readonly spent?: TaskUsage;
  /** What its budget limits now, where it was raised. */
  readonly limit?: Partial<Amounts>;
  readonly waiting?: string;
  /** What `waiting` speaks of: one of the calls and approvals that someone must say something about. Each is a row beside the state. */
  readonly waitsFor?: string;
  /** Earlier releases kept all of them here: id → what is not known. */
  readonly parked?: Readonly<Record<string, string>>;
  /** Signals that no step has waited for yet. */
  readonly signals?: KeptSignals;
  /** The signals that its steps wait for, where its workflow was moved to another version. */
  readonly awaits?: readonly AwaitedSignal[];
  /** How long its flow may take to undo what it did, where that was moved to another version. */
  readonly compensationMs?: number;
  /** The same, of a flow that undoes what it has done now. */
  readonly undoingMs?: number;
  /** How it ends once that is over, where it was not the flow that failed. */
  readonly ending?: { readonly status: 'canceled' | 'failed'; readonly error: ErrorBody };
}

/** The name of the logic in the kernel. */
export const TASK_LOGIC = 'task';
/** The supervisor of all task actors, their steps and flows. */
export const TASKS_SUPERVISOR = 'supervisor/tasks';
/** The step of a task that has no workflow. */
const MAIN_STEP = 'main';
const PRIORITY = 5;
/** What a flow has beyond its own limit to end by itself. */
const COMPENSATION_GRACE_MS = 60_000;
/** In front of the id of a call or approval: the row that says what is waited for. */
const PARKED = 'parked/';

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
  restored,
  table: {
    working: {
      'task.progress': progress,
      'task.spent': spent,
      'task.raised': raised,
      'task.cancel': cancel,
      'task.signal': signal,
      'signal.wanted': signalWanted,
      'signal.taken': signalTaken,
      'node.resumed': resumed,
      'child.done': childDone,
      'child.failed': childFailed,
      'child.quarantined': childFailed,
      'timer.deadline': deadline,
      'timer.compensation': undoingTooLong,
    },
    'input-required': {
      'task.progress': progress,
      'task.spent': spent,
      'task.raised': raised,
      'task.cancel': cancel,
      'task.signal': signal,
      'signal.wanted': signalWanted,
      'signal.taken': signalTaken,
      'child.done': childDone,
      'child.failed': childFailed,
      'child.quarantined': childFailed,
      'timer.deadline': deadline,
      'timer.compensation': undoingTooLong,
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
  patience: newsPatience,
  describe: (state) => (state.waiting === undefined ? state.phase : `${state.phase}: ${state.waiting}`),
};

function begin(start: TaskStart, port: CellPort): TaskState {
  const { id, target, options, createdAtMs } = start;
  const deadlineAtMs = options.deadlineMs === undefined ? undefined : createdAtMs + options.deadlineMs;
  const child = start.flow === undefined ? stepAddress(id, MAIN_STEP) : flowAddress(id);
  const nowMs = port.nowMs();
  const planned = start.flow?.planned;
  const drafts: readonly EventDraft[] = [
    { kind: 'task.submitted', data: submittedData(start) },
    ...(planned === undefined ? [] : [{ kind: 'task.planned', data: planned } as const]),
    { kind: 'task.started', data: {} },
  ];
  const seq = drafts.length;
  const state: TaskState = { phase: 'working', id, seq, lastAtMs: nowMs, createdAtMs, child, steps: 0 };
  port.logTask({
    id,
    created: { target, input: start.input, options, principal: start.principal, createdAtMs },
    progress: { status: 'working', seq, updatedAtMs: nowMs },
    events: drafts.map(({ kind, data }, index) => ({
      seq: index + 1,
      at: index === 0 ? createdAtMs : nowMs,
      kind,
      data,
    })),
  });
  if (limitOf(options.budget) !== undefined) port.startChild(budgetOf(start, port));
  port.startChild(childSpec(start, port, child, deadlineAtMs));
  if (deadlineAtMs !== undefined) port.setTimer('deadline', deadlineAtMs);
  return state;
}

/** The keeper of its budget: it ends with the task. */
function budgetOf({ id, options }: TaskStart, port: CellPort): ChildSpec {
  const start = { task: id, priority: options.priority ?? PRIORITY, label: 'the task' };
  const cell = { owner: port.address, supervisor: TASKS_SUPERVISOR };
  return budgetSpec(taskAccount(id), start, options.budget, cell);
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
      alone: true,
      ...deadline,
      ...(limitOf(options.budget) !== undefined && { account: taskAccount(id) }),
      ...(options.cache !== undefined && { cache: options.cache }),
      ...(start.seed !== undefined && { seed: start.seed }),
      ...(target.agent !== undefined && { agent: target.agent }),
      ...(target.capability !== undefined && { capability: target.capability }),
      ...(options.select !== undefined && { select: options.select }),
    },
  };
  return { ...common, logic: STEP_LOGIC, input: work };
}

/** Appends lines to the log; the last may be the end. `times`: when each was said, where that was not just now. */
function log(
  state: TaskState,
  port: CellPort,
  drafts: readonly EventDraft[],
  status: TaskStatus,
  result?: TaskResult,
  times?: readonly number[],
): TaskState {
  const nowMs = port.nowMs();
  let { lastAtMs = 0 } = state;
  const events: TaskEvent[] = drafts.map(({ kind, data }, index) => {
    // Never before the line above it: what was said first may have been heard later. But after a clock was set back.
    lastAtMs = Math.min(nowMs, Math.max(times?.[index] ?? nowMs, lastAtMs));
    return { seq: state.seq + 1 + index, at: lastAtMs, kind, data: bounded(data) };
  });
  const seq = state.seq + drafts.length;
  port.logTask({ id: state.id, progress: progressOf({ ...state, seq }, port, status, nowMs, result), events });
  return { ...state, seq, lastAtMs };
}

function progressOf(
  state: TaskState,
  port: CellPort,
  status: TaskStatus,
  updatedAtMs: number,
  result?: TaskResult,
): TaskProgress {
  const { seq, waiting, spent: used, limit, steps } = state;
  const isLimited = (port.input as TaskStart).options.budget !== undefined;
  return {
    ...{ status, seq, updatedAtMs },
    ...(waiting !== undefined && { waiting }),
    ...(result !== undefined && { result }),
    ...(result === undefined && (used !== undefined || isLimited) && { usage: addUsage(used, { steps }) }),
    ...(limit !== undefined && { limit }),
  };
}

/** What an error says may be long; a line is not. */
function bounded(data: EventDraft['data']): EventDraft['data'] {
  const { message } = data;
  if (typeof message !== 'string' || message.length <= LIMITS.eventMessageCharactersMax) return data;
  return { ...data, message: shortened(message) };
}

function progress(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const drafts = event['events'] as readonly EventDraft[];
  const steps = state.steps + drafts.filter(isCall).length;
  const usage = event['usage'] as Partial<TaskUsage> | undefined;
  let next: TaskState = { ...state, steps, ...(usage !== undefined && { spent: addUsage(state.spent, usage) }) };
  if (event['awaits'] !== undefined) next = moved(next, event);
  if (event['undoing'] !== undefined) next = undoing(next, port, event['undoing'] as number);
  if (event['parked'] !== undefined || event['unparked'] !== undefined) next = doubted(next, event, port);
  return log(next, port, drafts, next.phase, undefined, timesIn(event));
}

/** Its workflow goes on by another version. */
function moved(state: TaskState, event: ActorEvent): TaskState {
  const { compensationMs: _before, ...rest } = state;
  const compensationMs = event['compensationMs'] as number | undefined;
  const awaits = event['awaits'] as readonly AwaitedSignal[];
  return { ...rest, awaits, ...(compensationMs !== undefined && { compensationMs }) };
}

/** The beginning of a call of an agent: steps that are made of others count as those do. */
function isCall({ kind, data }: EventDraft): boolean {
  return kind === 'step.started' && data['attempt'] !== undefined && data['workflow'] === undefined;
}

/** A run has said what it used. Where there is a budget, it is seen at once how much is left. */
function spent(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const next: TaskState = { ...state, spent: addUsage(state.spent, event['usage'] as Partial<TaskUsage>) };
  return (port.input as TaskStart).options.budget === undefined ? next : log(next, port, [], next.phase);
}

/** A person has raised its budget. */
function raised(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  return log({ ...state, limit: event['limit'] as Partial<Amounts> }, port, [], state.phase);
}

/** The task waits for people while there is anything that someone must say a word about. */
function doubted(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const known = event['unparked'] as string | undefined;
  const doubt = event['parked'] as { readonly effect: string; readonly message: string } | undefined;
  if (known !== undefined) port.attach(`${PARKED}${known}`, undefined);
  if (doubt !== undefined) port.attach(`${PARKED}${doubt.effect}`, doubt.message);
  const { waiting: _message, waitsFor, ...rest } = state;
  if (doubt !== undefined && (waitsFor === undefined || waitsFor === doubt.effect))
    return { ...rest, phase: 'input-required', waiting: doubt.message, waitsFor: doubt.effect };
  if (known === undefined || known !== waitsFor) return state;
  for (const [row, message] of port.attached()) {
    if (!row.startsWith(PARKED) || row === `${PARKED}${known}`) continue;
    return { ...rest, phase: 'input-required', waiting: String(message), waitsFor: row.slice(PARKED.length) };
  }
  return { ...rest, phase: 'working', ...(rest.undoingMs !== undefined && { waiting: COMPENSATING }) };
}

/** Its flow undoes what it has done, or was told to. */
function undoing(state: TaskState, port: CellPort, limitMs: number): TaskState {
  port.clearTimer('deadline');
  limitUndoing(port, limitMs);
  const next: TaskState = { ...state, undoingMs: limitMs };
  return state.waitsFor === undefined ? { ...next, phase: 'working', waiting: COMPENSATING } : next;
}

function limitUndoing(port: CellPort, limitMs: number): void {
  port.setTimer('compensation', port.nowMs() + limitMs + LIMITS.compensationSettleMs + COMPENSATION_GRACE_MS);
}

/** What an earlier release has stored becomes what this one keeps. */
function restored(stored: TaskState, port: CellPort): TaskState {
  // The time in which there was no node does not count.
  if (stored.undoingMs !== undefined) limitUndoing(port, stored.undoingMs);
  const { parked, ...state } = stored;
  if (parked === undefined) return stored;
  for (const [id, message] of Object.entries(parked)) port.attach(`${PARKED}${id}`, message);
  const [waitsFor] = Object.keys(parked);
  return waitsFor === undefined ? state : { ...state, waitsFor };
}

/** The node was started again with this task unfinished; or it is a fork, and begins where another was. */
function resumed(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const { boot, forkOf, checkpoint } = event;
  const data = forkOf === undefined ? { boot } : { forkOf, checkpoint };
  return log(state, port, [{ kind: 'task.resumed', data }], state.phase);
}

function signal(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  if (!isAwaited(awaitsOf(port.input as TaskStart, state), (event['event'] as ActorEvent).type)) {
    port.send(state.child, event);
    return state;
  }
  const { signals, numbered } = keepSignal(state.signals, event, port);
  port.send(state.child, numbered);
  return { ...state, signals };
}

/** A step of the task waits for a signal. */
function signalWanted(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  return withSignals(state, offerSignal(state.signals, String(event['name']), String(event['by']), port));
}

function signalTaken(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  return withSignals(state, letGoOfSignal(state.signals, Number(event['number']), port));
}

function withSignals(state: TaskState, signals: KeptSignals | undefined): TaskState {
  return signals === undefined || signals === state.signals ? state : { ...state, signals };
}

function cancel(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  const reason = event['reason'] as string | undefined;
  const message = reason === undefined ? 'The task was canceled.' : `The task was canceled: ${reason}`;
  return leave(state, port, { status: 'canceled', error: new OperatingError('CANCELED', message).toBody() });
}

function deadline(state: TaskState, _event: ActorEvent, port: CellPort): TaskState {
  const message = 'The deadline of the task passed before its work was done.';
  return leave(state, port, { status: 'failed', error: new OperatingError('DEADLINE_EXCEEDED', message).toBody() });
}

/** How long its flow may take to undo what it did; undefined where there is nothing that it could undo. */
function undoLimit(state: TaskState, port: CellPort): number | undefined {
  return state.awaits === undefined ? (port.input as TaskStart).flow?.compensationMs : state.compensationMs;
}

/** Ends it at once, or as soon as its flow has undone what it did. */
function leave(state: TaskState, port: CellPort, ending: NonNullable<TaskState['ending']>): TaskState {
  const limitMs = undoLimit(state, port);
  if (limitMs === undefined) {
    port.stopChild(state.child);
    return end({ ...state, phase: ending.status }, port, [], ending);
  }
  // It ends already, for the reason that came first.
  if (state.undoingMs !== undefined) return state;
  port.send(state.child, { type: 'flow.cancel', error: ending.error });
  const next = { ...undoing(state, port, limitMs), ending };
  return log(next, port, [], next.phase);
}

/** The flow should have ended by itself: it may not be loaded. */
function undoingTooLong(state: TaskState, _event: ActorEvent, port: CellPort): TaskState {
  if (state.undoingMs === undefined) return state;
  port.stopChild(state.child);
  const message = 'The workflow did not say what became of undoing what it had done.';
  const { status, error } = state.ending ?? {
    status: 'failed',
    error: new OperatingError('DEADLINE_EXCEEDED', message).toBody(),
  };
  return end({ ...state, phase: status }, port, [], { status, error: notUndone(error) });
}

function childDone(before: TaskState, event: ActorEvent, port: CellPort): TaskState {
  if (event['address'] !== before.child) return before;
  const outcome = event['output'] as FlowOutcome;
  const { usage } = outcome;
  const state: TaskState = usage === undefined ? before : { ...before, spent: addUsage(before.spent, usage) };
  const degraded =
    outcome.degraded === undefined || outcome.degraded.length === 0 ? {} : { degraded: outcome.degraded };
  if (outcome.ok)
    return end({ ...state, phase: 'completed' }, port, outcome.events, {
      status: 'completed',
      output: outcome.output,
      ...degraded,
    });
  const { status } = state.ending ?? { status: 'failed' };
  return end({ ...state, phase: status }, port, outcome.events, { status, error: outcome.error, ...degraded });
}

function childFailed(state: TaskState, event: ActorEvent, port: CellPort): TaskState {
  if (event['address'] !== state.child) return state;
  const failure = event['error'] as ErrorBody;
  const error = undoLimit(state, port) === undefined ? failure : notUndone(failure);
  const { status } = state.ending ?? { status: 'failed' };
  return end({ ...state, phase: status }, port, [], { status, error });
}

/** The flow is gone, and with it the knowledge of what it had done. */
function notUndone(error: ErrorBody): ErrorBody {
  const compensation =
    'The workflow could not go on: what it had done may not be undone. The log of the task says what that is.';
  return { ...error, details: { ...(error.details as object | undefined), compensation } };
}

const END_KINDS = { completed: 'task.completed', failed: 'task.failed', canceled: 'task.canceled' } as const;

function end(
  state: TaskState,
  port: CellPort,
  before: readonly EventDraft[],
  how: Pick<TaskResult, 'output' | 'error' | 'degraded'> & { readonly status: keyof typeof END_KINDS },
): TaskState {
  const usage = addUsage(state.spent, { steps: state.steps });
  const result: TaskResult = { ...how, usage, durationMs: Math.max(0, port.nowMs() - state.createdAtMs) };
  const data = how.error === undefined ? {} : { code: how.error.code, message: how.error.message };
  return log(unburdened(state), port, [...before, { kind: END_KINDS[how.status], data }], how.status, result);
}

/** The state without what it waited for. Most wait for nothing, and a copy without fields costs several times a whole one. */
function unburdened(state: TaskState): TaskState {
  const { waiting, waitsFor, parked, undoingMs, ending } = state;
  if ((waiting ?? waitsFor ?? parked ?? undoingMs ?? ending) === undefined) return state;
  const { waiting: _over, waitsFor: _what, parked: _open, undoingMs: _undone, ending: _how, ...rest } = state;
  return rest;
}
