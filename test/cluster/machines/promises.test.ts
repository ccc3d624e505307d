import { fromCallback, fromPromise, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { createMeshRig } from '../../support/mesh-rig.ts';
import { createWorkNode } from '../../support/work-node.ts';
import { workerRig } from '../worker/rig.ts';
import { agentOf, seeker } from './machines.ts';

/** Waits for a promise that a test settles. */
function patient(started: ((value: string) => void)[], aborted: unknown[] = []): AgentDefinition {
  const machine = setup({
    actors: {
      wait: fromPromise<string>(
        ({ signal }) =>
          new Promise((resolve) => {
            started.push(resolve);
            signal.addEventListener('abort', () => aborted.push(signal.reason));
          }),
      ),
    },
  }).createMachine({
    initial: 'waiting',
    output: 'got it',
    states: { waiting: { invoke: { src: 'wait', onDone: 'done' } }, done: { type: 'final' } },
  });
  return agentOf('patient', machine);
}

describe('A promise of a machine whose code is on a worker', () => {
  it('is made again elsewhere when its worker is lost', async () => {
    const rig = await createMeshRig();
    const started: ((value: string) => void)[] = [];
    const first = await rig.join('w1', [patient(started)]);
    const { task } = rig.owner.submit({ agent: 'patient' });
    await rig.owner.world.settle();
    expect(started.length).toBe(1);
    await rig.join('w2', [patient(started)]);
    first.pair.lose();
    await rig.owner.world.settle();
    expect(started.length).toBe(2);
    started[1]?.('it');
    expect((await rig.owner.end(task)).result).toMatchObject({ output: 'got it' });
  });

  it('is joined by an owner that was killed and is back: it is not made again', async () => {
    const rig = await createMeshRig();
    const started: ((value: string) => void)[] = [];
    const worker = await rig.join('w1', [patient(started)]);
    const { task } = rig.owner.submit({ agent: 'patient' });
    await rig.owner.world.settle();
    await rig.restartOwner();
    await worker.rejoin();
    await rig.owner.world.settle();
    started[0]?.('it');
    expect((await rig.owner.end(task)).result).toMatchObject({ output: 'got it' });
    expect(started.length).toBe(1);
  });

  it('is aborted by a turn of its machine, also where the worker has room for one call alone', async () => {
    const rig = await createMeshRig();
    const diary: unknown[] = [];
    await rig.join('w1', [seeker(diary, { concurrency: 1 })]);
    expect((await rig.owner.finish({ agent: 'seeker' })).status).toBe('completed');
    expect(diary).toEqual(['page', 'nothing', 'aborted']);
  });

  it('is aborted with its task', async () => {
    const rig = await createMeshRig();
    const aborted: unknown[] = [];
    await rig.join('w1', [patient([], aborted)]);
    const { task } = rig.owner.submit({ agent: 'patient' });
    await rig.owner.world.settle();
    void rig.owner.desk.cancel('loopback', task, 'no more');
    await rig.owner.end(task);
    await rig.owner.world.settle();
    expect(aborted.length).toBe(1);
  });

  it('makes its machine another one than the same at home, where it has a state of another form', async () => {
    const rig = await createMeshRig();
    const started: ((value: string) => void)[] = [];
    await rig.join('w1', [patient(started)]);
    const { task } = rig.owner.submit({ agent: 'patient' });
    await rig.owner.world.settle();
    const { disk } = rig.owner;
    rig.owner.kill();
    const home = await createWorkNode({ disk, agents: [patient(started)], world: rig.owner.world });
    expect(home.recovered.stranded).toMatchObject([
      { address: `run/${task}/main/1`, error: { code: 'VERSION_MISMATCH' } },
    ]);
  });
});

describe('A machine that starts what only one process can hold', () => {
  it('is not offered by a worker, which says in its log what it is and where', () => {
    const machine = setup({
      actors: { child: setup({ actors: { listen: fromCallback(() => undefined) } }).createMachine({}) },
    }).createMachine({});
    const rig = workerRig([
      agentOf('listener', machine),
      defineAgent({ name: 'other', version: '1.0.0', run: () => 1 }),
    ]);
    const { owner } = rig.meet();
    rig.world.run();
    expect(owner.of('node.offer')[0]?.agents.map(({ name }) => name)).toEqual(['other']);
    const [line] = rig.lines.filter(({ level }) => level === 'warn');
    expect(line).toMatchObject({
      message: 'An agent is not offered to the owner.',
      fields: {
        agent: 'listener@1.0.0',
        code: 'UNSUPPORTED_LOGIC',
        error: expect.stringContaining('actors.child.actors.listen'),
      },
    });
  });
});
