/** The rows that list a schedule, in the epoch of each turn that changes it. */
import type { ScheduleSpec } from '../../protocol/schedules.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { Submission } from '../desk.ts';
import { submissionOf } from '../session-frames.ts';
import type { RunLine } from './schedule-run.ts';
import type { ScheduleState } from './schedule-state.ts';

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

/** The name of the rows that change with each run: a list of their own, by the names of schedules. */
export const LISTING = 'listing';
/** The name of those that say what is run. */
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
