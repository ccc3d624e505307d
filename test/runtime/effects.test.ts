import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { type EffectCall, type EffectPlan, Effects } from '../../runtime/effects.ts';
import type { EffectOutcome } from '../../runtime/host.ts';
import { createManualWorld } from '../support/manual-world.ts';

function rig() {
  const world = createManualWorld();
  const settled: [string, string][] = [];
  const started: string[] = [];
  const calls = new Map<string, EffectCall>();
  const answers = new Map<string, PromiseWithResolvers<unknown>>();
  const word = (outcome: EffectOutcome): string => (outcome.ok ? String(outcome.value) : outcome.error.code);
  const effects = new Effects(world, {
    settled: (address, key, outcome) => void settled.push([`${address}/${key}`, word(outcome)]),
    entering: (all) => all.length,
  });
  const start = (key: string, more: Partial<EffectPlan> = {}): void =>
    effects.start({
      address: 'a',
      key,
      name: key,
      kind: 'keyed',
      input: undefined,
      again: false,
      lane: 'lane',
      laneLimit: 1,
      priority: 5,
      perform: (call) => {
        started.push(key);
        calls.set(key, call);
        const answer = Promise.withResolvers<unknown>();
        answers.set(key, answer);
        return answer.promise;
      },
      ...more,
    });
  const answer = async (key: string, value: unknown = 'ok'): Promise<void> => {
    await world.settle();
    answers.get(key)?.resolve(value);
    await world.settle();
  };
  return { world, effects, settled, started, calls, start, answer, answers };
}

describe('Calls of one lane', () => {
  it('run so many at a time as it says; the others follow by priority, then in order', async () => {
    const { effects, started, start, answer } = rig();
    for (const [key, priority] of [
      ['first', 5],
      ['low', 1],
      ['mid', 5],
      ['high', 9],
      ['high 2', 9],
      ['over', 99],
    ] as const)
      start(key, { priority });
    expect([effects.laneFigures('lane'), effects.figures]).toEqual([
      { running: 1, waiting: 5, resting: 0 },
      { running: 1, waiting: 5 },
    ]);
    for (const key of ['first', 'high', 'high 2', 'over', 'mid', 'low']) await answer(key);
    expect(started).toEqual(['first', 'high', 'high 2', 'over', 'mid', 'low']);
    expect([effects.laneFigures('lane'), effects.figures]).toEqual([
      { running: 0, waiting: 0, resting: 0 },
      { running: 0, waiting: 0 },
    ]);
  });

  it('do not hold up those of another', async () => {
    const { world, started, start } = rig();
    start('one');
    start('two', { lane: 'other' });
    await world.settle();
    expect(started).toEqual(['one', 'two']);
  });

  it('give their place back when they throw at once, fail, end late or are canceled', async () => {
    const { world, effects, settled, start, answers } = rig();
    start('throws', {
      perform: () => {
        throw new OperatingError('NOT_FOUND', 'nothing');
      },
    });
    await world.settle();
    start('fails');
    await world.settle();
    answers.get('fails')?.reject(new Error('no'));
    await world.settle();
    start('late', { timeoutMs: 10 });
    await world.elapse(10);
    start('canceled');
    effects.cancel('a', 'canceled');
    start('waits');
    expect(settled).toEqual([
      ['a/throws', 'NOT_FOUND'],
      ['a/fails', 'AGENT_FAILED'],
      ['a/late', 'TIMEOUT'],
    ]);
    expect(effects.laneFigures('lane')).toEqual({ running: 1, waiting: 0, resting: 0 });
  });

  it('that are canceled while they wait never run, and give nothing away', async () => {
    const { effects, started, settled, start, answer } = rig();
    start('one');
    start('two');
    start('three');
    effects.cancel('a', 'two');
    await answer('one');
    expect([started, settled]).toEqual([['one', 'three'], [['a/one', 'ok']]]);
    await answer('three');
    expect(effects.laneFigures('lane')).toEqual({ running: 0, waiting: 0, resting: 0 });
  });
});

