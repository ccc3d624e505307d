/** The first line of a task's log: what was asked for. */
import type { TaskTarget } from '../protocol/tasks.ts';
import type { TaskStart } from './task.ts';

/** What it says. */
export function submittedData({ target, replayOf, follows }: TaskStart): Readonly<Record<string, unknown>> {
  return {
    target: describeTarget(target),
    ...(replayOf !== undefined && { replayOf }),
    ...(follows !== undefined && { follows }),
  };
}

/** The target as the log shows it: an inline graph by its name alone. */
function describeTarget(target: TaskTarget): Readonly<Record<string, unknown>> {
  if (target.graph === undefined) return { ...target };
  const name = (target.graph as { readonly name?: unknown }).name;
  return { graph: typeof name === 'string' ? name : true };
}
