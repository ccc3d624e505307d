import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../../protocol/errors.ts';
import { oneAgent, workerRig } from './rig.ts';

describe('A call on a worker', () => {
  it('runs the function, with its journal at the owner, and is forgotten once the owner has what came of it', async () => {
    const keys: string[] = [];
    const rig = workerRig([
      oneAgent(async (ctx, input) => {
        const made = await ctx.journal('charge', (key) => {
          keys.push(key);
          return { paid: 3 };
        });
        return { input, made };
      }),
    ]);
    const { owner } = rig.meet();
    owner.settles = false;
    owner.start({ workInput: { order: 7 } });
    await rig.world.settle();

    expect(owner.heard.map(({ type }) => type)).toEqual([
      'node.holds',
      'node.offer',
      'call.request',
      'function.done',
      'call.outcome',
    ]);
    expect(owner.of('call.request')[0]).toMatchObject({
      request: 1,
      verb: 'journal',
      args: ['charge', { hasProbe: false }],
    });
    expect(keys).toEqual(['key of charge']);
    expect(owner.of('call.outcome')).toEqual([
      {
        ...{ type: 'call.outcome', call: 'run/t/s/1 run', token: 'token-1', ok: true },
        value: { input: { order: 7 }, made: { paid: 3 } },
      },
    ]);
    expect(rig.worker.figures()).toEqual({ held: 1, running: 0 });

    owner.say({ type: 'call.settled', call: 'run/t/s/1 run', token: 'token-1' });
    await rig.world.settle();
    expect(rig.worker.figures()).toEqual({ held: 0, running: 0 });
  });

  it('tells the error that its code has thrown, with its code where it has one', async () => {
    const rig = workerRig([
      oneAgent((_ctx, input) => {
        if (input === 'own') throw new OperatingError('BUSY', 'Full.', { retryAfterMs: 5 });
        throw new TypeError('broken');
      }),
    ]);
    const { owner } = rig.meet();
    owner.start({ workInput: 'own' });
    owner.start({ call: 'run/t/s/2 run', token: 'token-2' });
    await rig.world.settle();
    expect(owner.of('call.outcome').map(({ error }) => error)).toEqual([
      { code: 'BUSY', message: 'Full.', retryable: true, retryAfterMs: 5 },
      { code: 'AGENT_FAILED', message: 'broken', retryable: true },
    ]);
  });
});
