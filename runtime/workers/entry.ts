/**
 * Runs in each worker thread: loads the module of a job (once), calls its function, and sends back what it returned or why
 * it failed. It knows no module by name, so one pool serves all. It catches everything that the job throws; what it cannot
 * catch (an exit, a heap that is full, an error outside of the job) ends the thread, and the pool answers for it.
 */
import { getHeapStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';
import type { ErrorBody } from '../../protocol/errors.ts';
import { CODES, isErrorCode, OperatingError } from '../../protocol/errors.ts';
import { createWorld } from '../world.ts';
import type { JobEnd, JobReply, JobRequest, WorkerContext } from './job.ts';
import { packValue, unpackValue } from './job.ts';
import { ProgressSender } from './progress.ts';

const MESSAGE_CHARACTERS_MAX = 2000;
const STACK_CHARACTERS_MAX = 8000;
const MIB = 1024 * 1024;
const DETAILS_BYTES_MAX = 64 * 1024;

const world = createWorld();

/** One job, from request to reply. Never rejects. */
export async function runJob(request: JobRequest): Promise<JobReply> {
  const end = await endOf(request);
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  return { ...end, heldMib: (heap + buffers) / MIB };
}

async function endOf(request: JobRequest): Promise<JobEnd> {
  const progress = request.progressPort === undefined ? undefined : new ProgressSender(request.progressPort, world);
  try {
    const work = await loadFunction(request.module, request.name);
    const context: WorkerContext = { threadId, progress: (value) => progress?.put(value) };
    const output = await work(unpackValue(request.input), context);
    return { ok: true, output: packValue(output, 'The output', request.outputBytesMax, 'INVALID_OUTPUT') };
  } catch (error) {
    return { ok: false, error: describeError(error), stack: stackOf(error) };
  } finally {
    progress?.end();
  }
}

async function loadFunction(
  module: string,
  name: string,
): Promise<(input: unknown, context: WorkerContext) => unknown> {
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = await import(module);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingError('AGENT_FAILED', `The worker module ${module} cannot be loaded: ${reason}`, {
      cause,
      retryable: false,
    });
  }
  const work = Object.hasOwn(loaded, name) ? loaded[name] : undefined;
  if (typeof work === 'function') return work as (input: unknown, context: WorkerContext) => unknown;
  throw new OperatingError(
    'NOT_FOUND',
    `The worker module ${module} exports no function named ${JSON.stringify(name)}.`,
  );
}

/** A thrown thing keeps its code if it is one of the table's, whoever made its class; anything else is AGENT_FAILED. */
function describeError(error: unknown): ErrorBody {
  try {
    const thrown = typeof error === 'object' && error !== null ? (error as Readonly<Record<string, unknown>>) : {};
    const { message, retryable, retryAfterMs, details } = thrown;
    const given = thrown['code'];
    const code = isErrorCode(given) ? given : 'AGENT_FAILED';
    const body: ErrorBody = {
      code,
      message: (typeof message === 'string' ? message : String(error)).slice(0, MESSAGE_CHARACTERS_MAX),
      retryable: typeof retryable === 'boolean' ? retryable : CODES[code].retryable,
    };
    if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) body.retryAfterMs = retryAfterMs;
    return given === code ? { ...body, ...crossable(details) } : body;
  } catch {
    return {
      code: 'AGENT_FAILED',
      message: 'The job threw something that cannot be read.',
      retryable: CODES.AGENT_FAILED.retryable,
    };
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error && typeof error.stack === 'string' ? error.stack.slice(0, STACK_CHARACTERS_MAX) : '';
}

/** Details that can cross and are small; others are left out rather than the error with them. */
function crossable(details: unknown): { details?: unknown } {
  if (details === undefined) return {};
  try {
    return { details: unpackValue(packValue(details, 'The details', DETAILS_BYTES_MAX, 'INVALID_OUTPUT')) };
  } catch {
    return {};
  }
}
