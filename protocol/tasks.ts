/** A task as clients, the store and every room name it. */
// tidy-allow exports: one noun; its parts are named together wherever a task is stored, shown or run
import type { ErrorBody } from './errors.ts';
import type { Select } from './selection.ts';

/** A2A's status words. */
export const TASK_STATUSES = [
  'submitted',
  'working',
  'input-required',
  'completed',
  'failed',
  'canceled',
  'rejected',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

const TERMINAL: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'canceled', 'rejected']);

/** Whether a task with this status has ended. */
export function isTerminal(status: TaskStatus): boolean {
  return TERMINAL.has(status);
}

/** What can happen to a task, as its history names it. */
export const EVENT_KINDS = [
  'task.submitted',
  'task.planned',
  'task.started',
  'task.waiting',
  'task.resumed',
  'task.quarantined',
  'agent.selected',
  'step.started',
  'step.completed',
  'step.failed',
  'step.retried',
  'step.skipped',
  'step.degraded',
  'step.compensated',
  'task.chained',
  'effect.unknown',
  'effect.resolved',
  'approval.requested',
  'approval.resolved',
  'budget.reserved',
  'budget.exceeded',
  'task.completed',
  'task.failed',
  'task.canceled',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** One line of a task's history. `seq` is contiguous from 1; `at` is ms since the epoch. */
export interface TaskEvent {
  readonly seq: number;
  readonly at: number;
  readonly kind: EventKind;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a task was asked to do: exactly one field is set. */
export interface TaskTarget {
  readonly agent?: string;
  readonly capability?: string;
  readonly workflow?: string;
  readonly graph?: unknown;
  readonly goal?: string;
}

/** What may be done where the next attempt could go beyond a budget, in the order in which it is tried. */
export const BUDGET_POLICIES = ['cheaper', 'cache', 'ask', 'stop'] as const;
export type BudgetPolicy = (typeof BUDGET_POLICIES)[number];

/** What may be used up at most. What is not named is not limited. */
export interface TaskBudget {
  /** US dollars. */
  readonly usd?: number;
  /** Of models, in and out together. */
  readonly tokens?: number;
  /** Attempts of steps. */
  readonly steps?: number;
  /** The time that attempts take, added up; waiting between them is not counted. */
  readonly timeMs?: number;
  /** Default: `stop` alone. */
  readonly onExceed?: readonly BudgetPolicy[];
}

/** How a task is to be run. */
export interface TaskOptions {
  /** 0 to 9, higher first; 5 where none is given. */
  readonly priority?: number;
  readonly deadlineMs?: number;
  readonly budget?: TaskBudget;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cache?: boolean;
  /** How an agent is chosen for a capability; in a workflow, for steps that do not say it themselves. */
  readonly select?: Select;
}

/** What a task has used: money, model tokens, finished steps. */
export interface TaskUsage {
  readonly usd: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly steps: number;
}

/** A step that went wrong without failing its task. */
export interface Degradation {
  readonly step: string;
  readonly code: string;
  readonly message: string;
}

/** How a task ended. */
export interface TaskResult {
  readonly status: TaskStatus;
  readonly output?: unknown;
  readonly error?: ErrorBody;
  readonly degraded?: readonly Degradation[];
  readonly usage: TaskUsage;
  readonly durationMs: number;
}
