/**
 * Who is in the cluster. A single process is a cluster of one: it owns the one shard there is, under the fence its store
 * gave it. Nodes that join come here later, with links and placement.
 */
import type { ErrorCode } from '../protocol/errors.ts';
import type { StrandedActor } from '../runtime/resuming.ts';
import type { Fence } from '../runtime/stores/store.ts';

/** One node of the cluster. */
export interface Member {
  readonly node: string;
  readonly version: string;
  readonly role: 'owner';
  readonly status: 'active' | 'draining';
  /** The boot counter: a later start of the same node has a higher one. */
  readonly incarnation: number;
  readonly startedAtMs: number;
}

/** Who is there, and who owns what. */
export interface ClusterView {
  readonly nodes: readonly Member[];
  readonly shards: readonly { readonly shard: string; readonly owner: string; readonly epoch: number }[];
  /** Actors in the store that this node could not load, with why: at most 1,000. They stay there as they are. */
  readonly stranded: readonly StrandedView[];
}

/** One of them. */
export interface StrandedView {
  readonly address: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The membership of this node. */
export interface Membership {
  view(stranded: readonly StrandedActor[]): ClusterView;
  drain(): void;
}

/** The membership of a node that stands alone. */
export function soloMembership(self: {
  readonly node: string;
  readonly version: string;
  readonly fence: Fence;
  readonly startedAtMs: number;
}): Membership {
  const { node, version, fence, startedAtMs } = self;
  let status: Member['status'] = 'active';
  return {
    view: (stranded) => ({
      nodes: [{ node, version, role: 'owner', status, incarnation: fence.epoch, startedAtMs }],
      shards: [{ shard: fence.shard, owner: node, epoch: fence.epoch }],
      stranded: stranded.map(({ address, error: { code, message } }) => ({ address, code, message })),
    }),
    drain: () => {
      status = 'draining';
    },
  };
}
