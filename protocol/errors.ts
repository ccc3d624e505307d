/**
 * The one table of error codes, and the one class that carries them.
 *
 * Every failure a user can see has a code from this table. A code never changes its meaning. `docs/errors.md` explains
 * each to users, and a test proves that the two agree. Foreign errors are translated once, in the file that calls the
 * foreign library. Stacks never cross the wire.
 */

/** What a code means to HTTP and to a WebSocket. `closeCode` is set where the connection ends with the error. */
export interface CodeEntry {
  readonly httpStatus: number;
  readonly closeCode?: number;
  /** The default; an error may know better. */
  readonly retryable: boolean;
  readonly means: string;
}

/** The table. docs/errors.md says for each code why it happens and what to do next. */
export const CODES = {
  PROTOCOL_MALFORMED: {
    httpStatus: 400,
    retryable: false,
    means: 'The message is not valid MessagePack or JSON, or not a valid message.',
  },
  PROTOCOL_TOO_BIG: {
    httpStatus: 413,
    closeCode: 1009,
    retryable: false,
    means: 'The frame, body or a part of it is over its limit.',
  },
  PROTOCOL_VERSION: { httpStatus: 400, closeCode: 4406, retryable: false, means: 'No protocol version in common.' },
  UNKNOWN_TYPE: { httpStatus: 404, retryable: false, means: 'The message type or the route does not exist.' },
  INVALID_INPUT: {
    httpStatus: 422,
    retryable: false,
    means: 'A field is missing or wrong, or the input does not fit the schema of its agent.',
  },
  INVALID_OUTPUT: {
    httpStatus: 502,
    retryable: false,
    means: 'The agent returned something that does not fit its own output schema.',
  },
  NOT_FOUND: { httpStatus: 404, retryable: false, means: 'No such task, agent, workflow or other named thing.' },
  NOT_AVAILABLE: {
    httpStatus: 501,
    retryable: false,
    means: 'The surface names this, but this version does not have it.',
  },
  UNAUTHENTICATED: { httpStatus: 401, closeCode: 4401, retryable: false, means: 'Credentials are missing or wrong.' },
  FORBIDDEN: { httpStatus: 403, closeCode: 4403, retryable: false, means: 'The credentials do not allow this.' },
  RATE_LIMITED: { httpStatus: 429, closeCode: 4429, retryable: true, means: 'Too many messages in a short time.' },
  BUSY: {
    httpStatus: 429,
    retryable: true,
    means: 'A bound is reached (tasks in flight, a mailbox, the disk); nothing was taken on.',
  },
  DRAINING: {
    httpStatus: 503,
    closeCode: 1012,
    retryable: true,
    means: 'The node is stopping; send this elsewhere or later.',
  },
  STORE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    means: 'The store cannot be written or read now; nothing was acknowledged.',
  },
  STORE_CORRUPT: { httpStatus: 500, retryable: false, means: 'A stored record failed its checksum and was set aside.' },
  IDEMPOTENCY_MISMATCH: { httpStatus: 409, retryable: false, means: 'The idempotency key was used with another body.' },
  STATE_CONFLICT: {
    httpStatus: 409,
    retryable: false,
    means: 'The thing is not in a state (or at a version) that allows this.',
  },
  WORKFLOW_INVALID: {
    httpStatus: 422,
    retryable: false,
    means: 'The workflow graph has faults; details list each with its place.',
  },
  NO_AGENT: { httpStatus: 422, retryable: true, means: 'No registered agent has this name, version or capability.' },
  UNAVAILABLE: { httpStatus: 503, retryable: true, means: 'The breaker in front of it is open, or it is restarting.' },
  TIMEOUT: { httpStatus: 504, retryable: true, means: 'The work took longer than its time limit.' },
  DEADLINE_EXCEEDED: { httpStatus: 504, retryable: false, means: 'The deadline of the task or call has passed.' },
  CANCELED: { httpStatus: 409, retryable: false, means: 'It was canceled.' },
  BUDGET_EXCEEDED: {
    httpStatus: 402,
    retryable: false,
    means: 'The budget in money, tokens, steps or time is used up.',
  },
  LIVELOCK: {
    httpStatus: 500,
    retryable: false,
    means: 'The work repeated itself, or looped past its bound, without progress.',
  },
  AGENT_CRASHED: {
    httpStatus: 500,
    retryable: true,
    means: 'The agent broke outside of its own error handling (a throw in an action, a dead worker thread).',
  },
  AGENT_FAILED: { httpStatus: 500, retryable: true, means: 'The agent ended with an error of its own.' },
  EFFECT_UNKNOWN: {
    httpStatus: 409,
    retryable: false,
    means: 'An unsafe call may or may not have happened; a person must say.',
  },
  QUARANTINED: {
    httpStatus: 500,
    retryable: false,
    means: 'The message crashed its actor three times and was set aside.',
  },
  VERSION_MISMATCH: {
    httpStatus: 409,
    retryable: false,
    means: 'The stored state belongs to a version that is not loaded here.',
  },
  JOURNAL_MISMATCH: {
    httpStatus: 500,
    retryable: false,
    means: 'A resumed function asked for other journal entries than it recorded.',
  },
  UNSUPPORTED_LOGIC: {
    httpStatus: 422,
    retryable: false,
    means: 'The state machine holds something that cannot be kept over a restart.',
  },
  INTERNAL: { httpStatus: 500, retryable: false, means: 'A fault of the node itself; its log has more.' },
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof CODES;

/** An error as it crosses the wire and rests in the store. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  retryAfterMs?: number;
  details?: unknown;
}

/** What an error may say besides its code and words; `retryable` where it knows better than the table. */
export interface OperatingErrorOptions {
  retryable?: boolean;
  retryAfterMs?: number;
  details?: unknown;
  cause?: unknown;
}

/** An expected failure: it has a code, and says what happened, why, and what to do next. */
export class OperatingError extends Error {
  override readonly name = 'OperatingError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? CODES[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  toBody(): ErrorBody {
    const body: ErrorBody = { code: this.code, message: this.message, retryable: this.retryable };
    if (this.retryAfterMs !== undefined) body.retryAfterMs = this.retryAfterMs;
    if (this.details !== undefined) body.details = this.details;
    return body;
  }

  static fromBody(body: ErrorBody): OperatingError {
    return new OperatingError(body.code, body.message, body);
  }
}

/** Whether a string is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}

/**
 * The body of any thrown value. An OperatingError keeps its code; everything else becomes `fallback` with its message
 * and without its stack.
 */
export function toErrorBody(error: unknown, fallback: ErrorCode = 'INTERNAL'): ErrorBody {
  if (error instanceof OperatingError) return error.toBody();
  return { code: fallback, message: messageOf(error), retryable: CODES[fallback].retryable };
}

/** What was thrown may be anything, and say anything: also nothing, or throw something itself when it is asked. */
function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'Something was thrown that cannot be read.';
  }
}
