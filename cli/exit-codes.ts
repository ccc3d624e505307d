/** How the command ends, for scripts that ask. */
import type { ErrorCode } from '../protocol/errors.ts';
import type { TaskStatus } from '../protocol/tasks.ts';

/** The exit codes of every verb. */
export const EXIT = { done: 0, failed: 1, usage: 2, waiting: 3, budget: 4, unavailable: 5, canceled: 6 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const USAGE_CODES: ReadonlySet<ErrorCode> = new Set([
  'INVALID_INPUT',
  'WORKFLOW_INVALID',
  'NO_AGENT',
  'IDEMPOTENCY_MISMATCH',
]);
const UNAVAILABLE_CODES: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'BUSY',
  'DRAINING',
  'RATE_LIMITED',
]);

/** The exit code for an error. */
export function exitCodeOfError(code: ErrorCode): ExitCode {
  if (USAGE_CODES.has(code)) return EXIT.usage;
  if (UNAVAILABLE_CODES.has(code)) return EXIT.unavailable;
  if (code === 'BUDGET_EXCEEDED') return EXIT.budget;
  if (code === 'CANCELED') return EXIT.canceled;
  return EXIT.failed;
}

/** The exit code for how a task stands. */
export function exitCodeOfTask(status: TaskStatus, error?: ErrorCode): ExitCode {
  if (status === 'completed' || status === 'submitted' || status === 'working') return EXIT.done;
  if (status === 'input-required') return EXIT.waiting;
  if (status === 'canceled') return EXIT.canceled;
  if (error === 'BUDGET_EXCEEDED') return EXIT.budget;
  return error === 'UNAVAILABLE' ? EXIT.unavailable : EXIT.failed;
}
