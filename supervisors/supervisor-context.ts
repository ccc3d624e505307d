/** What a supervisor is made with, hears and remembers. Its statechart is supervisors/supervisor.ts. */
import type { ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChartSeat } from '../runtime/chart-host.ts';
import type { ChildSpec, RecoveryMode, RestartType } from '../runtime/child-spec.ts';
import type { RestartWindow } from './intensity.ts';
import type { SupervisorPolicy } from './policy.ts';
import type { Decision } from './strategy.ts';

/** An actor ended without having chosen to, and waits for its supervisor's word. */
export interface ChildCrashed {
  readonly type: 'child.crashed';
  readonly address: string;
  readonly error: ErrorBody;
  readonly restart: RestartType;
  readonly recovery: RecoveryMode;
}

/** News of one child that carries an error. */
export interface ChildNews {
  readonly address: string;
  readonly error: ErrorBody;
}

/**
 * What a supervisor hears. `child.failed`: a child ended with an error of its own. `child.quarantined`: it has crashed, and
 * cannot go on without the message that was set aside. `child.exhausted`: a supervisor has stopped all of its children and
 * wants to be made anew. `child.excess`: a supervisor gave up a child of its own, beyond its intensity. `breaker.freed`: it is
 * half-open, and the probe came to nothing. `breaker.release`: more of the children that waited behind it may come back.
 */
export type SupervisorEvent =
  | ChildCrashed
  | ({ readonly type: 'child.failed' | 'child.quarantined' | 'child.exhausted' } & ChildNews)
  | { readonly type: 'child.excess'; readonly address: string; readonly child: string }
  | { readonly type: 'restart.due'; readonly address: string }
  | { readonly type: 'window.refilled' }
  | { readonly type: 'breaker.opened' | 'breaker.halfOpened' | 'breaker.freed' | 'breaker.closed' | 'breaker.release' }
  | { readonly type: 'supervisor.stop' };

/** What a supervisor needs of the rest of the node. What takes a port happens only if the port's turn ends well. */
export interface SupervisorDeps {
  /** The monotonic clock: windows do not heed an operator who sets the wall clock. */
  monotonicMs(): number;
  random(): number;
  /** Whether the child has crashed and waits: it may have been stopped, or have ended, since the news of it was sent. */
  isCrashed(address: string): boolean;
  /** Children of this supervisor that have crashed and that nobody has dealt with. */
  crashedChildren(supervisor: string): readonly ChildCrashed[];
  /** Makes a crashed child live again. */
  restart(port: CellPort, address: string, mode: RecoveryMode): void;
  /** Ends a crashed child for good; its owner is told. */
  abandon(port: CellPort, address: string, error: ErrorBody): void;
  /** Sends an event to the supervisor itself, after a while on the monotonic clock. */
  later(port: CellPort, delayMs: number, event: SupervisorEvent): void;
  /** The root's intensity is exceeded, and nobody is left to escalate to. */
  exhaust(port: CellPort, error: OperatingError): void;
  readonly log: { warn(message: string, fields?: object): void; error(message: string, fields?: object): void };
}

/** The breaker in front of a supervisor's children. What it is told takes effect at once. */
export interface SupervisorBreaker {
  phase(): 'closed' | 'open' | 'half-open';
  /** A child crashed: counts as a failure; in half-open that of the probe alone. */
  crashed(child: string, error: ErrorBody): void;
  /** The intensity was exceeded. */
  trip(error: ErrorBody): void;
  /** Makes a child the probe, where it is half-open and has none. */
  claim(child: string): boolean;
}

/** What a supervisor's cell is started with. */
export interface SupervisorInput {
  readonly policy: SupervisorPolicy;
  /** Its own supervisor; the root has none. */
  readonly parent?: string;
  /** The children that it lists and can make anew, in the order of their start. Those that come and go are not listed. */
  children(): readonly ChildSpec[];
  readonly deps: SupervisorDeps;
  /** For the policy `open`. */
  readonly breaker?: SupervisorBreaker;
}

/** What a supervisor has counted since it was made. */
export interface SupervisorTotals {
  readonly restarts: number;
  /** Children given up: temporary ones, those whose message was set aside, those beyond the intensity. */
  readonly abandoned: number;
  /** Children that ended with an error of their own. */
  readonly failures: number;
  /** Children that supervisors right below this one gave up beyond their intensity. */
  readonly excesses: number;
}

/** What a supervisor remembers. Never changed in place. */
export interface SupervisorContext {
  readonly seat: ChartSeat<SupervisorInput>;
  readonly window: RestartWindow;
  /** Children that wait for their restart, each with what is to be started then. As many as the window holds, at most. */
  readonly pending: ReadonlyMap<string, readonly Decision[]>;
  readonly totals: SupervisorTotals;
  readonly lastError: ErrorBody | undefined;
}
