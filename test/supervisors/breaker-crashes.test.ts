/** Actors that crash behind a breaker, and keyed ones in front of which it is open: they wait, and lose nothing. */
import { describe, expect, it } from 'vitest';
import { assign, sendTo, setup } from 'xstate';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { breakerOf, killed, nodeOf, outcomeOf, type Will, willing } from '../support/fickle.ts';
import type { WorkNode } from '../support/work-node.ts';

/** A machine whose action throws as long as the test says. */
function thrower(will: Will, more: Partial<AgentOptions> = {}): AgentDefinition {
  const act = (): void => {
    will.calls++;
    if (will.broken) throw will.error();
  };
  const machine = setup({ actions: { act } }).createMachine({
    id: 'thrower',
    initial: 'waiting',
    states: {
      waiting: { after: { 1: 'acting' } },
      acting: { entry: 'act', after: { 10: 'done' } },
      done: { type: 'final' },
    },
    output: 'done',
  });
  return defineAgent({ name: 'thrower', version: '1.0.0', machine, ...more });
}

/** A number for each key, whose machine throws as long as the test says. */
function tally(will: Will): AgentDefinition {
  const machine = setup({
    types: { context: {} as { total: number }, events: {} as { type: 'add' } | { type: 'get'; replyTo: string } },
    actions: {
      act: () => {
        will.calls++;
        if (will.broken) throw will.error();
      },
    },
  }).createMachine({
    id: 'tally',
    context: { total: 0 },
    on: {
      add: { actions: ['act', assign({ total: ({ context }) => context.total + 1 })] },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'total', total: context.total }),
        ),
      },
    },
  });
  return defineAgent({ name: 'tally', version: '1.0.0', keyed: true, machine });
}

