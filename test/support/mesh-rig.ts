/** An owner and its workers in one world, over links without a wire: any of them can be lost, killed, and come back. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { createMeshWorker, type MeshWorker } from '../../cluster/worker/mesh-worker.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { type LinkPair, linkPair } from './link-pair.ts';
import { createManualWorld } from './manual-world.ts';
import { createWorkNode, quietLog, type WorkNode, type WorkNodeOptions } from './work-node.ts';

/** A worker of a rig, and its link. */
export interface RigWorker {
  readonly worker: MeshWorker;
  /** Of its last session. */
  pair: LinkPair;
  /** A new session with the owner that is there now. */
  rejoin(): Promise<void>;
}

/** What a rig has. */
export interface MeshRig {
  /** The owner that is there now. */
  readonly owner: WorkNode;
  /** What became of calls that were sent to workers. */
  readonly outcomes: string[];
  join(node: string, agents: readonly AgentDefinition[]): Promise<RigWorker>;
  /** The owner dies, and another starts on its disk. Workers notice, and have not rejoined. */
  restartOwner(options?: WorkNodeOptions): Promise<WorkNode>;
}

/** Makes one. */
export async function createMeshRig(options: WorkNodeOptions = {}): Promise<MeshRig> {
  const outcomes: string[] = [];
  const world = createManualWorld({ seed: options.seed ?? 1 });
  const start = (disk?: MemoryDisk, more: WorkNodeOptions = {}): Promise<WorkNode> =>
    createWorkNode({
      ...{ ...options, ...more, world, hasMesh: true, onMeshCall: (outcome) => void outcomes.push(outcome) },
      ...(disk !== undefined && { disk }),
    });
  let owner = await start();
  const workers: RigWorker[] = [];
  const connect = async (worker: MeshWorker, node: string): Promise<LinkPair> => {
    const { mesh } = owner;
    const pair = linkPair(world, node);
    if (mesh === undefined) throw new TypeError('The owner has no mesh.');
    pair.owner.ears = mesh.attach(pair.owner);
    pair.worker.ears = worker.attach(pair.worker);
    await world.settle();
    return pair;
  };
  return {
    get owner() {
      return owner;
    },
    outcomes,
    async join(node, agents) {
      const runs = { run: () => Promise.reject(new TypeError('No threads here.')) };
      const worker = createMeshWorker({ world, log: quietLog, node, labels: {}, agents, workers: runs, threads: 0 });
      const one: RigWorker = {
        worker,
        pair: await connect(worker, node),
        rejoin: async () => void (one.pair = await connect(worker, node)),
      };
      workers.push(one);
      return one;
    },
    async restartOwner(more) {
      const { disk } = owner;
      owner.kill();
      for (const { pair } of workers) pair.lose();
      owner = await start(disk, more);
      return owner;
    },
  };
}
