import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../../runtime/metrics.ts';
import type { World } from '../../runtime/world.ts';
import { failure, JOBS, makePool, until, untilThere, useRig, world } from './workers-rig.ts';

const rig = useRig();

describe('a job in a worker thread', () => {
  it('gets its input and gives its output, with all that can be cloned', async () => {
    const value = {
      text: 'ü',
      list: [1, null, undefined],
      big: 10n,
      date: new Date(5),
      map: new Map([[1, new Set(['a'])]]),
      bytes: new Uint8Array([1, 2]),
    };
    expect(await rig.pool.run({ module: JOBS, input: value })).toEqual(value);
    expect(await rig.pool.run({ module: JOBS })).toBeUndefined();
  });

  it('starts a thread only when there is work, and uses it again, with its module loaded once', async () => {
    expect(rig.pool.figures()).toEqual({
      queued: 0,
      running: 0,
      threads: 0,
      completed: 0,
      failed: 0,
      killed: 0,
      crashed: 0,
      stuck: 0,
    });
    const first = await rig.call('whoAmI');
    const second = await rig.call('whoAmI');
    expect(second).toEqual({ ...(first as object), calls: 2 });
    expect(rig.pool.figures()).toMatchObject({ threads: 1, completed: 2, running: 0 });
  });

  it('sees nothing of the environment, where the secrets are', async () => {
    expect(await rig.call('whoAmI')).toMatchObject({ env: [] });
  });

  it('can be any function of any module: a path, a URL, JavaScript or TypeScript', async () => {
    writeFileSync(
      join(rig.folder, 'a.mjs'),
      'export const run = (x) => x + 1; export const two = async (x) => x + 2; export default (x) => x + 3;',
    );
    writeFileSync(join(rig.folder, 'b.ts'), 'export function run(x: number): number { return x * 2; }');
    expect(await rig.pool.run({ module: join(rig.folder, 'a.mjs'), input: 1 })).toBe(2);
    expect(await rig.pool.run({ module: join(rig.folder, 'a.mjs'), name: 'two', input: 1 })).toBe(3);
    expect(await rig.pool.run({ module: join(rig.folder, 'a.mjs'), name: 'default', input: 1 })).toBe(4);
    expect(await rig.pool.run({ module: join(rig.folder, 'b.ts'), input: 4 })).toBe(8);
  });

  it('runs beside others, as many as there are threads', async () => {
    await rig.remake({ threadsMax: 2 });
    const ids = await Promise.all([rig.call('spin', { ms: 300 }), rig.call('spin', { ms: 300 })]);
    expect(new Set(ids).size).toBe(2);
  });

  it('may come in any number up to the bound, and all are done', async () => {
    await rig.remake({ threadsMax: 2, queueMax: 500 });
    const jobs = Array.from({ length: 500 }, (_, index) => rig.pool.run({ module: JOBS, input: index }));
    expect(await Promise.all(jobs)).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(rig.pool.figures()).toMatchObject({ completed: 500, queued: 0, running: 0 });
  });
});

