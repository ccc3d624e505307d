/**
 * The tree as people see it: each supervisor with its policy, its state and counts, and the first of its children. Plain
 * data, bounded, read from memory: diagnostic, so it may be ahead of what is committed. It changes nothing.
 */
import type { Cell, CellPhase } from '../runtime/cell.ts';
import type { Kernel } from '../runtime/kernel.ts';
import { type RestartType, type Shutdown, SHUTDOWN_MS } from '../runtime/child-spec.ts';
import type { BreakerView } from './breaker-view.ts';
import { recent } from './intensity.ts';
import type { SupervisorPolicy } from './policy.ts';
import type { AutoShutdown } from './significance.ts';
import type { Strategy } from './strategy.ts';
import { SUPERVISOR_LOGIC } from './supervisor.ts';
import { ALL, type SupervisorContext, type SupervisorInput } from './supervisor-context.ts';

/** One actor. */
export interface ActorView {
  readonly address: string;
  readonly kind: string;
  readonly phase: CellPhase;
  /** In the actor's own words, where it lives. */
  readonly state: string;
  /** Since it was loaded. */
  readonly restarts: number;
  /** How its supervisor treats it: when it is restarted, how long it may take to stop, whether its end may end its supervisor. */
  readonly restart: RestartType;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
}

/** One supervisor, with all below it. */
export interface SupervisorView extends ActorView {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodMs: number;
  readonly onExcess: SupervisorPolicy['onExcess'];
  readonly autoShutdown: AutoShutdown;
  /** Restarts of children that count at present, and all that were decided since it was made. */
  readonly restartsInPeriod: number;
  readonly childRestarts: number;
  /** Children that wait for their restart. */
  readonly restartsPending: number;
  readonly abandoned: number;
  readonly failures: number;
  readonly excesses: number;
  readonly lastError: { readonly code: string; readonly message: string } | null;
  /** The one in front of its children. */
  readonly breaker?: BreakerView;
  readonly childCount: number;
  readonly crashedCount: number;
  /** The first of those that are no supervisors. */
  readonly children: readonly ActorView[];
  readonly supervisors: readonly SupervisorView[];
}

/** The whole tree: the root with all below it, and what stands beside it. */
export interface TreeView extends SupervisorView {
  readonly branches?: readonly BranchView[];
}

/** What belongs to those who are watched over, and is no actor of this node: its workers, say. */
export interface BranchView {
  readonly name: string;
  readonly entries: readonly BranchEntry[];
}

/** One of it. */
export interface BranchEntry {
  readonly name: string;
  readonly state: string;
  readonly facts: readonly string[];
  readonly breaker?: Pick<BreakerView, 'state'> & { readonly retryAfterMs?: number };
}

/** Children shown of one supervisor. */
const CHILDREN_SHOWN_MAX = 20;
/** Supervisors shown below one. */
const SUPERVISORS_SHOWN_MAX = 1_000;

/** What is below one supervisor. */
interface Below {
  count: number;
  crashed: number;
  readonly children: Cell[];
  readonly supervisors: Cell[];
}

/** The supervisor at `address` and all below it, each with its breaker. Bounds: one pass over the cells of the node. */
export function viewSupervisor(
  kernel: Kernel,
  address: string,
  nowMs: number,
  breakers: readonly BreakerView[] = [],
): SupervisorView {
  const breakerOf = new Map(breakers.map((breaker) => [breaker.supervisor, breaker]));
  const belows = new Map<string, Below>();
  for (const cell of kernel.cells.values()) {
    const { supervisor } = cell.spec;
    let below = belows.get(supervisor);
    if (below === undefined) belows.set(supervisor, (below = { count: 0, crashed: 0, children: [], supervisors: [] }));
    below.count++;
    if (cell.phase === 'crashed') below.crashed++;
    const isSupervisor = cell.logic.name === SUPERVISOR_LOGIC;
    const shown = isSupervisor ? below.supervisors : below.children;
    if (shown.length < (isSupervisor ? SUPERVISORS_SHOWN_MAX : CHILDREN_SHOWN_MAX)) shown.push(cell);
  }
  const view = (cell: Cell): SupervisorView => {
    const { policy } = cell.spec.input as SupervisorInput;
    const context = (cell.checkpoint as { readonly context: SupervisorContext } | undefined)?.context;
    const below = belows.get(cell.address);
    const lastError = context?.lastError;
    const breaker = breakerOf.get(cell.address);
    return {
      ...viewActor(cell),
      strategy: policy.strategy,
      intensity: policy.intensity,
      periodMs: policy.periodMs,
      onExcess: policy.onExcess,
      autoShutdown: policy.autoShutdown ?? 'never',
      restartsInPeriod: recent(context?.window ?? [], policy, nowMs).length,
      childRestarts: context?.totals.restarts ?? 0,
      restartsPending: [...(context?.procedures.keys() ?? [])].filter((key) => key !== ALL).length,
      abandoned: context?.totals.abandoned ?? 0,
      failures: context?.totals.failures ?? 0,
      excesses: context?.totals.excesses ?? 0,
      lastError: lastError === undefined ? null : { code: lastError.code, message: lastError.message },
      ...(breaker !== undefined && { breaker }),
      childCount: below?.count ?? 0,
      crashedCount: below?.crashed ?? 0,
      children: (below?.children ?? []).map(viewActor),
      supervisors: (below?.supervisors ?? []).map(view),
    };
  };
  return view(kernel.cells.get(address) as Cell);
}

/** One actor as it is now. */
export function viewActor(cell: Cell): ActorView {
  const { address, host, logic, phase, restarts } = cell;
  const { restart, shutdown = SHUTDOWN_MS, significant = false } = cell.spec;
  const state = host === undefined ? phase : host.describe().state;
  return { address, kind: logic.kind, phase, state, restarts, restart, shutdown, significant };
}
