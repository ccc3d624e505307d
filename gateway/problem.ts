/** Errors as HTTP answers them: `application/problem+json` (RFC 9457) with the code of the product. */
import { STATUS_CODES } from 'node:http';
import { CODES, type ErrorBody } from '../protocol/errors.ts';
import { writeJson } from '../protocol/json-writer.ts';
import { NODE_FRAME } from '../protocol/limits.ts';

/** The media type of every error. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** One error as it is sent. `detail` is the message of the error, `title` what its code means. */
export interface Problem extends Omit<ErrorBody, 'message'> {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path that was asked for. */
  readonly instance?: string;
}

/** `status`: where HTTP itself has a more fitting one than the table of codes. */
export function problemOf(error: ErrorBody, instance: string | undefined, status?: number): Problem {
  const { message, ...rest } = error;
  return {
    type: `urn:troupe:error:${error.code}`,
    title: CODES[error.code].means,
    status: status ?? CODES[error.code].httpStatus,
    detail: message,
    ...rest,
    ...(instance !== undefined && { instance }),
  };
}

/** The header that says when to try again, in whole seconds, where the error knows. */
export function retryHeaders(error: ErrorBody): Readonly<Record<string, string>> {
  return error.retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(error.retryAfterMs / 1000)) };
}

/** A whole answer for a connection that has no response object: it is refused before there is one, and ends with it. */
export function rawProblem(problem: Problem): string {
  const body = writeJson(problem, NODE_FRAME);
  const headers = {
    ...retryHeaders({ ...problem, message: problem.detail }),
    Connection: 'close',
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}
