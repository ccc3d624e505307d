/** Breakers on a node without doors, in a world that stands still: from the failures of agents to what waits, and back. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { breakerOf, fickle, killed, nodeOf, openIt, outcomeOf, willing } from '../support/fickle.ts';

/** Works as the other does, but never fails. */
const steady = defineAgent({ name: 'steady', version: '1.0.0', capabilities: ['work'], run: () => 'steady' });

describe('The failures of an agent', () => {
  it('open its breaker at the fifth, and the state says so', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    for (let task = 1; task <= 4; task++) await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({ state: 'closed', failures: 4, opens: 0, openedAt: null });
    await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({
      breaker: 'agent:fickle',
      state: 'open',
      opens: 1,
      lastError: { code: 'AGENT_FAILED', message: 'The provider is away.' },
    });
    const { openedAt, retryAt } = breakerOf(node);
    expect((retryAt ?? 0) - (openedAt ?? 0)).toBeGreaterThanOrEqual(10_000);
    expect((retryAt ?? 0) - (openedAt ?? 0)).toBeLessThanOrEqual(11_000);
  });

  it('turn the next attempt away: it waits within its retries, and ends UNAVAILABLE with retryAfterMs', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    const { calls } = will;
    const { result } = await node.finish({ agent: 'fickle' });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE', retryable: true } });
    expect(result?.error?.retryAfterMs).toBeGreaterThan(9_000);
    expect(will.calls).toBe(calls);
  });

  it('let the tasks that wait go on once the probe went well', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will)]);
    await openIt(node);
    const waiting = Array.from({ length: 100 }, () => node.submit({ agent: 'fickle' }).task);
    await node.world.elapse(1_000);
    expect(breakerOf(node).waiting).toBeGreaterThanOrEqual(100);
    will.broken = false;
    const ends = [];
    for (const task of waiting) ends.push((await node.end(task)).status);
    expect(ends.filter((status) => status === 'completed')).toHaveLength(100);
    expect(breakerOf(node)).toMatchObject({ state: 'closed', waiting: 0 });
    expect(node.log.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['A breaker opened.', 'A breaker is half-open: one call may try.', 'A breaker closed.']),
    );
  });
});

describe('A capability that two agents offer', () => {
  it('is done by the other while the breaker of one is open, and the log says so', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } }), steady]);
    await openIt(node);
    const { calls } = will;
    const ends = [];
    for (let n = 0; n < 10; n++) ends.push(await node.finish({ capability: 'work' }));
    expect(ends.map(({ result }) => result?.output)).toEqual(Array.from({ length: 10 }, () => 'steady'));
    expect(will.calls).toBe(calls);
    const selected = (await node.events(ends[0]?.id ?? '')).find(({ kind }) => kind === 'agent.selected');
    expect(selected?.data).toMatchObject({ agent: 'steady@1.0.0', step: 'main' });
    expect(selected?.data['candidates']).toContainEqual(
      expect.objectContaining({ agent: 'fickle@1.0.0', status: 'open', retryAfterMs: expect.any(Number) }),
    );
  });

  it('goes over to the other between two attempts', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { breaker: { failures: 1 } }), steady]);
    // Equals take turns; the first is the first.
    const record = await node.finish({ capability: 'work' });
    expect(record.result?.output).toBe('steady');
    const agents = (await node.events(record.id))
      .filter(({ kind }) => kind === 'agent.selected')
      .map(({ data }) => data['agent']);
    expect(agents).toEqual(['fickle@1.0.0', 'steady@1.0.0']);
    expect(will.calls).toBe(1);
  });
});

