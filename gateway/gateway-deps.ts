/** What the doors are given by the node they belong to. */
import type { ApprovalDesk } from '../actors/approvals/approval-desk.ts';
import type { ResultCache } from '../actors/cache/result-cache.ts';
import type { Desk } from '../actors/desk.ts';
import type { QuarantineDesk } from '../actors/quarantine-desk.ts';
import type { Store } from '../runtime/stores/store.ts';
import type { ForkDesk } from '../actors/fork-desk.ts';
import type { EffectDesk } from '../actors/effect-desk.ts';
import type { PlanDesk } from '../actors/planning/plan-desk.ts';
import type { Registry } from '../actors/registry.ts';
import type { ScheduleDesk } from '../actors/schedules/schedule-desk.ts';
import type { Roster } from '../actors/roster/roster.ts';
import type { Sessions } from '../actors/sessions.ts';
import type { StateDesk } from '../actors/state/state-desk.ts';
import type { GroupDesk } from '../actors/groups/group-desk.ts';
import type { SubscriptionDesk } from '../actors/topics/subscription-desk.ts';
import type { TopicDesk } from '../actors/topics/topic-desk.ts';
import type { FlowPlans } from '../actors/workflow/planner.ts';
import type { WorkflowDesk } from '../actors/workflow/workflow-desk.ts';
import type { ClusterView } from '../cluster/membership.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Registers } from '../runtime/registers.ts';
import type { Settings } from '../runtime/settings.ts';
import type { World } from '../runtime/world.ts';
import type { Breakers } from '../supervisors/breakers.ts';
import type { TreeView } from '../supervisors/tree-view.ts';
import type { WhyView } from '../supervisors/why.ts';

/** The rooms behind the doors. What is given as a function belongs to rooms that the doors need not know. */
export interface GatewayDeps {
  readonly settings: Settings;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly node: { readonly id: string; readonly version: string };
  readonly kernel: Kernel;
  readonly desk: Desk;
  readonly quarantine: QuarantineDesk;
  readonly effects: EffectDesk;
  readonly approvals: ApprovalDesk;
  readonly schedules: ScheduleDesk;
  readonly forks: ForkDesk;
  readonly state: StateDesk;
  readonly topics: TopicDesk;
  readonly subscriptions: SubscriptionDesk;
  readonly groups: GroupDesk;
  /** For backups. */
  readonly store: Store;
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly roster: Roster;
  readonly registers: Registers;
  readonly plans: FlowPlans;
  readonly planning: PlanDesk;
  readonly workflows: WorkflowDesk;
  /** The tree of supervisors, with states, restarts and breakers. */
  describeTree(): TreeView;
  readonly breakers: Pick<Breakers, 'views' | 'view' | 'reset'>;
  readonly cache: Pick<ResultCache, 'size' | 'totals' | 'shares' | 'clear'>;
  /** The actors that work for a task. */
  describeTask(task: string): unknown;
  /** What they wait for. */
  whyOf(task: string): WhyView | undefined;
  /** The nodes and their shards. */
  cluster(): ClusterView;
  /** Whether new work is taken on. */
  isReady(): boolean;
}
