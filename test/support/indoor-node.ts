/**
 * A whole node without doors, as the composition root builds it, in a world that stands still: agents, desks, supervisors,
 * recovery, checkpoints. A node on the disk of a killed one goes on where that was.
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { ForkDesk } from '../../actors/fork-desk.ts';
import { buildIndoors } from '../../node.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { createMemoryStore, MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createManualWorld, type ManualWorld } from './manual-world.ts';

/** How one is made. */
export interface IndoorOptions {
  readonly agents?: readonly AgentDefinition[];
  readonly disk?: MemoryDisk;
  readonly seed?: number;
  readonly checkpointsMax?: number;
  readonly checkpointTasksMax?: number;
}

export type IndoorNode = Awaited<ReturnType<typeof createIndoorNode>>;

const quiet = { info: nothing, warn: nothing, error: nothing, debug: nothing, close: async () => undefined };

/** Makes one; what its disk holds unfinished has been taken up again. */
export async function createIndoorNode(options: IndoorOptions = {}) {
  const { agents = [], disk = new MemoryDisk(), seed = 1, checkpointsMax = 100, checkpointTasksMax = 1_000 } = options;
  const world = createManualWorld({ seed });
  const store = createMemoryStore({ world, disk });
  const outcome = loadSettings({
    cwd: '/nowhere',
    env: {},
    options: { dataDir: '/nowhere', lab: true, checkpointsMax, checkpointTasksMax },
  });
  if (!outcome.ok) throw outcome.error;
  const building = buildIndoors({
    ...{ world, store, settings: outcome.settings, log: quiet as never, agents, workflows: [] },
    onFatal: (error) => {
      throw error;
    },
  });
  const { core, staff, keeper } = await settled(world, building);
  const forks = new ForkDesk({
    ...{ kernel: core.kernel, store, desk: staff.desk, shelf: keeper.shelf },
    onLoaded: (cell) => staff.tree.loaded(cell),
  });
  const submit = (target: object, input: unknown): string =>
    core.kernel.act((port) => staff.desk.submit(port, 'me', { target, input, options: {} })).task;
  return { world, disk, ...core, ...staff, forks, submit };
}

/** Lets the node do what it has to do, then gives what came of the promise. */
export async function settled<T>(world: ManualWorld, promise: Promise<T>): Promise<T> {
  void promise.catch(nothing);
  await world.settle();
  return await promise;
}

function nothing(): void {}
