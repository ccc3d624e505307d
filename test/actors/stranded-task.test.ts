import { expect, it } from 'vitest';
import { setup } from 'xstate';
import { defineAgent } from '../../actors/agent-definition.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createIndoorNode, settled } from '../support/indoor-node.ts';

const waiter = defineAgent({
  name: 'waiter',
  version: '1.0.0',
  machine: setup({}).createMachine({
    initial: 'waiting',
    states: { waiting: { on: { go: 'done' } }, done: { type: 'final' } },
  }),
});

it('A signal to a task whose machine could not be loaded is refused with the reason, not taken and lost', async () => {
  const disk = new MemoryDisk();
  const one = await createIndoorNode({ agents: [waiter], disk });
  const task = one.submit({ agent: 'waiter' }, null);
  await one.world.settle();
  one.kernel.stop();
  one.committer.stop();
  disk.crash();
  const without = await createIndoorNode({ disk, seed: 2 });
  await expect(settled(without.world, without.desk.signal('me', task, 'go', {}))).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
  });
  without.kernel.stop();
  without.committer.stop();
  disk.crash();
  const again = await createIndoorNode({ agents: [waiter], disk, seed: 3 });
  await settled(again.world, again.desk.signal('me', task, 'go', {}));
  expect((await again.store.readTask(task))?.status).toBe('completed');
});
