/** Outages, crashes and kills at random, in front of and behind breakers: nothing that was taken on is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { breakerOf, fickle, nodeOf, outcomeOf, type Will, willing } from '../support/fickle.ts';
import type { WorkNode } from '../support/work-node.ts';

/** On every change, and in full. */
const RUNS = process.env['TROUPE_TEST_FULL'] === '1' ? 300 : 25;
const BREAKER = { failures: 3, periodMs: 2_000, openMs: 500 } as const;

/** Crashes and not fails; three crashes of one message would set it aside, so each message crashes once at most. */
function crasher(will: Will, crashed: Set<number>) {
  const machine = setup({
    types: { context: {} as { id: number }, input: {} as { id: number } },
    actions: {
      act: ({ context }) => {
        if (!will.broken || crashed.has(context.id)) return;
        crashed.add(context.id);
        throw will.error();
      },
    },
  }).createMachine({
    id: 'crasher',
    context: ({ input }) => ({ id: input.id }),
    initial: 'acting',
    states: { acting: { entry: 'act', after: { 5: 'done' } }, done: { type: 'final' } },
    output: 'done',
  });
  return defineAgent({ name: 'crasher', version: '1.0.0', breaker: BREAKER, machine });
}

type Act =
  | { readonly do: 'submit'; readonly agent: 'fickle' | 'crasher'; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'break' | 'mend' | 'kill' | 'reset' };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1_500) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      agent: fc.constantFrom('fickle' as const, 'crasher' as const),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  fc.record({ do: fc.constantFrom('break' as const, 'mend' as const, 'kill' as const, 'reset' as const) }),
);

describe('Any history of outages, crashes, kills and resets', () => {
  it('ends with every task completed and every breaker closed, once the agents work', {
    timeout: 300_000,
  }, async () => {
    let opens = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 40 }), async (acts) => {
        const will = willing();
        const agents = [
          fickle(will, { breaker: BREAKER, retry: { attempts: 100, backoffMs: 20, maxBackoffMs: 200 } }),
          crasher(will, new Set()),
        ];
        let node: WorkNode = await nodeOf(agents);
        const tasks: string[] = [];
        let seed = 2;
        for (const one of acts) {
          if (one.do === 'submit') {
            for (let n = 0; n < one.count; n++)
              tasks.push(node.submit({ agent: one.agent }, { id: tasks.length }).task);
          } else if (one.do === 'wait') await node.world.elapse(one.ms);
          else if (one.do === 'kill') {
            await node.world.settle();
            opens += breakerOf(node).opens + breakerOf(node, 'crasher').opens;
            node.kill();
            node = await nodeOf(agents, { disk: node.disk, seed: seed++, startMs: node.world.nowMs() });
          } else if (one.do === 'reset') await outcomeOf(node, node.breakers.reset('fickle', 'test'), 1);
          else will.broken = one.do === 'break';
        }
        will.broken = false;
        for (const task of tasks) expect((await node.end(task)).status).toBe('completed');
        for (const agent of ['fickle', 'crasher']) {
          // One that opened when nobody waited any more is found well by the next who comes.
          if (breakerOf(node, agent).state !== 'closed') await node.finish({ agent }, { id: -1 });
          expect(breakerOf(node, agent)).toMatchObject({ state: 'closed', waiting: 0 });
        }
      }),
      { numRuns: RUNS },
    );
    expect(opens).toBeGreaterThan(0);
  });
});

describe('An opening', () => {
  it('turns calls away at once, and is told to people and programs only when the store knows it', async () => {
    const will = willing();
    const held: PromiseWithResolvers<'done'> = Promise.withResolvers();
    let isHeld = false;
    const disk = new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') });
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })], { disk });
    const events: string[] = [];
    node.registers.subscribe(({ context }) => void events.push(String(context.breakers['agent:fickle']?.state)));
    for (let task = 1; task <= 4; task++) await node.finish({ agent: 'fickle' });
    node.breakers.failed('fickle', 'run/x', 0, new OperatingError('AGENT_FAILED', 'away').toBody());
    isHeld = true;
    expect(node.breakers.enter('fickle', 'run/y').isIn).toBe(false);
    await node.world.elapse(100);
    const opened = (): boolean => node.log.some(({ message }) => message === 'A breaker opened.');
    expect([opened(), events]).toEqual([false, []]);
    isHeld = false;
    held.resolve('done');
    await node.world.elapse(100);
    expect([opened(), events]).toEqual([true, ['open']]);
    will.broken = false;
    await node.world.elapse(12_000);
    await node.finish({ agent: 'fickle' });
    await node.world.elapse(100);
    expect(events).toEqual(['open', 'half-open', 'closed']);
  });
});
