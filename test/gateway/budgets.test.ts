/** Budgets and kept results as clients meet them: over REST, over the socket, and in the metrics. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { type Rig, startRig } from './rig.ts';

const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  cost: { usd: 0.02, tokens: 50 },
  run: ({ input, ctx }) => {
    ctx.budget.spend({ usd: 0.01, tokensIn: 5, tokensOut: 7 });
    return input;
  },
});
const keeper = (name: string) =>
  defineAgent({ name, version: '1.0.0', cost: { usd: 0.5 }, cache: {}, run: ({ input }) => ({ input }) });

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ agents: [payer, keeper('keeper'), keeper('other')] });
});
afterAll(async () => await rig.stop());

const TASKS = '/api/v1/tasks?wait=10';

describe('A budget', () => {
  it('is given over REST, kept to, and shown with what was used', async () => {
    const budget = { usd: 0.05, tokens: 100, timeMs: 60_000, onExceed: ['stop'] };
    const { json } = await rig.send('POST', TASKS, { agent: 'payer', input: 1, options: { budget } });
    expect(json).toMatchObject({ status: 'completed', usage: { usd: 0.01, tokensIn: 5, tokensOut: 7, steps: 1 } });
    const { json: view } = await rig.get(`/api/v1/tasks/${String(json['task'])}`);
    expect(view).toMatchObject({
      budget: { usd: 0.05, tokens: 100, timeMs: 60_000 },
      result: { usage: { usd: 0.01 } },
    });
    const over = await rig.send('POST', TASKS, { agent: 'payer', options: { budget: { usd: 0.01 } } });
    expect(over.json).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED', retryable: false, details: { exceeded: ['usd'] } },
    });
    const wrong = await rig.send('POST', TASKS, { agent: 'payer', options: { budget: { usd: -1 } } });
    expect([wrong.status, wrong.json['code']]).toEqual([422, 'INVALID_INPUT']);
  });

  it('is given over the socket, and each attempt says there what it reserved', async () => {
    const wire = await rig.open();
    const task = await wire.submit({ agent: 'payer', options: { budget: { usd: 0.05, steps: 2 } } });
    const result = await wire.result(task);
    const [reserved] = wire.events(task).filter(({ kind }) => kind === 'budget.reserved');
    expect(reserved).toMatchObject({
      data: { step: 'main', attempt: 1, reserved: { usd: 0.02, steps: 1 }, left: { usd: 0.03, steps: 1 } },
    });
    expect(result).toMatchObject({ usage: { usd: 0.01, steps: 1 } });
  });

  it('is counted in the metrics', async () => {
    const { text } = await rig.get('/metrics');
    expect(text).toMatch(/^troupe_budget_exceeded_total\{policy="stop"\} 1$/m);
    expect(text).toMatch(/^troupe_task_cost_usd_total 0\.02$/m);
    expect(text).toMatch(/^troupe_task_tokens_total\{direction="out"\} 14$/m);
  });
});

describe('Kept results', () => {
  it('are shown by agent, in pages, with what they have saved, and dropped', async () => {
    for (const agent of ['keeper', 'keeper', 'other']) await rig.send('POST', TASKS, { agent, input: 1 });
    const { status, json } = await rig.get('/api/v1/cache?limit=1');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      ...{ entries: 2, entriesMax: 10_000, bytesMax: 256 * 1024 * 1024, cursor: 'keeper@1.0.0' },
      sinceStart: { hits: 1, misses: 2, evictions: 0, savedUsd: 0.5 },
      agents: [{ agent: 'keeper@1.0.0', entries: 1, hits: 1, savedUsd: 0.5 }],
    });
    const next = await rig.get(`/api/v1/cache?limit=1&cursor=${encodeURIComponent(String(json['cursor']))}`);
    expect(next.json).toMatchObject({ agents: [{ agent: 'other@1.0.0', hits: 0 }], cursor: null });
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_cache_hits_total 1$/m);
    expect((await rig.send('DELETE', '/api/v1/cache?agent=keeper')).json).toEqual({ dropped: 1 });
    expect((await rig.send('DELETE', '/api/v1/cache?agent=keeper')).json).toEqual({ dropped: 0 });
    expect((await rig.send('DELETE', '/api/v1/cache?agent=no%20name')).status).toBe(422);
    expect((await rig.send('DELETE', '/api/v1/cache')).json).toEqual({ dropped: 1 });
    expect((await rig.get('/api/v1/cache')).json).toMatchObject({ entries: 0, bytes: 0, agents: [] });
  });

  it('are not taken where a task does not want them', async () => {
    await rig.send('POST', TASKS, { agent: 'keeper', input: 2 });
    const { json } = await rig.send('POST', TASKS, { agent: 'keeper', input: 2, options: { cache: false } });
    expect(json).toMatchObject({ usage: { usd: 0.5, steps: 1 } });
  });
});
