/** A budget that is used up ends a workflow; what that has done is undone all the same, and is not paid from what is used up. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { TaskBudget } from '../../../protocol/tasks.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Steps of the lab, one after the other, each of which can be undone by the lab. */
const inLab = (ids: readonly string[]): readonly object[] =>
  ids.map((id, at) => ({
    ...{ id, agent: 'lab.echo', input: { id }, compensate: { agent: 'lab.echo' } },
    ...(at > 0 && { needs: [ids[at - 1]] }),
  }));

async function undone(node: WorkNode, task: string): Promise<unknown[]> {
  return (await node.events(task)).filter(({ kind }) => kind === 'step.compensated').map(({ data }) => data['step']);
}

/** Books and unbooks; each says what it declares, and undoing reports what it used. */
function traders() {
  const book: string[] = [];
  const trading = (name: string, sign: string, spends: boolean) =>
    defineAgent({
      ...{ name, version: '1.0.0', cost: { usd: 0.01 } },
      run: async ({ input, ctx }) => {
        await ctx.sleep(100);
        book.push(`${sign}${(input as { readonly id: string }).id}`);
        if (spends) ctx.budget.spend({ usd: 0.5 });
      },
    });
  return { book, agents: [trading('buy', '+', false), trading('sell', '-', true)] };
}

const inTrade = (ids: readonly string[]): readonly object[] =>
  ids.map((id, at) => ({
    ...{ id, agent: 'buy', input: { id }, compensate: { agent: 'sell' } },
    ...(at > 0 && { needs: [ids[at - 1]] }),
  }));

describe('A workflow whose budget is used up', () => {
  it.each<[string, TaskBudget | undefined, TaskBudget | undefined]>([
    ['the task', { steps: 3 }, undefined],
    ['the workflow', undefined, { steps: 3 }],
    ['both', { steps: 3 }, { steps: 3 }],
  ])('undoes what it has done, the last first (the budget of %s)', async (_whose, budget, own) => {
    const node = await createWorkNode();
    const graph = { steps: inLab(['a', 'b', 'c', 'd']), ...(own !== undefined && { budget: own }) };
    const { id, result } = await node.finish({ graph }, null, { options: { ...(budget !== undefined && { budget }) } });
    expect(result).toMatchObject({
      ...{ status: 'failed', error: { code: 'BUDGET_EXCEEDED', details: { step: 'd', compensation: { undone: 3 } } } },
      // What undoes is counted, beside what the budget allowed.
      usage: { steps: 6 },
    });
    expect(await undone(node, id)).toEqual(['c', 'b', 'a']);
  });

  it.each<[string, TaskBudget]>([
    ['money', { usd: 0.03 }],
    ['time', { timeMs: 300 }],
  ])('undoes it by agents that use more than ever was in it (%s)', async (_what, budget) => {
    const { agents, book } = traders();
    const node = await createWorkNode({ agents });
    const { id, result } = await node.finish({ graph: { steps: inTrade(['a', 'b', 'c', 'd']) } }, null, {
      options: { budget },
    });
    expect(result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', details: { compensation: { undone: 3 } } },
      usage: { usd: 1.53, steps: 6 },
    });
    expect(book).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
    const reserved = (await node.events(id)).filter(({ kind }) => kind === 'budget.reserved');
    expect(reserved.map(({ data }) => data['step'])).toEqual(['a', 'b', 'c']);
  });

  it('goes on with undoing it after the node was killed', async () => {
    const { agents, book } = traders();
    const one = await createWorkNode({ agents });
    const { task } = one.submit({ graph: { steps: inTrade(['a', 'b', 'c', 'd']) } }, null, {
      options: { budget: { usd: 0.03 } },
    });
    await one.world.elapse(450);
    expect(book).toEqual(['+a', '+b', '+c', '-c']);
    one.kill();
    const two = await createWorkNode({ agents, disk: one.disk, seed: 2 });
    expect((await two.end(task)).result).toMatchObject({
      error: { code: 'BUDGET_EXCEEDED', details: { compensation: { undone: 3 } } },
      usage: { usd: 1.53, steps: 6 },
    });
    expect(book).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  it('undoes what a workflow that it called has done within its own budget', async () => {
    const node = await createWorkNode();
    const inner = { name: 'inner', version: '1.0.0', budget: { steps: 2 }, steps: inLab(['x', 'y', 'z']) };
    node.registry.registerWorkflow(node.plans.admit(inner), 'registered');
    const steps = [...inLab(['a']), { id: 'b', workflow: 'inner', input: null, needs: ['a'] }];
    const { id, result } = await node.finish({ graph: { steps } }, null, { options: { budget: { steps: 3 } } });
    expect(result).toMatchObject({
      error: {
        code: 'BUDGET_EXCEEDED',
        details: { step: 'b', cause: { compensation: { undone: 2 } }, compensation: { undone: 1 } },
      },
    });
    expect(await undone(node, id)).toEqual(['b.y', 'b.x', 'a']);
  });
});
