import { setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const failing = defineAgent({
  name: 'failing',
  version: '1.0.0',
  breaker: { failures: 2, periodMs: 60_000, openMs: 30_000 },
  retry: { attempts: 5, backoffMs: 5_000, factor: 1, jitter: false },
  run: () => {
    throw new OperatingError('UNAVAILABLE', 'The provider is down.');
  },
});

const slow = defineAgent({
  name: 'slow',
  version: '1.0.0',
  concurrency: 1,
  timeoutMs: 0,
  run: () => new Promise(() => undefined),
});

const doubtful = defineAgent({
  name: 'doubtful',
  version: '1.0.0',
  run: ({ ctx }) =>
    ctx.journal(
      'pay',
      () => {
        throw new OperatingError('EFFECT_UNKNOWN', 'The line went dead.');
      },
      { kind: 'unsafe' },
    ),
});

const waiter = defineAgent({
  name: 'waiter',
  version: '1.0.0',
  lint: { ignore: ['no-deadline'] },
  machine: setup({}).createMachine({
    id: 'waiter',
    initial: 'waiting',
    states: { waiting: { on: { go: 'done' } }, done: { type: 'final' } },
  }),
});

const dozer = defineAgent({ name: 'dozer', version: '1.0.0', run: ({ ctx }) => ctx.sleep(60_000) });

async function why(node: WorkNode, task: string, passMs = 0) {
  await node.world.settle();
  if (passMs > 0) await node.world.elapse(passMs);
  const found = node.tree.whyOf(task);
  if (found === undefined) throw new TypeError('It has ended.');
  return found.waits;
}

const node = () => createWorkNode({ agents: [failing, slow, doubtful, waiter, dozer] });

describe('What a task waits for', () => {
  it('is the pause before its next attempt, with the failure that it follows', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'failing' });
    const [wait] = await why(here, task);
    expect(wait).toMatchObject({
      ...{ kind: 'timer', actor: `step/${task}/main`, step: 'main', item: null },
      what: 'A pause before attempt 2 by failing@1.0.0. The last one failed: UNAVAILABLE, The provider is down.',
      until: here.world.nowMs() + 5_000,
    });
  });

  it('is the breaker that is open, and how to close it', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'failing' });
    const [wait] = await why(here, task, 5_100);
    expect(wait).toMatchObject({ kind: 'breaker', what: expect.stringContaining('in front of failing is open') });
    expect(wait?.next).toContain('troupe breakers reset failing');
    expect(wait?.until).toBeGreaterThan(here.world.nowMs());
  });

  it('is the call that is made, since when; and for others the place that it holds', async () => {
    const here = await node();
    const first = here.submit({ agent: 'slow' }).task;
    const second = here.submit({ agent: 'slow' }).task;
    const startedMs = here.world.nowMs();
    expect(await why(here, first, 2_000)).toMatchObject([
      { kind: 'call', actor: `run/${first}/main/1`, step: 'main', item: null, since: startedMs },
    ]);
    expect(await why(here, second)).toMatchObject([
      { kind: 'slot', since: startedMs, what: expect.stringContaining('waits for a place: 1 calls') },
    ]);
  });

  it('is a word about a call in doubt, before all that goes by itself', async () => {
    const here = await node();
    const graph = {
      steps: [
        { id: 'a', agent: 'slow' },
        { id: 'b', agent: 'doubtful' },
      ],
    };
    const { task } = here.submit({ graph });
    const waits = await why(here, task);
    expect(waits[0]).toMatchObject({
      kind: 'decision',
      step: 'b',
      next: expect.stringContaining('troupe effects resolve'),
    });
    expect(waits.some(({ kind, step }) => kind === 'call' && step === 'a')).toBe(true);
    // The call in doubt does not go on by itself, and nothing beside it says so.
    const beside = waits.filter(({ kind, step }) => kind === 'call' && step === 'b');
    expect(beside).toEqual([
      expect.objectContaining({ next: expect.stringMatching(/^It goes on when that comes/) as string }),
    ]);
  });

  it('is a signal, where a machine waits for one', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'waiter' });
    expect(await why(here, task)).toMatchObject([
      { kind: 'signal', what: 'The machine waits for an event from outside (waiting).', step: 'main' },
    ]);
  });

  it('is the timer of a machine, and when it is due', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'lab.delay' }, { ms: 9_000 });
    const waits = await why(here, task);
    expect(waits).toContainEqual(
      expect.objectContaining({
        kind: 'timer',
        until: here.world.nowMs() + 9_000,
        what: expect.stringContaining('waiting'),
      }),
    );
  });

  it('is a sleep, which holds no place', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'dozer' });
    expect(await why(here, task)).toMatchObject([{ kind: 'call', what: expect.stringContaining('sleeps') }]);
  });

  it('is the restart of an actor that has crashed', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'lab.crash' }, { where: 'action' });
    await here.world.settle();
    for (let ms = 0; ms < 10; ms++) {
      const waits = await why(here, task, 1);
      if (waits.some(({ kind }) => kind === 'restart')) return;
    }
    expect.fail('It was never seen to wait for its restart.');
  });

  it('is the item of a fan-out, by its index', async () => {
    const here = await node();
    const { task } = here.submit({ graph: { steps: [{ id: 'each', agent: 'dozer', forEach: [1, 2] }] } });
    const waits = await why(here, task);
    expect(waits.map(({ step, item }) => [step, item])).toEqual([
      ['each', 0],
      ['each', 1],
    ]);
  });

  it('is the store, while that is away', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'dozer' });
    await here.world.settle();
    here.kernel.pause(true);
    expect((await why(here, task)).map(({ kind }) => kind)).toContain('store');
  });

  it('is nothing once it has ended', async () => {
    const here = await node();
    const { task } = here.submit({ agent: 'lab.echo' });
    await here.end(task);
    expect(here.tree.whyOf(task)).toBeUndefined();
  });

  it('is shown up to a number', async () => {
    const here = await node();
    const { task } = here.submit({
      graph: {
        steps: [{ id: 'each', agent: 'dozer', forEach: Array.from({ length: 80 }, (_, i) => i), concurrency: 80 }],
      },
    });
    await here.world.settle();
    const found = here.tree.whyOf(task);
    expect([found?.waits.length, found?.leftOut]).toEqual([50, 30]);
  });
});
