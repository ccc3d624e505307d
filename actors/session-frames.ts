/** What sessions and REST routes show of tasks and errors, and how a request becomes a submission. */
import type { TaskRequest } from '../protocol/client-messages.ts';
import { toErrorBody } from '../protocol/errors.ts';
import type { TaskResult } from '../protocol/tasks.ts';
import type { TaskRecord } from '../runtime/stores/store.ts';
import type { Submission } from './desk.ts';

/** The frame of an error; `re` is the id of the message it answers. */
export function errorFrame(error: unknown, re: string | undefined): object {
  return { type: 'error', ...(re !== undefined && { re }), ...toErrorBody(error) };
}

/** A task as `task.status` and pages show it. */
export function taskView(record: TaskRecord): object {
  const { id, status, seq, waiting, result, usage, options, limit } = record;
  const { onExceed: _policy, ...submitted } = options.budget ?? {};
  const budget = { ...submitted, ...limit };
  return {
    task: id,
    status,
    seq,
    ...(waiting !== undefined && { waiting }),
    ...(usage !== undefined && { usage }),
    ...(Object.keys(budget).length > 0 && { budget }),
    ...(result !== undefined && { result: resultView(result) }),
  };
}

/** A result without fields that are not set. */
export function resultView(result: TaskResult): object {
  const { status, output, error, degraded, usage, durationMs } = result;
  return {
    status,
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    ...(degraded !== undefined && { degraded }),
    usage,
    durationMs,
  };
}

/** What a request asks of the desk. */
export function submissionOf(request: TaskRequest): Submission {
  const { agent, capability, workflow, graph, goal, input, options, key } = request;
  const target = {
    ...(agent !== undefined && { agent }),
    ...(capability !== undefined && { capability }),
    ...(workflow !== undefined && { workflow }),
    ...(graph !== undefined && { graph }),
    ...(goal !== undefined && { goal }),
  };
  return { target, input, options: options ?? {}, ...(key !== undefined && { key }) };
}
