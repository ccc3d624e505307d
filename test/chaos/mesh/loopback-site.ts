/** A mesh on loopback, with a relay in each line. */
import { freePort } from '../../support/node-process.ts';
import { LineRelay } from './line-relay.ts';
import type { MeshSite } from './mesh-site.ts';

/** One with lines for these workers. */
export async function loopbackSite(workers: readonly string[]): Promise<MeshSite> {
  const [clientPort, meshPort] = [await freePort(), await freePort()];
  const relays = new Map<string, LineRelay>();
  for (const worker of workers) relays.set(worker, await LineRelay.to(meshPort));
  return {
    where: 'loopback',
    clientPort,
    canSlow: true,
    ownerFlags: ['--mesh-port', String(meshPort), '--port', String(clientPort)],
    by: () => [],
    joinUrl: (worker) => `ws://127.0.0.1:${relays.get(worker)?.port}`,
    cut: async (worker, cut) => relays.get(worker)?.cut(cut),
    slow: async (worker) => relays.get(worker)?.slow(),
    heal: async (worker) => relays.get(worker)?.heal(),
    close: async () => {
      for (const relay of relays.values()) await relay.close();
    },
  };
}
