/** What went wrong, in words that fit into a line of a log or a list. */
import type { ErrorBody, ErrorCode } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

/** An error in short. */
export interface Note {
  readonly code: ErrorCode;
  readonly message: string;
}

/** An error as a note. */
export function noteOf({ code, message }: Pick<ErrorBody, 'code' | 'message'>): Note {
  return { code, message: shortened(message) };
}

/** Words that fit. */
export function shortened(text: string): string {
  const max = LIMITS.eventMessageCharactersMax;
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
