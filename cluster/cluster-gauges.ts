/** What the metrics say of the workers of a mesh, as of when they are read. */
import type { Metrics } from '../runtime/metrics.ts';
import { type Member, MEMBER_STATUSES, type Membership } from './membership.ts';

/** Lets the metrics look at them, until it is called back. */
export function watchCluster(metrics: Pick<Metrics, 'watch'>, { workers }: Pick<Membership, 'workers'>): () => void {
  const stops = [
    metrics.watch('troupe_mesh_nodes', () => countOf(workers())),
    metrics.watch('troupe_mesh_calls', () =>
      Object.fromEntries(workers().map(({ node, calls }) => [node, calls.running])),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Those of which there are none are said too: a line that comes and goes cannot be watched. */
function countOf(members: readonly Member[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    MEMBER_STATUSES.map((status) => [status, members.filter((member) => member.status === status).length]),
  );
}