describe('a job that fails', () => {
  // These leave their thread alive: one pool serves them all.
  const shared = makePool();
  const call = (name: string, input?: unknown): Promise<unknown> => shared.run({ module: JOBS, name, input });
  afterAll(() => shared.stop(0));

  it.each([
    ['plain', { code: 'AGENT_FAILED', message: 'out of range', retryable: true }],
    ['coded', { code: 'RATE_LIMITED', message: 'slow down', retryable: true, retryAfterMs: 70, details: { by: 'me' } }],
    ['duck', { code: 'NOT_FOUND', message: 'quack', retryable: false }],
    ['foreign code', { code: 'AGENT_FAILED', message: 'no file', retryable: true }],
    ['text', { code: 'AGENT_FAILED', message: 'just text', retryable: true }],
    ['nothing', { code: 'AGENT_FAILED', message: 'undefined', retryable: true }],
    ['bare', { code: 'AGENT_FAILED', message: 'The job threw something that cannot be read.', retryable: true }],
    ['long', { code: 'AGENT_FAILED', message: 'x'.repeat(2000), retryable: true }],
  ])('with something %s comes back coded, without its stack', async (how, body) => {
    const error = await failure(call('fail', { how }));
    expect(error.toBody()).toEqual(body);
    expect(shared.figures()).toMatchObject({ threads: 1, crashed: 0, killed: 0 });
  });

  it.each([
    ['function', 'cannot cross'],
    ['large', 'more than 16777216'],
    ['deep', ''],
  ])('to give an output that can cross is refused: %s', async (how, words) => {
    const error = await failure(call('fail', { how }));
    expect(error.code).toBe('INVALID_OUTPUT');
    expect(error.message).toContain(words);
    expect(await call('run', 1)).toBe(1);
  });

  it.each([
    ['a function', () => 1],
    ['something too large', 'x'.repeat(17 * 1024 * 1024)],
  ])('to be given an input that can cross is refused: %s', async (_what, input) => {
    expect((await failure(rig.pool.run({ module: JOBS, input }))).code).toBe('INVALID_INPUT');
    expect(rig.pool.figures().threads).toBe(0);
  });

  it('to name a function that is there is told so', async () => {
    expect((await failure(call('nobody'))).code).toBe('NOT_FOUND');
    expect((await failure(call('notAFunction'))).message).toContain('exports no function named "notAFunction"');
    expect((await failure(call('toString'))).code).toBe('NOT_FOUND');
    expect(await failure(rig.pool.run({ module: join(rig.folder, 'none.mjs') }))).toMatchObject({
      code: 'AGENT_FAILED',
      retryable: false,
    });
    for (const module of ['piscina', './x.ts', 'https://x/y.js', 'data:text/javascript,export const run = 1']) {
      expect((await failure(rig.pool.run({ module }))).code).toBe('INVALID_INPUT');
    }
  });
});

describe('a job that is done', () => {
  it('that has not begun by its deadline never begins, and one that runs then is ended', async () => {
    let nowMs = 1_000;
    let atDeadline = (): void => {};
    const after: World['after'] = (delayMs, fn) => {
      if (delayMs !== 300) return world.after(delayMs, fn);
      atDeadline = fn;
      return () => {};
    };
    await rig.remake({ world: { ...world, nowMs: () => nowMs, after } });
    const path = join(rig.folder, 'marks');
    const first = failure(rig.call('spinAndMark', { path }, { deadlineAtMs: 1_300 }));
    const late = failure(rig.call('run', 1, { deadlineAtMs: 1_250 }));
    const inTime = rig.call('run', 2, { deadlineAtMs: 60_000 });
    await untilThere(path);
    nowMs = 1_300;
    atDeadline();
    const { code, message } = await first;
    expect([code, message]).toEqual(['DEADLINE_EXCEEDED', expect.stringContaining('deadline')]);
    expect((await late).code).toBe('DEADLINE_EXCEEDED');
    expect(await inTime).toBe(2);
    expect(rig.pool.figures()).toMatchObject({ killed: 1, completed: 1 });
    expect((await failure(rig.call('run', 3, { deadlineAtMs: 1_300 }))).code).toBe('DEADLINE_EXCEEDED');
  });

  it('leaves no listener on its signal and no timer behind', async () => {
    const limits = new Set<symbol>();
    const counting: World['after'] = (delayMs, fn) => {
      const timer = Symbol('timer');
      if (delayMs === 54_321) limits.add(timer);
      const cancel = world.after(delayMs, fn);
      return () => {
        limits.delete(timer);
        cancel();
      };
    };
    await rig.remake({ world: { ...world, after: counting } });
    const ending = new AbortController();
    const job = rig.call('run', 1, { signal: ending.signal, timeoutMs: 54_321 });
    expect(getEventListeners(ending.signal, 'abort')).toHaveLength(1);
    await until(() => limits.size === 1);
    await job;
    expect(getEventListeners(ending.signal, 'abort')).toHaveLength(0);
    expect(limits.size).toBe(0);
  });
});

