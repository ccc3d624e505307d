/**
 * Asks agents whether they can work, on a schedule: an actor for each agent that has a health check. A check is a call like any
 * other, so that one that hangs is given up, one that throws harms nobody, and so many at most are under way at once. What the
 * outcomes mean is in actors/health-plan.ts.
 *
 *   checking ──effect.done, effect.failed──► resting ──timer.check──► checking
 *
 * It belongs to this run of the process: nothing of it is stored, and the first check is made at once.
 */
import { formatAddress } from '../../protocol/addresses.ts';
import type { ErrorBody } from '../../protocol/errors.ts';
import type { InstalledLogic } from '../../runtime/cell.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { HealthPlan } from '../health-plan.ts';
import type { HealthBook } from './health-book.ts';

/** The state of what asks one agent. */
export interface HealthState {
  readonly phase: 'resting' | 'checking';
}

/** What the checks of a node need. */
export interface HealthDeps {
  readonly book: HealthBook;
  /** By `name@version`; undefined where the agent is gone. */
  plan(reference: string): HealthPlan | undefined;
  random(): number;
}

/** The name of the logic in the kernel, and the kind of its addresses. */
export const HEALTH_LOGIC = 'health';
/** The supervisor of all checks. */
export const HEALTH_SUPERVISOR = `supervisor/services/${HEALTH_LOGIC}`;
/** Checks that are under way at once. */
const CHECKS_MAX = 8;
const CHECK = 'check';
/** So much of the interval is left to chance, so that many agents are not asked together. */
const JITTER = 0.2;

/** The address of what asks an agent. */
export function healthAddress(reference: string): string {
  return formatAddress(HEALTH_LOGIC, reference);
}

/** What asks an agent. */
export function healthSpec(reference: string, { timeoutMs }: HealthPlan): ChildSpec {
  return {
    address: healthAddress(reference),
    logic: HEALTH_LOGIC,
    input: reference,
    supervisor: HEALTH_SUPERVISOR,
    restart: 'permanent',
    recovery: 'resume',
    priority: 5,
    durable: false,
    callTimeoutMs: timeoutMs,
  };
}

/** The logic of the checks, with what makes them. */
export function healthLogic(deps: HealthDeps): InstalledLogic {
  const flat = healthTable(deps);
  const perform = async (_call: unknown, { input }: ChildSpec): Promise<void> => {
    const plan = deps.plan(input as string);
    if (plan !== undefined) await deps.book.ask(input as string, plan);
  };
  const factory = flatFactory(flat);
  return { name: HEALTH_LOGIC, factory, kind: HEALTH_LOGIC, lane: HEALTH_LOGIC, laneLimit: CHECKS_MAX, perform };
}

/** The table alone. */
export function healthTable({ book, plan, random }: HealthDeps): FlatLogic<HealthState, string> {
  const ask = (port: CellPort): HealthState => {
    port.effect({ key: CHECK, name: CHECK, kind: 'pure', input: undefined, again: false });
    return { phase: 'checking' };
  };
  const rest = (port: CellPort, error: string | undefined): HealthState => {
    const reference = port.input as string;
    const known = plan(reference);
    if (known === undefined) return { phase: 'resting' };
    book.checked(reference, known, port.nowMs(), error);
    port.setTimer(CHECK, port.nowMs() + Math.round(known.intervalMs * (1 + JITTER * (random() - 1 / 2))));
    return { phase: 'resting' };
  };
  return {
    name: HEALTH_LOGIC,
    version: '1',
    initial: (_reference, port) => ask(port),
    // It is made anew only when it has crashed: an error has escaped from a check.
    restored: (_state, port) => {
      port.cancelEffect(CHECK);
      return rest(port, 'An error escaped from the check.');
    },
    table: {
      checking: {
        'effect.done': (_state, _event, port) => rest(port, undefined),
        'effect.failed': (_state, event: { readonly error: ErrorBody }, port) => rest(port, event.error.message),
      },
      resting: { 'timer.check': (_state, _event, port) => ask(port) },
    },
    final: {},
  };
}
