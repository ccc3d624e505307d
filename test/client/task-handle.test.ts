import { describe, expect, it } from 'vitest';
import { TaskHandle, type TaskNews } from '../../client/task-handle.ts';

const line = (seq: number): TaskNews => ({ type: 'task.event', task: 'T', seq, at: 0, kind: 'step.started', data: {} });
const end = (seq: number): TaskNews => ({
  type: 'task.result',
  task: 'T',
  seq,
  status: 'completed',
  usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 0 },
  durationMs: 0,
});

describe('A handle', () => {
  it('leaves out lines that it has, and all after the end', async () => {
    const handle = new TaskHandle(2, 'T');
    for (const news of [line(1), line(2), line(3), line(3), line(4), end(5), line(6), end(7)]) handle.onNews(news);
    const seen: number[] = [];
    for await (const news of handle) if (news.type !== 'task.chunk') seen.push(news.seq);
    expect([seen, handle.seq]).toEqual([[3, 4, 5], 5]);
    expect(await handle.result()).toMatchObject({ seq: 5 });
  });

  it('tells a reader that is too far behind, and keeps the newest for one that has not begun', async () => {
    const late = new TaskHandle(0, 'T');
    for (let seq = 1; seq <= 10_005; seq++) late.onNews(line(seq));
    expect((await late.events().next()).value).toMatchObject({ seq: 6 });
    const slow = new TaskHandle(0, 'T');
    const reader = slow.events();
    slow.onNews(line(1));
    await reader.next();
    for (let seq = 2; seq <= 10_005; seq++) slow.onNews(line(seq));
    await expect(reader.next()).rejects.toMatchObject({ code: 'BUSY' });
  });

  it('gives a reader what came before the connection was lost for good, then the loss', async () => {
    const handle = new TaskHandle(0, 'T');
    handle.onNews(line(1));
    handle.onFailed(new TypeError('lost'));
    const reader = handle.events();
    expect((await reader.next()).value).toMatchObject({ seq: 1 });
    await expect(reader.next()).rejects.toThrow('lost');
    await expect(handle.result()).rejects.toThrow('lost');
  });
});
