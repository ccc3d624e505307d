/**
 * What OTP's documentation says of supervisors, written down by hand as data (stdlib: supervisor, "Restart Strategy",
 * "Automatic Shutdown", "Child Specification"). Nothing here is computed by what is tested.
 */
import type { RestartType } from '../../runtime/child-spec.ts';
import type { ExitKind, Strategy } from '../../supervisors/strategy.ts';

/** The place of the child that ends among a, b and c. */
export type Position = 'first' | 'middle' | 'last';

export const ENDED: Readonly<Record<Position, string>> = { first: 'a', middle: 'b', last: 'c' };

/**
 * "A permanent child process is always restarted. A transient child process is restarted only if it terminates abnormally,
 * that is, with an exit reason other than normal, shutdown, or {shutdown,Term}. A temporary child process is never restarted."
 */
export const RESTARTED: Readonly<Record<RestartType, Readonly<Record<ExitKind, boolean>>>> = {
  permanent: { normal: true, shutdown: true, killed: true, failed: true, crashed: true },
  transient: { normal: false, shutdown: false, killed: true, failed: true, crashed: true },
  temporary: { normal: false, shutdown: false, killed: false, failed: false, crashed: false },
};

/**
 * What happens to the others when the child there is restarted, in order. "one_for_all: all other child processes are
 * terminated and then all child processes, including the terminated one, are restarted. rest_for_one: the rest of the child
 * processes (that is, the child processes after the terminated process in start order) are terminated. Then the terminated
 * child process and all child processes after it are restarted." Termination is "in reversed start order".
 */
export const RESTARTS: Readonly<Record<Strategy, Readonly<Record<Position, readonly string[]>>>> = {
  'one-for-one': { first: ['start a'], middle: ['start b'], last: ['start c'] },
  dynamic: { first: ['start a'], middle: ['start b'], last: ['start c'] },
  'one-for-all': {
    first: ['stop c', 'stop b', 'start a', 'start b', 'start c'],
    middle: ['stop c', 'stop a', 'start a', 'start b', 'start c'],
    last: ['stop b', 'stop a', 'start a', 'start b', 'start c'],
  },
  'rest-for-one': {
    first: ['stop c', 'stop b', 'start a', 'start b', 'start c'],
    middle: ['stop c', 'start b', 'start c'],
    last: ['start c'],
  },
};

/** What a supervisor that shuts itself down stops, in order, when the child there has ended. */
export const CLOSES: Readonly<Record<Position, readonly string[]>> = {
  first: ['stop c', 'stop b'],
  middle: ['stop c', 'stop a'],
  last: ['stop b', 'stop a'],
};

/** Which significant children there are when the one there ends. */
export type Significance = 'any' | 'all, the last one' | 'all, with another that lives';

/**
 * "any_significant: the supervisor will automatically shut itself down when any significant child terminates, that is, when a
 * transient significant child terminates normally or when a temporary significant child terminates normally or abnormally.
 * all_significant: … when all significant children have terminated, that is, when the last active significant child
 * terminates. The same rules as for any_significant apply."
 */
export const SHUTS_DOWN: Readonly<
  Record<Significance, Readonly<Record<'transient' | 'temporary', Readonly<Record<ExitKind, boolean>>>>>
> = {
  any: {
    transient: { normal: true, shutdown: true, killed: false, failed: false, crashed: false },
    temporary: { normal: true, shutdown: true, killed: true, failed: true, crashed: true },
  },
  'all, the last one': {
    transient: { normal: true, shutdown: true, killed: false, failed: false, crashed: false },
    temporary: { normal: true, shutdown: true, killed: true, failed: true, crashed: true },
  },
  'all, with another that lives': {
    transient: { normal: false, shutdown: false, killed: false, failed: false, crashed: false },
    temporary: { normal: false, shutdown: false, killed: false, failed: false, crashed: false },
  },
};
