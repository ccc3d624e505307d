/**
 * What the end of one child means for it and its siblings: OTP's rules, as a function over plain data. It knows nothing of
 * budgets (supervisors/intensity.ts) or delays (supervisors/backoff.ts), and does nothing itself.
 */
import type { RecoveryMode, RestartType } from '../runtime/child-spec.ts';
import type { Exit } from '../runtime/exit.ts';

/**
 * OTP's words. `one-for-one`: the child alone is started again. `one-for-all`: all are. `rest-for-one`: it and those
 * started after it are. `dynamic`: one-for-one for children that come and go, none of which the supervisor lists.
 */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one' | 'dynamic';

/** Why a child ended: the word of its exit. */
export type ExitKind = Exit['reason'];

/** What a decision needs to know of a child. */
export interface Sibling {
  readonly address: string;
  readonly restart: RestartType;
  /** What its restart starts from, also where it is restarted since another has ended. */
  readonly recovery: RecoveryMode;
}

/**
 * One thing to do, in the order given: `stop` a sibling, which is kept if it is to be started again; `start` makes a child
 * live, from what it knew or from its input; `forget` lets the child that ended go.
 */
export type Decision =
  | { readonly act: 'stop'; readonly address: string; readonly keep: boolean }
  | { readonly act: 'start'; readonly address: string; readonly mode: RecoveryMode }
  | { readonly act: 'forget'; readonly address: string };

/**
 * Whether a child that ended so is to be started again: a permanent one always, a transient one after an abnormal end
 * (anything but `normal` and `shutdown`), a temporary one never.
 */
export function isRestarted(restart: RestartType, exit: ExitKind): boolean {
  if (restart === 'permanent') return true;
  return restart === 'transient' && exit !== 'normal' && exit !== 'shutdown';
}

/**
 * What to do when the child at `address` has ended. Pure.
 * @param children in the order they were started
 * @returns siblings to stop, in reverse order of their start; then what to start, in order. Empty where nothing follows: the
 * child is not among the children, or is a transient one that ended normally. A child that is not restarted touches no
 * sibling. Temporary siblings that are stopped are not started again.
 * Bounds: O(children). Source: OTP supervisor, restart strategies and restart types.
 */
export function decide(
  strategy: Strategy,
  children: readonly Sibling[],
  address: string,
  exit: ExitKind,
): readonly Decision[] {
  const index = children.findIndex((child) => child.address === address);
  const ended = children[index];
  if (ended === undefined) return [];
  if (!isRestarted(ended.restart, exit)) return ended.restart === 'temporary' ? [{ act: 'forget', address }] : [];
  const affected = affectedBy(strategy, children, index);
  const stops = affected.filter((child) => child !== ended).toReversed();
  const starts = affected.filter((child) => child.restart !== 'temporary');
  return [
    ...stops.map((child): Decision => ({ act: 'stop', address: child.address, keep: child.restart !== 'temporary' })),
    ...starts.map((child): Decision => ({ act: 'start', address: child.address, mode: child.recovery })),
  ];
}

function affectedBy(strategy: Strategy, children: readonly Sibling[], index: number): readonly Sibling[] {
  if (strategy === 'one-for-all') return children;
  if (strategy === 'rest-for-one') return children.slice(index);
  return children.slice(index, index + 1);
}
