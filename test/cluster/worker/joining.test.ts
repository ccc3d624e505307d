import { describe, expect, it } from 'vitest';
import type { AgentContext } from '../../../actors/agent-context.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { gate, JOURNAL, oneAgent, workerRig } from './rig.ts';

/** A worker with one call under way, whose first owner is then gone. `JOURNAL` answers nothing else, unless it is given. */
async function orphan(code: (ctx: AgentContext) => unknown, answers = JOURNAL) {
  const rig = workerRig([oneAgent(code)]);
  const first = rig.meet(answers);
  first.owner.settles = false;
  first.owner.start();
  await rig.world.settle();
  first.pair.lose();
  await rig.world.settle();
  return { ...rig, first };
}

const CALL = 'run/t/s/1 run';

describe('An owner that has started anew', () => {
  it('hears first what the worker holds, then what it offers, then what has ended, under its old token', async () => {
    const { meet, world } = await orphan(() => 'brought');
    const { owner } = meet();
    await world.settle();
    expect(owner.heard.map(({ type }) => type)).toEqual(['node.holds', 'node.offer', 'call.outcome']);
    expect(owner.of('node.holds')[0]?.calls).toEqual([{ call: CALL, token: 'token-1', state: 'ended' }]);
    expect(owner.of('call.outcome')[0]).toMatchObject({ token: 'token-1', ok: true, value: 'brought' });
  });

  it('joins what runs: it is asked the same under the new token, and the function goes on from where it was', async () => {
    const made: string[] = [];
    const { meet, world } = await orphan(async (ctx) => {
      const event = { type: 'NOTE', n: 1 };
      await ctx.journal('a', () => made.push('a'));
      const told = ctx.tell('clerk', 'k', event);
      event.n = 2;
      await told;
      return await ctx.journal('b', () => made.push('b'));
    });
    const { owner } = meet({
      journal: ({ args, run }) => (args[0] === 'a' ? 1 : run('do', 'key')),
      tell: () => undefined,
    });
    await world.settle();
    expect(owner.of('node.holds')[0]?.calls).toEqual([{ call: CALL, token: 'token-1', state: 'running' }]);
    expect(owner.requests()).toEqual([]);

    owner.join('token-2');
    await world.settle();
    expect(owner.requests()).toEqual(['1 journal', '2 tell', '3 journal']);
    expect(new Set(owner.of('call.request').map(({ token }) => token))).toEqual(new Set(['token-2']));
    // As it was when it was asked for.
    expect(owner.of('call.request')[1]?.args[2]).toEqual({ type: 'NOTE', n: 1 });
    expect(made).toEqual(['a', 'b']);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 2 }]);
  });

  it('never has a function made again that has ended: it hears what came of it', async () => {
    let made = 0;
    const { meet, world } = await orphan(async (ctx) => {
      await ctx.journal('a', () => ++made);
      await ctx
        .journal('b', () => {
          made++;
          throw new TypeError('no');
        })
        .catch(() => undefined);
      await ctx.sleep(5);
    });
    // It has no record of either.
    const { owner } = meet();
    owner.join('token-2');
    await world.settle();
    expect(owner.invoked).toEqual(['1 do', '2 do']);
    expect(owner.of('function.done').map(({ value, error }) => value ?? error?.message)).toEqual([1, 'no']);
    expect(made).toBe(2);
  });

  it('waits for a function that runs, and hears of it by its own invocation alone', async () => {
    let made = 0;
    const { waits, open } = gate<string>();
    const { meet, world } = await orphan((ctx) =>
      ctx.journal('a', () => {
        made++;
        return waits();
      }),
    );
    const { owner } = meet(JOURNAL, 40);
    owner.join('token-2');
    await world.settle();
    expect(owner.of('function.done')).toEqual([]);
    open('came');
    await world.settle();
    expect(owner.of('function.done')).toMatchObject([{ token: 'token-2', invocation: 41, value: 'came' }]);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 'came' }]);
    expect(made).toBe(1);
  });

  it('is asked for what is asked inside of a function once it asks for that, within its own invocation', async () => {
    const { meet, world } = await orphan(async (ctx) => {
      await ctx.journal('a', async () => {
        await ctx.tell('clerk', 'k', { type: 'IN' });
        await ctx.tell('clerk', 'k', { type: 'IN TOO' });
      });
      return 'over';
    });
    const { owner } = meet({ ...JOURNAL, tell: () => undefined }, 40);
    owner.join('token-2');
    await world.settle();
    expect(owner.requests()).toEqual(['1 journal', '2 tell <41', '3 tell <41']);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 'over' }]);
  });

  it('that knows how a call ended lets what still goes on inside of its function go', async () => {
    let told: unknown;
    const { meet, world } = await orphan((ctx) =>
      ctx.journal('a', async () => {
        told = await ctx.tell('clerk', 'k', { type: 'IN' }).catch((error: unknown) => (error as OperatingError).code);
      }),
    );
    const { owner } = meet({ journal: () => 'recorded' });
    owner.join('token-2');
    await world.settle();
    expect(told).toBe('CANCELED');
    expect(owner.of('call.outcome')).toMatchObject([{ value: 'recorded' }]);
  });

  it('may have the next try of a function made that has failed, where it is to be repeated', async () => {
    let made = 0;
    const { meet, world } = await orphan(
      (ctx) =>
        ctx.journal(
          'a',
          () => {
            if (++made === 1) throw new OperatingError('BUSY', 'Not now.');
            return made;
          },
          { retry: { attempts: 3 } },
        ),
      // Its owner waits before the next try.
      {
        journal: async ({ run }) => {
          await run('do', 'key').catch(() => undefined);
          return await new Promise(() => {});
        },
      },
    );
    const { owner } = meet({ journal: ({ run }) => run('do', 'key') });
    owner.join('token-2');
    await world.settle();
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 2 }]);
  });

  it('has a change of shared state made anew for another value, and not for the same', async () => {
    const given: unknown[] = [];
    const change = (ctx: AgentContext) =>
      ctx.state('global').update<number>('n', (value = 0) => {
        given.push(value);
        return value + 1;
      });
    const open = {
      'state.update': async ({ run }: { run: (which: 'do', value: number) => unknown }) => {
        await run('do', 1);
        return await new Promise(() => {});
      },
    };
    const { meet, world } = await orphan(change, open);
    const second = meet(open);
    second.owner.join('token-2');
    await world.settle();
    expect(second.owner.of('function.done')).toMatchObject([{ value: 2 }]);
    expect(given).toEqual([1]);
    second.pair.lose();

    const third = meet({ 'state.update': ({ run }) => run('do', 7) });
    third.owner.join('token-3');
    await world.settle();
    expect(third.owner.of('call.outcome')).toMatchObject([{ token: 'token-3', value: 8 }]);
    expect(given).toEqual([1, 7]);
  });

  it('has a change made anew for another value also where the worker has its answer: its own write may be lost', async () => {
    const given: unknown[] = [];
    const { meet, world } = await orphan(
      async (ctx) => {
        await ctx.state('global').update<number>('n', (value = 0) => {
          given.push(value);
          return value + 1;
        });
        await ctx.sleep(5);
      },
      { 'state.update': ({ run }) => run('do', 1) },
    );
    const { owner } = meet({ 'state.update': ({ run }) => run('do', 7) });
    owner.join('token-2');
    await world.settle();
    expect(given).toEqual([1, 7]);
    expect(owner.of('function.done')).toMatchObject([{ value: 8 }]);
  });

  it('may have an unsafe function made again that has failed, when that has been decided after it had joined it', async () => {
    let made = 0;
    const { meet, world } = await orphan(
      (ctx) =>
        ctx.journal(
          'pay',
          () => {
            if (++made === 1) throw new TypeError('no');
            return made;
          },
          { kind: 'unsafe' },
        ),
      {
        journal: async ({ run }) => {
          await run('do', 'key').catch(() => undefined);
          return await new Promise(() => {});
        },
      },
    );
    const { owner } = meet({
      journal: async ({ run }) => {
        await run('do', 'key').catch(() => undefined);
        return await run('do', 'key');
      },
    });
    owner.join('token-2');
    await world.settle();
    expect(owner.of('function.done').map(({ ok }) => ok)).toEqual([false, true]);
    expect(made).toBe(2);
  });

  it('that says a join twice is told once', async () => {
    const { meet, world } = await orphan((ctx) => ctx.sleep(5));
    const { owner } = meet({});
    owner.join('token-2');
    owner.join('token-2');
    await world.settle();
    expect(owner.requests()).toEqual(['1 sleep']);
  });

  it('hears of no call that was canceled, and gets it back where it asks for it', async () => {
    const rig = workerRig([oneAgent(() => new Promise(() => {}))]);
    const first = rig.meet();
    first.owner.start();
    first.owner.cancel();
    await rig.world.settle();
    first.pair.lose();
    const { owner } = rig.meet();
    owner.join('token-2');
    await rig.world.settle();
    expect(owner.of('node.holds')[0]?.calls).toEqual([]);
    expect(owner.of('call.handback')).toMatchObject([{ token: 'token-2' }]);
  });

  it('has the ends of a call in their order where it joins one that has ended', async () => {
    const { meet, world } = await orphan(async (ctx) => {
      await ctx.journal('a', () => 1);
      return 'brought';
    });
    const { owner } = meet();
    owner.settles = false;
    owner.join('token-2');
    await world.settle();
    const types = owner.heard.map(({ type }) => type);
    expect(types.slice(2)).toEqual(['call.outcome', 'call.request', 'call.outcome', 'function.done']);
    expect(owner.of('call.outcome').map(({ token }) => token)).toEqual(['token-1', 'token-2']);
  });

  it('is answered as a probe would where an unsafe function runs here, without asking the probe', async () => {
    const { waits, open } = gate<string>();
    const asked: unknown[] = [];
    const { meet, world } = await orphan((ctx) =>
      ctx.journal('pay', waits, { kind: 'unsafe', probe: (question) => void asked.push(question) as never }),
    );
    const { owner } = meet({ journal: ({ run }) => run('probe', 'key') });
    owner.join('token-2');
    await world.settle();
    expect(owner.of('function.done')).toEqual([]);
    open('paid');
    await world.settle();
    expect(owner.of('function.done')).toMatchObject([{ ok: true, value: { happened: true, value: 'paid' } }]);
    expect(asked).toEqual([]);
  });

  it('is told that nobody knows where an unsafe function has failed, or where there is no probe', async () => {
    const { meet, world } = await orphan(
      async (ctx) => {
        const failing = () => {
          throw new TypeError('no');
        };
        const probe = () => ({ happened: false }) as const;
        await ctx.journal('pay', failing, { kind: 'unsafe', probe }).catch(() => undefined);
        await ctx.journal('pay', () => 1, { kind: 'unsafe' });
      },
      { journal: ({ request, run }) => (request === 1 ? run('do', 'key') : new Promise(() => {})) },
    );
    const { owner } = meet({ journal: ({ run }) => run('probe', 'key') });
    owner.join('token-2');
    await world.settle();
    expect(owner.of('function.done').map(({ value }) => value)).toEqual(['unknown', 'unknown']);
  });

  it('is told the reports of what was spent again', async () => {
    const { meet, world } = await orphan(async (ctx) => {
      ctx.budget.spend({ usd: 1 });
      await ctx.sleep(5);
    });
    const { owner } = meet({ spend: () => undefined, sleep: () => undefined });
    owner.join('token-2');
    await world.settle();
    expect(owner.requests()).toEqual(['1 spend', '2 sleep']);
  });
});

