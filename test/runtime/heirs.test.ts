/** Mail that waits for a keyed actor when it ends by itself. */
import { assign, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { scribe } from '../support/scribe.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

/** Tells the scribe of each message, and ends with every second. */
const brief = defineAgent({
  name: 'brief',
  version: '1.0.0',
  keyed: true,
  machine: setup({
    types: { context: {} as { count: number }, events: {} as { type: 'note'; n: number } },
  }).createMachine({
    context: { count: 0 },
    initial: 'open',
    states: {
      open: {
        on: {
          note: {
            actions: [
              assign({ count: ({ context }) => context.count + 1 }),
              sendTo(
                () => addressOf('agent/scribe/all'),
                ({ event, context }) => ({ type: 'noted', n: event.n, count: context.count }),
              ),
            ],
          },
        },
        always: { guard: ({ context }) => context.count === 2, target: 'done' },
      },
      done: { type: 'final' },
    },
  }),
});

const still = defineAgent({
  name: 'still',
  version: '1.0.0',
  keyed: true,
  machine: setup({}).createMachine({ initial: 'done', states: { done: { type: 'final' } } }),
});

describe('What waits for a keyed actor that ends by itself', () => {
  it('is handled by the next of its address, in order, also over a kill', async () => {
    const disk = new MemoryDisk();
    const agents = [brief, scribe('scribe')];
    const first = await createWorkNode({ agents, disk });
    // All at once, so that the others wait when one ends.
    for (let n = 1; n <= 5; n++) first.kernel.deliver('agent/brief/k', { type: 'note', n });
    await first.world.settle();
    first.kill();
    const second = await createWorkNode({ agents, disk, seed: 2 });
    await settled(second, second.desk.tell('brief', 'k', { type: 'note', n: 6 }));
    const answer = await settled(second, second.desk.ask('scribe', 'all', { type: 'read' }, 1_000));
    const heard = (answer as { heard: { n: number; count: number }[] }).heard;
    expect(heard.map(({ n, count }) => [n, count])).toEqual([1, 2, 3, 4, 5, 6].map((n) => [n, 2 - (n % 2)]));
    expect(second.counts.deadLetters.size + first.counts.deadLetters.size).toBe(0);
  });

  it('goes back where every actor of it would end at once', async () => {
    const node = await createWorkNode({ agents: [still] });
    for (const type of ['a', 'b']) node.kernel.deliver('agent/still/k', { type });
    await node.world.settle();
    expect(node.kernel.deadLetters.list({ limit: 5 })).toMatchObject([
      { reason: 'ended', to: 'agent/still/k', type: 'b' },
      { reason: 'ended', to: 'agent/still/k', type: 'a' },
    ]);
    await expect(settled(node, node.desk.ask('still', 'k', { type: 'x' }, 1_000))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
