import { expect, it } from 'vitest';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld } from '../support/manual-world.ts';

it('A flush ends when nothing waits to be committed, also where it is begun while a commit is under way', async () => {
  const world = createManualWorld();
  const { committer } = await createBareNode({ world });
  const order: string[] = [];
  const first = committer.committed().then(async () => {
    // Here the commit that let this go has not ended yet.
    committer.release(() => void order.push('released'));
    await committer.flush();
    order.push('flushed');
  });
  await world.settle();
  await first;
  expect(order).toEqual(['released', 'flushed']);
});

it('A flush of a committer that was stopped has nothing to wait for', async () => {
  const { committer } = await createBareNode({ world: createManualWorld() });
  committer.stop();
  await expect(committer.flush()).resolves.toBeUndefined();
});
