import { describe, expect, it } from 'vitest';
import type { AgentContext } from '../../../actors/agent-context.ts';
import { callKeyOf } from '../../../actors/agent-context.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { Answers } from '../../support/scripted-owner.ts';
import { JOURNAL, oneAgent, workerRig } from './rig.ts';

/** Runs one call of this code against an owner, and gives what it brought and what the owner heard. */
async function runs(code: (ctx: AgentContext) => unknown, answers: Answers = JOURNAL) {
  const rig = workerRig([oneAgent(code)]);
  const { owner } = rig.meet(answers);
  owner.start();
  await rig.world.settle();
  const [outcome] = owner.of('call.outcome');
  return { rig, owner, outcome, asked: owner.of('call.request').map(({ verb, args }) => [verb, ...args]) };
}

/** An owner that answers every verb with its name. */
const ECHO: Answers = new Proxy({}, { get: (_, verb) => () => `${String(verb)} answered` });

describe('The context on a worker', () => {
  it.each<[string, (ctx: AgentContext) => Promise<unknown>, readonly unknown[]]>([
    ['sleep', (ctx) => ctx.sleep(50), [50]],
    ['approval', (ctx) => ctx.approval({ message: 'May I?' }), [{ message: 'May I?' }]],
    ['tell', (ctx) => ctx.tell('clerk', 'k', { type: 'NOTE', n: 1 }), ['clerk', 'k', { type: 'NOTE', n: 1 }]],
    ['ask', (ctx) => ctx.ask('clerk', 'k', { type: 'READ' }), ['clerk', 'k', { type: 'READ' }]],
    ['ask', (ctx) => ctx.ask('clerk', 'k', { type: 'READ' }, 9), ['clerk', 'k', { type: 'READ' }, 9]],
    ['publish', (ctx) => ctx.publish('news'), ['news']],
    ['publish', (ctx) => ctx.publish('news', [1]), ['news', [1]]],
    ['broadcast', (ctx) => ctx.broadcast({ group: 'g' }, { type: 'HI' }), [{ group: 'g' }, { type: 'HI' }]],
    ['join', (ctx) => ctx.join('g'), ['g']],
    ['leave', (ctx) => ctx.leave('g'), ['g']],
    ['model', (ctx) => ctx.model({ prompt: 'p' }), [{ prompt: 'p' }]],
    ['tool', (ctx) => ctx.tool('search', { q: 1 }), ['search', { q: 1 }]],
    ['state.get', (ctx) => ctx.state().get('n'), [null, 'n']],
    ['state.set', (ctx) => ctx.state('global').set('n', 1), ['global', 'n', 1]],
    ['state.set', (ctx) => ctx.state('global').set('n', 1, { ifVersion: 2 }), ['global', 'n', 1, { ifVersion: 2 }]],
    ['state.remove', (ctx) => ctx.state('global').remove('n'), ['global', 'n']],
    ['state.lock', (ctx) => ctx.state('global').lock('n', { ttlMs: 5 }), ['global', 'n', { ttlMs: 5 }]],
    ['state.renew', (ctx) => ctx.state('global').renew('n', 3, 5), ['global', 'n', 3, 5]],
    ['state.update', (ctx) => ctx.state('global').update('n', () => 1, { token: 3 }), ['global', 'n', { token: 3 }]],
  ])('asks the owner for %s, and gives back what it answers', async (verb, code, args) => {
    const { outcome, asked } = await runs(code, ECHO);
    expect(asked).toEqual([[verb, ...args]]);
    expect(outcome?.value).toBe(`${verb} answered`);
  });

  it('answers an unlock with nothing, and throws what the owner refuses', async () => {
    const refusing: Answers = {
      'state.unlock': () => 'ignored',
      sleep: () => {
        throw new OperatingError('DEADLINE_EXCEEDED', 'Too late.', { details: { byMs: 5 } });
      },
    };
    const { outcome } = await runs(async (ctx) => {
      const unlocked = await ctx.state('global').unlock('n', 3);
      const error = await ctx.sleep(5).catch((thrown: unknown) => thrown as OperatingError);
      const { code, details } = error as OperatingError;
      return { isNothing: unlocked === undefined, isOne: error instanceof OperatingError, code, details };
    }, refusing);
    expect(outcome?.value).toEqual({ isNothing: true, isOne: true, code: 'DEADLINE_EXCEEDED', details: { byMs: 5 } });
  });

  it('names the scope of the task, and refuses none where there is no task', async () => {
    const rig = workerRig([oneAgent((ctx) => ctx.state().scope)]);
    const { owner } = rig.meet();
    owner.start();
    owner.start({
      call: 'agent/x/k a',
      token: 'b',
      work: { task: '', step: '', attempt: 1, owner: 'agent/x/k', input: 1 },
    });
    await rig.world.settle();
    const brought = owner.of('call.outcome').map(({ token, value, error }) => [token, value ?? error?.code]);
    expect(new Map(brought as [string, unknown][])).toEqual(
      new Map([
        ['token-1', 'task:t'],
        ['b', 'INVALID_INPUT'],
      ]),
    );
  });

  it('sends what a journaled call is with it, and has its function made each time the owner says so', async () => {
    const keys: string[] = [];
    const twice: Answers = {
      journal: async ({ run }) => {
        await run('do', 'key').catch(() => undefined);
        return await run('do', 'key');
      },
    };
    const { outcome, asked, owner } = await runs(
      (ctx) =>
        ctx.journal(
          'charge',
          (key) => {
            keys.push(key);
            if (keys.length === 1) throw new OperatingError('BUSY', 'Not now.');
            return keys.length;
          },
          { kind: 'pure', args: { n: 1 }, retry: { attempts: 2 } },
        ),
      twice,
    );
    expect(asked).toEqual([
      ['journal', 'charge', { kind: 'pure', args: { n: 1 }, hasProbe: false, retry: { attempts: 2 } }],
    ]);
    expect(keys).toEqual(['key', 'key']);
    expect(owner.of('function.done').map(({ ok, error }) => error?.code ?? ok)).toEqual(['BUSY', true]);
    expect(outcome?.value).toBe(2);
  });

  it('has a function made again that has not failed where the same owner says so', async () => {
    let made = 0;
    const { outcome } = await runs((ctx) => ctx.journal('charge', () => ++made), {
      journal: async ({ run }) => [await run('do', 'key'), await run('do', 'key')],
    });
    expect(outcome?.value).toEqual([1, 2]);
  });

  it('throws the error of a function as that threw it, where the owner says the same', async () => {
    class Refused extends Error {}
    const { outcome } = await runs(async (ctx) => {
      const thrown = await ctx
        .journal('charge', () => {
          throw new Refused('no');
        })
        .catch((error: unknown) => error);
      return thrown instanceof Refused;
    });
    expect(outcome?.value).toBe(true);
  });

  it('gives a change of shared state what is there now, and the owner what it makes of it', async () => {
    const given: unknown[] = [];
    const rounds: Answers = {
      'state.update': async ({ run }) => [await run('do'), await run('do', 4)],
    };
    const { outcome } = await runs(
      (ctx) =>
        ctx.state('global').update<number>('n', (value) => {
          given.push(value);
          return (value ?? 0) + 1;
        }),
      rounds,
    );
    expect(given).toEqual([undefined, 4]);
    expect(outcome?.value).toEqual([1, 5]);
  });

  it('says within which making something is asked for, also after awaits, and none outside of any', async () => {
    const { owner } = await runs(
      async (ctx) => {
        const both = [
          ctx.journal('a', async () => {
            await ctx.tell('clerk', 'k', { type: 'A' });
            await ctx.journal('inner', () => ctx.tell('clerk', 'k', { type: 'INNER' }));
          }),
          ctx.journal('b', () => ctx.tell('clerk', 'k', { type: 'B' })),
        ];
        await Promise.all(both);
        await ctx.tell('clerk', 'k', { type: 'C' });
      },
      { ...JOURNAL, tell: () => undefined },
    );
    expect(owner.requests()).toEqual([
      '1 journal',
      '2 journal',
      '3 tell <1',
      '4 tell <2',
      '5 journal <1',
      '6 tell <3',
      '7 tell',
    ]);
  });

  it('says nothing of what another call is within, wherever it was begun', async () => {
    let begin = (): void => {};
    const rig = workerRig([
      oneAgent(async (ctx, input) => {
        if (input === 'other') await ctx.tell('clerk', 'k', { type: 'OTHER' });
        else await ctx.journal('a', () => begin());
      }),
    ]);
    const { owner, pair } = rig.meet({ ...JOURNAL, tell: () => undefined });
    begin = () =>
      pair.worker.ears?.onMessage(owner.starting({ call: 'b run', token: 'b', workInput: 'other' }), () => {});
    owner.start();
    await rig.world.settle();
    expect(owner.requests()).toEqual(['1 journal', '1 tell']);
  });

  it('has the idempotency key that the call would have at the owner', async () => {
    const rig = workerRig([oneAgent((ctx) => ctx.idempotencyKey)]);
    const { owner } = rig.meet();
    owner.start({ life: 2 });
    await rig.world.settle();
    expect(owner.of('call.outcome')[0]?.value).toBe(callKeyOf('step/t/s', { key: 'run', life: 2 }));
  });

  it('computes in the threads of its own node, within the deadline', async () => {
    const jobs: object[] = [];
    const workers = { run: (job: object) => Promise.resolve(jobs.push(job)) };
    const rig = workerRig([oneAgent((ctx) => ctx.worker({ module: '/m.js', input: 1 }))], { workers });
    const { owner } = rig.meet();
    const deadlineAtMs = rig.world.nowMs() + 1_000;
    owner.start({ deadlineAtMs });
    await rig.world.settle();
    expect(jobs).toMatchObject([
      { module: '/m.js', input: 1, deadlineAtMs, signal: expect.any(AbortSignal) as AbortSignal },
    ]);
    expect(owner.of('call.request')).toEqual([]);
  });

  it("writes to its own node's log, with the task, the step, the agent and the node", async () => {
    const { rig } = await runs((ctx) => ctx.logger.info('Hello.', { n: 1 }));
    expect(rig.lines).toEqual([
      {
        ...{ level: 'info', message: 'Hello.' },
        fields: { task: 't', step: 's', agent: 'worker.one@1.0.0', actor: 'run/t/s/1', node: 'worker', n: 1 },
      },
    ]);
  });

  it('makes a run that is unsafe as one call of its journal, with its probe', async () => {
    const asked: unknown[] = [];
    const probe = (question: object) => {
      asked.push(question);
      return { happened: false } as const;
    };
    const rig = workerRig([oneAgent(() => 'made', { kind: 'unsafe', probe })]);
    const { owner } = rig.meet({ once: async ({ run }) => [await run('probe', 'key', 5), await run('do', 'key')] });
    owner.start({ kind: 'unsafe', workInput: 9 });
    await rig.world.settle();
    expect(owner.of('call.request')[0]).toMatchObject({ verb: 'once', args: [{ kind: 'unsafe', hasProbe: true }] });
    // The probe of a whole run is given the run's input.
    expect(asked).toMatchObject([{ idempotencyKey: 'key', input: 9 }]);
    expect(owner.of('call.outcome')[0]?.value).toEqual([{ happened: false }, 'made']);
  });

  it('asks the probe where a function could not say itself whether it has happened', async () => {
    const { outcome } = await runs(
      (ctx) =>
        ctx.journal(
          'charge',
          () => {
            throw new OperatingError('EFFECT_UNKNOWN', 'The line broke.');
          },
          { kind: 'unsafe', probe: () => ({ happened: true, value: 'paid' }) },
        ),
      {
        journal: async ({ run }) => {
          await run('do', 'key').catch(() => undefined);
          return await run('probe', 'key', undefined);
        },
      },
    );
    expect(outcome?.value).toEqual({ happened: true, value: 'paid' });
  });

  it('takes no harm from an answer that comes twice, or to nothing that was asked', async () => {
    const rig = workerRig([oneAgent(async (ctx) => [await ctx.sleep(1), await ctx.publish('t')])]);
    const { owner } = rig.meet({});
    const done = (request: number, value: unknown): void =>
      owner.say({ type: 'request.done', call: 'run/t/s/1 run', token: 'token-1', request, ok: true, value });
    owner.start();
    done(7, 'nothing');
    done(1, 'first');
    done(1, 'second');
    await rig.world.settle();
    done(1, 'third');
    done(2, 'published');
    await rig.world.settle();
    expect(owner.of('call.outcome')[0]?.value).toEqual(['first', 'published']);
  });

  it('refuses what is asked after the call is over and settled', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const codes: string[] = [];
    const { rig, owner } = await runs((ctx) => {
      void promise.then(() => ctx.publish('t')).catch((error: unknown) => codes.push((error as OperatingError).code));
    });
    resolve();
    await rig.world.settle();
    expect(codes).toEqual(['CANCELED']);
    expect(owner.requests()).toEqual([]);
  });

  it('refuses to ask without end', async () => {
    const { outcome, owner } = await runs(async (ctx) => {
      for (let n = 0; n <= LIMITS.callRequestsMax; n++) await ctx.publish('t');
    }, ECHO);
    expect(outcome?.error?.code).toBe('LIVELOCK');
    expect(owner.of('call.request')).toHaveLength(LIMITS.callRequestsMax);
  });

  it('tells the owner that what a function or the run gave cannot be sent', async () => {
    const deep = (): unknown => {
      let value: unknown = 1;
      for (let depth = 0; depth < 5_000; depth++) value = [value];
      return value;
    };
    const { outcome, owner } = await runs(async (ctx) => {
      await ctx.journal('deep', deep).catch(() => undefined);
      return deep();
    });
    expect(owner.of('function.done')[0]?.error?.code).toBe('INVALID_OUTPUT');
    expect(outcome?.error?.code).toBe('INVALID_OUTPUT');
  });
});
