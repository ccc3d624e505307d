import { describe, expect, it } from 'vitest';
import type { AgentContext } from '../../../actors/agent-context.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { Answers } from '../../support/scripted-owner.ts';
import { oneAgent, workerRig } from './rig.ts';

async function runs(
  code: (ctx: AgentContext) => unknown,
  answers: Answers,
  left: Readonly<Record<string, number>> | undefined,
) {
  const rig = workerRig([oneAgent(code)]);
  const { owner } = rig.meet(answers);
  owner.start(left === undefined ? {} : { left });
  await rig.world.settle();
  return { rig, owner };
}

describe('The budget on a worker', () => {
  it('reckons what is left from what came with the call and what was spent since, at once', async () => {
    const { owner } = await runs(
      (ctx) => {
        ctx.budget.spend({ usd: 0.1, tokensIn: 3, tokensOut: 4 });
        return ctx.budget.left;
      },
      { spend: () => undefined },
      { usd: 0.3, tokens: 10, steps: 2 },
    );
    expect(owner.of('call.request').map(({ verb, args }) => [verb, ...args])).toEqual([
      ['spend', { usd: 0.1, tokensIn: 3, tokensOut: 4 }],
    ]);
    expect(owner.of('call.outcome')[0]?.value).toEqual({ usd: 0.2, tokens: 3, steps: 2 });
  });

  it('refuses at once what is more than was left, and tells the owner all the same', async () => {
    const { owner } = await runs((ctx) => ctx.budget.spend({ usd: 0.5 }), { spend: () => undefined }, { usd: 0.3 });
    expect(owner.requests()).toEqual(['1 spend']);
    expect(owner.of('call.outcome')[0]?.error).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message: 'The run has used 0.2 USD more than was left of its budget. What it used counts; it cannot go on.',
    });
  });

  it('goes by what the owner says is left: all that was asked before what it answers is part of it, and nothing after that', async () => {
    const rig = workerRig([
      oneAgent(async (ctx) => {
        ctx.budget.spend({ usd: 1 });
        const published = ctx.publish('t');
        ctx.budget.spend({ usd: 0.5 });
        await published;
        return ctx.budget.left;
      }),
    ]);
    const { owner } = rig.meet({ spend: undefined, publish: () => undefined });
    // Others have used 3 of it meanwhile.
    owner.left = { usd: 6 };
    owner.start({ left: { usd: 10 } });
    await rig.world.settle();
    expect(owner.of('call.outcome')[0]?.value).toEqual({ usd: 5.5 });
  });

  it('throws with the next report what the owner refused where others had used it up', async () => {
    const { owner } = await runs(
      async (ctx) => {
        ctx.budget.spend({ usd: 1 });
        await ctx.publish('t');
        ctx.budget.spend({ usd: 1 });
      },
      {
        publish: () => undefined,
        spend: () => {
          throw new OperatingError('BUDGET_EXCEEDED', 'Used up by others.');
        },
      },
      { usd: 10 },
    );
    expect(owner.requests()).toEqual(['1 spend', '2 publish', '3 spend']);
    expect(owner.of('call.outcome')[0]?.error).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message: 'Used up by others.',
    });
  });

  it('refuses what is no amount, and says nothing of it', async () => {
    const { owner } = await runs((ctx) => ctx.budget.spend({ usd: -1 }), {}, { usd: 10 });
    expect(owner.requests()).toEqual([]);
    expect(owner.of('call.outcome')[0]?.error?.code).toBe('INVALID_INPUT');
  });

  it('has less time with each moment that passes, and without a budget the time to the deadline', async () => {
    const rig = workerRig([
      oneAgent(async (ctx) => {
        await ctx.sleep(1);
        return ctx.budget.left;
      }),
    ]);
    const { owner } = rig.meet({});
    owner.start({ left: { timeMs: 1_000 } });
    owner.start({ call: 'b run', token: 'b', deadlineAtMs: rig.world.nowMs() + 500 });
    await rig.world.elapse(300);
    owner.say({
      ...{ type: 'request.done', call: 'run/t/s/1 run', token: 'token-1' },
      request: 9,
      ok: true,
      left: { timeMs: 700 },
    });
    await rig.world.elapse(100);
    for (const [call, token] of [
      ['run/t/s/1 run', 'token-1'],
      ['b run', 'b'],
    ] as const)
      owner.say({ type: 'request.done', call, token, request: 1, ok: true });
    await rig.world.settle();
    expect(owner.of('call.outcome').map(({ value }) => value)).toEqual([{ timeMs: 600 }, { timeMs: 100 }]);
  });
});
