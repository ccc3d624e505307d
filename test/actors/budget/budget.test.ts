// tidy-allow file-size: what a budget does is one matrix over its policies; the next to add here splits it
import { assign, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { Submission } from '../../../actors/desk.ts';
import type { TaskBudget } from '../../../protocol/tasks.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import type { TaskRecord } from '../../../runtime/stores/store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Declares 0.02 USD and 100 tokens, and reports what its input says; waits as long as it says before it ends. */
const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  capabilities: ['work'],
  cost: { usd: 0.02, tokens: 100 },
  retry: { attempts: 1 },
  run: async ({ input, ctx }) => {
    const {
      spends = [],
      ms = 0,
      fails = false,
    } = (input ?? {}) as {
      spends?: { usd?: number; tokensIn?: number; tokensOut?: number }[];
      ms?: number;
      fails?: boolean;
    };
    for (const spend of spends) {
      ctx.budget.spend(spend);
      await ctx.sleep(ms);
    }
    if (spends.length === 0) await ctx.sleep(ms);
    if (fails) throw new TypeError('it did not work');
    return ctx.attempt;
  },
});
const cheap = defineAgent({
  name: 'cheap',
  version: '1.0.0',
  capabilities: ['work'],
  cost: { usd: 0.001 },
  run: () => 'cheap',
});

async function finish(
  node: WorkNode,
  target: Submission['target'],
  input: unknown,
  budget: TaskBudget,
): Promise<TaskRecord> {
  return await node.finish(target, input, { options: { budget } });
}

async function lines(node: WorkNode, task: string, kind: string): Promise<readonly object[]> {
  return (await node.events(task)).filter((event) => event.kind === kind).map(({ data }) => data);
}

const graphOf = (steps: readonly object[], more: object = {}): Submission['target'] => ({ graph: { steps, ...more } });

