/** Short ways to say what is written of a task. */
import type { TaskEvent, TaskResult, TaskStatus } from '../../protocol/tasks.ts';
import type { TaskCreated, TaskRecord, TaskWrite } from '../../runtime/stores/store.ts';
import { NOW_MS } from './store-medium.ts';

/** What a task of the tests was asked. */
export function createdOf(changes: Partial<TaskCreated> = {}): TaskCreated {
  return {
    target: { agent: 'lab.echo' },
    input: { text: 'hello' },
    options: { labels: { run: 'one' } },
    principal: 'local',
    createdAtMs: NOW_MS,
    ...changes,
  };
}

/** Events from one seq to another. */
export function eventsOf(from: number, to: number): TaskEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    seq: from + i,
    at: NOW_MS + 10 * (from + i),
    kind: 'step.started',
    data: { step: `step-${from + i}` },
  }));
}

/** How a task of the tests ended. */
export function resultOf(status: TaskStatus, changes: Partial<TaskResult> = {}): TaskResult {
  return { status, usage: { usd: 0.01, tokensIn: 3, tokensOut: 4, steps: 1 }, durationMs: 12, ...changes };
}

/** The first write of a task, with its first events. */
export function begun(id: string, status: TaskStatus = 'submitted', events = 1, created = createdOf()): TaskWrite {
  return { id, created, progress: { status, seq: events, updatedAtMs: NOW_MS + 1 }, events: eventsOf(1, events) };
}

/** The only write of a task that ended in the epoch it began in. */
export function finished(id: string, status: TaskStatus = 'completed', created = createdOf()): TaskWrite {
  const progress = { status, seq: 4, updatedAtMs: NOW_MS + 9, result: resultOf(status, { output: { text: 'hello' } }) };
  return { id, created, progress, events: eventsOf(1, 4) };
}

/** A later write, with the events after `seq`. */
export function went(id: string, was: TaskStatus, status: TaskStatus, seq: number, events = 1): TaskWrite {
  const progress = { status, seq: seq + events, updatedAtMs: NOW_MS + 100 * seq };
  return { id, was, progress, events: eventsOf(seq + 1, seq + events) };
}

/** The record that the first write of a task, and perhaps a later one, should be read back as. */
export function recordOf(first: TaskWrite, last: TaskWrite = first): TaskRecord {
  return { id: first.id, ...(first.created as TaskCreated), ...last.progress };
}
