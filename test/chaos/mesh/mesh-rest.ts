/** When a mesh is at rest: all nodes are there, and nothing is at work but what waits for a person. */
import { pass } from '../fault-rig.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import type { MeshDesk } from './mesh-desk.ts';

/** Longer than it may take, so that it can be told how long it does take. */
const REST_MS_MAX = 90_000;
const EVERY_MS = 50;

/** Resolves once it is at rest. Fails, with what is not, when it does not come to it. `isExcused`: this task may be at work still. */
export async function untilRest(
  cluster: MeshCluster,
  desk: MeshDesk,
  isExcused: (task: string) => boolean = () => false,
): Promise<void> {
  const endMs = performance.now() + REST_MS_MAX;
  for (;;) {
    const troubles = await troublesOf(cluster, desk, isExcused);
    if (troubles.length === 0) return;
    if (performance.now() > endMs) {
      const said = cluster.nodes.map((node) => `${node.name} said: ${node.said}`);
      throw new TypeError(['It did not come to rest.', ...troubles, ...said].join('\n'));
    }
    await pass(EVERY_MS);
  }
}

async function troublesOf(
  { nodes: processes }: MeshCluster,
  desk: MeshDesk,
  isExcused: (task: string) => boolean,
): Promise<readonly string[]> {
  try {
    const [{ nodes, stranded }, submitted, working] = await Promise.all([
      desk.cluster(),
      desk.tasks('submitted'),
      desk.tasks('working'),
    ]);
    const missing = processes.filter(({ name }) => !nodes.some(({ node }) => node === name));
    const atWork = [...submitted, ...working].filter((task) => !isExcused(task));
    return [
      ...missing.map(({ name }) => `${name} is not there`),
      ...nodes.filter(({ status }) => status !== 'active').map(({ node, status }) => `${node} is ${status}`),
      ...nodes.filter(({ agents }) => agents.length === 0).map(({ node }) => `${node} offers nothing`),
      ...atWork.map((task) => `${task} is at work`),
      ...stranded.map((actor) => `stranded: ${JSON.stringify(actor)}`),
    ];
  } catch (error) {
    // The owner is not there.
    return [String(error)];
  }
}