describe('A budget', () => {
  it('is reserved from before an attempt by what its agent declares, and what it does not use goes back', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      { id: 'a', agent: 'payer', input: { spends: [{ usd: 0.005, tokensIn: 10, tokensOut: 5 }] } },
      { id: 'b', agent: 'payer', needs: ['a'], input: { spends: [{ usd: 0.01 }] } },
    ]);
    const { id, result } = await finish(node, graph, null, { usd: 0.03, tokens: 200 });
    expect(result).toMatchObject({ status: 'completed', usage: { usd: 0.015, tokensIn: 10, tokensOut: 5, steps: 2 } });
    expect(await lines(node, id, 'budget.reserved')).toEqual([
      { step: 'a', attempt: 1, reserved: { usd: 0.02, tokens: 100 }, left: { usd: 0.01, tokens: 100 } },
      { step: 'b', attempt: 1, reserved: { usd: 0.02, tokens: 100 }, left: { usd: 0.005, tokens: 85 } },
    ]);
    expect(node.disk.keys().filter((key) => /budget\/|step\/|run\//.test(key))).toEqual([]);
  });

  it('that has too little left ends the task before the attempt begins, with what is missing', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const { id, status, result } = await finish(node, { agent: 'payer' }, null, { usd: 0.01 });
    expect(status).toBe('failed');
    expect(result).toMatchObject({
      error: {
        code: 'BUDGET_EXCEEDED',
        retryable: false,
        message: expect.stringContaining(
          'The budget of the task is used up: the next attempt of payer@1.0.0 may use 0.02 USD, and 0.01 USD of 0.01 USD is left.',
        ),
        details: { budget: 'the task', exceeded: ['usd'], left: { usd: 0.01 }, limit: { usd: 0.01 } },
      },
      usage: { usd: 0, steps: 0 },
    });
    expect(await node.kinds(id)).toEqual([
      'task.submitted',
      'task.started',
      'agent.selected',
      'budget.exceeded',
      'step.failed',
      'task.failed',
    ]);
    expect(await lines(node, id, 'budget.exceeded')).toEqual([
      {
        ...{ step: 'main', attempt: 1, budget: 'the task', exceeded: ['usd'], policy: 'stop' },
        ...{ need: { usd: 0.02 }, left: { usd: 0.01 }, limit: { usd: 0.01 } },
      },
    ]);
  });

  it('is waited for as long as others may give back enough, in the order of asking', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      {
        id: 'all',
        agent: 'payer',
        forEach: [1, 2, 3, 4, 5],
        input: { spends: [{ usd: 0.001, tokensIn: 1 }], ms: 100 },
      },
    ]);
    const { id, result } = await finish(node, graph, null, { usd: 0.04 });
    expect(result).toMatchObject({ status: 'completed', usage: { usd: 0.005, steps: 5 } });
    const started = (await node.events(id)).filter(({ kind }) => kind === 'step.started');
    const items = started.flatMap(({ data }) => (data['item'] === undefined ? [] : [data['item']]));
    expect(items).toEqual([0, 1, 2, 3, 4]);
    // Two at a time: no more could have been paid for.
    const at = started.slice(1).map((event) => event.at);
    expect(at[1]).toBe(at[0]);
    expect(at[2]).toBeGreaterThan(at[1] ?? 0);
  });

  it('in steps counts every attempt, also those that are repeated', async () => {
    const node = await createWorkNode();
    const { result } = await finish(node, { agent: 'lab.flaky' }, { failures: 5 }, { steps: 2 });
    expect(result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', details: { exceeded: ['steps'], left: { steps: 0 } } },
      usage: { steps: 2 },
    });
  });

  it('in time ends an attempt that takes longer, and counts the time that attempts took', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const slow = graphOf([{ id: 'a', agent: 'lab.stall', retry: { attempts: 3, backoffMs: 0 } }]);
    const stalled = await finish(node, slow, null, { timeMs: 5_000 });
    expect(stalled.result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', details: { cause: { exceeded: ['timeMs'], left: { timeMs: 0 } } } },
      usage: { steps: 1 },
    });
    const both = graphOf([
      { id: 'a', agent: 'payer', input: { ms: 2_000 } },
      { id: 'b', agent: 'payer', needs: ['a'], input: { ms: 2_000 } },
      { id: 'c', agent: 'payer', needs: ['b'], input: { ms: 2_000 } },
    ]);
    const { id } = await finish(node, both, null, { timeMs: 100_000 });
    const left = (await lines(node, id, 'budget.reserved')).map((line) => (line as { left: object }).left);
    expect(left).toEqual([{ timeMs: 40_000 }, { timeMs: 38_000 }, { timeMs: 36_000 }]);
  });

  it('counts what is declared where a run reports nothing, also of attempts that failed', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([{ id: 'a', agent: 'payer', input: { fails: true }, retry: { attempts: 2, backoffMs: 1 } }]);
    const { result } = await finish(node, graph, null, { usd: 0.05 });
    expect(result).toMatchObject({ error: { code: 'AGENT_FAILED' }, usage: { usd: 0.04, tokensIn: 200, steps: 2 } });
  });

  it('stops a run at the report that goes beyond it; what it used counts', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const spends = Array.from({ length: 5 }, () => ({ usd: 0.02 }));
    const { id, result } = await finish(node, { agent: 'payer' }, { spends }, { usd: 0.05 });
    expect(result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', message: expect.stringContaining('0.01 USD more than was left') },
      usage: { usd: 0.06, steps: 1 },
    });
    expect(await lines(node, id, 'budget.exceeded')).toMatchObject([{ exceeded: ['usd'], policy: 'stop' }]);
  });

  it('gives nothing to others when it was exceeded', async () => {
    const node = await createWorkNode({ agents: [payer, cheap] });
    const graph = graphOf([
      { id: 'a', agent: 'payer', optional: true, input: { spends: [{ usd: 0.06 }] } },
      { id: 'b', agent: 'cheap', needs: ['a'] },
      { id: 'c', agent: 'lab.echo', needs: ['a'], optional: true },
    ]);
    const { result } = await finish(node, graph, null, { usd: 0.05 });
    expect(result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', details: { step: 'b' } },
      usage: { usd: 0.06, steps: 1 },
    });
  });

  it('takes back what a canceled attempt had reserved: what it reported counts, or else all', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      { id: 'a', agent: 'payer', input: { spends: [{ usd: 0.001 }], ms: 60_000 } },
      { id: 'b', agent: 'payer', input: { ms: 60_000 } },
      { id: 'c', agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 1 }, needs: [] },
    ]);
    const { result } = await finish(node, graph, null, { usd: 1 });
    expect(result).toMatchObject({ error: { code: 'AGENT_FAILED' }, usage: { usd: 0.001 } });
  });

  it('shows in the status of the task while that works, and what is left to the run', async () => {
    const seen: object[] = [];
    const looking = defineAgent({
      name: 'looking',
      version: '1.0.0',
      cost: { usd: 0.01 },
      run: async ({ ctx }) => {
        seen.push(ctx.budget.left);
        ctx.budget.spend({ usd: 0.004, tokensIn: 3, tokensOut: 4 });
        seen.push(ctx.budget.left);
        await ctx.sleep(1_000);
        seen.push(ctx.budget.left);
      },
    });
    const node = await createWorkNode({ agents: [looking] });
    const budget = { usd: 0.03, tokens: 100, steps: 5, timeMs: 100_000 };
    const { task } = node.submit({ agent: 'looking' }, null, { options: { budget, deadlineMs: 50_000 } });
    await node.world.elapse(500);
    expect(await node.store.readTask(task)).toMatchObject({
      status: 'working',
      usage: { usd: 0.004, tokensIn: 3, tokensOut: 4, steps: 1 },
    });
    await node.end(task);
    expect(seen).toEqual([
      { usd: 0.03, tokens: 100, steps: 4, timeMs: 50_000 },
      { usd: 0.026, tokens: 93, steps: 4, timeMs: 50_000 },
      { usd: 0.026, tokens: 93, steps: 4, timeMs: 49_000 },
    ]);
  });

  it('limits the effects of a machine as it does a function', async () => {
    const machine = setup({ types: { context: {} as { count: number } }, actors: { effect } }).createMachine({
      context: { count: 0 },
      initial: 'asking',
      states: {
        asking: {
          invoke: {
            src: 'effect',
            input: { name: 'ask' },
            onDone: { target: 'looking', actions: assign({ count: ({ context }) => context.count + 1 }) },
          },
        },
        looking: { always: [{ target: 'done', guard: ({ context }) => context.count === 3 }, 'asking'] },
        done: { type: 'final' },
      },
      output: ({ context }) => context.count,
    });
    const asker = defineAgent({
      ...{ name: 'asker', version: '1.0.0', cost: { usd: 0.03 }, retry: { attempts: 1 }, machine },
      effects: { ask: { run: ({ ctx }) => ctx.budget.spend({ usd: 0.01 }) } },
    });
    const node = await createWorkNode({ agents: [asker] });
    expect((await finish(node, { agent: 'asker' }, null, { usd: 0.03 })).result).toMatchObject({
      output: 3,
      usage: { usd: 0.03 },
    });
    const greedy = defineAgent({ ...asker, version: '2.0.0', cost: { usd: 0.01 } });
    const other = await createWorkNode({ agents: [greedy] });
    expect((await finish(other, { agent: 'asker' }, null, { usd: 0.015 })).result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED' },
      usage: { usd: 0.02 },
    });
  });
});