describe('A call', () => {
  it('is made once under its key, and again only when its outcome was handled', async () => {
    const { world, effects, started, start, answer } = rig();
    start('k');
    start('k');
    await answer('k');
    start('k');
    expect([started, effects.has('a', 'k')]).toEqual([['k'], true]);
    effects.consumed('a', 'k');
    expect([effects.has('a', 'k'), effects.busy('a')]).toEqual([false, false]);
    start('k');
    await world.settle();
    expect(started).toEqual(['k', 'k']);
  });

  it('whose outcome is on its way already is not made', async () => {
    const { world, effects, started, start } = rig();
    effects.adopt('a', 'k');
    start('k');
    await world.settle();
    expect(started).toEqual([]);
    effects.cancel('a', 'k');
    start('k');
    await world.settle();
    expect(started).toEqual(['k']);
  });

  it('ends late though it does not heed its signal, tells it, and is not heard afterwards', async () => {
    const { world, settled, calls, start, answer } = rig();
    start('k', { timeoutMs: 100 });
    await world.settle();
    const { signal } = calls.get('k') as EffectCall;
    await world.elapse(99);
    expect([settled, signal.aborted]).toEqual([[], false]);
    await world.elapse(1);
    expect([settled, signal.aborted]).toEqual([[['a/k', 'TIMEOUT']], true]);
    expect(signal.reason).toMatchObject({ code: 'TIMEOUT' });
    await answer('k');
    expect(settled).toHaveLength(1);
  });

  it('does not begin after its deadline, and ends at it', async () => {
    const { world, settled, started, start } = rig();
    start('one', { deadlineAtMs: world.nowMs() + 50, timeoutMs: 1_000 });
    start('two', { deadlineAtMs: world.nowMs() + 50 });
    await world.elapse(50);
    await world.settle();
    expect([started, settled]).toEqual([
      ['one'],
      [
        ['a/two', 'DEADLINE_EXCEEDED'],
        ['a/one', 'DEADLINE_EXCEEDED'],
      ],
    ]);
  });

  it('that rests gives its place away, its limit stands still meanwhile, and it takes a place again', async () => {
    const { world, effects, settled, started, calls, start, answer } = rig();
    start('sleeper', { timeoutMs: 100 });
    start('other');
    await world.elapse(60);
    const back = calls.get('sleeper')?.rest() as () => Promise<void>;
    await world.settle();
    expect([started, effects.laneFigures('lane')]).toEqual([
      ['sleeper', 'other'],
      { running: 1, waiting: 0, resting: 1 },
    ]);
    await world.elapse(10_000);
    expect(settled).toEqual([]);
    let isBack = false;
    void back().then(() => (isBack = true));
    await world.settle();
    expect(isBack).toBe(false);
    await answer('other');
    expect([isBack, effects.laneFigures('lane')]).toEqual([true, { running: 1, waiting: 0, resting: 0 }]);
    await world.elapse(39);
    expect(settled).toEqual([['a/other', 'ok']]);
    await world.elapse(1);
    expect(settled.at(-1)).toEqual(['a/sleeper', 'TIMEOUT']);
    expect(effects.laneFigures('lane')).toEqual({ running: 0, waiting: 0, resting: 0 });
  });

  it('that ends while it rests, or waits to come back, leaves no place taken', async () => {
    const { world, effects, calls, start, answer } = rig();
    start('sleeper');
    await world.settle();
    const back = calls.get('sleeper')?.rest() as () => Promise<void>;
    start('other');
    const coming = back();
    effects.cancel('a', 'sleeper');
    await answer('other');
    await coming;
    await world.settle();
    expect([effects.laneFigures('lane'), effects.figures]).toEqual([
      { running: 0, waiting: 0, resting: 0 },
      { running: 0, waiting: 0 },
    ]);
    const again = calls.get('sleeper')?.rest();
    await expect(again?.()).resolves.toBeUndefined();
  });

  it('that is not wanted any more before it could begin is not made', async () => {
    const { world, effects, settled, started, start } = rig();
    const late: string[] = [];
    effects.witness = { canceled: () => undefined, late: ({ key }) => void late.push(key) };
    start('canceled');
    effects.cancel('a', 'canceled');
    start('wound down', { lane: 'other' });
    expect(effects.windDown('a')).toBe(true);
    await world.settle();
    expect([started, late, settled]).toEqual([[], [], [['a/wound down', 'CANCELED']]]);
    expect(effects.figures).toEqual({ running: 0, waiting: 0 });
  });

  it('has its time for itself: what begins before it, and takes long, is not its own', async () => {
    const { world, effects, settled, start } = rig();
    start('slow', {
      lane: 'other',
      perform: () => {
        world.advance(80);
        return new Promise(() => {});
      },
    });
    start('quick', { timeoutMs: 100 });
    await world.settle();
    await world.elapse(99);
    expect(settled).toEqual([]);
    expect(effects.callsOf('a').find(({ key }) => key === 'quick')?.sinceMs).toBe(world.nowMs() - 99);
    await world.elapse(1);
    expect(settled).toEqual([['a/quick', 'TIMEOUT']]);
  });

  it('that is held back by a node that stops is not begun, and none of those under way is heard', async () => {
    const { world, effects, settled, started, calls, start, answer } = rig();
    start('one');
    start('two');
    await world.settle();
    effects.hold();
    start('three', { lane: 'other' });
    await answer('one');
    expect(started).toEqual(['one']);
    start('four', { address: 'b' });
    effects.abandonAll();
    await answer('one');
    expect(settled).toEqual([['a/one', 'ok']]);
    expect(calls.get('one')?.signal.aborted).toBe(false);
    expect([effects.busy('a'), effects.busy('b')]).toEqual([false, false]);
  });
});
