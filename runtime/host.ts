/**
 * The seam between a cell and the actor that lives in it. A cell (runtime/cell.ts) knows mailboxes, turns, commits and
 * crashes; a host knows how one kind of XState logic runs: the product's own flat logic, or a user's state machine.
 *
 * Every method of `Host` but `describe` is called inside a turn. Everything that reaches the actor outside of one (a
 * promise that settles, a callback that sends) goes through `HostPort.reenter` and comes back as a turn.
 */
// tidy-allow exports: the seam between cells and hosts is read as one page
import type { ErrorBody } from '../protocol/errors.ts';
import type { Wait, WaitScene } from './wait.ts';

/** Any event an actor can take. */
export interface ActorEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** `pure` may run again, `keyed` may be sent again under its key, `unsafe` never again without someone's word. */
export type EffectKind = 'pure' | 'keyed' | 'unsafe';

/** One call to the outside, named by a key that is unique in its cell and stays the same over restarts. */
export interface EffectRequest {
  readonly key: string;
  /** What to call: the name the performer of the cell knows it by. */
  readonly name: string;
  readonly kind: EffectKind;
  readonly input: unknown;
  /** True when the request is made again after a restore: it may have been made before. */
  readonly again: boolean;
}

export type EffectOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ErrorBody };

/** A delivery inside a hosted actor system that happened outside of a turn. It must survive packing. */
export interface Reentry {
  /** Keys of `children` from the root; empty for the root itself. */
  readonly sourcePath: readonly string[] | undefined;
  readonly targetPath: readonly string[];
  readonly event: ActorEvent;
}

/** What a host asks of its cell. All are called inside a turn, but `reenter` and `fail`. */
export interface HostPort {
  readonly address: string;
  nowMs(): number;
  /** Runs `fn` once the state after this turn is committed; dropped when the turn fails or the cell ends before. */
  afterCommit(fn: () => void): void;
  /** Makes an outside call as soon as its kind allows; the outcome comes back through `Host.settle`, never synchronously. */
  effect(request: EffectRequest): void;
  cancelEffect(key: string): void;
  /** A message to another actor of the node. */
  send(address: string, event: ActorEvent): void;
  /** A durable timer: kept with the snapshot, fired once through `Host.fire`, at or after `dueAtMs`. Setting an id again moves it. */
  setTimer(id: string, dueAtMs: number): void;
  clearTimer(id: string): void;
  /** Queues a delivery as a turn of its own, which calls `Host.relay`. */
  reenter(reentry: Reentry): void;
  /** An error outside of a turn that belongs to this cell: it crashes the cell, and nothing else. */
  fail(error: unknown): void;
}

export type HostStatus = 'active' | 'done' | 'error' | 'stopped';

/** One live actor. */
export interface Host {
  /** Starts a new actor, or goes on with a restored one. */
  start(): void;
  send(event: ActorEvent): void;
  relay(reentry: Reentry): void;
  fire(timerId: string): void;
  settle(key: string, outcome: EffectOutcome): void;
  readonly status: HostStatus;
  readonly output: unknown;
  readonly error: unknown;
  /** With status `error`: the actor chose this end itself (a final phase); otherwise something threw. */
  readonly endedByItself?: boolean;
  /**
   * True while something is under way for it that only this process knows of (a promise, a callback): it must stay in
   * memory, and a restart must load it at once.
   */
  readonly holdsWork?: boolean;
  /**
   * The state after the last turn, in a form that later turns cannot change: bytes, or a value that is never mutated.
   * Throws an OperatingError UNSUPPORTED_LOGIC, naming the place, for what cannot be kept.
   */
  checkpoint(): unknown;
  /** Stops the actor and its children without a turn of its own; lets go of outside calls it holds itself. */
  stop(): void;
  /** For people: state value, context keys, children. */
  describe(): HostDescription;
}

/** What people see of an actor. */
export interface HostDescription {
  readonly state: string;
  readonly children?: readonly { readonly id: string; readonly src: string; readonly state: string }[];
}

/** Makes hosts of one logic. */
export interface HostFactory {
  /** Identifies the logic and its version in a snapshot: a restore under another id or structure is refused. */
  readonly logicId: string;
  readonly logicVersion: string;
  /** Changes when the shape of the logic (states, transitions) changes; empty where there is no shape to speak of. */
  readonly structureHash: string;
  create(port: HostPort, input: unknown): Host;
  /** `checkpoint` is what `Host.checkpoint` or `decode` gave. It may be used for several restores: it is not changed. */
  restore(port: HostPort, checkpoint: unknown): Host;
  encode(checkpoint: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  /** The same for states that will act alike, whatever numbers they were given. Absent: they cannot be compared. */
  fingerprint?(checkpoint: unknown): string;
  /** What an actor in this state waits for, beside its calls and children. Absent: its timers say it. */
  waits?(checkpoint: unknown, scene: WaitScene): readonly Wait[];
}
