/**
 * Who is in the cluster: the owner of the one shard there is, under the fence its store gave it, and the workers that have joined
 * it, as those who hold the links to them see them.
 */
import type { ErrorCode } from '../protocol/errors.ts';
import type { StrandedActor } from '../runtime/resuming.ts';
import type { Fence } from '../runtime/stores/store.ts';

/** How a node stands, as the owner sees it, the best first. */
export const MEMBER_STATUSES = ['active', 'suspect', 'draining', 'lost'] as const;

/** One node of the cluster. */
export interface Member {
  readonly node: string;
  readonly version: string;
  readonly role: 'owner' | 'worker';
  /**
   * `suspect`: no sign of life for too long; its calls are waited for. `draining`: it takes nothing new. `lost`: its calls are
   * made elsewhere.
   */
  readonly status: (typeof MEMBER_STATUSES)[number];
  /** Another one with each start of the node: of an owner the boot counter, which goes up. */
  readonly incarnation: number | string;
  /** Of an owner, ms since the epoch. */
  readonly startedAtMs?: number;
  /** Of a worker, ms since the epoch: since when this incarnation of it is known. */
  readonly joinedAtMs?: number;
  /** Where a worker came from. */
  readonly address?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What it offers, `name@version`. */
  readonly agents: readonly string[];
  /** Threads that it computes in. */
  readonly threads?: number;
  /** Under way, and what may be. */
  readonly calls: { readonly running: number; readonly capacity: number };
  /** Of a worker: the last round trip of a heartbeat. */
  readonly roundTripMs?: number;
  /** Of a worker: how often a node of this name was lost. */
  readonly lossesTotal?: number;
  /** The one in front of a worker. */
  readonly breaker?: MemberBreaker;
}

/** The breaker in front of a node. */
export interface MemberBreaker {
  readonly state: 'closed' | 'half-open' | 'open';
  /** How long a call would have to wait for it. */
  readonly retryAfterMs?: number;
}

/** Who is there, and who owns what. */
export interface ClusterView {
  /** The owner first. */
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
  /** The nodes that have joined, at most as many as may. */
  workers(): readonly Member[];
  drain(): void;
}

/** What an owner says of itself, and who knows of the others. */
export interface MembershipDeps {
  readonly node: string;
  readonly version: string;
  readonly fence: Fence;
  readonly startedAtMs: number;
  readonly labels: Member['labels'];
  readonly threads: number;
  /** What this node does itself, as of now. */
  work(): Pick<Member, 'agents' | 'calls'>;
  /** The workers that have joined. Default: nobody can. */
  readonly members?: () => readonly Member[];
}

/** The membership of an owner. */
export function ownerMembership(deps: MembershipDeps): Membership {
  const { node, version, fence, startedAtMs, labels, threads, work, members: workers = () => [] } = deps;
  let status: Member['status'] = 'active';
  const self = (): Member => ({
    ...{ node, version, role: 'owner', status, incarnation: fence.epoch, startedAtMs, labels, threads },
    ...work(),
  });
  return {
    workers,
    view: (stranded) => ({
      nodes: [self(), ...workers()],
      shards: [{ shard: fence.shard, owner: node, epoch: fence.epoch }],
      stranded: stranded.map(({ address, error: { code, message } }) => ({ address, code, message })),
    }),
    drain: () => {
      status = 'draining';
    },
  };
}
