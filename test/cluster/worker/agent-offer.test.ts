import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { agentOffer } from '../../../cluster/worker/agent-offer.ts';
import { agentOfferSchema } from '../../../protocol/mesh-messages.ts';
import { packState, unpackState } from '../../../runtime/state-codec.ts';
import { oneAgent, workerRig } from './rig.ts';

/** As it arrives. */
function arrived(options: AgentOptions) {
  return agentOfferSchema.parse(unpackState(packState(agentOffer(defineAgent(options), true))));
}

describe('The offer of an agent', () => {
  it('has what an owner must know of a function', () => {
    const offer = arrived({
      ...{ name: 'text.shout', version: '1.2.0', description: 'Shouts.', capabilities: ['text.shout'] },
      ...{ concurrency: 3, labels: { gpu: 'yes' }, cost: { usd: 0.1 }, cache: { ttlMs: 5 }, kind: 'pure' },
      ...{ input: z.object({ text: z.string() }), on: { 'news.*': { input: { text: 'x' } } }, run: () => 1 },
    });
    expect(offer).toMatchObject({
      ...{ name: 'text.shout', version: '1.2.0', description: 'Shouts.', capabilities: ['text.shout'] },
      ...{ form: 'function', keyed: false, kind: 'pure', concurrency: 3, timeoutMs: 60_000, isHealthy: true },
      ...{ retry: { attempts: 3, jitter: true }, breaker: { failures: 5 }, cost: { usd: 0.1 }, cache: { ttlMs: 5 } },
      ...{ labels: { gpu: 'yes' }, on: { 'news.*': { input: { text: 'x' } } } },
      input: { type: 'object', properties: { text: { type: 'string' } } },
    });
    expect(offer).not.toHaveProperty('structureHash');
    expect(offer).not.toHaveProperty('output');
  });

  it('has the shape of a machine, and its calls with their kinds', () => {
    const machine = (initial: 'a' | 'b') => setup({}).createMachine({ initial, states: { a: {}, b: {} } });
    const effects = { charge: { kind: 'unsafe', run: () => 1 }, look: { run: () => 2 } } as const;
    const options = { name: 'clerk', version: '1.0.0', keyed: true, via: 'boss', effects } as const;
    const offer = arrived({ ...options, machine: machine('a') });
    expect(offer).toMatchObject({
      ...{ form: 'machine', keyed: true, via: 'boss', effects: { charge: 'unsafe', look: 'keyed' } },
    });
    expect(offer.structureHash).toBe(arrived({ ...options, machine: machine('a') }).structureHash);
    expect(offer.structureHash).not.toBe(arrived({ ...options, machine: machine('b') }).structureHash);
  });
});

describe('The offer of a worker', () => {
  it('has its agents, its labels and its threads', async () => {
    const rig = workerRig([oneAgent(() => 1)]);
    const { owner } = rig.meet();
    await rig.world.settle();
    expect(owner.of('node.offer')).toMatchObject([
      { agents: [{ name: 'worker.one', isHealthy: true }], labels: { zone: 'a' }, threads: 2 },
    ]);
  });

  it('is made again when the health of an agent turns, and only then', async () => {
    let isWell = true;
    const health = { check: () => isWell, intervalMs: 1_000, failures: 2, passes: 1 };
    const rig = workerRig([oneAgent(() => 1, { health })]);
    const { owner } = rig.meet();
    const healths = (): boolean[] => owner.of('node.offer').map(({ agents }) => agents[0]?.isHealthy === true);
    await rig.world.elapse(5_000);
    expect(healths()).toEqual([true]);
    isWell = false;
    await rig.world.elapse(5_000);
    expect(healths()).toEqual([true, false]);
    isWell = true;
    await rig.world.elapse(5_000);
    expect(healths()).toEqual([true, false, true]);
    rig.worker.stop();
    expect(rig.world.timersPending).toBe(0);
  });

  it('says that an agent is not healthy whose checks do not come back, and waits with each for its time alone', async () => {
    const health = { check: () => new Promise<boolean>(() => {}), intervalMs: 1_000, timeoutMs: 100, failures: 2 };
    const rig = workerRig([oneAgent(() => 1, { health })]);
    const { owner } = rig.meet();
    await rig.world.elapse(5_000);
    expect(owner.of('node.offer').at(-1)?.agents).toMatchObject([{ isHealthy: false }]);
    await rig.world.elapse(1_000);
    rig.worker.stop();
    await rig.world.settle();
    expect(rig.world.timersPending).toBe(0);
  });

  it('is looked after no more once it has stopped, also where a check is under way', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const rig = workerRig([oneAgent(() => 1, { health: () => promise })]);
    rig.worker.stop();
    resolve(true);
    await rig.world.settle();
    expect(rig.world.timersPending).toBe(0);
  });
});
