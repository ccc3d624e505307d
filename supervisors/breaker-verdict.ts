/**
 * What the end of one attempt says of the agent that made it, for its breaker. Pure.
 *
 *   failure   the agent cannot work at present: another attempt might go the same way
 *   success   it worked: it gave an output, or an answer in the form of an error that is not to be tried again
 *   neither   it says nothing of the agent: the input was wrong, somebody canceled, the node itself was busy
 */
import type { ErrorBody, ErrorCode } from '../protocol/errors.ts';

/** What an outcome counts as. */
export type Bearing = 'failure' | 'success' | 'neither';

/** Errors of the caller, of the node, or of what the agent is loaded with: no rest makes them better. */
const NEITHER: ReadonlySet<ErrorCode> = new Set([
  'INVALID_INPUT',
  'INVALID_OUTPUT',
  'CANCELED',
  'DEADLINE_EXCEEDED',
  'BUDGET_EXCEEDED',
  'BUSY',
  'DRAINING',
  'STORE_UNAVAILABLE',
  'NO_AGENT',
  'NOT_AVAILABLE',
  'VERSION_MISMATCH',
  'JOURNAL_MISMATCH',
  'EFFECT_UNKNOWN',
  'UNSUPPORTED_LOGIC',
]);

/** Of an attempt that ended with this error. */
export function bearingOf({ code, retryable }: ErrorBody): Bearing {
  if (NEITHER.has(code)) return 'neither';
  // Three crashes: that it is not to be delivered again says nothing good of the agent.
  return retryable || code === 'QUARANTINED' ? 'failure' : 'success';
}
