import { describe, expect, it } from 'vitest';
import { createMeshRig } from '../../support/mesh-rig.ts';
import { courier } from './machines.ts';

describe('A machine whose code is on a worker', () => {
  it('works on a task there, while its state, its timer and its calls are kept at the owner', async () => {
    const rig = await createMeshRig();
    const diary: unknown[] = [];
    await rig.join('w1', [courier(diary)]);
    const { owner } = rig;
    const { task } = owner.submit({ agent: 'courier' }, { order: 7 });
    await owner.world.settle();
    expect(diary).toEqual([{ order: 7 }]);
    const cell = owner.kernel.cells.get(`run/${task}/main/1`);
    expect(cell?.host?.describe().state).toBe('resting');
    expect(cell?.timers?.size).toBe(1);
    expect((await owner.end(task)).result).toMatchObject({ status: 'completed', output: { paid: 1, rested: true } });
  });
});
