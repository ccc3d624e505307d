/** What a schedule knows of itself. */
import type { DueRun, RunLine, RunningTask } from './schedule-run.ts';

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
