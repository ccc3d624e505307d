import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, sendTo, setup } from 'xstate';
import { QuarantineDesk } from '../../../actors/quarantine-desk.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { createMeshRig } from '../../support/mesh-rig.ts';
import { tally } from './asked-machines.ts';
import { agentOf } from './machines.ts';

const player = (other: string): AnyStateMachine =>
  setup({}).createMachine({ on: { ball: { actions: sendTo(() => addressOf(other), { type: 'ball' }) } } });

describe('Actors of machines on workers', () => {
  it('that send the same to each other for ever are found: one message is set aside', async () => {
    const rig = await createMeshRig();
    await rig.join('w1', [
      agentOf('ping', player('agent/pong/k'), { keyed: true }),
      agentOf('pong', player('agent/ping/k'), { keyed: true }),
    ]);
    const { owner } = rig;
    owner.kernel.deliver('agent/ping/k', { type: 'ball' });
    for (let round = 0; round < 20 && owner.kernel.quarantine.size === 0; round++) await owner.world.elapse(1_000);
    expect(owner.kernel.quarantine.rows()).toMatchObject([
      { cause: 'livelock', message: 'event ball', error: { code: 'LIVELOCK' } },
    ]);
  });

  it('leave a trail for the capsule of what crashes them, and are suspected of no end of the owner', async () => {
    const rig = await createMeshRig();
    await rig.join('w1', [tally()]);
    const { owner } = rig;
    const entered: string[] = [];
    owner.kernel.userCode.suspects = {
      enter: (address: string) => void entered.push(address),
      ...{ endsOver: () => 0, suspicion: () => undefined, leave: () => undefined, clearOf: () => undefined },
    } as never;
    for (const event of [{ type: 'add', n: 1 }, { type: 'break' }]) {
      const told = owner.desk.mail.tell('tally', 'eu', event);
      await owner.world.settle();
      await told;
    }
    await owner.world.elapse(10_000);
    const [row] = owner.kernel.quarantine.rows();
    const capsule = await new QuarantineDesk(owner).get(row?.id ?? '');
    expect(capsule.trail.map(({ what }) => what)).toEqual(['', 'add', '', '']);
    expect(capsule.snapshot).toBeInstanceOf(Uint8Array);
    expect(entered).toEqual([]);
  });
});