describe('An agent that crashes', () => {
  it('opens its breaker; those that crashed wait behind it, and go on where they were', async () => {
    const will = willing();
    const node = await nodeOf([thrower(will)]);
    const tasks = Array.from({ length: 6 }, () => node.submit({ agent: 'thrower' }).task);
    await node.world.elapse(3_000);
    expect(breakerOf(node, 'thrower')).toMatchObject({ state: 'open', opens: 1 });
    const supervisor = node.tree
      .describe()
      .supervisors.flatMap(({ supervisors }) => supervisors)
      .find(({ address }) => address.endsWith('thrower'));
    expect(supervisor).toMatchObject({ state: 'open', onExcess: 'open', breaker: { state: 'open' } });
    const { calls } = will;
    await node.world.elapse(6_000);
    expect(will.calls).toBe(calls);
    will.broken = false;
    for (const task of tasks) expect((await node.end(task)).status).toBe('completed');
    expect(breakerOf(node, 'thrower').state).toBe('closed');
  });

  it('opens it again when the one that is the probe crashes, and only that is tried', async () => {
    const will = willing();
    const node = await nodeOf([thrower(will, { retry: { attempts: 9 } })]);
    for (let n = 0; n < 6; n++) node.submit({ agent: 'thrower' });
    await node.world.elapse(3_000);
    const { calls } = will;
    await node.world.elapse(10_000);
    expect(breakerOf(node, 'thrower')).toMatchObject({ state: 'open', opens: 2 });
    expect(will.calls).toBe(calls + 1);
  });

  it('closes it when the one that is the probe has handled all there was for it, though it has not ended', async () => {
    const will = willing();
    const act = (): void => {
      if (will.broken) throw will.error();
    };
    const machine = setup({ actions: { act } }).createMachine({
      id: 'patient',
      initial: 'beginning',
      states: {
        beginning: { after: { 1: 'waiting' } },
        waiting: { entry: 'act', on: { go: 'done' } },
        done: { type: 'final' },
      },
      output: 'done',
    });
    const node = await nodeOf([defineAgent({ name: 'patient', version: '1.0.0', machine })]);
    const tasks = Array.from({ length: 6 }, () => node.submit({ agent: 'patient' }).task);
    await node.world.elapse(3_000);
    expect(breakerOf(node, 'patient').state).toBe('open');
    will.broken = false;
    await node.world.elapse(12_000);
    expect(breakerOf(node, 'patient').state).toBe('closed');
    for (const task of tasks) {
      expect((await node.store.readTask(task))?.status).toBe('working');
      await outcomeOf(node, node.desk.signal('loopback', task, 'go', {}));
      expect((await node.end(task)).status).toBe('completed');
    }
  });

  it('opens it by exceeding the intensity of its supervisor, however many failures its breaker takes', async () => {
    const will = willing();
    const node = await nodeOf([thrower(will, { breaker: { failures: 1_000 } })]);
    const tasks = Array.from({ length: 30 }, () => node.submit({ agent: 'thrower' }).task);
    await node.world.elapse(1_000);
    expect(breakerOf(node, 'thrower')).toMatchObject({ state: 'open', opens: 1 });
    will.broken = false;
    const ends = [];
    for (const task of tasks) ends.push((await node.end(task)).status);
    expect(new Set(ends)).toEqual(new Set(['completed']));
  });

  it('is given up as before where it has no breaker', async () => {
    const will = willing();
    const node = await nodeOf([thrower(will, { breaker: { failures: 0 }, retry: { attempts: 1 } })]);
    const tasks = Array.from({ length: 30 }, () => node.submit({ agent: 'thrower' }).task);
    for (const task of tasks) expect((await node.end(task)).status).toBe('failed');
    expect(() => node.breakers.view('thrower')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});

describe('A keyed agent whose breaker is open', () => {
  async function opened(): Promise<{ node: WorkNode; will: Will }> {
    const will = willing();
    const node = await nodeOf([tally(will)]);
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      await outcomeOf(node, node.desk.tell('tally', key, { type: 'add' }), 1);
    await node.world.elapse(2_000);
    expect(breakerOf(node, 'tally').state).toBe('open');
    return { node, will };
  }

  it('refuses tell and ask with UNAVAILABLE and retryAfterMs', async () => {
    const { node } = await opened();
    for (const ask of [
      () => node.desk.tell('tally', 'z', { type: 'add' }),
      () => node.desk.ask('tally', 'z', { type: 'get' }, 1_000),
    ]) {
      const error = (await outcomeOf(node, ask())) as OperatingError;
      expect([error.code, error.retryable, (error.retryAfterMs ?? 0) > 5_000]).toEqual(['UNAVAILABLE', true, true]);
      expect(error.details).toEqual({ breaker: 'agent:tally', state: 'open' });
    }
  });

  it('loses no mail that was accepted before', async () => {
    const { node, will } = await opened();
    will.broken = false;
    await node.world.elapse(15_000);
    expect(breakerOf(node, 'tally').state).toBe('closed');
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      expect(await outcomeOf(node, node.desk.ask('tally', key, { type: 'get' }, 1_000))).toEqual({ total: 1 });
  });

  it('loses none when its node is killed meanwhile, and waits on', async () => {
    const { node, will } = await opened();
    const { calls } = will;
    const again = await killed(node, [tally(will)]);
    await again.world.elapse(5_000);
    expect([breakerOf(again, 'tally').state, will.calls]).toEqual(['open', calls]);
    will.broken = false;
    await again.world.elapse(15_000);
    expect(breakerOf(again, 'tally').state).toBe('closed');
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      expect(await outcomeOf(again, again.desk.ask('tally', key, { type: 'get' }, 1_000))).toEqual({ total: 1 });
  });

  it('is closed by an ask that is answered', async () => {
    const { node, will } = await opened();
    will.broken = false;
    // Without the others, of which one would be the probe.
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      node.kernel.act(() => node.kernel.abandon(`agent/tally/${key}`, new OperatingError('AGENT_CRASHED', 'gone')));
    await node.world.elapse(12_000);
    expect(breakerOf(node, 'tally').state).toBe('half-open');
    expect(await outcomeOf(node, node.desk.ask('tally', 'z', { type: 'get' }, 1_000))).toEqual({ total: 0 });
    await node.world.elapse(1_000);
    expect(breakerOf(node, 'tally').state).toBe('closed');
  });
});
