import { describe, expect, it } from 'vitest';
import { clusterBranch } from '../../cluster/cluster-branch.ts';
import { watchCluster } from '../../cluster/cluster-gauges.ts';
import { type Member, ownerMembership } from '../../cluster/membership.ts';
import { CLUSTER_ANSWER } from '../../gateway/cluster-schemas.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { createMetrics } from '../../runtime/metrics.ts';

const WORKER: Member = {
  ...{ node: 'w-1', role: 'worker', status: 'active', version: '0.1.0', incarnation: 'i-7', joinedAtMs: 20 },
  ...{ labels: { zone: 'a' }, agents: ['shout@1.0.0'], calls: { running: 2, capacity: 16 }, lossesTotal: 1 },
  ...{ address: '10.0.0.4:50211', threads: 3, roundTripMs: 0.4, breaker: { state: 'closed' } },
};

function owner(members?: () => readonly Member[]) {
  return ownerMembership({
    ...{ node: 'o', version: '0.1.0', fence: { shard: '0', owner: 'x', epoch: 4 }, startedAtMs: 10 },
    ...{ labels: {}, threads: 1, work: () => ({ agents: ['analyst@1.0.0'], calls: { running: 0, capacity: 4 } }) },
    ...(members !== undefined && { members }),
  });
}

describe('The view of a cluster', () => {
  it('is a node by itself where nobody has joined', () => {
    expect(owner().view([])).toEqual({
      nodes: [
        {
          ...{ node: 'o', role: 'owner', status: 'active', version: '0.1.0', incarnation: 4, startedAtMs: 10 },
          ...{ labels: {}, threads: 1, agents: ['analyst@1.0.0'], calls: { running: 0, capacity: 4 } },
        },
      ],
      shards: [{ shard: '0', owner: 'o', epoch: 4 }],
      stranded: [],
    });
    expect(owner().workers()).toEqual([]);
  });

  it('has the owner first, then its workers as they are when it is asked for', () => {
    const workers: Member[] = [];
    const membership = owner(() => workers);
    workers.push(WORKER);
    expect(membership.view([]).nodes.map(({ node }) => node)).toEqual(['o', 'w-1']);
    expect(membership.workers()).toEqual([WORKER]);
  });

  it('says that a node that stops takes nothing new', () => {
    const membership = owner(() => [WORKER]);
    membership.drain();
    expect(membership.view([]).nodes.map(({ status }) => status)).toEqual(['draining', 'active']);
  });

  it('passes the schema of its route with nothing left out', () => {
    const error = new OperatingError('VERSION_MISMATCH', 'Another version.');
    const view = owner(() => [WORKER]).view([{ address: 'run/T/main/1', error }]);
    expect(CLUSTER_ANSWER.parse(view)).toEqual(view);
    expect(view.stranded).toEqual([{ address: 'run/T/main/1', code: 'VERSION_MISMATCH', message: 'Another version.' }]);
  });
});

describe('The metrics of a cluster', () => {
  it('count its workers by how they stand, and their calls by node, until they are taken away', async () => {
    const metrics = createMetrics({ world: { monotonicMs: () => 0 } });
    const stop = watchCluster(
      metrics,
      owner(() => [WORKER]),
    );
    const text = await metrics.render();
    expect(text).toContain('troupe_mesh_nodes{status="active"} 1\n');
    expect(text).toContain('troupe_mesh_nodes{status="lost"} 0\n');
    expect(text).toContain('troupe_mesh_calls{node="w-1"} 2\n');
    stop();
    expect(await metrics.render()).not.toContain('troupe_mesh_calls{');
    metrics.stop();
  });
});

describe('The branch of a cluster in the tree', () => {
  it('is not there where nobody has joined', () => {
    expect(clusterBranch([])).toBeUndefined();
  });

  it('has a line for each worker, with the breaker in front of it', () => {
    const open: Member = { ...WORKER, node: 'w-2', status: 'suspect', breaker: { state: 'open', retryAfterMs: 500 } };
    expect(clusterBranch([WORKER, open])).toEqual({
      name: 'cluster',
      entries: [
        { name: 'w-1', state: 'active', facts: ['2 of 16 calls', '1 agent'], breaker: { state: 'closed' } },
        { name: 'w-2', state: 'suspect', facts: ['2 of 16 calls', '1 agent'], breaker: open.breaker },
      ],
    });
  });
});
