import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/limits.ts';
import { gate, JOURNAL, oneAgent, workerRig } from './rig.ts';

const CALL = 'run/t/s/1 run';

describe('A call that nobody wants any more', () => {
  it('is aborted with the error of its owner, and says once what it brings', async () => {
    const rig = workerRig([oneAgent((ctx) => ctx.sleep(5))]);
    const { owner, pair } = rig.meet({});
    owner.settles = false;
    owner.start();
    await rig.world.settle();
    owner.cancel();
    await rig.world.settle();
    expect(owner.of('call.outcome')).toMatchObject([
      { token: 'token-1', ok: false, error: { code: 'CANCELED', message: 'The task was canceled.' } },
    ]);
    expect(rig.worker.figures()).toEqual({ held: 0, running: 0 });

    pair.lose();
    const second = rig.meet({});
    await rig.world.settle();
    expect(second.owner.of('node.holds')[0]?.calls).toEqual([]);
    expect(second.owner.of('call.outcome')).toEqual([]);
  });

  it('says what it brought all the same where it does not heed its signal', async () => {
    const { waits, open } = gate<string>();
    const rig = workerRig([oneAgent(waits)]);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    owner.cancel();
    await rig.world.settle();
    expect(rig.worker.figures()).toEqual({ held: 1, running: 1 });
    open('late');
    await rig.world.settle();
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-1', ok: true, value: 'late' }]);
  });

  it('says what its functions brought, and ends when they have', async () => {
    const { waits, open } = gate<string>();
    const rig = workerRig([oneAgent((ctx) => ctx.journal('pay', waits, { kind: 'unsafe' }))]);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    owner.cancel();
    await rig.world.settle();
    expect(owner.of('call.outcome')).toEqual([]);
    open('paid');
    await rig.world.settle();
    expect(owner.of('function.done')).toMatchObject([{ value: 'paid' }]);
    expect(owner.of('call.outcome')).toMatchObject([{ error: { code: 'CANCELED' } }]);
  });

  it('is asked nothing and asks nothing any more', async () => {
    const asked: string[] = [];
    const rig = workerRig([
      oneAgent(async (ctx) => {
        await ctx.sleep(5).catch(() => undefined);
        await ctx.publish('t').catch((error: unknown) => asked.push(String((error as Error).message)));
      }),
    ]);
    const { owner } = rig.meet({});
    owner.start();
    await rig.world.settle();
    owner.cancel();
    await rig.world.settle();
    expect(asked).toEqual(['The task was canceled.']);
    expect(owner.requests()).toEqual(['1 sleep']);
  });

  it('has no function made any more, also while its code goes on', async () => {
    const made: string[] = [];
    const rig = workerRig([
      oneAgent(async (ctx) => {
        const asked = [ctx.journal('a', () => made.push('a')), ctx.state('global').update('n', () => made.push('n'))];
        await Promise.allSettled(asked);
        await new Promise(() => {});
      }),
    ]);
    const { owner } = rig.meet({});
    owner.start();
    await rig.world.settle();
    owner.cancel();
    for (const request of [1, 2]) {
      const place = { call: CALL, token: 'token-1', request, invocation: request } as const;
      owner.say({ type: 'function.invoke', ...place, which: 'do', args: ['key'] });
    }
    await rig.world.settle();
    expect(made).toEqual([]);
    expect(owner.of('function.done').map(({ ok }) => ok)).toEqual([false, false]);
  });

  it('is another one for another token: what comes for an older dispatch changes nothing', async () => {
    const rig = workerRig([oneAgent((ctx) => ctx.sleep(5))]);
    const { owner } = rig.meet({});
    owner.start();
    owner.cancel('token-0');
    owner.say({ type: 'call.settled', call: CALL, token: 'token-0' });
    owner.say({ type: 'request.done', call: CALL, token: 'token-0', request: 1, ok: true });
    await rig.world.settle();
    expect(rig.worker.figures()).toEqual({ held: 1, running: 1 });
    expect(owner.of('call.outcome')).toEqual([]);
  });
});

