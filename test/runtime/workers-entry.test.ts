import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { runJob } from '../../runtime/workers/entry.ts';
import { packValue, unpackValue } from '../../runtime/workers/job.ts';
import { ProgressSender, takeProgress } from '../../runtime/workers/progress.ts';
import { createWorld } from '../../runtime/world.ts';

const module = new URL('./workers-jobs.ts', import.meta.url).href;

function request(name: string, input: unknown, outputBytesMax = 1e6) {
  return { module, name, input: packValue(input, 'x', 1e6, 'INVALID_INPUT'), outputBytesMax };
}

describe('what runs in a thread', () => {
  it('answers with the packed output', async () => {
    const reply = await runJob(request('run', { a: [1] }));
    expect(reply.ok && unpackValue(reply.output)).toEqual({ a: [1] });
  });

  it('answers with a code and, apart from it, the stack', async () => {
    const reply = await runJob(request('fail', { how: 'plain' }));
    expect(reply).toMatchObject({
      ok: false,
      error: { code: 'AGENT_FAILED', message: 'out of range', retryable: true },
    });
    expect(!reply.ok && reply.stack).toContain('workers-jobs');
    expect(JSON.stringify(!reply.ok && reply.error)).not.toContain('workers-jobs');
  });

  it('keeps details of coded errors alone, and only those that can cross', async () => {
    const details = async (how: string): Promise<unknown> => {
      const reply = await runJob(request('fail', { how }));
      return reply.ok ? 'no error' : reply.error.details;
    };
    expect(await details('coded')).toEqual({ by: 'me' });
    expect(await details('duck')).toBeUndefined();
    expect(await details('foreign code')).toBeUndefined();
  });

  it('refuses an output over the bound it was given', async () => {
    const reply = await runJob(request('run', 'x'.repeat(200), 100));
    expect(reply).toMatchObject({ ok: false, error: { code: 'INVALID_OUTPUT', retryable: false } });
  });

  it('passes on progress and closes its port', async () => {
    const seen: unknown[] = [];
    const taker = takeProgress(
      (value) => seen.push(value),
      () => {},
    );
    const closed = new Promise((resolve) => taker.far.on('close', resolve));
    const reply = await runJob({ ...request('count', { to: 3, gapMs: 0 }), progressPort: taker.far });
    taker.end();
    await closed;
    expect(reply.ok && unpackValue(reply.output)).toBe('counted');
    expect(seen).toEqual([{ index: 1 }, { index: 3 }]);
  });
});

describe('progress', () => {
  it('is sent at most every 50 ms, the newest value each time, the last one always', async () => {
    let nowMs = 1000;
    let due: (() => void) | undefined;
    const world = {
      ...createWorld(),
      monotonicMs: () => nowMs,
      after: (delayMs: number, fn: () => void) => {
        expect(delayMs).toBe(40);
        due = fn;
        return () => {
          due = undefined;
        };
      },
    };
    const { port1, port2 } = new MessageChannel();
    const seen: unknown[] = [];
    port1.on('message', (packed: Uint8Array) => seen.push(unpackValue(packed)));
    const sender = new ProgressSender(port2, world);
    sender.put(1);
    nowMs += 10;
    sender.put(2);
    sender.put(3);
    nowMs += 40;
    due?.();
    expect(due).toBeUndefined();
    nowMs += 10;
    sender.put(4);
    sender.put(5);
    sender.end();
    await vi.waitFor(() => expect(seen).toEqual([1, 3, 5]));
    expect(due).toBeUndefined();
  });
});
