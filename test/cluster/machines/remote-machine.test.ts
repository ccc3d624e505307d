import { type AnyStateMachine, log, sendParent, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentOffer } from '../../../cluster/worker/agent-offer.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { createMeshRig, type MeshRig } from '../../support/mesh-rig.ts';
import type { WorkNode } from '../../support/work-node.ts';
import { ScriptedWorker } from '../owner/scripted-worker.ts';
import { auditor, picky, tally } from './asked-machines.ts';
import { agentOf, courier } from './machines.ts';

async function tell({ desk, world }: WorkNode, event: { readonly type: string; readonly n?: number }): Promise<void> {
  const told = desk.mail.tell('tally', 'eu', event);
  await world.settle();
  await told;
}

async function sums({ desk, world }: WorkNode): Promise<unknown> {
  const asked = desk.mail.ask('tally', 'eu', { type: 'sum' }, 1_000);
  await world.settle();
  return await asked;
}

/** The crashes that a node logged, by their codes. */
function crashes({ log: lines }: WorkNode): readonly unknown[] {
  return lines.filter(({ message }) => message === 'An actor crashed.').map(({ fields }) => fields['code']);
}

async function withTally(options: Parameters<typeof createMeshRig>[0] = {}): Promise<MeshRig> {
  const rig = await createMeshRig(options);
  await rig.join('w1', [tally()]);
  return rig;
}

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

  it('waits for a worker that has it, through a restart of the owner as well', async () => {
    const rig = await createMeshRig();
    const diary: unknown[] = [];
    const worker = await rig.join('w1', [courier(diary)]);
    const { task } = rig.owner.submit({ agent: 'courier' }, { order: 1 });
    await rig.owner.world.settle();
    worker.pair.lose();
    await rig.owner.world.elapse(30_000);
    await rig.restartOwner();
    expect(rig.owner.recovered.stranded).toEqual([]);
    await rig.owner.world.elapse(30_000);
    expect((await rig.owner.store.readTask(task))?.result).toBeUndefined();
    await worker.rejoin();
    expect((await rig.owner.end(task)).result).toMatchObject({ output: { paid: 1, rested: true } });
    expect(diary).toEqual([{ order: 1 }]);
  });

  it('makes its turns at home where the owner has its code as well, and its calls anywhere', async () => {
    const here: unknown[] = [];
    const there: unknown[] = [];
    const rig = await createMeshRig({ agents: [courier(here)] });
    await rig.join('w1', [courier(there)]);
    const tasks = [1, 2, 3, 4].map((order) => rig.owner.submit({ agent: 'courier' }, { order }).task);
    for (const task of tasks) expect((await rig.owner.end(task)).status).toBe('completed');
    expect([here.length, there.length]).toEqual([2, 2]);
    expect(rig.outcomes).toEqual(['done', 'done']);
  });

  it('holds its input against its schema where its code is, also what the owner cannot check', async () => {
    const even = z.object({ n: z.number().refine((n) => n % 2 === 0, 'It must be even.') });
    const rig = await createMeshRig();
    const { machine } = picky() as { readonly machine: AnyStateMachine };
    await rig.join('w1', [agentOf('even', machine, { input: even })]);
    expect((await rig.owner.finish({ agent: 'even' }, { n: 4 })).result).toMatchObject({ output: { n: 4 } });
    const { result } = await rig.owner.finish({ agent: 'even' }, { n: 5 });
    expect(result?.error?.message).toContain('It must be even.');
    expect(new Set(crashes(rig.owner))).toEqual(new Set(['INVALID_INPUT']));
  });

  it('says what it says in the log of the owner, and what it has no parent for is counted there', async () => {
    const lines: unknown[] = [];
    const note = (message: string, fields?: object): void => void lines.push([message, fields]);
    const quiet = (): void => undefined;
    const made: NonNullable<Parameters<typeof createMeshRig>[0]>['log'] = {
      ...{ enabled: () => true, error: quiet, debug: quiet, trace: quiet, child: () => made as never },
      ...{ info: note, warn: note },
    };
    const rig = await createMeshRig({ log: made });
    const machine = setup({}).createMachine({
      on: { go: { actions: [log('goes'), sendParent({ type: 'PROGRESS' })] } },
    });
    await rig.join('w1', [agentOf('tally', machine, { keyed: true })]);
    lines.length = 0;
    await tell(rig.owner, { type: 'go' });
    const from = { agent: 'tally@1.0.0', actor: 'agent/tally/eu' };
    expect(lines).toMatchObject([
      ['goes', from],
      ['A message reached nobody.', { ...from, code: 'NOT_FOUND' }],
    ]);
  });

  it('is refused in another shape under the same version', async () => {
    const rig = await withTally();
    const other = agentOf('tally', setup({}).createMachine({ initial: 'x', states: { x: {} } }), { keyed: true });
    await rig.join('w2', [other]);
    expect(rig.owner.mesh?.nodesOf('tally@1.0.0', 'owner')).toEqual(['w1']);
  });

  it('crashes over what a worker says that makes no sense', async () => {
    const { owner } = await createMeshRig();
    const worker = new ScriptedWorker(owner.world, owner.mesh as never).join([agentOffer(tally(), true)]);
    await owner.world.settle();
    const told = owner.desk.mail.tell('tally', 'eu', { type: 'add', n: 1 });
    await owner.world.settle();
    await told;
    worker.end({ anything: 'else' });
    await owner.world.elapse(10_000);
    worker.end(new Uint8Array([0xc1, 1, 2]));
    await owner.world.elapse(10_000);
    expect(crashes(owner)).toEqual(['PROTOCOL_MALFORMED', 'PROTOCOL_MALFORMED']);
  });
});