describe('the bounds of the pool', () => {
  it('answer BUSY with a time to come back once the queue is full, and take nothing on', async () => {
    await rig.remake({ queueMax: 2 });
    const ending = new AbortController();
    const jobs = [1, 2, 3].map(() => rig.call('spin', { ms: 20_000 }, { signal: ending.signal }).catch(() => 'ended'));
    const error = await failure(rig.call('run'));
    expect(error).toMatchObject({ code: 'BUSY', retryable: true });
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(50);
    await until(() => rig.pool.figures().running === 1);
    expect(rig.pool.figures().queued).toBe(2);
    expect((await failure(rig.call('run'))).code).toBe('BUSY');
    ending.abort();
    await Promise.all(jobs);
    expect(await rig.call('run', 1)).toBe(1);
  });

  it('hold without a queue at all', async () => {
    await rig.remake({ threadsMax: 2, queueMax: 0 });
    const jobs = [rig.call('spin', { ms: 200 }), rig.call('spin', { ms: 200 })];
    expect((await failure(rig.call('run'))).code).toBe('BUSY');
    await Promise.all(jobs);
    expect(await rig.call('run', 1)).toBe(1);
  });

  it('show in the metrics', async () => {
    const metrics = createMetrics({ world });
    await rig.remake({ metrics });
    const jobs = [1, 2, 3].map(() => rig.call('spin', { ms: 100 }));
    await until(() => rig.pool.figures().running === 1);
    expect(await metrics.render()).toContain('\ntroupe_worker_queue 2\n');
    await Promise.all(jobs);
    metrics.stop();
  });
});

describe('progress', () => {
  it('arrives while the job works, in order, and the last of it before the result', async () => {
    const seen: number[] = [];
    const atWork: number[] = [];
    const onProgress = (value: unknown): void => {
      seen.push((value as { index: number }).index);
      atWork.push(rig.pool.figures().running);
    };
    expect(await rig.call('count', { to: 12, gapMs: 30 }, { onProgress })).toBe('counted');
    expect(atWork[0]).toBe(1);
    expect(seen.at(0)).toBe(1);
    expect(seen.at(-1)).toBe(12);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('is thinned out when there is too much of it', async () => {
    const seen: number[] = [];
    await rig.call(
      'count',
      { to: 100_000, gapMs: 0 },
      { onProgress: (value) => seen.push((value as { index: number }).index) },
    );
    expect(seen.at(-1)).toBe(100_000);
    expect(seen.length).toBeLessThan(200);
  });

  it('that nobody wants, or that breaks its taker, does the job no harm', async () => {
    expect(await rig.call('count', { to: 5, gapMs: 0 })).toBe('counted');
    const onProgress = (): void => {
      throw new Error('no');
    };
    expect(await rig.call('count', { to: 5, gapMs: 0 }, { onProgress })).toBe('counted');
  });

  it('is taken as whoever gave the job, also where that had to wait for the job of another', async () => {
    const who = new AsyncLocalStorage<string>();
    const takers = new Set<string | undefined>();
    const onProgress = (): void => void takers.add(who.getStore());
    const jobs = ['first', 'second', 'third'].map((name) =>
      who.run(name, () => rig.call('count', { to: 3, gapMs: 0 }, { onProgress })),
    );
    await Promise.all(jobs);
    expect([...takers]).toEqual(['first', 'second', 'third']);
  });

  it.each(['function', 'large'])('that cannot cross fails the job: %s', async (how) => {
    expect((await failure(rig.call('progressBadly', { how }, { onProgress: () => {} }))).code).toBe('INVALID_OUTPUT');
  });
});
