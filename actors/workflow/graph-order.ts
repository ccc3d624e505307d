/**
 * Which steps of a plan may start: the readiness of a run, without clock, messages or storage.
 *
 * A step becomes ready when all steps it needs have ended well: `completed`, `skipped` (its `when` said no; its output is
 * null) or `degraded` (an optional step that failed; its output is null). So only a step's own `when` skips it, never
 * another's. What needs a `failed` step can never start: it is blocked, and so is what needs that.
 *
 * The counts here can be had again from the statuses at any time. They are not to be stored: after a restart, or where a
 * turn was thrown away, make another.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { GraphPlan } from './graph-plan.ts';

/** The states of a step. `ready` is one that may start and has not. */
export type StepStatus = 'pending' | 'ready' | 'running' | EndStatus;

/** How a step ends. */
export type EndStatus = 'completed' | 'skipped' | 'degraded' | 'failed';

/** What the end of a step brings: steps that may start now, and steps that never will. Both in plan order. */
export interface StepConsequences {
  readonly ready: readonly string[];
  readonly blocked: readonly string[];
}

const NONE: Readonly<Record<string, StepStatus>> = {};

type Phase = 'waiting' | 'open' | 'ended' | 'blocked';

/** The readiness of one run. All the ends of a run together cost time linear in its edges. */
export class RunOrder {
  /** The steps that may start at the beginning, in plan order. */
  readonly ready: readonly string[];
  readonly #plan: GraphPlan;
  readonly #phases = new Map<string, Phase>();
  readonly #unmet = new Map<string, number>();
  #open = 0;

  /** Begins a run, or goes on with one whose steps have these statuses (none: `pending`). */
  constructor(plan: GraphPlan, statuses: Readonly<Record<string, StepStatus>> = NONE) {
    this.#plan = plan;
    if (statuses === NONE) {
      this.ready = this.#begin();
      return;
    }
    const statusOf = (id: string): StepStatus => (Object.hasOwn(statuses, id) ? statuses[id] : undefined) ?? 'pending';
    const ready: string[] = [];
    for (const { id, needs } of plan.steps) {
      const unmet = needs.filter((need) => !isGood(statusOf(need))).length;
      const isBlocked = needs.some((need) => this.#phases.get(need) === 'blocked' || statusOf(need) === 'failed');
      const phase = phaseOf(statusOf(id), unmet, isBlocked);
      this.#unmet.set(id, unmet);
      this.#phases.set(id, phase);
      if (phase === 'waiting' || phase === 'open') this.#open += 1;
      if (phase === 'open' && statusOf(id) !== 'running') ready.push(id);
    }
    this.ready = ready;
  }

  /** As for a run of which nothing is known, which most are. */
  #begin(): string[] {
    const ready: string[] = [];
    for (const { id, needs } of this.#plan.steps) {
      this.#unmet.set(id, needs.length);
      this.#phases.set(id, needs.length === 0 ? 'open' : 'waiting');
      if (needs.length === 0) ready.push(id);
    }
    this.#open = this.#plan.steps.length;
    return ready;
  }

  /** How many steps have not ended and still may. At 0 the run is over. */
  get openSteps(): number {
    return this.#open;
  }

  /** Whether a step may be under way: it may have begun, and has not ended. */
  isOpen(id: string): boolean {
    return this.#phases.get(id) === 'open';
  }

  /**
   * Takes note of a step's end.
   * Throws OperatingError STATE_CONFLICT for a step that has ended, could not have begun, or does not exist.
   */
  end(id: string, status: EndStatus): StepConsequences {
    if (this.#phases.get(id) !== 'open') {
      throw new OperatingError(
        'STATE_CONFLICT',
        `Step \`${id}\` cannot end: it is ${this.#phases.get(id) ?? 'unknown'}.`,
      );
    }
    this.#phases.set(id, 'ended');
    this.#open -= 1;
    if (status === 'failed') return { ready: [], blocked: this.#block(id) };
    return { ready: this.#meet(id), blocked: [] };
  }

  #meet(id: string): string[] {
    const ready: string[] = [];
    for (const dependent of this.#dependentsOf(id)) {
      const unmet = (this.#unmet.get(dependent) ?? 0) - 1;
      this.#unmet.set(dependent, unmet);
      if (unmet > 0 || this.#phases.get(dependent) !== 'waiting') continue;
      this.#phases.set(dependent, 'open');
      ready.push(dependent);
    }
    return ready;
  }

  #block(id: string): string[] {
    const todo = [id];
    const blocked = new Set<string>();
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      for (const dependent of this.#dependentsOf(at)) {
        if (this.#phases.get(dependent) !== 'waiting') continue;
        this.#phases.set(dependent, 'blocked');
        this.#open -= 1;
        blocked.add(dependent);
        todo.push(dependent);
      }
    }
    return this.#inPlanOrder(blocked);
  }

  #inPlanOrder(ids: ReadonlySet<string>): string[] {
    const rank = (id: string): readonly [number, number] => {
      const step = this.#plan.byId.get(id);
      return [step?.level ?? 0, step?.index ?? 0];
    };
    return [...ids].sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1]);
  }

  #dependentsOf(id: string): readonly string[] {
    return this.#plan.byId.get(id)?.dependents ?? [];
  }
}

function isGood(status: StepStatus): boolean {
  return status === 'completed' || status === 'skipped' || status === 'degraded';
}

function phaseOf(status: StepStatus, unmet: number, isBlocked: boolean): Phase {
  if (isGood(status) || status === 'failed') return 'ended';
  if (status === 'running') return 'open';
  if (isBlocked) return 'blocked';
  return unmet === 0 ? 'open' : 'waiting';
}
