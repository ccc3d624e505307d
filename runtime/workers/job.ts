/**
 * What the pool and its threads say to each other, and how values cross: packed by V8's serializer on one side, unpacked on
 * the other, so that their size is known and bounded and what cannot cross is refused where it is made.
 *
 * Functions, symbols, shared memory, ports and live handles do not cross; class instances arrive as plain objects.
 */
import type { MessagePort } from 'node:worker_threads';
import { deserialize, serialize } from 'node:v8';
import type { ErrorBody, ErrorCode } from '../../protocol/errors.ts';
import { OperatingError } from '../../protocol/errors.ts';

/** What a function that runs in a worker thread gets beside its input. */
export interface WorkerContext {
  /**
   * Tells the caller how far the work is. Cheap to call often: at most 20 values a second are passed on, and always the last
   * one. Errors: INVALID_OUTPUT for a value that cannot cross or is larger than 16 KiB packed.
   */
  progress(value: unknown): void;
  readonly threadId: number;
}

/** A function that can be named in `WorkerPool.run`. It may be async. */
export type WorkerFunction = (input: never, context: WorkerContext) => unknown;

/** Pool → thread. */
export interface JobRequest {
  readonly module: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly outputBytesMax: number;
  readonly progressPort?: MessagePort;
}

/** Thread → pool: what came of the job, and what the thread holds now, garbage included, in MiB. */
export type JobReply = JobEnd & { readonly heldMib: number };

/** The stack is for the log of the node alone. */
export type JobEnd =
  | { readonly ok: true; readonly output: Uint8Array }
  | { readonly ok: false; readonly error: ErrorBody; readonly stack: string };

/** Packs a value to cross. Errors: `code`, for what cannot cross (`what` names it) or is larger than `bytesMax`. */
export function packValue(value: unknown, what: string, bytesMax: number, code: ErrorCode): Uint8Array {
  let packed: Uint8Array;
  try {
    packed = serialize(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingError(code, `${what} cannot cross between threads: ${reason}`, { cause });
  }
  if (packed.byteLength > bytesMax) {
    const message = `${what} has ${packed.byteLength} bytes packed, more than ${bytesMax}; pass a file or a part of it instead.`;
    throw new OperatingError(code, message);
  }
  return packed;
}

/** The value that was packed. */
export function unpackValue(packed: Uint8Array): unknown {
  return deserialize(packed);
}
