/** The other nodes of a cluster as they hang in the tree of supervisors: a line each, with the breaker in front of it. */
import type { BranchView } from '../supervisors/tree-view.ts';
import type { Member } from './membership.ts';

/** The branch; undefined where there are none. */
export function clusterBranch(workers: readonly Member[]): BranchView | undefined {
  if (workers.length === 0) return undefined;
  const entries = workers.map(({ node, status, agents, calls: { running, capacity }, breaker }) => ({
    name: node,
    state: status,
    facts: [`${running} of ${capacity} calls`, agents.length === 1 ? '1 agent' : `${agents.length} agents`],
    ...(breaker !== undefined && { breaker }),
  }));
  return { name: 'cluster', entries };
}
