/** The time limit of a call that finds no node, or has lost its own. */
import { expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { createMeshRig } from '../support/mesh-rig.ts';

it('The time that a call waits for a node does not count against its limit', async () => {
  const rig = await createMeshRig();
  const it = defineAgent({ name: 'it', version: '1.0.0', timeoutMs: 1_000, run: ({ ctx }) => ctx.attempt });
  (await rig.join('w1', [it])).pair.lose();
  await rig.owner.world.elapse(1_000);
  const { task } = rig.owner.submit({ agent: 'it' }, null);
  await rig.owner.world.elapse(60 * 60_000);
  expect((await rig.owner.store.readTask(task))?.status).toBe('working');
  await rig.join('w2', [it]);
  expect((await rig.owner.end(task)).result).toMatchObject({ status: 'completed', output: 1 });
});

it('A call that rested when its node was lost has a time limit on the next one', async () => {
  const rig = await createMeshRig();
  const run = async ({ ctx }: { readonly ctx: { sleep(ms: number): Promise<void> } }): Promise<void> => {
    await ctx.sleep(10_000);
    await new Promise(() => undefined);
  };
  const it = defineAgent({ name: 'it', version: '1.0.0', timeoutMs: 1_000, retry: { attempts: 1 }, run });
  const one = await rig.join('w1', [it]);
  const { task } = rig.owner.submit({ agent: 'it' }, null);
  await rig.owner.world.elapse(2_000);
  one.pair.lose();
  await rig.owner.world.settle();
  await rig.join('w2', [it]);
  await rig.owner.world.elapse(20_000);
  expect((await rig.owner.end(task)).result).toMatchObject({ status: 'failed', error: { code: 'TIMEOUT' } });
});
