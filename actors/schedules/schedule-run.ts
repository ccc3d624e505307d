/** The runs of a schedule: those that are to begin, those under way, and what became of them. */
import type { ErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

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