describe('A half-open breaker', () => {
  it('opens again for twice as long when its probe fails', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 3 } })]);
    await openIt(node);
    const first = breakerOf(node);
    const { calls } = will;
    const task = node.submit({ agent: 'fickle' }).task;
    await node.world.elapse(11_000);
    const second = breakerOf(node);
    expect([will.calls - calls, second.state, second.opens]).toEqual([1, 'open', 2]);
    const spans = [first, second].map(({ openedAt, retryAt }) => (retryAt ?? 0) - (openedAt ?? 0));
    expect((spans[1] ?? 0) / (spans[0] ?? 1)).toBeGreaterThan(1.8);
    will.broken = false;
    expect((await node.end(task)).status).toBe('completed');
    expect(breakerOf(node).state).toBe('closed');
  });

  it('lets one call through, of fifty that come at once', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will)]);
    await openIt(node);
    await node.world.elapse(10_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    will.gate = promise;
    const { calls } = will;
    await node.world.elapse(1_500);
    const tasks = Array.from({ length: 50 }, () => node.submit({ agent: 'fickle' }).task);
    for (let n = 0; n < 10; n++) {
      await node.world.elapse(3_000);
      expect([will.running, will.calls - calls]).toEqual([1, 1]);
    }
    expect(breakerOf(node)).toMatchObject({ state: 'half-open', probe: expect.stringContaining('run/') });
    will.broken = false;
    resolve();
    for (const task of tasks) expect((await node.end(task)).status).toBe('completed');
    expect(breakerOf(node).state).toBe('closed');
  });

  it('lets another call be the probe when that of the first task is canceled', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    await node.world.elapse(12_000);
    expect(breakerOf(node).state).toBe('half-open');
    will.gate = new Promise(() => undefined);
    const first = node.submit({ agent: 'fickle' }).task;
    await node.world.elapse(100);
    expect(breakerOf(node).probe).toContain(first);
    await outcomeOf(node, node.desk.cancel('loopback', first, undefined), 1_000);
    expect(breakerOf(node)).toMatchObject({ state: 'half-open', probe: null });
    will.gate = undefined;
    will.broken = false;
    expect((await node.finish({ agent: 'fickle' })).status).toBe('completed');
    expect(breakerOf(node).state).toBe('closed');
  });

  it('lets another call be the probe when the first takes longer than an agent may', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 }, timeoutMs: 0 })]);
    await openIt(node);
    await node.world.elapse(12_000);
    will.gate = new Promise(() => undefined);
    const first = node.submit({ agent: 'fickle' }).task;
    await node.world.elapse(61_000);
    expect(breakerOf(node)).toMatchObject({ state: 'half-open', probe: null });
    will.gate = undefined;
    will.broken = false;
    expect((await node.finish({ agent: 'fickle' })).status).toBe('completed');
    expect(breakerOf(node).state).toBe('closed');
    expect((await node.store.readTask(first))?.status).toBe('working');
  });

  it('takes another probe when the first never began', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    await node.world.elapse(12_000);
    expect(node.breakers.enter('fickle', 'run/none').isIn).toBe(true);
    expect(node.breakers.enter('fickle', 'run/other').isIn).toBe(false);
    await node.world.elapse(1_000);
    expect(node.breakers.enter('fickle', 'run/other').isIn).toBe(true);
  });

  it('heeds no wall clock that is set while it is open', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    const { retryAfterMs } = breakerOf(node);
    for (const jumpMs of [-86_400_000, 172_800_000]) {
      node.world.setWallClock(node.world.nowMs() + jumpMs);
      expect(breakerOf(node)).toMatchObject({ state: 'open', retryAfterMs });
      expect((breakerOf(node).retryAt ?? 0) - node.world.nowMs()).toBe(retryAfterMs);
    }
    await node.world.elapse((retryAfterMs ?? 0) - 1);
    expect(breakerOf(node).state).toBe('open');
    await node.world.elapse(1);
    expect(breakerOf(node).state).toBe('half-open');
  });

  it('hears nothing from calls that began before it opened', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 }, timeoutMs: 0 })]);
    const late = Promise.withResolvers<void>();
    will.gate = late.promise;
    const tasks = Array.from({ length: 4 }, () => node.submit({ agent: 'fickle' }).task);
    await node.world.elapse(100);
    will.gate = undefined;
    await openIt(node);
    await node.world.elapse(12_000);
    expect(breakerOf(node).state).toBe('half-open');
    will.broken = false;
    late.resolve();
    for (const task of tasks) expect((await node.end(task)).status).toBe('completed');
    expect(breakerOf(node)).toMatchObject({ state: 'half-open', opens: 1 });
  });
});

describe('What an open breaker does not count', () => {
  it.each([
    ['an input that is wrong', 'INVALID_INPUT', {}],
    ['an answer that is not to be tried again', 'AGENT_FAILED', { retryable: false }],
    ['the node being busy', 'BUSY', {}],
  ] as const)('%s', async (_what, code, more) => {
    const will = willing();
    will.error = () => new OperatingError(code, 'no', more);
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    for (let n = 0; n < 8; n++) await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({ state: 'closed', failures: 0 });
  });
});

describe('What a provider says', () => {
  it('of when to come back is heeded', async () => {
    const will = willing();
    will.error = () => new OperatingError('RATE_LIMITED', 'Slow down.', { retryAfterMs: 120_000 });
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    expect(breakerOf(node).retryAfterMs).toBeGreaterThan(119_000);
  });
});