describe('What is done where too little is left', () => {
  it('is to take an agent for the same that costs less', async () => {
    const node = await createWorkNode({ agents: [payer, cheap] });
    const graph = graphOf([
      { id: 'a', agent: 'payer' },
      { id: 'b', capability: 'work', needs: ['a'] },
    ]);
    const { id, result } = await finish(node, graph, null, { usd: 0.03, onExceed: ['cheaper', 'stop'] });
    expect(result).toMatchObject({ status: 'completed', output: { b: 'cheap' }, usage: { usd: 0.021 } });
    const told = (await node.events(id)).filter(({ data }) => data['step'] === 'b').map(({ kind }) => kind);
    // Where the first choice was the cheap one there was no need for another.
    if (told.includes('budget.exceeded'))
      expect(told).toEqual([
        'agent.selected',
        'budget.exceeded',
        'agent.selected',
        'budget.reserved',
        'step.started',
        'step.completed',
      ]);
  });

  it('is to take a kept result, also where nobody asked for one', async () => {
    let made = 0;
    const counter = defineAgent({ name: 'counter', version: '1.0.0', cost: { usd: 0.02 }, run: () => ++made });
    const node = await createWorkNode({ agents: [counter] });
    await node.finish({ agent: 'counter' }, 'x', { options: { cache: true } });
    const budget: TaskBudget = { usd: 0.01, onExceed: ['cache', 'stop'] };
    const hit = await finish(node, { agent: 'counter' }, 'x', budget);
    expect(hit.result).toMatchObject({ status: 'completed', output: 1, usage: { usd: 0, steps: 0 } });
    expect((await node.kinds(hit.id)).slice(2)).toEqual([
      'agent.selected',
      'budget.exceeded',
      'step.completed',
      'task.completed',
    ]);
    expect(await lines(node, hit.id, 'budget.exceeded')).toMatchObject([{ policy: 'cache' }]);
    const miss = await finish(node, { agent: 'counter' }, 'y', budget);
    expect(miss.result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' } });
    expect(await lines(node, miss.id, 'budget.exceeded')).toMatchObject([{ policy: 'stop' }]);
    const never = await node.finish({ agent: 'counter' }, 'x', { options: { budget, cache: false } });
    expect(never.result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' } });
    expect(made).toBe(1);
  });

  const asking: TaskBudget = { usd: 0.01, onExceed: ['ask'] };
  const said = (decision: 'approve' | 'reject') => ({
    ...{ type: 'approval.resolve', decision, by: 'me', role: 'budget', replyTo: 'ask/nobody' },
  });
  const answer = async (node: WorkNode, task: string, decision: 'approve' | 'reject', name = 'budget-1') => {
    node.kernel.deliver(`approval/${task}/main/${name}`, said(decision));
    await node.world.settle();
  };

  it('is to ask a person, who raises it', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const { task } = node.submit({ agent: 'payer' }, null, { options: { budget: asking } });
    await node.world.elapse(3_600_000);
    const waiting = await node.store.readTask(task);
    expect(waiting).toMatchObject({
      status: 'input-required',
      waiting: expect.stringContaining(
        'The budget of the task is used up: 0.01 USD of 0.01 USD left. Raise it by 0.01 USD?',
      ),
    });
    await answer(node, task, 'approve');
    const { id, result, limit } = await node.end(task);
    expect(result).toMatchObject({ status: 'completed', usage: { usd: 0.02 } });
    expect(limit).toEqual({ usd: 0.02 });
    expect((await node.kinds(id)).slice(2)).toEqual([
      'agent.selected',
      'budget.exceeded',
      'approval.requested',
      'approval.resolved',
      'budget.reserved',
      'step.started',
      'step.completed',
      'task.completed',
    ]);
  });

  it('is to stop where the person says no', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const { task } = node.submit({ agent: 'payer' }, null, { options: { budget: asking } });
    await node.world.settle();
    await answer(node, task, 'reject');
    const { result } = await node.end(task);
    expect(result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', message: expect.stringContaining('It was not raised: me said no.') },
    });
    expect(await lines(node, task, 'budget.exceeded')).toMatchObject([{ policy: 'ask' }, { policy: 'stop' }]);
  });

  it('is asked once for all that wait', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      { id: 'main', agent: 'payer', needs: [] },
      { id: 'b', agent: 'payer', needs: [] },
      { id: 'c', agent: 'payer', needs: [] },
    ]);
    const { task } = node.submit(graph, null, { options: { budget: { usd: 0.001, onExceed: ['ask'] } } });
    await node.world.settle();
    expect(await lines(node, task, 'approval.requested')).toHaveLength(1);
    await answer(node, task, 'approve');
    // It was raised by what the first lacked: the second asks for more, for itself and the third.
    expect(await lines(node, task, 'approval.requested')).toHaveLength(2);
    const [, second] = await lines(node, task, 'approval.requested');
    expect(second).toMatchObject({ step: 'b', approval: `${task}.b.budget-2` });
    node.kernel.deliver(`approval/${task}/b/budget-2`, said('reject'));
    expect((await node.end(task)).result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' } });
  });
});

