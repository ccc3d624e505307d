/**
 * Who owns whom on this node. The table below is the tree; the rest starts it.
 *
 *   root ─ one-for-one        a supervisor or service of the node that crashes is a fault of the node itself: after few
 *   │                         restarts the process ends, and goes on from the store when it is started again
 *   ├ agents ─ dynamic        one supervisor per registered agent ─ dynamic: the actors of that agent
 *   ├ tasks ─ dynamic         task actors, their flows, stages and steps
 *   ├ doors ─ dynamic         sessions: temporary, the connection ends with its actor
 *   └ services ─ one-for-one  what the node runs once; and a dynamic supervisor for each family of its actors (actors/family.ts),
 *                             and for the health checks of agents
 */
import { DOORS_SUPERVISOR } from '../actors/sessions.ts';
import { type AgentDefinition, agentSupervisor } from '../actors/agent-definition.ts';
import { familySupervisor } from '../actors/family.ts';
import { HEALTH_SUPERVISOR } from '../actors/roster/health.ts';
import { TASKS_SUPERVISOR } from '../actors/task.ts';
import type { OperatingError } from '../protocol/errors.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { KernelLog } from '../runtime/kernel-options.ts';
import type { World } from '../runtime/world.ts';
import type { Backoff } from './backoff.ts';
import type { Cell } from '../runtime/cell.ts';
import type { BreakerLimits } from './breaker.ts';
import type { Breakers } from './breakers.ts';
import { holdLoaded } from './held-children.ts';
import { careForOrphans } from './orphans.ts';
import type { SupervisorPolicy } from './policy.ts';
import { supervisorLogic, supervisorSpec } from './supervisor.ts';
import { kernelEffects } from './supervisor-effects.ts';
import { type TaskTreeView, viewTask } from './task-view.ts';
import { type SupervisorView, viewSupervisor } from './tree-view.ts';
import { type WhyDeps, whyOf, type WhyView } from './why.ts';

const GENTLE: Backoff = { firstMs: 100, factor: 2, maxMs: 10_000, jitter: 0.5 };
const QUICK: Backoff = { firstMs: 20, factor: 2, maxMs: 1_000, jitter: 0.5 };

const ROOT = 'supervisor/root';
const AGENTS = 'supervisor/agents';
const SERVICES = 'supervisor/services';

/** The policies of the tree. */
export const POLICIES = {
  root: { strategy: 'one-for-one', intensity: 2, periodMs: 60_000, backoff: QUICK, onExcess: 'escalate' },
  agents: { strategy: 'dynamic', intensity: 2, periodMs: 60_000, backoff: QUICK, onExcess: 'escalate' },
  agent: { strategy: 'dynamic', intensity: 20, periodMs: 10_000, backoff: GENTLE, onExcess: 'open' },
  tasks: { strategy: 'dynamic', intensity: 50, periodMs: 10_000, backoff: QUICK, onExcess: 'abandon' },
  doors: { strategy: 'dynamic', intensity: 0, periodMs: 10_000, backoff: QUICK, onExcess: 'abandon' },
  /** The actors of one family of services, such as the pieces of shared state. */
  family: { strategy: 'dynamic', intensity: 20, periodMs: 10_000, backoff: GENTLE, onExcess: 'abandon' },
  /** The health checks of agents: code of users, any of which may be at fault again and again without harm to the others. */
  health: { strategy: 'dynamic', intensity: 1_000, periodMs: 10_000, backoff: GENTLE, onExcess: 'abandon' },
  services: { strategy: 'one-for-one', intensity: 5, periodMs: 30_000, backoff: GENTLE, onExcess: 'escalate' },
  /** Of nobody: whatever crashes and has no supervisor (supervisors/orphans.ts). */
  orphans: { strategy: 'dynamic', intensity: 20, periodMs: 10_000, backoff: GENTLE, onExcess: 'abandon' },
} as const satisfies Record<string, SupervisorPolicy>;

/** The longest that a breaker stays open because it opens again and again, where its agent does not ask for more. */
const OPEN_MAX_MS = 300_000;
const OPEN_JITTER = 0.1;
/** A probe of an agent without a time limit, and what one with a limit may take beyond it. */
const PROBE_MS = 60_000;
const PROBE_SLACK_MS = 5_000;

/** The limits of an agent's breaker. */
export function breakerLimits({ breaker, timeoutMs }: Pick<AgentDefinition, 'breaker' | 'timeoutMs'>): BreakerLimits {
  const { usd, tokens, ...limits } = breaker;
  const spend = { ...(usd !== undefined && { usd }), ...(tokens !== undefined && { tokens }) };
  return {
    ...limits,
    ...((usd !== undefined || tokens !== undefined) && { spend }),
    openMaxMs: Math.max(breaker.openMs * (1 + OPEN_JITTER), OPEN_MAX_MS),
    jitter: OPEN_JITTER,
    probeMs: timeoutMs === 0 ? PROBE_MS : timeoutMs + PROBE_SLACK_MS,
  };
}

