/** What a schedule knows of itself, and the rows that list it. */
import type { ErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { ScheduleSpec } from '../../protocol/schedules.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import { submissionOf } from '../session-frames.ts';
import type { Submission } from '../desk.ts';

/** Why a run is there: its time came; its time was missed; someone asked for it. */
export type RunCause = 'time' | 'missed' | 'trigger';

/** A run that is to be started. */
export interface DueRun {
  /** The time that it is for, in ms since the epoch. */
  readonly atMs: number;
  readonly by: RunCause;
}

/** A run that is under way. */
export interface RunningTask {
  readonly task: string;
  /** The monitor of its task. */
  readonly ref: string;
  readonly atMs: number;
}

/** What became of a run, or of several in a row that were skipped alike. Times in ms since the epoch. */
export interface RunLine {
  readonly at: number;
  readonly by: RunCause;
  readonly state: 'started' | 'skipped' | 'refused';
  readonly task?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** The last of those that were skipped. */
  readonly until?: number;
  /** How many were skipped, where that is known. */
  readonly count?: number;
  readonly code?: string;
  readonly message?: string;
}

/** The state of one schedule; its definition is a row beside it. */
export interface ScheduleState {
  readonly phase: 'absent' | 'active' | 'paused' | 'done' | 'removed';
  readonly principal: string;
  readonly createdAtMs: number;
  /** When it was last changed by a person. */
  readonly updatedAtMs: number;
  /** Intervals are counted from here. */
  readonly anchorMs: number;
  /** The next time, without jitter. */
  readonly nextAtMs?: number;
  /** When that was worked out, by the wall clock. */
  readonly plannedAtMs: number;
  readonly queue: readonly DueRun[];
  readonly running: readonly RunningTask[];
  /** The last runs, the newest first. */
  readonly runs: readonly RunLine[];
  /** Starts that the node had no room for, in a row. */
  readonly retries: number;
}

/** A schedule in a list. */
export interface ScheduleListing extends Omit<ScheduleSpec, 'task' | 'paused'> {
  readonly schedule: string;
  readonly principal: string;
  readonly state: 'active' | 'paused' | 'done';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly nextAt?: number;
  /** What it submits to; an inline graph by its name alone. */
  readonly target: Readonly<Record<string, unknown>>;
  readonly running: readonly { readonly task: string; readonly at: number }[];
  readonly queued: number;
  readonly runs: readonly RunLine[];
  /** When `nextAt` was worked out, and what intervals are counted from. */
  readonly plannedAt: number;
  readonly anchorAt: number;
}

/** The names of the rows: those that change with each run are apart from what they run. */
export const LISTING = 'listing';
export const SPEC = 'spec';

/** The rows of a schedule as it is; without a state: what removes them. */
export function listingRow(name: string, body: ScheduleListing | null): DefinitionWrite {
  return { kind: 'schedule', name: LISTING, version: name, body };
}

/** The row of what a schedule is. */
export function specRow(name: string, body: ScheduleSpec | null): DefinitionWrite {
  return { kind: 'schedule', name: SPEC, version: name, body };
}

/** A schedule as it is listed. */
export function listingOf(name: string, spec: ScheduleSpec, state: ScheduleState): ScheduleListing {
  const { task, paused: _paused, ...timing } = spec;
  const { phase, principal, createdAtMs, updatedAtMs, nextAtMs, plannedAtMs, anchorMs, running, queue, runs } = state;
  return {
    schedule: name,
    state: phase === 'paused' || phase === 'done' ? phase : 'active',
    ...timing,
    principal,
    createdAt: createdAtMs,
    updatedAt: updatedAtMs,
    ...(nextAtMs !== undefined && phase === 'active' && { nextAt: nextAtMs }),
    plannedAt: plannedAtMs,
    anchorAt: anchorMs,
    target: targetOf(submissionOf(task)),
    running: running.map(({ task: id, atMs }) => ({ task: id, at: atMs })),
    queued: queue.length,
    runs,
  };
}

function targetOf({ target }: Submission): ScheduleListing['target'] {
  const { graph } = target;
  if (graph === undefined) return { ...target };
  const { name } = graph as { readonly name?: unknown };
  return { graph: typeof name === 'string' ? name : true };
}

/** The runs with one more. Those that are skipped for the same reason, one after another, are one line. */
export function withRun(runs: readonly RunLine[], line: RunLine): readonly RunLine[] {
  const [last, ...older] = runs;
  const isAlike =
    last?.state === 'skipped' && line.state === 'skipped' && last.code === line.code && last.message === line.message;
  if (isAlike) {
    const { at, count, until: _until, ...rest } = last;
    const sum = count === undefined || line.count === undefined ? {} : { count: count + line.count };
    return [{ ...rest, at, until: line.until ?? line.at, ...sum }, ...older];
  }
  return [line, ...runs].slice(0, LIMITS.scheduleRunsKept);
}

/** The line of a run that was not started. */
export function refusedRun({ atMs, by }: DueRun, { code, message }: ErrorBody): RunLine {
  return { at: atMs, by, state: 'refused', code, message };
}