describe('The budget of a step', () => {
  it('limits that step alone, within that of the task', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      { id: 'a', agent: 'payer', forEach: [1, 2, 3], concurrency: 1, budget: { usd: 0.05 }, optional: true },
      { id: 'b', agent: 'payer', needs: ['a'] },
    ]);
    const { id, result } = await finish(node, graph, null, { usd: 0.1 });
    expect(result).toMatchObject({ status: 'completed', usage: { usd: 0.06, steps: 3 } });
    expect(result?.degraded).toMatchObject([
      { step: 'a', code: 'BUDGET_EXCEEDED', message: expect.stringContaining('The budget of step a is used up') },
    ]);
    // What the step had of the task went back: 0.1 less 0.04 that it used.
    expect((await lines(node, id, 'budget.reserved')).at(-1)).toMatchObject({ step: 'b', left: { usd: 0.04 } });
  });

  it('works where the task has none, and costs the other steps nothing', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const graph = graphOf([
      { id: 'a', agent: 'payer', budget: { usd: 0.01 }, optional: true },
      { id: 'b', agent: 'payer', needs: ['a'] },
    ]);
    const { id, result } = await node.finish(graph, null);
    expect(result).toMatchObject({ status: 'completed', degraded: [{ step: 'a' }], usage: { usd: 0.02 } });
    expect(await lines(node, id, 'budget.reserved')).toEqual([]);
  });

  it('keeps nothing from others that it does not use', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const work = { agent: 'payer', forEach: [1, 2, 3], concurrency: 1, input: { spends: [{}], ms: 10 } };
    const graph = graphOf([
      { id: 'a', ...work, budget: { usd: 0.04 } },
      { id: 'b', ...work, budget: { usd: 0.04 } },
    ]);
    const { result } = await finish(node, graph, null, { usd: 0.04 });
    expect(result).toMatchObject({ status: 'completed', usage: { usd: 0, steps: 6 }, durationMs: 30 });
  });

  it('may be that of a workflow that it calls, which lies within that of the task', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const inner = {
      ...{ name: 'inner', version: '1.0.0', budget: { usd: 0.03 } },
      steps: [
        { id: 'a', agent: 'payer' },
        { id: 'b', agent: 'payer', needs: ['a'], budget: { usd: 1 } },
      ],
    };
    node.registry.registerWorkflow(node.plans.admit(inner), 'registered');
    const graph = graphOf([
      { id: 'one', workflow: 'inner', input: null, optional: true },
      { id: 'two', agent: 'payer', input: null, needs: ['one'] },
    ]);
    const within = await finish(node, graph, null, { usd: 0.1 });
    expect(within.result).toMatchObject({ status: 'completed', usage: { usd: 0.04, steps: 2 } });
    expect(within.result?.degraded).toMatchObject([
      { step: 'one', message: expect.stringContaining('The budget of the workflow inner is used up') },
    ]);
    // It has one of its own where the task has none.
    const alone = await node.finish(graph);
    expect(alone.result).toMatchObject({ status: 'completed', degraded: [{ step: 'one' }], usage: { usd: 0.04 } });
    const small = await finish(node, graph, null, { usd: 0.02 });
    expect(small.result).toMatchObject({ error: { details: { step: 'two' } }, usage: { usd: 0.02, steps: 1 } });
  });

  it('lies within that of the workflow, and that within that of the task', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const steps = [
      { id: 'a', agent: 'payer', budget: { usd: 0.03 } },
      { id: 'b', agent: 'payer', needs: ['a'] },
      { id: 'c', agent: 'payer', needs: ['b'] },
    ];
    const { result } = await finish(node, graphOf(steps, { name: 'three', budget: { usd: 0.05 } }), null, { usd: 1 });
    expect(result).toMatchObject({
      error: {
        code: 'BUDGET_EXCEEDED',
        message: expect.stringContaining('The budget of the workflow three is used up'),
      },
      usage: { usd: 0.04, steps: 2 },
    });
    const small = await finish(node, graphOf(steps, { budget: { usd: 0.05 } }), null, { usd: 0.03 });
    expect(small.result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', message: expect.stringContaining('The budget of the task is used up') },
      usage: { usd: 0.02, steps: 1 },
    });
  });
});