/** What the tree needs of the rest of the node. */
export interface TreeDeps {
  readonly kernel: Kernel;
  readonly world: World;
  readonly log: KernelLog;
  /** The breakers in front of agents, as the store knows them. Default: none, and agents are given up beyond their intensity. */
  readonly breakers?: Breakers;
  /** The cells that run once on the node, in the order of their start; none of them is durable. Default: none. */
  readonly services?: readonly ChildSpec[];
  /** The kinds of families (actors/family.ts). Default: none. */
  readonly families?: readonly string[];
  /** The node that makes a call; null while it waits for one that can. Default: this one. */
  readonly whereIs?: WhyDeps['whereIs'];
  /** The root gave up: the process must end. */
  onRootExhausted(error: OperatingError): void;
  /** A session's actor is gone: its connection must be closed. */
  onSessionCrashed(address: string): void;
}

/** The running tree. */
export interface Tree {
  /**
   * Makes the supervisor of an agent's actors and, with limits, the breaker in front of them: once for all of its versions;
   * the breaker goes by the limits given last. Errors: INVALID_INPUT for a policy out of bounds.
   */
  addAgentSupervisor(name: string, policy?: SupervisorPolicy, limits?: BreakerLimits): void;
  /** A stored actor was loaded and has not had a turn yet: one that waited behind an open breaker goes on waiting. */
  loaded(cell: Cell): void;
  /** The whole tree, as `GET /api/v1/supervisors` and `troupe tree` show it. Diagnostic: of now, not of what is committed. */
  describe(): SupervisorView;
  /** The actors working for a task; undefined where none is in memory. */
  describeTask(task: string): TaskTreeView | undefined;
  /** What the actors of a task wait for; undefined where none is in memory. */
  whyOf(task: string): WhyView | undefined;
  /** No crashed actor is restarted any more: it rests in the store until the node is started again. */
  stop(): void;
}

/** Starts the tree. Before recovery, so that nothing lives without its supervisor. */
export function startTree(deps: TreeDeps): Tree {
  const { kernel, breakers, services = [], families = [] } = deps;
  const effects = kernelEffects(deps);
  const specOf = (
    address: string,
    policy: SupervisorPolicy,
    parent?: string,
    children: () => readonly ChildSpec[] = () => [],
  ): ChildSpec => supervisorSpec(address, { policy, children, deps: effects, ...(parent !== undefined && { parent }) });

  const agents = new Map<string, ChildSpec>();
  const served = [
    specOf(HEALTH_SUPERVISOR, POLICIES.health, SERVICES),
    ...families.map((kind) => specOf(familySupervisor(kind), POLICIES.family, SERVICES)),
  ];
  const listed: readonly ChildSpec[] = [
    specOf(AGENTS, POLICIES.agents, ROOT, () => [...agents.values()]),
    specOf(TASKS_SUPERVISOR, POLICIES.tasks, ROOT),
    specOf(DOORS_SUPERVISOR, POLICIES.doors, ROOT),
    specOf(SERVICES, POLICIES.services, ROOT, () => [...served, ...services]),
  ];
  const root = specOf(ROOT, POLICIES.root, undefined, () => listed);

  kernel.install(supervisorLogic);
  careForOrphans({ ...deps, root: ROOT, rootPolicy: POLICIES.root, policy: POLICIES.orphans });
  // All at once, not one by the other: whatever crashes from here on has its supervisor.
  kernel.act((port) => {
    for (const spec of [root, ...listed]) port.startChild(spec);
  });

  return {
    addAgentSupervisor(name, policy = POLICIES.agent, limits) {
      const address = agentSupervisor(name);
      if (limits !== undefined && (limits.failures > 0 || limits.spend !== undefined))
        breakers?.add(name, address, limits);
      if (agents.has(name)) return;
      const breaker = breakers?.ofSupervisor(name);
      // Without a breaker there is nothing to open.
      const onExcess = breaker === undefined && policy.onExcess === 'open' ? 'abandon' : policy.onExcess;
      const input = { policy: { ...policy, onExcess }, parent: AGENTS, children: () => [], deps: effects };
      const spec = supervisorSpec(address, { ...input, ...(breaker !== undefined && { breaker }) });
      agents.set(name, spec);
      kernel.act((port) => port.startChild(spec));
    },
    loaded(cell) {
      if (cell.logic.kind === 'agent' && breakers?.isShut(cell.spec.supervisor) === true) holdLoaded(cell);
    },
    describe: () => viewSupervisor(kernel, ROOT, deps.world.monotonicMs(), breakers?.views()),
    describeTask: (task) => viewTask(kernel, task),
    whyOf: (task) => whyOf({ kernel, breakers: () => breakers?.views() ?? [], whereIs: deps.whereIs }, task),
    stop: () => {
      breakers?.stop();
      kernel.act((port) => port.send(ROOT, { type: 'supervisor.stop' }));
    },
  };
}
