/** What is counted and shown of a running node. */
import { APPROVAL_LOGIC } from './actors/approvals/approval.ts';
import type { ResultCache } from './actors/cache/result-cache.ts';
import type { NodeFigures } from './actors/figures/node-figures.ts';
import { countOf, durationsOf, failuresOf } from './actors/roster/agent-gauges.ts';
import type { Roster } from './actors/roster/roster.ts';
import type { TopicDesk } from './actors/topics/topic-desk.ts';
import { watchCluster } from './cluster/cluster-gauges.ts';
import type { Membership } from './cluster/membership.ts';
import type { MeshOwner } from './cluster/owner/mesh-owner.ts';
import type { Kernel } from './runtime/kernel.ts';
import type { Metrics } from './runtime/metrics.ts';
import type { Registers } from './runtime/registers.ts';
import type { World } from './runtime/world.ts';
import type { Breakers } from './supervisors/breakers.ts';

/** What is looked at. */
export interface WatchedParts {
  readonly kernel: Kernel;
  readonly registers: Registers;
  readonly metrics: Metrics;
  readonly breakers: Breakers;
  readonly roster: Roster;
  readonly figures: NodeFigures;
  readonly topics: TopicDesk;
  readonly cache: ResultCache;
  readonly mesh: MeshOwner | undefined;
  readonly membership: Membership;
  readonly world: World;
}

const CENSUS_MS = 1_000;

/** What is counted and shown of the running node. The census is told at a bounded rate: it changes with every task. */
export function watchNode(parts: WatchedParts): () => void {
  const { kernel, registers, metrics, breakers, roster, figures, topics, cache, mesh, membership, world } = parts;
  let cancel = (): void => {};
  const look = (): void => {
    registers.trigger.counted({ census: Object.fromEntries(kernel.census) });
    registers.trigger.agentsLookedAt({ statuses: roster.statuses() });
    for (const { roundTripMs } of membership.workers())
      if (roundTripMs !== undefined) metrics.meshRoundTrip(roundTripMs / 1_000);
    cancel = world.after(CENSUS_MS, look);
  };
  look();
  const stops = [
    metrics.watch('troupe_actors', () => Object.fromEntries(kernel.census)),
    metrics.watch('troupe_approvals_pending', () => kernel.census.get(APPROVAL_LOGIC) ?? 0),
    metrics.watch('troupe_agents', () => countOf(Object.values(roster.statuses()))),
    metrics.watch('troupe_agent_duration_seconds', () => durationsOf(figures)),
    metrics.watch('troupe_agent_failure_ratio', () => failuresOf(figures)),
    metrics.watch('troupe_breaker_state', () => breakers.figures()),
    metrics.watch('troupe_quarantined', () => kernel.quarantine.size),
    metrics.watch('troupe_subscription_backlog', () => topics.waiting),
    metrics.watch('troupe_mailbox_depth', () => mailboxDepth(kernel)),
    metrics.watch('troupe_cache_entries', () => cache.size.entries),
    metrics.watch('troupe_cache_bytes', () => cache.size.bytes),
    metrics.watch('troupe_cache_hits_total', () => cache.totals.hits),
    metrics.watch('troupe_cache_misses_total', () => cache.totals.misses),
    metrics.watch('troupe_cache_evictions_total', () => cache.totals.evictions),
    metrics.watch('troupe_cache_saved_usd_total', () => cache.totals.savedUsd),
    kernel.feed.listenAll(({ progress, events }) => {
      for (const { kind, data } of events)
        if (kind === 'budget.exceeded') metrics.budgetExceeded(String(data['policy']));
      const { status, result } = progress;
      if (result === undefined) return;
      metrics.taskFinished(status, result.durationMs / 1000);
      metrics.taskUsed(result.usage);
    }),
    watchCluster(metrics, membership),
    metrics.watch('troupe_mesh_link_messages_total', () => trafficOf(mesh)),
    metrics.watch('troupe_mesh_link_waiting', () => mesh?.traffic.waiting ?? 0),
    () => cancel(),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function mailboxDepth(kernel: Kernel): number {
  let depth = 0;
  for (const cell of kernel.cells.values()) depth += cell.mailbox.size;
  return depth;
}

function trafficOf(mesh: MeshOwner | undefined): Readonly<Record<string, number>> {
  const { received = 0, sent = 0 } = mesh?.traffic ?? {};
  return { in: received, out: sent };
}
