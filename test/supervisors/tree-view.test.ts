import { describe, expect, it } from 'vitest';
import { viewTask } from '../../supervisors/task-view.ts';
import { viewSupervisor } from '../../supervisors/tree-view.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';
const INNER = 'supervisor/inner';

/** What is said of each worker's spec. */
const CHILD = { restart: 'transient', shutdown: 5_000, significant: false } as const;

async function family(): Promise<Supervised> {
  const node = await createSupervised();
  const inner = node.supervise(INNER, { intensity: 1 }, TOP);
  node.start(
    node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [inner]),
    inner,
    ...['a', 'b', 'c'].map((address) => worker(address, INNER)),
  );
  await node.world.settle();
  return node;
}

describe('The view of the tree', () => {
  it('shows each supervisor with its policy, state, counts and children', async () => {
    const node = await family();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    node.tell('c', { type: 'crash' });
    await node.world.settle();
    expect(viewSupervisor(node.kernel, TOP, node.world.monotonicMs())).toEqual({
      address: TOP,
      kind: 'supervisor',
      phase: 'live',
      state: 'running',
      restarts: 0,
      strategy: 'one-for-one',
      intensity: 5,
      periodMs: 1_000,
      onExcess: 'escalate',
      autoShutdown: 'never',
      restart: 'permanent',
      shutdown: 'infinity',
      significant: false,
      restartsInPeriod: 0,
      childRestarts: 0,
      restartsPending: 0,
      abandoned: 0,
      failures: 0,
      excesses: 1,
      lastError: null,
      childCount: 1,
      crashedCount: 0,
      children: [],
      supervisors: [
        {
          address: INNER,
          kind: 'supervisor',
          phase: 'live',
          state: 'exceeded',
          restarts: 0,
          strategy: 'dynamic',
          intensity: 1,
          periodMs: 1_000,
          onExcess: 'abandon',
          autoShutdown: 'never',
          restart: 'permanent',
          shutdown: 'infinity',
          significant: false,
          restartsInPeriod: 1,
          childRestarts: 1,
          restartsPending: 0,
          abandoned: 1,
          failures: 0,
          excesses: 0,
          lastError: { code: 'AGENT_CRASHED', message: 'c crashed' },
          childCount: 2,
          crashedCount: 0,
          children: [
            { address: 'a', kind: 'worker', phase: 'live', state: 'ready', restarts: 1, ...CHILD },
            { address: 'b', kind: 'worker', phase: 'live', state: 'ready', restarts: 0, ...CHILD },
          ],
          supervisors: [],
        },
      ],
    });
  });

  it('shows a child that waits for its restart, and counts restarts only as long as they count', async () => {
    const node = await family();
    node.tell('b', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    const waiting = viewSupervisor(node.kernel, INNER, node.world.monotonicMs());
    expect(waiting.children[1]).toEqual({
      address: 'b',
      kind: 'worker',
      phase: 'crashed',
      state: 'crashed',
      restarts: 0,
      ...CHILD,
    });
    expect([waiting.crashedCount, waiting.restartsPending, waiting.restartsInPeriod]).toEqual([1, 1, 1]);
    await node.world.elapse(5_000);
    const later = viewSupervisor(node.kernel, INNER, node.world.monotonicMs());
    expect([later.crashedCount, later.restartsPending, later.restartsInPeriod, later.childRestarts]).toEqual([
      0, 0, 0, 1,
    ]);
  });

  it('is bounded: it counts all children and shows the first of them', async () => {
    const node = await createSupervised();
    const others = Array.from({ length: 500 }, (_, index) => worker(`w${index}`, TOP));
    node.start(node.supervise(TOP, {}), ...others);
    await node.world.settle();
    const view = viewSupervisor(node.kernel, TOP, 0);
    expect(view.childCount).toBe(500);
    expect(view.children.map(({ address }) => address)).toEqual(Array.from({ length: 20 }, (_, index) => `w${index}`));
  });

  it('is plain data', async () => {
    const node = await family();
    const view = viewSupervisor(node.kernel, TOP, 0);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  it('can be had before a supervisor has taken its first turn', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}));
    expect(viewSupervisor(node.kernel, TOP, 0)).toMatchObject({
      address: TOP,
      phase: 'live',
      state: 'live',
      childCount: 0,
    });
  });
});

describe('The actors of a task', () => {
  const adopt = (address: string, owner: string) => ({ type: 'adopt', spec: worker(address, TOP, { owner }) });

  it('are shown each below its owner, with state, supervisor and restarts', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}), worker('task/T', TOP), worker('task/U', TOP));
    await node.world.settle();
    node.tell('task/T', adopt('step/T/one', 'task/T'));
    node.tell('task/T', adopt('step/T/two', 'task/T'));
    await node.world.settle();
    node.tell('step/T/one', adopt('run/T/one/1', 'step/T/one'));
    await node.world.settle();
    node.tell('run/T/one/1', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    const actor = (address: string, restarts: number, children: readonly object[]) => ({
      address,
      kind: 'worker',
      phase: 'live',
      state: 'ready',
      restarts,
      ...CHILD,
      supervisor: TOP,
      children,
    });
    expect(viewTask(node.kernel, 'T')).toEqual({
      task: 'T',
      actor: actor('task/T', 0, [actor('step/T/one', 0, [actor('run/T/one/1', 1, [])]), actor('step/T/two', 0, [])]),
      actorCount: 4,
      leftOut: 0,
    });
  });

  it('are bounded, the shallowest first', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}), worker('task/T', TOP));
    await node.world.settle();
    for (let index = 0; index < 600; index++) node.tell('task/T', adopt(`step/T/${index}`, 'task/T'));
    await node.world.settle();
    node.tell('step/T/0', adopt('run/T/0/1', 'step/T/0'));
    await node.world.settle();
    const view = viewTask(node.kernel, 'T');
    expect([view?.actorCount, view?.leftOut, view?.actor.children.length]).toEqual([602, 102, 499]);
    expect(view?.actor.children[0]?.children).toEqual([]);
  });

  it('of a task that is not in memory are none', async () => {
    const node = await createSupervised();
    expect(viewTask(node.kernel, 'gone')).toBeUndefined();
  });
});
