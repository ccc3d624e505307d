/** The policy `cheaper`: when another agent may take over what there is too little money for, and when it may not. */
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { BudgetPolicy } from '../../../protocol/tasks.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Two agents that charge the same card. The dear one is preferred; so many attempts fail once they have charged. */
function till(kind: NonNullable<AgentOptions['kind']>, failures = 1) {
  const card = { charges: 0 };
  let failed = 0;
  const charging = (name: string, usd: number, tier: string) =>
    defineAgent({
      ...{ name, version: '1.0.0', capabilities: ['pay'], labels: { tier }, cost: { usd } },
      retry: { attempts: 3, backoffMs: 1 },
      run: async ({ ctx }) => {
        const receipt = await ctx.journal('charge', () => ++card.charges, { kind });
        if (++failed > failures) return `${name} ${receipt}`;
        throw new OperatingError('UNAVAILABLE', 'The line went dead.');
      },
    });
  return { card, agents: [charging('dear', 0.02, 'gold'), charging('cheap', 0.001, 'tin')] };
}

/** There is money for one attempt of the dear one, and for none after that. */
function submit(node: WorkNode, onExceed: readonly BudgetPolicy[]): string {
  const options = {
    budget: { usd: 0.03, onExceed: [...onExceed] },
    select: { prefer: { tier: 'gold' }, weights: { affinity: 100 } },
  };
  return node.submit({ capability: 'pay' }, null, { options }).task;
}

async function told(node: WorkNode, task: string, kind: string, field: string): Promise<unknown[]> {
  return (await node.events(task)).filter((event) => event.kind === kind).map(({ data }) => data[field]);
}

describe('The policy `cheaper`', () => {
  it('does not help a step whose unsafe call has begun: another agent would make that again', async () => {
    const { card, agents } = till('unsafe');
    const node = await createWorkNode({ agents });
    const task = submit(node, ['cheaper', 'stop']);
    expect((await node.end(task)).result).toMatchObject({
      ...{ status: 'failed', error: { code: 'BUDGET_EXCEEDED' }, usage: { usd: 0.02, steps: 1 } },
    });
    expect(card.charges).toBe(1);
    expect(await told(node, task, 'step.started', 'agent')).toEqual(['dear@1.0.0']);
    expect(await told(node, task, 'budget.exceeded', 'policy')).toEqual(['stop']);
  });

  it('leaves such a step to the next policy: with more money the same agent goes on from its journal', async () => {
    const { card, agents } = till('unsafe');
    const node = await createWorkNode({ agents });
    const task = submit(node, ['cheaper', 'ask']);
    await node.world.elapse(1_000);
    expect(await told(node, task, 'budget.exceeded', 'policy')).toEqual(['ask']);
    node.kernel.deliver(`approval/${task}/main/budget-1`, {
      ...{ type: 'approval.resolve', decision: 'approve', by: 'me', role: 'budget', replyTo: 'ask/nobody' },
    });
    expect((await node.end(task)).result).toMatchObject({ output: 'dear 1', usage: { usd: 0.04, steps: 2 } });
    expect(card.charges).toBe(1);
  });

  it('is the same for a node that was killed between the two attempts', async () => {
    const { card, agents } = till('unsafe');
    const one = await createWorkNode({ agents });
    const task = submit(one, ['cheaper', 'stop']);
    await one.world.settle();
    expect(await told(one, task, 'step.retried', 'attempt')).toEqual([2]);
    expect(await told(one, task, 'budget.exceeded', 'policy')).toEqual([]);
    one.kill();
    const two = await createWorkNode({ agents, disk: one.disk, seed: 2 });
    expect((await two.end(task)).result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' }, usage: { usd: 0.02 } });
    expect(card.charges).toBe(1);
  });

  it('helps where no unsafe call has begun: what is keyed may be done by another', async () => {
    const { agents } = till('keyed', 2);
    const node = await createWorkNode({ agents });
    const task = submit(node, ['cheaper', 'stop']);
    expect((await node.end(task)).result).toMatchObject({ output: 'cheap 2', usage: { usd: 0.022, steps: 3 } });
    // The second went to the other since the first had failed; the third would be the first one's turn again.
    expect(await told(node, task, 'step.started', 'agent')).toEqual(['dear@1.0.0', 'cheap@1.0.0', 'cheap@1.0.0']);
    expect(await told(node, task, 'budget.exceeded', 'policy')).toEqual(['cheaper']);
  });
});

describe('A step that names a capability, without the policy', () => {
  it('is not given to an agent that may use more than is left, and fails only where all may', async () => {
    const { agents } = till('keyed', 0);
    const node = await createWorkNode({ agents });
    const wish = { select: { prefer: { tier: 'gold' }, weights: { affinity: 100 } } };
    const give = (usd: number) => node.submit({ capability: 'pay' }, null, { options: { ...wish, budget: { usd } } });
    const { task } = give(0.01);
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: 'cheap 1' });
    expect(await told(node, task, 'budget.exceeded', 'policy')).toEqual([]);
    expect(await told(node, task, 'agent.selected', 'agent')).toEqual(['cheap@1.0.0']);
    const [why] = await told(node, task, 'agent.selected', 'why');
    expect(why).toBe('the only one left; dear@1.0.0 may use more than is left of the budget');
    const poor = give(0.0001).task;
    expect((await node.end(poor)).result).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
    expect(await told(node, poor, 'budget.exceeded', 'policy')).toEqual(['stop']);
  });

  it('stays with its agent where an unsafe call has begun', async () => {
    const { card, agents } = till('unsafe');
    const node = await createWorkNode({ agents });
    const task = submit(node, ['stop']);
    expect((await node.end(task)).result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' }, usage: { usd: 0.02 } });
    expect(card.charges).toBe(1);
  });
});