describe('A breaker of a node that dies', () => {
  it('is open for the rest of its time when the node is back', async () => {
    const will = willing();
    const agents = [fickle(will)];
    const node = await nodeOf(agents);
    await openIt(node);
    const waiting = Array.from({ length: 20 }, () => node.submit({ agent: 'fickle' }).task);
    await node.world.elapse(4_000);
    const before = breakerOf(node);
    const again = await killed(node, agents);
    await again.world.settle();
    const after = breakerOf(again);
    // Those that wait for it are told when it closes, as before.
    expect(before.waiting).toBeGreaterThanOrEqual(20);
    expect(after).toEqual(before);
    const { calls } = will;
    await again.world.elapse((after.retryAfterMs ?? 0) - 10);
    expect([breakerOf(again).state, will.calls]).toEqual(['open', calls]);
    will.broken = false;
    for (const task of waiting) expect((await again.end(task)).status).toBe('completed');
    expect(breakerOf(again).state).toBe('closed');
  });

  it.each([
    ['back', -86_400_000],
    ['forward', 86_400_000],
  ])('is open no longer than it was to be, when the clock was set %s a day', async (_way, jumpMs) => {
    const will = willing();
    const agents = [fickle(will)];
    const node = await nodeOf(agents);
    await openIt(node);
    const again = await killed(node, agents, node.world.nowMs() + jumpMs);
    expect(breakerOf(again).retryAfterMs ?? 0).toBeLessThanOrEqual(11_000);
    will.broken = false;
    await again.world.elapse(11_000);
    expect((await again.finish({ agent: 'fickle' })).status).toBe('completed');
    expect(breakerOf(again).state).toBe('closed');
  });

  it('counts on where it was', async () => {
    const will = willing();
    const agents = [fickle(will, { retry: { attempts: 1 } })];
    const node = await nodeOf(agents);
    for (let task = 1; task <= 4; task++) await node.finish({ agent: 'fickle' });
    const again = await killed(node, agents);
    expect(breakerOf(again)).toMatchObject({ state: 'closed', failures: 4 });
    await again.finish({ agent: 'fickle' });
    expect(breakerOf(again).state).toBe('open');
  });

  it('hears of its probe that goes on', async () => {
    const will = willing();
    const agents = [fickle(will, { retry: { attempts: 1 } })];
    const node = await nodeOf(agents);
    await openIt(node);
    await node.world.elapse(12_000);
    will.gate = new Promise(() => undefined);
    const task = node.submit({ agent: 'fickle' }).task;
    await node.world.elapse(200);
    const { probe } = breakerOf(node);
    expect(probe).toContain(task);
    will.gate = undefined;
    will.broken = false;
    const again = await killed(node, agents);
    expect((await again.end(task)).status).toBe('completed');
    expect(breakerOf(again).state).toBe('closed');
  });
});

describe('A reset by hand', () => {
  it('closes the breaker, lets go on what waits, and is written down', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will)]);
    await openIt(node);
    const task = node.submit({ agent: 'fickle' }).task;
    await node.world.elapse(100);
    will.broken = false;
    const view = await outcomeOf(node, node.breakers.reset('agent:fickle', 'ada'));
    expect(view).toMatchObject({ breaker: 'agent:fickle', state: 'closed', failures: 0, opens: 1 });
    expect((await node.store.readTask(task))?.status).toBe('completed');
    const line = node.log.find(({ message }) => message === 'A breaker was reset by hand.');
    expect(line?.fields).toMatchObject({ breaker: 'agent:fickle', by: 'ada', was: 'open' });
  });

  it('forgets the failures of one that is closed', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    for (let task = 1; task <= 4; task++) await node.finish({ agent: 'fickle' });
    await outcomeOf(node, node.breakers.reset('fickle', 'ada'));
    await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({ state: 'closed', failures: 1 });
  });

  it('of none that is there is NOT_FOUND', async () => {
    const node = await nodeOf([]);
    await expect(node.breakers.reset('nix', 'ada')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('What breakers say of themselves', () => {
  it('is a figure for each, those that are not closed first', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } }), steady]);
    await openIt(node);
    const figures = Object.entries(node.breakers.figures());
    expect(figures[0]).toEqual(['agent:fickle', 2]);
    expect(figures).toContainEqual(['agent:steady', 0]);
    await node.world.elapse(12_000);
    expect(node.breakers.figures()['agent:fickle']).toBe(1);
  });
});

describe('What an agent spends', () => {
  it('opens its breaker beyond its limit, where somebody counts it', async () => {
    const node = await nodeOf([]);
    const limits = { failures: 5, periodMs: 60_000, openMs: 1_000, openMaxMs: 60_000, jitter: 0, probeMs: 1_000 };
    node.breakers.add('payer', 'supervisor/agents/payer', { ...limits, spend: { usd: 1 } });
    node.breakers.spent('payer', { usd: 0.9 });
    expect(node.breakers.enter('payer', 'run/1').isIn).toBe(true);
    node.breakers.spent('payer', { usd: 0.2 });
    expect(node.breakers.enter('payer', 'run/2').isIn).toBe(false);
    expect(breakerOf(node, 'payer')).toMatchObject({ state: 'open', lastError: { code: 'BUDGET_EXCEEDED' } });
    expect(breakerOf(node, 'payer').retryAfterMs).toBeGreaterThan(59_000);
    node.breakers.spent('fickle', { usd: 1e9 });
  });
});
