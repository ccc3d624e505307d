import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { offerOf, ScriptedWorker } from './scripted-worker.ts';

interface Rig {
  readonly node: WorkNode;
  readonly outcomes: string[];
  /** The owner's disk takes its time from here on, until it is done. */
  slow(): void;
  written(): void;
  /** A worker in a new session, which holds what it is given. */
  session(holds?: { readonly call: string; readonly token: string }): Promise<ScriptedWorker>;
}

async function rig(): Promise<Rig> {
  let isSlow = false;
  const written = Promise.withResolvers<'done'>();
  const outcomes: string[] = [];
  const disk = new MemoryDisk({ onWrite: () => (isSlow ? written.promise : 'done') });
  const node = await createWorkNode({ hasMesh: true, disk, onMeshCall: (outcome) => void outcomes.push(outcome) });
  return {
    ...{ node, outcomes },
    slow: () => void (isSlow = true),
    written: () => {
      isSlow = false;
      written.resolve('done');
    },
    session: async (holds) => {
      const held = holds === undefined ? [] : [{ call: holds.call, token: holds.token, state: 'ended' as const }];
      const worker = new ScriptedWorker(node.world, node.mesh as never).join([offerOf('far')], held);
      await node.world.settle();
      return worker;
    },
  };
}

describe('An outcome that is said again in another session', () => {
  it('is kept by its worker until it is on disk, however long that takes', async () => {
    const { node, slow, written, session } = await rig();
    const first = await session();
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    const [call] = first.calls;
    if (call === undefined) throw new TypeError('Nothing was sent.');
    slow();
    first.end('done');
    await node.world.settle();
    first.pair.lose();
    const second = await session(call);
    second.end('done', call);
    await node.world.settle();
    expect([second.all('call.settled'), second.all('call.cancel')]).toEqual([[], []]);
    written();
    expect((await node.end(task)).result).toMatchObject({ output: 'done' });
    await node.world.settle();
    expect(second.all('call.settled')).toMatchObject([{ call: call.call, token: call.token }]);
  });

  it('is no lie: its worker has not heard that it was settled', async () => {
    const { node, outcomes, session } = await rig();
    const first = await session();
    const calls: { readonly call: string; readonly token: string }[] = [];
    for (let at = 0; at < 12; at++) {
      const { task } = node.submit({ agent: 'far' });
      await node.world.settle();
      calls.push(...first.calls.slice(-1));
      first.end(at);
      await node.end(task);
    }
    first.pair.lose();
    const second = await session();
    for (const call of calls) second.end('again', call);
    await node.world.settle();
    expect(second.pair.owner.state).toBe('up');
    expect(outcomes).toEqual(calls.map(() => 'done'));
    expect(second.all('call.settled')).toHaveLength(12);
  });
});
