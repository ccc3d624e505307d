import { describe, expect, it } from 'vitest';
import { STEP_LOGIC } from '../../actors/step.ts';
import { taskLogic, taskSpec } from '../../actors/task.ts';
import { POLICIES, startTree, type Tree } from '../../supervisors/tree.ts';
import type { SupervisorView } from '../../supervisors/tree-view.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

interface Grown extends Supervised {
  readonly tree: Tree;
  readonly closed: string[];
}

async function grow(services: Parameters<typeof startTree>[0]['services'] = []): Promise<Grown> {
  const node = await createSupervised();
  const closed: string[] = [];
  const tree = startTree({
    kernel: node.kernel,
    world: node.world,
    log: node.kernel.log,
    services,
    onRootExhausted: (error) => void node.exhausted.push(error),
    onSessionCrashed: (address) => void closed.push(address),
  });
  return { ...node, tree, closed };
}

function find(view: SupervisorView, address: string): SupervisorView | undefined {
  if (view.address === address) return view;
  for (const below of view.supervisors) {
    const found = find(below, address);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('The tree', () => {
  it('stands before anything else runs, so that whatever crashes has its supervisor', async () => {
    const node = await grow();
    expect([...node.kernel.cells.keys()]).toEqual([
      'supervisor/root',
      'supervisor/agents',
      'supervisor/tasks',
      'supervisor/doors',
      'supervisor/services',
    ]);
    expect(node.tree.describe().state).toBe('live');
    await node.world.settle();
    expect(node.tree.describe().state).toBe('running');
    expect(node.kernel.census.get('supervisor')).toBe(6);
  });

  it('writes nothing of itself to the store', async () => {
    const node = await grow();
    node.tree.addAgentSupervisor('shout');
    await node.world.settle();
    expect(node.disk.keys().filter((key) => key.includes('supervisor'))).toEqual([]);
  });

  it('has one supervisor for an agent, however many versions of it there are', async () => {
    const node = await grow();
    node.tree.addAgentSupervisor('shout');
    node.tree.addAgentSupervisor('shout', { ...POLICIES.agent, intensity: 1 });
    node.tree.addAgentSupervisor('echo', { ...POLICIES.agent, intensity: 7 });
    await node.world.settle();
    const agents = find(node.tree.describe(), 'supervisor/agents');
    expect(agents?.supervisors.map(({ address, intensity }) => [address, intensity])).toEqual([
      ['supervisor/agents/shout', POLICIES.agent.intensity],
      ['supervisor/agents/echo', 7],
    ]);
  });

  it('refuses an agent policy out of bounds, and has no supervisor for it then', async () => {
    const node = await grow();
    expect(() => node.tree.addAgentSupervisor('bad', { ...POLICIES.agent, periodMs: 0 })).toThrow(/periodMs/);
    expect(node.kernel.cells.has('supervisor/agents/bad')).toBe(false);
  });

  it('keeps the crashes of one agent away from the budget of another', async () => {
    const node = await grow();
    for (const name of ['bad', 'good']) node.tree.addAgentSupervisor(name, { ...POLICIES.agent, intensity: 1 });
    node.start(
      ...['1', '2', '3'].map((id) => worker(`run/bad/${id}`, 'supervisor/agents/bad')),
      worker('run/good', 'supervisor/agents/good'),
    );
    await node.world.settle();
    for (const id of ['1', '2', '3']) node.tell(`run/bad/${id}`, { type: 'crash' });
    node.tell('run/good', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(1_000);
    expect(node.handled('run/good')).toEqual(['crash']);
    expect(node.kernel.cells.has('run/bad/1')).toBe(false);
    expect(find(node.tree.describe(), 'supervisor/agents')?.excesses).toBe(3);
    expect(node.closed).toEqual([]);
    expect(node.exhausted).toEqual([]);
  });

  it('closes the connection of a session that crashed, and restarts none', async () => {
    const node = await grow();
    const session = { restart: 'temporary', recovery: 'reset', durable: false } as const;
    node.start(...['session/1', 'session/2'].map((address) => worker(address, 'supervisor/doors', session)));
    await node.world.settle();
    node.tell('session/1', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(60_000);
    expect(node.closed).toEqual(['session/1']);
    expect([node.kernel.cells.has('session/1'), node.kernel.cells.has('session/2')]).toEqual([false, true]);
    expect(await node.store.quarantined()).toEqual([]);
  });

  it('starts the services of the node, and ends the node when they cannot be kept up', async () => {
    const service = worker('service/clock', 'supervisor/services', {
      restart: 'permanent',
      recovery: 'reset',
      durable: false,
    });
    const node = await grow([service]);
    await node.world.settle();
    expect(node.diary).toEqual(['start service/clock']);
    const crash = async (): Promise<void> => {
      if (node.kernel.cells.get('service/clock')?.phase === 'live')
        node.tell('service/clock', { type: 'crash', times: { left: 1 } });
      await node.world.elapse(100);
    };
    for (let round = 0; round < 3_000 && node.exhausted.length === 0; round++) await crash();
    expect(node.exhausted).toHaveLength(1);
    expect(node.exhausted[0]?.message).toContain('supervisor/root exceeded its 2 restarts in 60000 ms');
    const { services, root } = POLICIES;
    const starts = node.diary.filter((line) => line.startsWith('start'));
    expect(starts).toHaveLength((services.intensity + 1) * (root.intensity + 1));
  });

  it('restarts nothing after it was stopped', async () => {
    const node = await grow();
    node.tree.addAgentSupervisor('one');
    node.start(worker('run/1', 'supervisor/agents/one'));
    await node.world.settle();
    node.tree.stop();
    await node.world.settle();
    node.tell('run/1', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(60_000);
    expect(node.kernel.cells.get('run/1')?.phase).toBe('crashed');
  });
});

describe('A task whose own actor cannot go on', () => {
  const submit = async (node: Grown): Promise<void> => {
    node.installFlat(taskLogic, 'task');
    node.installFlat(stepThatWaits, 'step');
    node.start(
      taskSpec({
        id: 'T1',
        target: { agent: 'echo' },
        input: 1,
        options: {},
        principal: 'loopback',
        createdAtMs: node.world.nowMs(),
      }),
    );
    await node.world.settle();
  };
  const stepThatWaits = {
    name: STEP_LOGIC,
    version: '1',
    initial: () => ({ phase: 'waiting' as const }),
    table: { waiting: {} },
    final: {},
  };
  /** It has no `events`, so that handling it throws. */
  const POISON = { type: 'task.progress' };

  it('because of a message that was set aside, ends failed, with all that worked for it', async () => {
    const node = await grow();
    await submit(node);
    node.kernel.post('task/T1', POISON);
    await node.world.elapse(10_000);
    const record = await node.store.readTask('T1');
    expect(record).toMatchObject({
      status: 'failed',
      seq: 3,
      result: { status: 'failed', error: { code: 'QUARANTINED' } },
    });
    const events = await node.store.readEvents('T1', 0, 10);
    expect(events.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
      '1 task.submitted',
      '2 task.started',
      '3 task.failed',
    ]);
    expect([...node.kernel.cells.keys()].filter((address) => !address.startsWith('supervisor/'))).toEqual([]);
    expect(await node.store.readCell('task/T1')).toBeUndefined();
    expect(await node.store.quarantined()).toHaveLength(1);
  });

  it('because its supervisor gave it up, ends failed', async () => {
    const node = await grow();
    await submit(node);
    node.start(...Array.from({ length: 30 }, (_, index) => worker(`w${index}`, 'supervisor/tasks')));
    await node.world.settle();
    for (let index = 0; index < 30; index++) node.tell(`w${index}`, { type: 'crash' });
    await node.world.elapse(1_000);
    expect(find(node.tree.describe(), 'supervisor/tasks')?.state).toBe('exceeded');
    node.kernel.post('task/T1', POISON);
    await node.world.elapse(100);
    expect(await node.store.readTask('T1')).toMatchObject({
      status: 'failed',
      result: { error: { code: 'AGENT_CRASHED' } },
    });
    expect(node.kernel.cells.has('task/T1')).toBe(false);
  });
});