describe('A worker', () => {
  it('begins a call once, however often it is told to under one token', async () => {
    let begun = 0;
    const rig = workerRig([oneAgent((ctx) => (begun++, ctx.sleep(5)))]);
    const { owner } = rig.meet({});
    owner.start();
    owner.start();
    await rig.world.settle();
    expect(begun).toBe(1);
  });

  it('drops what it holds of a call that is begun under another token: only the new one is heard of', async () => {
    const reasons: unknown[] = [];
    const rig = workerRig([
      oneAgent(async (ctx, input) => {
        ctx.signal.addEventListener('abort', () => reasons.push((ctx.signal.reason as Error).message));
        if (input === 'old') await ctx.sleep(5);
        return input;
      }),
    ]);
    const { owner } = rig.meet({});
    owner.settles = false;
    owner.start({ workInput: 'old' });
    await rig.world.settle();
    owner.start({ token: 'token-2', workInput: 'new' });
    await rig.world.settle();
    expect(reasons).toEqual(['The call is made anew.']);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 'new' }]);
    expect(rig.worker.figures()).toEqual({ held: 1, running: 0 });
  });

  it('hands back what it does not offer, what it does not hold, and turns of machines fail as not available', async () => {
    const rig = workerRig([oneAgent(() => 1)]);
    const { owner } = rig.meet();
    owner.start({ agent: 'worker.one@2.0.0', call: 'a run', token: 'a' });
    owner.join('b', 'b run');
    owner.start({ name: 'machine.turn', call: 'c run', token: 'c' });
    await rig.world.settle();
    expect(owner.of('call.handback')).toMatchObject([
      { call: 'a run', token: 'a', reason: 'The node does not offer worker.one@2.0.0.' },
      { call: 'b run', token: 'b', reason: 'The node does not hold this call.' },
    ]);
    expect(owner.of('call.outcome')).toMatchObject([{ call: 'c run', error: { code: 'NOT_AVAILABLE' } }]);
  });

  it('hands back what is over its bound, also where older code does not heed its signal', async () => {
    const rig = workerRig([oneAgent(() => new Promise(() => {}))]);
    const { owner } = rig.meet();
    for (let n = 0; n < LIMITS.workerCallsMax; n++) owner.start({ call: `${n} run`, token: `${n}` });
    await rig.world.settle();
    owner.start({ call: 'more run', token: 'more' });
    owner.start({ call: '0 run', token: 'again' });
    await rig.world.settle();
    expect(owner.of('call.handback').map(({ token }) => token)).toEqual(['more', 'again']);
    expect(rig.worker.figures()).toEqual({ held: LIMITS.workerCallsMax - 1, running: LIMITS.workerCallsMax });
  });

  it('listens to its newest session alone, and speaks in no other', async () => {
    const { waits, open } = gate<void>();
    const rig = workerRig([oneAgent((_ctx, input) => (input === 'waits' ? waits() : 1))]);
    const first = rig.meet();
    first.owner.start({ call: 'a run', token: 'a', workInput: 'waits' });
    await rig.world.settle();
    const second = rig.meet();
    open();
    first.owner.start();
    await rig.world.settle();
    expect(first.owner.of('call.outcome')).toEqual([]);
    second.owner.start();
    await rig.world.settle();
    expect(second.owner.of('call.outcome')).toMatchObject([{ token: 'token-1' }]);
  });
});

describe('A worker that is drained', () => {
  it('says so, takes nothing new, and is done once the owner has all that came of what ran', async () => {
    const { waits, open } = gate<string>();
    const rig = workerRig([oneAgent(waits)]);
    const { owner } = rig.meet();
    owner.settles = false;
    owner.start();
    await rig.world.settle();
    let isDone = false;
    void rig.worker.drain(1_000).then(() => (isDone = true));
    owner.start({ call: 'late run', token: 'late' });
    await rig.world.settle();
    expect(owner.of('node.draining')).toHaveLength(1);
    expect(owner.of('call.handback')).toMatchObject([{ token: 'late', reason: 'The node is stopping.' }]);

    open('brought');
    await rig.world.settle();
    expect(owner.of('call.outcome')).toMatchObject([{ value: 'brought' }]);
    expect(isDone).toBe(false);
    owner.say({ type: 'call.settled', call: CALL, token: 'token-1' });
    await rig.world.settle();
    expect(isDone).toBe(true);
    expect(rig.world.timersPending).toBe(0);
  });

  it('stops what still runs when the time is over, hands it back, and says nothing more of it', async () => {
    const { waits, open } = gate<string>();
    const rig = workerRig([oneAgent((ctx) => ctx.journal('a', waits))]);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    let isDone = false;
    void rig.worker.drain(1_000).then(() => (isDone = true));
    await rig.world.elapse(999);
    expect(owner.of('call.handback')).toEqual([]);
    await rig.world.elapse(1);
    expect(owner.of('call.handback')).toMatchObject([{ call: CALL, token: 'token-1' }]);
    expect(isDone).toBe(true);
    open('late');
    await rig.world.settle();
    expect(owner.of('function.done')).toEqual([]);
    expect(owner.of('call.outcome')).toEqual([]);
  });

  it('hands back what only waits, once it has done so for a moment, and lets the rest go on', async () => {
    const { waits, open } = gate<string>();
    const agents = [
      oneAgent(async (ctx) => {
        await ctx.journal('a', waits);
        await ctx.sleep(60_000);
      }),
    ];
    const rig = workerRig(agents);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    let isDone = false;
    void rig.worker.drain(30_000).then(() => (isDone = true));
    await rig.world.elapse(5_000);
    expect([owner.of('call.handback'), isDone]).toEqual([[], false]);
    open('made');
    await rig.world.settle();
    expect(owner.of('call.handback')).toEqual([]);
    await rig.world.elapse(1_000);
    expect(owner.of('call.handback')).toMatchObject([{ call: CALL, token: 'token-1' }]);
    expect([isDone, rig.world.timersPending]).toEqual([true, 0]);
  });

  it('waits for what does something else beside its wait', async () => {
    const { waits } = gate<string>();
    const rig = workerRig([oneAgent((ctx) => Promise.all([ctx.sleep(60_000), ctx.journal('a', waits)]))]);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    void rig.worker.drain(5_000);
    await rig.world.elapse(4_999);
    expect(owner.of('call.handback')).toEqual([]);
    await rig.world.elapse(1);
    expect(owner.of('call.handback')).toHaveLength(1);
  });

  it('is done at once where it holds nothing, and tells an owner that comes later', async () => {
    const rig = workerRig([oneAgent(() => 1)]);
    await rig.worker.drain(1_000);
    const { owner } = rig.meet(JOURNAL);
    await rig.world.settle();
    expect(owner.heard.map(({ type }) => type)).toEqual(['node.holds', 'node.offer', 'node.draining']);
  });
});