describe('A call whose owner has gone', () => {
  it('waits while there is no session: what it asks for is sent when it is joined, and what it brings as well', async () => {
    const { waits, open } = gate<void>();
    const { meet, world } = await orphan(async (ctx) => {
      await waits();
      return await ctx.publish('t');
    });
    open();
    await world.settle();
    const { owner } = meet({ publish: () => 'published' });
    await world.settle();
    expect(owner.requests()).toEqual([]);
    owner.join('token-2');
    await world.settle();
    expect(owner.requests()).toEqual(['1 publish']);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-2', value: 'published' }]);
  });

  it('is given up where the one that came back does not ask for it in time, and told once', async () => {
    const { meet, world, worker } = await orphan((ctx) => ctx.sleep(5));
    const { owner } = meet({});
    await world.elapse(LIMITS.meshLostMs * 10 - 1);
    expect(owner.of('call.outcome')).toEqual([]);
    await world.elapse(1);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-1', error: { code: 'UNAVAILABLE' } }]);
    expect(worker.figures()).toEqual({ held: 0, running: 0 });
  });

  it('tells what it has brought after that time, where it ended by itself before', async () => {
    const { waits, open } = gate<string>();
    const { meet, world } = await orphan(waits);
    const { owner } = meet({});
    open('brought');
    await world.settle();
    expect(owner.of('call.outcome')).toEqual([]);
    await world.elapse(LIMITS.meshLostMs * 10);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-1', value: 'brought' }]);
  });

  it('is not given up once it was joined', async () => {
    const { meet, world, worker } = await orphan((ctx) => ctx.sleep(5));
    const { owner } = meet({});
    owner.join('token-2');
    await world.elapse(LIMITS.meshLostMs * 20);
    expect(worker.figures()).toEqual({ held: 1, running: 1 });
  });

  it('goes on in the same session as though nothing had been where the owner was only frozen', async () => {
    const rig = workerRig([oneAgent(async (ctx) => [await ctx.publish('t'), await ctx.publish('t')])]);
    const { owner, pair } = rig.meet({ publish: ({ request }) => request });
    await rig.world.settle();
    owner.start();
    pair.suspect();
    await rig.world.elapse(LIMITS.meshLostMs - 1);
    expect(owner.of('call.outcome')).toEqual([]);
    pair.heal();
    await rig.world.settle();
    expect(owner.requests()).toEqual(['1 publish', '2 publish']);
    expect(owner.of('call.outcome')).toMatchObject([{ token: 'token-1', value: [1, 2] }]);
  });

  it('cannot be joined where it has asked for more than is kept: it is not held, and is handed back', async () => {
    const large = 'x'.repeat(LIMITS.callRequestBytesMax / 4);
    const { meet, world, worker } = await orphan(
      async (ctx) => {
        for (let n = 0; n < 5; n++) await ctx.publish('t', large);
        await ctx.sleep(5);
      },
      { publish: () => undefined },
    );
    const { owner } = meet({});
    owner.join('token-2');
    await world.settle();
    expect(owner.of('node.holds')[0]?.calls).toEqual([]);
    expect(owner.of('call.handback')).toMatchObject([{ call: CALL, token: 'token-2' }]);
    expect(worker.figures()).toEqual({ held: 0, running: 0 });
  });

  it('cannot be joined either where its functions have brought more than is kept', async () => {
    const large = 'x'.repeat(LIMITS.callRequestBytesMax / 4);
    const { meet, world } = await orphan(async (ctx) => {
      for (let n = 0; n < 5; n++) await ctx.journal(`n${n}`, () => large);
      await ctx.sleep(5);
    });
    const { owner } = meet({});
    await world.settle();
    expect(owner.of('node.holds')[0]?.calls).toEqual([]);
  });

  it('is handed back where it has asked for too much since it was said to be held', async () => {
    const { waits, open } = gate<void>();
    const large = 'x'.repeat(LIMITS.callRequestBytesMax / 4);
    const { meet, world, worker } = await orphan(async (ctx) => {
      await waits();
      await Promise.all([1, 2, 3, 4, 5].map(() => ctx.publish('t', large)));
    });
    const { owner } = meet({});
    open();
    await world.settle();
    owner.join('token-2');
    await world.settle();
    expect(owner.of('node.holds')[0]?.calls).toHaveLength(1);
    expect(owner.of('call.handback')).toMatchObject([{ token: 'token-2' }]);
    expect(owner.requests()).toEqual([]);
    expect(worker.figures()).toEqual({ held: 0, running: 0 });
  });

  it('goes on beyond that bound as long as its owner is there', async () => {
    const large = 'x'.repeat(LIMITS.callRequestBytesMax / 4);
    const rig = workerRig([
      oneAgent(async (ctx) => {
        for (let n = 0; n < 6; n++) await ctx.journal(`n${n}`, () => large);
        return 'over';
      }),
    ]);
    const { owner } = rig.meet();
    owner.start();
    await rig.world.settle();
    expect(owner.of('call.outcome')).toMatchObject([{ value: 'over' }]);
  });
});
