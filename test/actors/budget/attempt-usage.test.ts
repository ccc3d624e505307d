/** What the lines of the log say of the attempts that failed: where the money went, each part of it once. */
import { setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { createWorkNode } from '../../support/work-node.ts';

/** Reports what its input says for each attempt, in US dollars, and fails but for the last of them. */
const buyer = defineAgent({
  name: 'buyer',
  version: '1.0.0',
  capabilities: ['buy'],
  cost: { usd: 0.02, tokens: 100 },
  retry: { attempts: 3, backoffMs: 1 },
  run: ({ input, ctx }) => {
    const prices = input as readonly (number | null)[];
    const price = prices[ctx.attempt - 1];
    if (typeof price === 'number') ctx.budget.spend({ usd: price, tokensIn: 1, tokensOut: 2 });
    if (ctx.attempt < prices.length) throw new TypeError('not yet');
    return ctx.attempt;
  },
});

const ENDS = new Set(['step.retried', 'step.failed', 'step.completed', 'task.quarantined']);

function told(events: readonly TaskEvent[]): unknown[] {
  return events.filter(({ kind }) => ENDS.has(kind)).map(({ kind, data }) => [kind, data['usage']]);
}

describe('The line of an attempt that failed', () => {
  it('says what the attempt used, also where another follows', async () => {
    const node = await createWorkNode({ agents: [buyer] });
    const { id, result } = await node.finish({ agent: 'buyer' }, [0.5, 0.25, 0.125]);
    expect(told(await node.events(id))).toEqual([
      ['step.retried', { usd: 0.5, tokensIn: 1, tokensOut: 2 }],
      ['step.retried', { usd: 0.25, tokensIn: 1, tokensOut: 2 }],
      ['step.completed', { usd: 0.125, tokensIn: 1, tokensOut: 2 }],
    ]);
    expect(result?.usage).toEqual({ usd: 0.875, tokensIn: 3, tokensOut: 6, steps: 3 });
  });

  it('says it where it was the last, and what its agent declares where it reported nothing', async () => {
    const node = await createWorkNode({ agents: [buyer] });
    const graph = { steps: [{ id: 'a', agent: 'buyer', input: [0.5, null, 1, 1] }] };
    const { id, result } = await node.finish({ graph });
    expect(told(await node.events(id))).toEqual([
      ['step.retried', { usd: 0.5, tokensIn: 1, tokensOut: 2 }],
      ['step.retried', { usd: 0.02, tokensIn: 100, tokensOut: 0 }],
      ['step.failed', { usd: 1, tokensIn: 1, tokensOut: 2 }],
    ]);
    expect(result?.usage).toEqual({ usd: 1.52, tokensIn: 102, tokensOut: 4, steps: 3 });
  });

  it('says it of a report that went beyond the budget', async () => {
    const node = await createWorkNode({ agents: [buyer] });
    const { id, result } = await node.finish({ agent: 'buyer' }, [0.5], { options: { budget: { usd: 0.1 } } });
    expect(told(await node.events(id))).toEqual([['step.failed', { usd: 0.5, tokensIn: 1, tokensOut: 2 }]]);
    expect(result).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' }, usage: { usd: 0.5 } });
  });

  it('says it of a message that was set aside', async () => {
    const breaking = defineAgent({
      ...{ name: 'breaking', version: '1.0.0', lint: { ignore: ['no-end', 'no-deadline', 'unhandled-error'] } },
      effects: { ask: { run: ({ ctx }) => ctx.budget.spend({ usd: 0.25, tokensOut: 3 }) } },
      machine: setup({
        actors: { effect },
        actions: {
          breaks: () => {
            throw new TypeError('not with this');
          },
        },
      }).createMachine({
        initial: 'asking',
        states: {
          asking: { invoke: { src: 'effect', input: { name: 'ask' }, onDone: 'broken' } },
          broken: { entry: 'breaks' },
        },
      }),
    });
    const node = await createWorkNode({ agents: [breaking] });
    const { id, result } = await node.finish({ agent: 'breaking' });
    expect(told(await node.events(id))).toEqual([['task.quarantined', { usd: 0.25, tokensIn: 0, tokensOut: 3 }]]);
    expect(result).toMatchObject({ error: { code: 'QUARANTINED' }, usage: { usd: 0.25, tokensOut: 3 } });
  });

  it('says what was reserved where its agent declares something else since the node was started again', async () => {
    let isOver = false;
    const declaring = (usd: number) =>
      defineAgent({
        ...{ name: 'changing', version: '1.0.0', cost: { usd }, retry: { attempts: 1 } },
        run: async () => {
          if (!isOver) await new Promise<never>(() => undefined);
          throw new TypeError('it did not work');
        },
      });
    const one = await createWorkNode({ agents: [declaring(0.5)] });
    const { task } = one.submit({ agent: 'changing' }, null, { options: { budget: { usd: 1 } } });
    await one.world.settle();
    one.kill();
    isOver = true;
    const two = await createWorkNode({ agents: [declaring(0.25)], disk: one.disk, seed: 2 });
    expect((await two.end(task)).result).toMatchObject({ error: { code: 'AGENT_FAILED' }, usage: { usd: 0.5 } });
    expect(told(await two.events(task))).toEqual([['step.failed', { usd: 0.5, tokensIn: 0, tokensOut: 0 }]]);
  });

  it('says nothing where nothing was used, and of an attempt that could not begin', async () => {
    const node = await createWorkNode({ agents: [buyer] });
    const flaky = await node.finish({ agent: 'lab.flaky' }, { failures: 1 });
    expect(told(await node.events(flaky.id))).toEqual([
      ['step.retried', undefined],
      ['step.completed', undefined],
    ]);
    // The first attempt fails; what is left is too little for a second one.
    const short = await node.finish({ agent: 'buyer' }, [0.5, 0.5], { options: { budget: { usd: 0.51 } } });
    expect(told(await node.events(short.id))).toEqual([
      ['step.retried', { usd: 0.5, tokensIn: 1, tokensOut: 2 }],
      ['step.failed', undefined],
    ]);
    expect(short.result?.usage).toMatchObject({ usd: 0.5, steps: 1 });
  });

  it('says nothing of the one before where a breaker turns the next away', async () => {
    const tired = defineAgent({
      ...{ name: 'tired', version: '1.0.0', retry: { attempts: 2, backoffMs: 1 } },
      breaker: { failures: 2, openMs: 60_000 },
      run: ({ ctx }) => {
        ctx.budget.spend({ usd: 0.5 });
        throw new OperatingError('UNAVAILABLE', 'The line went dead.');
      },
    });
    const node = await createWorkNode({ agents: [tired] });
    const { task } = node.submit({ agent: 'tired' });
    // Its failure opens the breaker while the first one pauses.
    node.submit({ agent: 'tired' });
    const { result } = await node.end(task);
    expect(told(await node.events(task))).toEqual([
      ['step.retried', { usd: 0.5, tokensIn: 0, tokensOut: 0 }],
      ['step.failed', undefined],
    ]);
    expect(result).toMatchObject({ error: { code: 'UNAVAILABLE' }, usage: { usd: 0.5, steps: 1 } });
  });
});
