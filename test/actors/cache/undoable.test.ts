/** What can be undone has an effect of its own: it is done by each who asks, and another's result does not stand for it. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { TaskOptions } from '../../../protocol/tasks.ts';
import { createWorkNode } from '../../support/work-node.ts';

/** Seats that are taken and given back, by an agent that says of itself that its results can be kept. */
function theatre(keeps = true) {
  const taken = new Set<number>();
  const calls = { take: 0, giveBack: 0, look: 0 };
  const cache = keeps ? { cache: { ttlMs: 60_000 } } : {};
  const agents = [
    defineAgent({
      ...{ name: 'take', version: '1.0.0', cost: { usd: 0.01 }, ...cache },
      run: () => {
        taken.add(++calls.take);
        return calls.take;
      },
    }),
    defineAgent({
      ...{ name: 'give-back', version: '1.0.0', ...cache },
      run: ({ input }) => {
        calls.giveBack++;
        if (typeof input === 'number') taken.delete(input);
      },
    }),
    defineAgent({ name: 'look', version: '1.0.0', ...cache, run: () => ++calls.look }),
    defineAgent({
      ...{ name: 'pay', version: '1.0.0', retry: { attempts: 1 } },
      run: ({ input }) => {
        if (input === 'no money') throw new TypeError('no money');
      },
    }),
  ];
  return { agents, taken, calls };
}

const giveBack = { agent: 'give-back', input: '${steps.seat.output}' };
const take = { id: 'seat', agent: 'take', input: 'row 1', compensate: giveBack };

/** Takes a seat and pays, with what it is given. */
function visit(seat: object, more: object = {}): { readonly graph: object } {
  return { graph: { steps: [seat, { id: 'pay', agent: 'pay', input: '${input}', needs: ['seat'] }], ...more } };
}

describe('The result of a step that can be undone', () => {
  it.each<[string, object, TaskOptions]>([
    ['its agent', take, {}],
    ['the step', { ...take, cache: true }, {}],
    ['the task', take, { cache: true }],
    ['a step that falls back', { ...take, agent: 'pay', input: 'no money', fallback: { agent: 'take', input: 1 } }, {}],
    ['a loop', { ...take, loop: { while: 'false', max: 2 } }, {}],
    ['an item', { ...take, forEach: ['row 1'], input: '${item}' }, {}],
  ])('is never that of another task, whose work would be undone (kept by %s)', async (_who, seat, options) => {
    const { agents, taken } = theatre();
    const node = await createWorkNode({ agents });
    expect(await node.finish(visit(seat), 'cash', { options })).toMatchObject({ status: 'completed' });
    expect(await node.finish(visit(seat), 'no money', { options })).toMatchObject({ status: 'failed' });
    expect([...taken]).toEqual([1]);
    expect(await node.finish(visit(seat), 'cash', { options })).toMatchObject({ status: 'completed' });
    expect([...taken]).toEqual([1, 3]);
  });

  it('is kept for nobody else either: it may be undone when they take it', async () => {
    const { agents, taken } = theatre();
    const node = await createWorkNode({ agents });
    await node.finish(visit(take), 'no money');
    expect(await node.finish({ agent: 'take' }, 'row 1')).toMatchObject({ result: { output: 2 } });
    expect([...taken]).toEqual([2]);
  });

  it('is not taken for want of money either', async () => {
    const { agents, taken } = theatre(false);
    const node = await createWorkNode({ agents });
    await node.finish({ agent: 'take' }, 'row 1', { options: { cache: true } });
    const options: TaskOptions = { budget: { usd: 0.001, onExceed: ['cache', 'stop'] } };
    expect(await node.finish(visit(take), 'cash', { options })).toMatchObject({
      result: { error: { code: 'BUDGET_EXCEEDED' } },
    });
    expect([...taken]).toEqual([1]);
  });

  it('is not put together of kept results where the step calls a workflow', async () => {
    const { agents, taken } = theatre();
    const { compensate: _none, ...plain } = take;
    const inner = { name: 'inner', version: '1.0.0', steps: [plain], output: '${steps.seat.output}' };
    const node = await createWorkNode({ agents, workflows: [inner] });
    const seat = { id: 'seat', workflow: 'inner', input: null, compensate: giveBack };
    await node.finish(visit(seat), 'cash');
    await node.finish(visit(seat), 'no money');
    expect([...taken]).toEqual([1]);
  });

  it('is all that is done anew: its siblings take what is kept', async () => {
    const { agents, calls } = theatre();
    const node = await createWorkNode({ agents });
    const graph = { steps: [take, { id: 'look', agent: 'look', input: 'row 1' }] };
    await node.finish({ graph });
    await node.finish({ graph });
    expect(calls).toEqual({ take: 2, giveBack: 0, look: 1 });
  });
});

describe('What undoes a step', () => {
  it('does so each time, also where it was asked for the same before', async () => {
    const { agents, calls } = theatre();
    const node = await createWorkNode({ agents });
    const seat = { ...take, compensate: { agent: 'give-back', input: 'the last one' } };
    await node.finish(visit(seat), 'no money', { options: { cache: true } });
    await node.finish(visit(seat), 'no money');
    expect(calls.giveBack).toBe(2);
  });
});
