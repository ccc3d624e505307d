/** A worker thread that works for a child which is stopped: it is ended for real. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import { JOBS, until, untilThere, useRig } from '../runtime/workers-rig.ts';
import { createSupervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

const threaded: FlatLogic<{ readonly phase: 'ready' }, string> = {
  name: 'threaded',
  version: '1',
  initial: (_input, port) => {
    port.effect({ key: 'spin', name: 'spin', kind: 'pure', input: undefined, again: false });
    return { phase: 'ready' };
  },
  table: { ready: {} },
  final: {},
};

describe('A child that is stopped while a worker thread spins for it', () => {
  const rig = useRig();

  it('does not keep its siblings waiting, and the thread is gone', async () => {
    const node = await createSupervised();
    const path = join(rig.folder, 'marks');
    const threads: number[] = [];
    node.kernel.install({
      name: 'threaded',
      factory: flatFactory(threaded),
      kind: 'threaded',
      lane: 'threaded',
      laneLimit: 1,
      perform: ({ signal }) => {
        threads.push(rig.pool.figures().running);
        return rig.pool.run({ module: JOBS, name: 'spinAndMark', input: { path }, signal, timeoutMs: 60_000 });
      },
    });
    const more = { durable: false, restart: 'permanent' } as const;
    node.start(
      node.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, [
        worker('a', TOP, more),
        worker('b', TOP, { ...more, logic: 'threaded', recovery: 'reset', shutdown: 'infinity' }),
      ]),
    );
    await node.world.settle();
    await untilThere(path);
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    await until(() => rig.pool.figures().killed === 1);
    await node.world.elapse(100);
    expect([node.handled('a'), node.kernel.cells.get('b')?.phase]).toEqual([['crash'], 'live']);
    expect(threads).toHaveLength(2);
  });
});
