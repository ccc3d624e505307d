/** How a journaled call is repeated in its place, without a new attempt of the whole function. */
import type { ErrorBody } from '../protocol/errors.ts';

/** The pause before attempt n+1 is `backoffMs` × `factor`^(n-1), at most `maxBackoffMs`, less up to half of it at random. */
export interface CallRetry {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxBackoffMs: number;
  readonly jitter: boolean;
}

const DEFAULTS: CallRetry = { attempts: 1, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true };
/** More attempts than this are not made, whatever is asked for. */
const ATTEMPTS_MAX = 100;

/**
 * When to make a failed call again; undefined where it is not to be. What the error says of waiting (`retryAfterMs`) is
 * waited out at least, and nothing is planned behind the deadline.
 */
export function pauseAfter(
  error: ErrorBody,
  failures: number,
  given: Partial<CallRetry> | undefined,
  host: { nowMs(): number; random(): number; readonly deadlineAtMs: number | undefined },
): number | undefined {
  if (given === undefined || !error.retryable) return undefined;
  const retry = { ...DEFAULTS, ...given };
  if (failures + 1 >= Math.min(retry.attempts, ATTEMPTS_MAX)) return undefined;
  const fullMs = Math.min(retry.backoffMs * retry.factor ** failures, retry.maxBackoffMs);
  const pauseMs = Math.round(retry.jitter ? fullMs * (1 - host.random() / 2) : fullMs);
  const dueAtMs = host.nowMs() + Math.max(error.retryAfterMs ?? 0, pauseMs);
  return host.deadlineAtMs !== undefined && dueAtMs >= host.deadlineAtMs ? undefined : dueAtMs;
}
