import { describe, expect, it } from 'vitest';
import { fromPromise, setup } from 'xstate';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { replay } from '../../../actors/capsule-replay.ts';
import { QuarantineDesk } from '../../../actors/quarantine-desk.ts';
import { createMeshRig } from '../../support/mesh-rig.ts';
import { agentOf, type Diary } from './machines.ts';

/** Has a promise, and then throws for as long as it is broken. */
function fragile(diary: Diary, isBroken: () => boolean): AgentDefinition {
  const machine = setup({ actors: { fetch: fromPromise(() => Promise.resolve(diary.push('fetched'))) } }).createMachine(
    {
      initial: 'fetching',
      output: 'whole',
      states: {
        fetching: { invoke: { src: 'fetch', onDone: 'resting' } },
        resting: { after: { 100: 'ending' } },
        ending: {
          entry: () => {
            if (isBroken()) throw new RangeError('broken');
          },
          always: 'done',
        },
        done: { type: 'final' },
      },
    },
  );
  return agentOf('fragile', machine);
}

describe('A crash capsule of a machine on a worker', () => {
  it('is replayed from the state before the message, on the worker that has the code now', async () => {
    const rig = await createMeshRig();
    const diary: Diary = [];
    let isBroken = true;
    await rig.join('w1', [fragile(diary, () => isBroken)]);
    const { owner } = rig;
    const { id } = await owner.finish({ agent: 'fragile' });
    const [row] = owner.kernel.quarantine.rows();
    expect(row?.task).toBe(id);
    isBroken = false;
    const replayed = new QuarantineDesk(owner).replay('loopback', row?.id ?? '');
    await owner.world.settle();
    const { task = '', from } = (await replayed) as { readonly task?: string; readonly from?: string };
    expect(from).toBe('state');
    expect((await owner.end(task)).result).toMatchObject({ status: 'completed', output: 'whole' });
    expect(diary).toEqual(['fetched']);
  });

  it('is replayed offline, with the code that is at hand there', async () => {
    const rig = await createMeshRig();
    await rig.join('w1', [fragile([], () => true)]);
    const { owner } = rig;
    await owner.finish({ agent: 'fragile' });
    const capsule = await new QuarantineDesk(owner).get(owner.kernel.quarantine.rows()[0]?.id ?? '');
    expect(capsule.stack).toContain('replays.test.ts');
    await expect(replay(capsule, { agents: [fragile([], () => true)] })).rejects.toThrow('broken');
    const { status, output } = await replay(capsule, { agents: [fragile([], () => false)] });
    expect([status, output]).toEqual(['done', 'whole']);
  });
});
