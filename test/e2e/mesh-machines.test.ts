/** A machine that only a worker has, over sockets of this machine: what it holds travels whole. */
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type Node, startNode, startWorker } from '../../index.ts';
import { household, seeker } from '../cluster/machines/machines.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const QUIET = { logLevel: 'error', store: 'memory' } as const;

async function resultOf(node: Node, agent: string): Promise<{ readonly status: string; readonly output?: unknown }> {
  const client = await connect(`ws://127.0.0.1:${node.port}/ws`);
  try {
    const { status, output } = await client.submit({ agent, input: null }).result();
    return { status, output };
  } finally {
    await client.close();
  }
}

describe('A machine on a worker, over sockets', () => {
  it('puts out what it does at home: with maps, dates, children, delays, promises', async () => {
    const agents = [household(), seeker([])];
    const home = await startNode({ ...QUIET, port: 0, agents });
    cleanups.push(() => home.stop());
    const owner = await startNode({ ...QUIET, port: 0, meshPort: 0 });
    cleanups.push(() => owner.stop());
    const worker = await startWorker({ ...QUIET, join: `ws://127.0.0.1:${owner.mesh?.port ?? 0}`, agents });
    cleanups.push(() => worker.stop());
    await worker.joined;
    for (const agent of ['household', 'seeker']) {
      const [here, there] = await Promise.all([resultOf(home, agent), resultOf(owner, agent)]);
      expect(here.status).toBe('completed');
      expect(there).toEqual(here);
    }
  });
});
