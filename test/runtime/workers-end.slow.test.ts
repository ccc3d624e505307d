import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { failure, until, untilThere, useRig, world } from './workers-rig.ts';

const rig = useRig();

describe('a job that is ended', () => {
  it('takes its spinning thread with it, and the next job gets another', async () => {
    const path = join(rig.folder, 'marks');
    const ending = new AbortController();
    const first = failure(rig.call('spinAndMark', { path }, { signal: ending.signal }));
    await untilThere(path);
    const next = rig.call('whoAmI');
    ending.abort();
    // Both would wait for ever otherwise: the job spins without end.
    expect((await first).code).toBe('CANCELED');
    expect(await next).toMatchObject({ calls: 1 });
    const { size } = statSync(path);
    await rig.call('spin', { ms: 50 });
    expect(statSync(path).size).toBe(size);
    expect(rig.pool.figures()).toMatchObject({ killed: 1, stuck: 0, threads: 1, crashed: 0 });
  });

  it('while it waits never runs, and leaves the one before it alone', async () => {
    const ending = new AbortController();
    const running = rig.call('spin', { ms: 200 });
    const waiting = failure(rig.call('spinAndMark', { path: join(rig.folder, 'marks') }, { signal: ending.signal }));
    ending.abort(new OperatingError('DEADLINE_EXCEEDED', 'too late'));
    expect(await waiting).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'too late' });
    expect(typeof (await running)).toBe('number');
    expect(rig.pool.figures()).toMatchObject({ killed: 0, completed: 1 });
  });

  it('before it was given never starts anything', async () => {
    expect((await failure(rig.call('run', 1, { signal: AbortSignal.abort() }))).code).toBe('CANCELED');
    expect(rig.pool.figures().threads).toBe(0);
  });

  it('over and over leaves the pool whole', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ending = new AbortController();
      const path = join(rig.folder, `marks-${round}`);
      const job = failure(rig.call('spinAndMark', { path }, { signal: ending.signal }));
      await untilThere(path);
      ending.abort();
      await job;
    }
    expect(await rig.call('run', 'still here')).toBe('still here');
    expect(rig.pool.figures()).toMatchObject({ killed: 5, stuck: 0, running: 0, queued: 0 });
  });

  it.each(['spin', 'hang'])('by its time limit answers TIMEOUT: %s', async (name) => {
    const error = await failure(rig.call(name, { ms: 60_000 }, { timeoutMs: 150 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(error.message).toContain('150 ms');
    expect(await rig.call('run', 1)).toBe(1);
  });

  it('has the time limit of the pool where it has none of its own', async () => {
    await rig.remake({ timeoutMs: 100 });
    expect((await failure(rig.call('hang'))).code).toBe('TIMEOUT');
  });

  it('is not hit by its limit or its signal once it is done', async () => {
    const ending = new AbortController();
    const first = (await rig.call('whoAmI', 0, { signal: ending.signal, timeoutMs: 5000 })) as { threadId: number };
    ending.abort();
    expect(await rig.call('whoAmI')).toMatchObject({ threadId: first.threadId });
    expect(rig.pool.figures().killed).toBe(0);
  });
});

describe('a thread that dies', () => {
  it.each([
    ['by an exit', 'exit', { code: 3 }, 'exit code 3'],
    ['by an error outside of the job', 'throwOutside', {}, 'from outside of the job'],
  ])('%s fails only its own job', async (_how, name, input, words) => {
    await rig.remake({ threadsMax: 2 });
    const beside = rig.call('spin', { ms: 400 });
    const error = await failure(rig.call(name, input));
    expect(error).toMatchObject({ code: 'AGENT_CRASHED', retryable: true });
    expect(error.message).toContain(words);
    expect(typeof (await beside)).toBe('number');
    expect(await rig.call('run', 1)).toBe(1);
    expect(rig.pool.figures()).toMatchObject({ crashed: 1, completed: 2 });
  });

  it.each(['fillHeap', 'growArray', 'fillBuffers'])(
    'of too much memory fails only its own job, and the process lives: %s',
    async (name) => {
      await rig.remake({ memoryMib: 32 });
      const error = await failure(rig.call(name));
      expect(error).toMatchObject({ code: 'AGENT_CRASHED', retryable: true });
      expect(error.message).toContain('may hold 32 MiB');
      expect(await rig.call('run', 1)).toBe(1);
      expect(rig.pool.figures()).toMatchObject({ crashed: 1, killed: 1, stuck: 0 });
    },
  );

  it('is not the answer to a short peak of memory, nor to what an earlier job left', async () => {
    await rig.remake({ memoryMib: 64 });
    const bytes = 80 * 1024 * 1024;
    for (let round = 0; round < 3; round += 1) expect(await rig.call('peak', { bytes, ms: 300 })).toBe(bytes);
    expect(rig.pool.figures()).toMatchObject({ completed: 3, killed: 0 });
  });

  it('is the answer to memory that is held for long', async () => {
    await rig.remake({ memoryMib: 64 });
    expect((await failure(rig.call('peak', { bytes: 80 * 1024 * 1024, ms: 60_000 }))).code).toBe('AGENT_CRASHED');
  });

  it('keeps its place until it is gone', async () => {
    const path = join(rig.folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const ending = new AbortController();
    const job = failure(rig.call('readPipe', { path }, { signal: ending.signal }));
    await untilThere(`${path}.mark`);
    ending.abort();
    await job;
    const next = rig.call('run', 'next');
    expect(rig.pool.figures()).toMatchObject({ queued: 1, running: 0, threads: 1 });
    await (await open(path, 'w')).close();
    expect(await next).toBe('next');
    expect(rig.pool.figures()).toMatchObject({ stuck: 0, threads: 1 });
  });

  it('and will not go is counted, written off, and no longer counted when it goes', async () => {
    const path = join(rig.folder, 'pipe');
    execFileSync('mkfifo', [path]);
    let deathMs: number | undefined;
    await rig.remake({
      world: { ...world, after: (delayMs, fn) => world.after(delayMs === 2000 ? (deathMs = 50) : delayMs, fn) },
    });
    const ending = new AbortController();
    const job = failure(rig.call('readPipe', { path }, { signal: ending.signal }));
    await untilThere(`${path}.mark`);
    ending.abort();
    expect((await job).code).toBe('CANCELED');
    await until(() => rig.pool.figures().stuck === 1);
    expect(deathMs).toBe(50);
    expect(await rig.call('run', 'another thread')).toBe('another thread');
    expect(rig.pool.figures()).toMatchObject({ stuck: 1, threads: 2 });
    await (await open(path, 'w')).close();
    await until(() => rig.pool.figures().threads === 1);
    const jobs = [rig.call('run', 1), rig.call('run', 2)];
    expect(rig.pool.figures()).toMatchObject({ running: 1, queued: 1 });
    expect(await Promise.all(jobs)).toEqual([1, 2]);
  });
});

describe('a pool that stops', () => {
  it('lets running work finish, refuses what waits and what comes', async () => {
    const running = rig.call('spin', { ms: 300 });
    await until(() => rig.pool.figures().running === 1);
    const waiting = failure(rig.call('run', 1));
    const stopped = rig.pool.stop(10_000);
    expect((await waiting).code).toBe('DRAINING');
    expect((await failure(rig.call('run', 1))).code).toBe('DRAINING');
    expect(typeof (await running)).toBe('number');
    await stopped;
    expect(rig.pool.figures()).toMatchObject({ threads: 0, running: 0, killed: 0 });
  });

  it('ends what takes too long', async () => {
    const path = join(rig.folder, 'marks');
    const running = failure(rig.call('spinAndMark', { path }));
    await untilThere(path);
    await rig.pool.stop(50);
    expect((await running).code).toBe('DRAINING');
    expect(rig.pool.figures()).toMatchObject({ threads: 0, killed: 1, stuck: 0 });
  });

  it('without ever having worked is stopped at once, and twice is the same as once', async () => {
    await Promise.all([rig.pool.stop(1000), rig.pool.stop(1000)]);
    expect(rig.pool.figures().threads).toBe(0);
  });
});
