/** From a policy, a window and a crash to what is to be done: the part of a supervisor that only thinks. */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import { restartDelayMs } from './backoff.ts';
import { book, recent } from './intensity.ts';
import { type Decision, decide, type ExitKind, type Sibling } from './strategy.ts';
import type { ChildNews, SupervisorContext } from './supervisor-context.ts';

/** A restart that was decided: what the supervisor remembers of it, and what it does. */
export interface RestartPlan {
  readonly next: Pick<SupervisorContext, 'window' | 'pending' | 'totals' | 'lastError'>;
  /** Siblings that stop at once, in order. */
  readonly stops: readonly string[];
  /** The pause before all else. */
  readonly delayMs: number;
}

/** The spec of a listed child. */
export function specOf(context: SupervisorContext, address: string): ChildSpec | undefined {
  return context.seat.input.children().find((spec) => spec.address === address);
}

/** Whether the child comes back with a restart that is planned already: its sibling's, or its own. */
export function isAwaited({ pending }: SupervisorContext, address: string): boolean {
  return [...pending.values()].some((starts) => starts.some((start) => start.address === address));
}

/** Books the restart of a child. Only where there is room, for a child that is to be restarted. */
export function planRestart(context: SupervisorContext, child: Sibling, exit: ExitKind, error: ErrorBody): RestartPlan {
  const { seat, window, totals } = context;
  const { children, deps, policy } = seat.input;
  const { address } = child;
  const listed = children();
  const siblings = listed.some((spec) => spec.address === address) ? listed : [...listed, child];
  const decisions = decide(policy.strategy, siblings, address, exit);
  const nowMs = deps.monotonicMs();
  const earlier = recent(window, policy, nowMs).filter((restart) => restart.address === address).length;
  const delayMs = restartDelayMs(policy.backoff, earlier, () => deps.random());
  const starts = decisions.filter(({ act }) => act === 'restart' || act === 'start');
  return {
    next: {
      window: book(window, policy, nowMs, address, delayMs),
      pending: new Map(context.pending).set(address, starts),
      totals: { ...totals, restarts: totals.restarts + 1 },
      lastError: error,
    },
    stops: decisions.filter(({ act }) => act === 'stop').map((stop) => stop.address),
    delayMs,
  };
}

/** Like `planRestart`, for a listed child whose cell is gone or no longer works: a new one takes its place. */
export function planReplacement(context: SupervisorContext, child: ChildSpec, error: ErrorBody): RestartPlan {
  const { address } = child;
  const { next, stops, delayMs } = planRestart(context, child, 'failed', error);
  const starts = (next.pending.get(address) ?? []).map((start): Decision => ({ act: 'start', address: start.address }));
  return {
    next: { ...next, pending: new Map(next.pending).set(address, starts) },
    stops: [...stops, address],
    delayMs,
  };
}

/** The error that goes up the tree when the intensity is exceeded. */
export function excessOf({ seat }: SupervisorContext, { address, error }: ChildNews): OperatingError {
  const { port, input } = seat;
  const { intensity, periodMs } = input.policy;
  const words = `${port.address} exceeded its ${intensity} restarts in ${periodMs} ms when ${address} crashed: ${error.message}`;
  const details = { supervisor: port.address, child: address, intensity, periodMs, cause: error };
  return new OperatingError(error.code, words, { retryable: error.retryable, details });
}
