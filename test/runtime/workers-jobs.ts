// tidy-allow exports: each export is one job that the tests run in a thread
/** Functions that run in real worker threads for the tests of the pool. */
import { appendFileSync, readFileSync } from 'node:fs';
// tidy-allow test-sleep: a job that waits is what the pool is tested with
import { setTimeout as later } from 'node:timers/promises';
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkerContext } from '../../runtime/workers/job.ts';

let calls = 0;

export function run(input: unknown): unknown {
  return input;
}

export function whoAmI(_input: unknown, context: WorkerContext): unknown {
  calls += 1;
  return { threadId: context.threadId, calls, env: Object.keys(process.env) };
}

export function spin(input: { ms: number }, context: WorkerContext): number {
  const untilMs = performance.now() + input.ms;
  while (performance.now() < untilMs);
  return context.threadId;
}

/** Spins for ever, and leaves a mark in a file all the while. */
export function spinAndMark(input: { path: string }): never {
  for (;;) {
    appendFileSync(input.path, '.');
    const untilMs = performance.now() + 2;
    while (performance.now() < untilMs);
  }
}

export function hang(): Promise<never> {
  // tidy-allow test-sleep: a job that never ends keeps its thread alive by this
  return new Promise(() => setInterval(() => {}, 1000));
}

export function fillHeap(): never {
  const kept: unknown[] = [];
  for (;;) kept.push({ text: `${kept.length}`.padStart(100, 'x'), list: new Array(100).fill(kept.length) });
}

/** One array that grows: with V8's limit alone its next enlargement would end the whole process. */
export function growArray(): never {
  const kept: number[] = [];
  for (;;) kept.push(kept.length + 0.5);
}

export function fillBuffers(): never {
  const kept: Uint8Array[] = [];
  for (;;) kept.push(new Uint8Array(1_000_000).fill(1));
}

/** Holds more than its share for a moment, then less. */
export async function peak(input: { bytes: number; ms: number }): Promise<number> {
  let kept: Uint8Array | undefined = new Uint8Array(input.bytes).fill(1);
  await later(input.ms);
  const { byteLength } = kept;
  kept = undefined;
  return byteLength;
}

export function exit(input: { code: number }): never {
  process.exit(input.code);
}

export async function throwOutside(): Promise<never> {
  setImmediate(() => {
    throw new TypeError('from outside of the job');
  });
  return hang();
}

/** Reads a pipe that nobody writes to: a thread in this call cannot be ended from outside. */
export function readPipe(input: { path: string }): string {
  appendFileSync(`${input.path}.mark`, '.');
  return readFileSync(input.path, 'utf8');
}

export function fail(input: { how: string }): unknown {
  switch (input.how) {
    case 'plain':
      throw new RangeError('out of range');
    case 'coded':
      throw new OperatingError('RATE_LIMITED', 'slow down', { retryAfterMs: 70, details: { by: 'me' } });
    case 'duck':
      throw Object.assign(new Error('quack'), { code: 'NOT_FOUND', details: { fn: () => 1 } });
    case 'foreign code':
      throw Object.assign(new Error('no file'), { code: 'ENOENT', details: { secret: 1 } });
    case 'text':
      // oxlint-disable-next-line typescript/only-throw-error -- agents do such things
      throw 'just text';
    case 'nothing':
      // oxlint-disable-next-line typescript/only-throw-error -- agents do such things
      throw undefined;
    case 'bare':
      throw Object.create(null);
    case 'long':
      throw new Error('x'.repeat(100_000));
    case 'function':
      return () => 1;
    case 'large':
      return 'x'.repeat(17 * 1024 * 1024);
    case 'deep': {
      let deep: unknown = 1;
      for (let level = 0; level < 200_000; level += 1) deep = { deep };
      return deep;
    }
    default:
      return undefined;
  }
}

export async function count(input: { to: number; gapMs: number }, context: WorkerContext): Promise<string> {
  for (let index = 1; index <= input.to; index += 1) {
    context.progress({ index });
    if (input.gapMs > 0) await later(input.gapMs);
  }
  return 'counted';
}

export function progressBadly(input: { how: string }, context: WorkerContext): string {
  context.progress(input.how === 'function' ? () => 1 : 'x'.repeat(100_000));
  return 'not reached';
}

export const notAFunction = 5;
