import { describe, expect, it } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { createMeshRig, type MeshRig } from '../../support/mesh-rig.ts';

const AGENTS = ['one', 'other'].map((name): AgentDefinition => {
  return defineAgent({ name, version: '1.0.0', run: () => name });
});

/** A node that was lost so often that it gets a rest, and is back. */
async function restless(rig: MeshRig): Promise<void> {
  const worker = await rig.join('w1', AGENTS);
  for (let times = 0; times < 3; times++) {
    worker.pair.lose();
    await rig.owner.world.settle();
    await worker.rejoin();
  }
  expect(rig.owner.mesh?.breakers.view('w1')).toMatchObject({ state: 'open' });
}

describe('Calls that wait for a node that gets a rest', () => {
  it('go there once its rest is over, though nothing else happens then', async () => {
    const rig = await createMeshRig();
    await restless(rig);
    const { task } = rig.owner.submit({ agent: 'one' });
    await rig.owner.world.elapse(4_000);
    expect((await rig.owner.store.readTask(task))?.status).toBe('working');
    await rig.owner.world.elapse(2_000);
    expect((await rig.owner.store.readTask(task))?.result).toMatchObject({ status: 'completed', output: 'one' });
  });

  it('go there one at first, and the others as soon as that one has gone well, whichever agents they are of', async () => {
    const rig = await createMeshRig();
    await restless(rig);
    const tasks = ['one', 'other', 'one'].map((agent) => rig.owner.submit({ agent }).task);
    await rig.owner.world.elapse(6_000);
    for (const task of tasks) expect((await rig.owner.store.readTask(task))?.status).toBe('completed');
  });
});
