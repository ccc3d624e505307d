/** What a supervisor is made with, hears and remembers. Its statechart is supervisors/supervisor.ts. */
// tidy-allow exports: what a supervisor is given, hears and knows is one page
import type { ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChartSeat } from '../runtime/chart-host.ts';
import type { ChildSpec, RecoveryMode, RestartType, Shutdown } from '../runtime/child-spec.ts';
import type { RestartWindow } from './intensity.ts';
import type { SupervisorPolicy } from './policy.ts';
import type { ChildPresence, Procedure, StopStep } from './procedure.ts';
import type { ExitKind } from './strategy.ts';

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

/** A child whose ends are reported has ended: its cell is gone. */
export interface ChildEnded {
  readonly type: 'child.ended';
  readonly address: string;
  readonly exit: ExitKind;
  readonly error?: ErrorBody;
  readonly spec: ChildSpec;
}

/**
 * What a supervisor hears. `child.failed`: a child that works for an owner ended with an error of its own, which is the
 * owner's affair. `child.quarantined`: it has crashed, and cannot go on without the message that was set aside.
 * `child.excess`: a supervisor gave up a child of its own, beyond its intensity. `child.started`: a listed child has begun.
 * `child.stopped`: one that it stops has come to rest. `stop.late`: that one has had its time. `supervisor.shutdown`: its own
 * supervisor stops it; `supervisor.stop`: the node does. `breaker.freed`: it is half-open, and the probe came to nothing.
 * `breaker.release`: more of the children that waited behind it may come back.
 */
export type SupervisorEvent =
  | ChildCrashed
  | ChildEnded
  | ({ readonly type: 'child.failed' | 'child.quarantined' } & ChildNews)
  | { readonly type: 'child.excess'; readonly address: string; readonly child: string }
  | { readonly type: 'child.started' | 'child.stopped'; readonly address: string }
  | { readonly type: 'restart.due' | 'stop.late'; readonly serial: number; readonly address: string }
  | { readonly type: 'window.refilled' }
  | { readonly type: 'breaker.opened' | 'breaker.halfOpened' | 'breaker.freed' | 'breaker.closed' | 'breaker.release' }
  | { readonly type: 'supervisor.shutdown'; readonly keep: boolean }
  | { readonly type: 'supervisor.stop' };

/** What a supervisor needs of the rest of the node. What takes a port happens only if the port's turn ends well. */
export interface SupervisorDeps {
  /** The monotonic clock: windows do not heed an operator who sets the wall clock. */
  monotonicMs(): number;
  random(): number;
  /** Children of this supervisor that have crashed and that nobody has dealt with. */
  crashedChildren(supervisor: string): readonly ChildCrashed[];
  /** How a child is at present. */
  presenceOf(address: string): ChildPresence;
  /** Makes a crashed child live again; `error` is what it crashed with. */
  restart(port: CellPort, address: string, mode: RecoveryMode, error?: ErrorBody): void;
  /** Stops a child, in its own time; `child.stopped` says when it has come to rest. A supervisor stops its own children first. */
  stop(port: CellPort, step: StopStep): void;
  /** A child that is being stopped has had its time: what still runs of it, and below it, is cut off. */
  cutOff(port: CellPort, step: StopStep): void;
  /**
   * Stops, all at once, the children that the supervisor does not list; with `keep`, durable ones go on without it. Then
   * `child.stopped`, with its own address.
   */
  stopUnlisted(port: CellPort, keep: boolean): void;
  /** The supervisor itself ends, with `shutdown`; its own supervisor is told. */
  end(port: CellPort, error: ErrorBody | undefined): void;
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
  /** As a child of that one: default `permanent`. */
  readonly restart?: RestartType;
  readonly significant?: boolean;
  /** Default: `infinity`, as in OTP: it takes as long as its children do. */
  readonly shutdown?: Shutdown;
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
  /**
   * Restarts under way, by the child that they are for, and what it does with all of its children (`ALL`). As many as the
   * window holds, and one. A map, since XState walks through what else a context holds: specs lead to all of the node.
   */
  readonly procedures: ReadonlyMap<string, Procedure>;
  /** Procedures begun. */
  readonly serial: number;
  /** News that came while it was starting, by child: handled when it has. */
  readonly held: ReadonlyMap<string, SupervisorEvent>;
  readonly totals: SupervisorTotals;
  readonly lastError: ErrorBody | undefined;
  /**
   * Once it ends: why (beyond its intensity, or since a child could not be started; without an error by its own or its
   * supervisor's will), and whether it is to come back, so that durable children keep what they know.
   */
  readonly ending: { readonly error: OperatingError | undefined; readonly keep: boolean } | undefined;
}

/** The name, among the procedures, of what a supervisor does with all of its children. No child has it. */
export const ALL = '';
