import { describe, expect, it } from 'vitest';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { createMeshRig, type MeshRig } from '../../support/mesh-rig.ts';
import type { WorkNode } from '../../support/work-node.ts';
import { tally } from './asked-machines.ts';
import { courier } from './machines.ts';
import { SlowWorker } from './slow-worker.ts';

async function slow(owner: WorkNode, agent: AgentDefinition, node?: string): Promise<SlowWorker> {
  const worker = new SlowWorker(owner.world, owner.mesh as never, agent, node);
  await owner.world.settle();
  return worker;
}

async function step(owner: WorkNode, worker: SlowWorker): Promise<void> {
  worker.make();
  await owner.world.settle();
}

/** What an actor of the tally has added up. */
async function sums({ owner }: MeshRig): Promise<unknown> {
  const asked = owner.desk.mail.ask('tally', 'eu', { type: 'sum' }, 1_000);
  await owner.world.settle();
  return ((await asked) as { readonly sums: unknown }).sums;
}

async function tell({ desk, world }: WorkNode, ...numbers: readonly number[]): Promise<void> {
  const told = Promise.all(numbers.map(async (n) => await desk.mail.tell('tally', 'eu', { type: 'add', n })));
  await world.settle();
  await told;
}

describe('A turn under way on a worker', () => {
  it('is made on another where that one is lost: nothing is lost, and nothing is done twice', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    const diary: unknown[] = [];
    const first = await slow(owner, courier([]));
    const { task } = owner.submit({ agent: 'courier' }, { order: 7 });
    await owner.world.settle();
    expect(first.waiting).toBe(1);
    await rig.join('w2', [courier(diary)]);
    expect(diary).toEqual([]);
    first.pair.lose();
    await owner.world.settle();
    expect(diary).toEqual([{ order: 7 }]);
    expect((await owner.end(task)).result).toMatchObject({ output: { paid: 1, rested: true } });
    expect(diary.length).toBe(1);
  });

  it('has no late result: what a lost worker says of it then is of no interest', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    const first = await slow(owner, tally());
    await tell(owner, 1);
    const [turn] = first.turns;
    first.pair.lose();
    await rig.join('w2', [tally()]);
    const back = new SlowWorker(owner.world, owner.mesh as never, tally(), 'slow', 'slow-1');
    for (let times = 0; times < 12; times++) back.end(new Uint8Array(1), turn);
    await owner.world.settle();
    expect(rig.outcomes.filter((one) => one === 'late')).toHaveLength(1);
    expect((await owner.store.listEffects({ state: 'late', limit: 10 })).effects).toEqual([]);
    back.pair.lose();
    expect(await sums(rig)).toEqual([1]);
  });

  it('is a crash of its actor where one worker after the other is lost over it', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    await slow(owner, courier([]), 'w0');
    const { task } = owner.submit({ agent: 'courier' }, { order: 7 });
    for (let n = 0; n < LIMITS.nodeLossesMax * LIMITS.deliveriesMax; n++) {
      await owner.world.settle();
      const worker = await slow(owner, courier([]), `w${n + 1}`);
      const [busy] = (owner.mesh?.members ?? []).filter(({ dispatches }) => dispatches.size > 0);
      busy?.link.end(new Error('gone') as never);
      await owner.world.elapse(60_000);
      void worker;
    }
    const { result } = await owner.end(task);
    expect(result?.error).toMatchObject({ code: 'QUARANTINED', message: expect.stringContaining('nodes were lost') });
    const crashes = owner.log.filter(({ message }) => message === 'An actor crashed.');
    expect(crashes.map(({ fields }) => fields['code'])).toEqual(['AGENT_CRASHED', 'AGENT_CRASHED', 'AGENT_CRASHED']);
  });

  it('keeps what comes meanwhile in its order', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    const worker = await slow(owner, tally());
    await tell(owner, 1, 2);
    await step(owner, worker);
    expect(worker.waiting).toBe(1);
    await tell(owner, 3);
    await tell(owner, 4);
    expect(worker.waiting).toBe(1);
    while (worker.waiting > 0) await step(owner, worker);
    const asked = owner.desk.mail.ask('tally', 'eu', { type: 'sum' }, 1_000);
    await owner.world.settle();
    await step(owner, worker);
    expect(await asked).toEqual({ sums: [1, 2, 3, 4] });
  });

  it('clears a timer that has fired meanwhile: that is not handled', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    const worker = await slow(owner, tally());
    await tell(owner, 1);
    await step(owner, worker);
    await step(owner, worker);
    await tell(owner, 2);
    // The minute is over, and the timer of it waits behind the turn that clears it.
    await owner.world.elapse(60_000);
    const cell = owner.kernel.cells.get('agent/tally/eu');
    expect([worker.waiting, cell?.mailbox.size]).toEqual([1, 2]);
    await step(owner, worker);
    expect([worker.waiting, cell?.mailbox.size]).toEqual([0, 0]);
    const asked = owner.desk.mail.ask('tally', 'eu', { type: 'sum' }, 1_000);
    await owner.world.settle();
    await step(owner, worker);
    expect(await asked).toEqual({ sums: [1, 2] });
  });

  it('is made anew by an owner that was killed meanwhile and is back on its disk', async () => {
    const rig = await createMeshRig();
    const diary: unknown[] = [];
    const before = await slow(rig.owner, courier(diary));
    const { task } = rig.owner.submit({ agent: 'courier' }, { order: 7 });
    await rig.owner.world.settle();
    const [held] = before.turns;
    await rig.restartOwner();
    const { owner } = rig;
    expect(owner.recovered.stranded).toEqual([]);
    const back = new SlowWorker(owner.world, owner.mesh as never, courier(diary), 'slow', 'slow-1');
    await owner.world.settle();
    // It is not joined: it is asked for under another token.
    expect(back.all('call.join')).toEqual([]);
    expect(back.turns).toMatchObject([{ call: held?.call, again: false }]);
    expect(back.turns[0]?.token).not.toBe(held?.token);
    await rig.join('w2', [courier(diary)]);
    back.pair.lose();
    expect((await owner.end(task)).result).toMatchObject({ output: { paid: 1, rested: true } });
    expect(diary).toEqual([{ order: 7 }]);
  });

  it('is canceled with its task, and its place is free', async () => {
    const rig = await createMeshRig();
    const { owner } = rig;
    const worker = await slow(owner, courier([]));
    const { task } = owner.submit({ agent: 'courier' }, { order: 7 });
    await owner.world.settle();
    void owner.desk.cancel('loopback', task, 'no more');
    expect((await owner.end(task)).status).toBe('canceled');
    expect(worker.all('call.cancel')).toMatchObject([{ token: worker.turns[0]?.token }]);
    worker.make();
    await owner.world.settle();
    expect(owner.mesh?.members[0]?.running('courier@1.0.0 turns')).toBe(0);
    expect(owner.kernel.cells.has(`run/${task}/main/1`)).toBe(false);
  });

  it('is what the task waits for, for who asks why', async () => {
    const { owner } = await createMeshRig();
    const worker = await slow(owner, courier([]), 'w1');
    const { task } = owner.submit({ agent: 'courier' }, { order: 7 });
    await owner.world.settle();
    const why = (): readonly string[] =>
      owner.tree.whyOf(task)?.waits.map(({ kind, what }) => `${kind}: ${what}`) ?? [];
    expect(why()).toContain('call: The next turn of agent:courier@1.0.0 is being made on w1.');
    worker.pair.lose();
    await owner.world.settle();
    expect(why()).toContain('slot: The next turn of agent:courier@1.0.0 waits for a node that can make it.');
  });
});