describe('An actor of a keyed machine whose code is on a worker', () => {
  it('is told, and answers who asks it', async () => {
    const { owner } = await withTally();
    await tell(owner, { type: 'add', n: 3 });
    await tell(owner, { type: 'add', n: 4 });
    expect(await sums(owner)).toEqual({ sums: [3, 4] });
  });

  it('is as it was after a turn that changes nothing', async () => {
    const { owner } = await withTally();
    await tell(owner, { type: 'add', n: 3 });
    const cell = owner.kernel.cells.get('agent/tally/eu');
    const before = cell?.checkpoint;
    expect(await sums(owner)).toEqual({ sums: [3] });
    expect(before !== undefined && cell?.checkpoint === before).toBe(true);
  });

  it('is asked by another machine on the same worker, also where that has room for one call alone', async () => {
    const rig = await createMeshRig();
    const one = { concurrency: 1 } as const;
    await rig.join('w1', [tally(), auditor(one)]);
    await tell(rig.owner, { type: 'add', n: 5 });
    expect((await rig.owner.finish({ agent: 'auditor' })).result).toMatchObject({ output: { sums: [5] } });
  });

  it('asks another of its own agent: a turn needs no place among the calls', async () => {
    const rig = await createMeshRig();
    type Heard = { readonly type: 'relay' | 'sum'; readonly replyTo: string };
    const machine = setup({
      types: { events: {} as Heard, context: {} as { readonly to: string } },
    }).createMachine({
      context: { to: '' },
      initial: 'idle',
      states: {
        idle: {
          on: {
            relay: 'asking',
            sum: { actions: sendTo(({ event }) => addressOf(event.replyTo), { type: 'answer', ok: true }) },
          },
        },
        asking: {
          invoke: {
            src: 'ask',
            input: { agent: 'tally', key: 'other', event: { type: 'sum' } },
            onDone: 'heard',
            onError: 'failed',
          } as never,
        },
        heard: {},
        failed: {},
      },
    });
    await rig.join('w1', [agentOf('tally', machine, { keyed: true, concurrency: 1 })]);
    await tell(rig.owner, { type: 'relay' });
    await rig.owner.world.settle();
    expect(rig.owner.kernel.cells.get('agent/tally/eu')?.host?.describe().state).toBe('heard');
  });

  it('leaves memory when it rests, and comes back with its state by a message and by its timer', async () => {
    const { owner } = await withTally({ passivateAfterMs: 4_000 });
    await tell(owner, { type: 'add', n: 3 });
    await owner.world.elapse(10_000);
    expect(owner.kernel.cells.has('agent/tally/eu')).toBe(false);
    expect(await sums(owner)).toEqual({ sums: [3] });
    await owner.world.elapse(10_000);
    expect(owner.kernel.cells.has('agent/tally/eu')).toBe(false);
    await owner.world.elapse(60_000);
    expect(await sums(owner)).toEqual({ sums: [] });
  });

  it('that waits for a call is there at once after a restart of the owner, for what comes of it', async () => {
    const rig = await createMeshRig();
    const opened = Promise.withResolvers<string>();
    const machine = setup({ actors: { effect } }).createMachine({
      initial: 'calling',
      states: { calling: { invoke: { src: 'effect', input: { name: 'wait' }, onDone: 'done' } }, done: {} },
    });
    const effects = { wait: { run: () => opened.promise } };
    const worker = await rig.join('w1', [agentOf('tally', machine, { keyed: true, effects })]);
    await tell(rig.owner, { type: 'begin' });
    await rig.restartOwner();
    await worker.rejoin();
    opened.resolve('it');
    await rig.owner.world.settle();
    expect(rig.owner.kernel.cells.get('agent/tally/eu')?.host?.describe().state).toBe('done');
    expect(rig.outcomes.filter((one) => one === 'joined')).toHaveLength(1);
  });

  it('crashes as at home: its supervisor restarts it, its message is set aside the third time, and it goes on', async () => {
    const { owner } = await withTally();
    await tell(owner, { type: 'add', n: 3 });
    await tell(owner, { type: 'break' });
    await tell(owner, { type: 'add', n: 4 });
    await owner.world.elapse(10_000);
    expect(crashes(owner)).toEqual(['AGENT_CRASHED', 'AGENT_CRASHED', 'AGENT_CRASHED']);
    expect(owner.counts.restarts.get('supervisor/agents/tally')).toBe(3);
    const [capsule, ...more] = owner.kernel.quarantine.rows();
    expect(more).toEqual([]);
    expect(capsule).toMatchObject({ address: 'agent/tally/eu', error: { code: 'AGENT_CRASHED', message: 'broken' } });
    const logged = owner.log.find(({ message }) => message === 'An actor crashed.')?.fields['error'];
    expect(String(logged)).toContain('asked-machines.ts');
    await tell(owner, { type: 'add', n: 5 });
    expect(await sums(owner)).toEqual({ sums: [3, 4, 5] });
  });
});
