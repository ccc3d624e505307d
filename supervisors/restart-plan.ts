/** From a policy, a window and the end of a child to what is to be done: the part of a supervisor that only thinks. */
import type { ErrorBody } from '../protocol/errors.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import { restartDelayMs } from './backoff.ts';
import { book, recent } from './intensity.ts';
import { awaits, begin, type Procedure, type StartStep, type StopStep } from './procedure.ts';
import { decide, type ExitKind, type Sibling } from './strategy.ts';
import { ALL, type SupervisorContext } from './supervisor-context.ts';

/** A restart that was decided: what the supervisor remembers of it, and the pause before its first start. */
export interface RestartPlan {
  readonly next: Pick<SupervisorContext, 'window' | 'procedures' | 'serial' | 'totals' | 'lastError'>;
  readonly delayMs: number;
}

/** The spec of a listed child. */
export function specOf(context: SupervisorContext, address: string): ChildSpec | undefined {
  return context.seat.input.children().find((spec) => spec.address === address);
}

/** Whether the child is still to be stopped or started by something that is under way. */
export function isAwaited({ procedures }: SupervisorContext, address: string): boolean {
  return [...procedures.values()].some((procedure) => awaits(procedure, address));
}

/** Whether it is being started as one of all: a crash now is a start that failed. */
export function isStarting({ procedures }: SupervisorContext, address: string): boolean {
  return procedures.get(ALL)?.starting === address;
}

/** Books the restart of a child that waits for it, or is gone. Only where there is room, for a child that is to be restarted. */
export function planRestart(
  context: SupervisorContext,
  child: Sibling,
  exit: ExitKind,
  error?: ErrorBody,
): RestartPlan {
  return plan(context, child, exit, error, []);
}

/** Like `planRestart`, for a child whose cell no longer works: it ends, and a new one takes its place. */
export function planReplacement(context: SupervisorContext, child: ChildSpec, error: ErrorBody): RestartPlan {
  return plan(context, child, 'killed', error, [{ address: child.address, keep: false }]);
}

function plan(
  context: SupervisorContext,
  child: Sibling & Partial<ChildSpec>,
  exit: ExitKind,
  error: ErrorBody | undefined,
  firstStops: readonly StopStep[],
): RestartPlan {
  const { seat, window, totals, procedures } = context;
  const { children, deps, policy } = seat.input;
  const { address } = child;
  const listed = children();
  const isListed = listed.some((spec) => spec.address === address);
  const decisions = isListed
    ? decide(policy.strategy, listed, address, exit)
    : decide('dynamic', [child], address, exit);
  const nowMs = deps.monotonicMs();
  const earlier = recent(window, policy, nowMs).filter((restart) => restart.address === address).length;
  const delayMs = restartDelayMs(policy.backoff, earlier, () => deps.random());
  const starts = decisions
    .filter((decision) => decision.act === 'start')
    .map(
      (start): StartStep => ({
        ...start,
        ...(!isListed && isSpec(child) && { spec: child }),
        ...(start.address === address && error !== undefined && { error }),
      }),
    );
  const stops = [...firstStops, ...decisions.filter((decision) => decision.act === 'stop')];
  const serial = context.serial + 1;
  const isGroup = isListed && (policy.strategy === 'one-for-all' || policy.strategy === 'rest-for-one');
  // In a group, what is under way for another child is part of this.
  const others: readonly (readonly [string, Procedure])[] = isGroup ? [] : [...procedures];
  return {
    next: {
      window: book(window, policy, nowMs, address, delayMs),
      procedures: new Map([...others, [address, begin(serial, { stops, starts, isDue: false })]]),
      serial,
      totals: { ...totals, restarts: totals.restarts + 1 },
      lastError: error ?? context.lastError,
    },
    delayMs,
  };
}

function isSpec(child: Sibling & Partial<ChildSpec>): child is ChildSpec {
  return child.logic !== undefined;
}
