/**
 * The three ends of a question: an answer; a refusal (`rejected`), by the asked or in its place; and no answer in time, which
 * leaves open what came of the message.
 */
import { CODES, type ErrorBody, isErrorCode, OperatingError } from '../protocol/errors.ts';
import type { ActorEvent } from '../runtime/host.ts';

/** What a refusal may say at most. */
const REFUSAL_CHARACTERS_MAX = 4_000;

/** TIMEOUT, with `details.outcome` `unknown`. */
export function unanswered(who: string, timeoutMs: number): OperatingError {
  const message = `${who} did not answer within ${timeoutMs} ms. The message may still be handled.`;
  return new OperatingError('TIMEOUT', message, { details: { outcome: 'unknown' } });
}

/**
 * The error in a message `rejected`. An agent may send one of its own: {`error`: {`code`?, `message`?, `retryable`?, `details`?}}
 * or {`error`: words}; without a code of the table it is AGENT_FAILED, not retryable.
 */
export function refusalIn(event: ActorEvent, who: string): ErrorBody {
  const given = event['error'];
  const { code, message, retryable, retryAfterMs, details } = (
    typeof given === 'object' && given !== null ? given : { message: given }
  ) as Readonly<Record<string, unknown>>;
  const known = isErrorCode(code) ? code : 'AGENT_FAILED';
  const words = typeof message === 'string' && message !== '' ? message : `${who} refused the message.`;
  return {
    code: known,
    message: words.slice(0, REFUSAL_CHARACTERS_MAX),
    retryable: typeof retryable === 'boolean' ? retryable : isErrorCode(code) && CODES[known].retryable,
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    ...(details !== undefined && { details }),
  };
}
