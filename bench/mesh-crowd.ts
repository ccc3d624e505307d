/** A process that is many idle workers of one owner: `node bench/mesh-crowd.ts URL COUNT`. Says `in` when all have joined. */
import { dialMesh } from '../cluster/link/dial.ts';
import { createMeshWorker } from '../cluster/worker/mesh-worker.ts';
import { createLog } from '../runtime/log.ts';
import { createWorld } from '../runtime/world.ts';
import { agents } from './mesh-agents.ts';

const [url = '', count = '0'] = process.argv.slice(2);
const world = createWorld();
const log = createLog({ world, level: 'error', format: 'json' });
const workers = { run: () => Promise.reject(new Error('no threads')) };
let joined = 0;
for (let at = 0; at < Number(count); at++) {
  const node = `crowd-${at}`;
  const worker = createMeshWorker({ world, log, node, labels: {}, agents, workers, threads: 0 });
  dialMesh({
    ...{ to: `${url}/mesh`, world, auth: { mode: 'none' } },
    self: { node, incarnation: world.id(), role: 'worker', version: '0.0.0', cluster: undefined },
    onLink: (link, setEars) => {
      setEars(worker.attach(link));
      if (++joined === Number(count)) process.stdout.write('in\n');
    },
  });
}