describe('What a task has used', () => {
  it.each([
    [
      'reports',
      { spends: [{ usd: 0.5, tokensIn: 7, tokensOut: 8 }, { usd: 0.25 }] },
      { usd: 0.75, tokensIn: 7, tokensOut: 8 },
    ],
    ['is declared', {}, { usd: 0.02, tokensIn: 100, tokensOut: 0 }],
  ])('is in its result also without a budget, as it %s', async (_how, input, usage) => {
    const node = await createWorkNode({ agents: [payer] });
    const alone = await node.finish({ agent: 'payer' }, input);
    expect(alone.result?.usage).toEqual({ ...usage, steps: 1 });
    const flow = await node.finish(graphOf([{ id: 'a', agent: 'payer', input }]));
    expect(flow.result?.usage).toEqual({ ...usage, steps: 1 });
    expect(await node.kinds(flow.id)).not.toContain('budget.reserved');
  });

  it('is there also when it is canceled in the middle', async () => {
    const node = await createWorkNode({ agents: [payer] });
    const { task } = node.submit({ agent: 'payer' }, { spends: [{ usd: 0.5 }], ms: 60_000 });
    await node.world.settle();
    const canceled = node.desk.cancel('loopback', task, undefined);
    await node.world.settle();
    await canceled;
    expect((await node.end(task)).result).toMatchObject({ status: 'canceled', usage: { usd: 0.5, steps: 1 } });
  });

  it('opens the breaker of an agent whose failures cost too much', async () => {
    const costly = defineAgent({
      ...{ name: 'costly', version: '1.0.0', retry: { attempts: 1 } },
      breaker: { failures: 100, usd: 1 },
      run: ({ ctx }) => {
        ctx.budget.spend({ usd: 0.6 });
        throw new TypeError('for nothing');
      },
    });
    const node = await createWorkNode({ agents: [costly] });
    await node.finish({ agent: 'costly' });
    expect(node.breakers.view('costly').state).toBe('closed');
    await node.finish({ agent: 'costly' });
    expect(node.breakers.view('costly')).toMatchObject({ state: 'open', lastError: { code: 'BUDGET_EXCEEDED' } });
  });
});
