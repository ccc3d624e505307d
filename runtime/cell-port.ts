/**
 * What the product's own actors may ask for in a turn, beyond what every hosted actor may (runtime/host.ts). All of it
 * happens only if the turn ends well, in the order it was asked for.
 */
import type { EventKind, TaskEvent } from '../protocol/tasks.ts';
import type { ChildSpec } from './child-spec.ts';
import type { ActorEvent, HostPort } from './host.ts';
import type { Delivery } from './mailbox.ts';
import type { DefinitionWrite, KeyWrite, TaskCreated, TaskProgress } from './stores/store.ts';

/** A step of a task's log: what is new since the last one. */
export interface TaskLogWrite {
  readonly id: string;
  readonly created?: TaskCreated;
  readonly progress: TaskProgress;
  readonly events: readonly TaskEvent[];
}

/** An event that has no number yet: the task actor gives it one. */
export interface EventDraft {
  readonly kind: EventKind;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The port of a cell, as the product's own actors see it. */
export interface CellPort extends HostPort {
  /** What the cell was started with. */
  readonly input: unknown;
  /** What the turn under way was prepared with, where its logic prepares its turns. */
  readonly prepared?: unknown;
  /**
   * A message through the bounded lane, where what users send waits. One that finds it full, or cannot be handed to its actor,
   * bounces where `how.bounce` says so, and is a dead letter otherwise.
   */
  tell(address: string, event: ActorEvent, how?: Delivery): void;
  /** Makes a cell; refused starts come back as `child.failed`. */
  startChild(spec: ChildSpec): void;
  /** Ends a cell that this one owns, and all that it owns, without another word from it. */
  stopChild(address: string): void;
  /**
   * Watches the actor at an address: `down` {`ref`, `address`, `reason`, `error?`} comes once, when its life is over, at once
   * where there is none (`noproc`). The monitor is durable with this cell. Bounds: `BONDS_MAX` of them and links; beyond it
   * `noproc` with BUSY.
   * @returns its reference
   */
  monitor(address: string): string;
  /** Ends a monitor. `flush`: its `down`, if that waits in the mailbox, goes with it. */
  demonitor(ref: string, options?: { readonly flush?: boolean }): void;
  /**
   * Links the two: when one ends other than normally, the other ends with it, or hears `exit` {`address`, `reason`, `error?`}
   * where it traps exits. To link to nobody is to lose it at once (`noproc`).
   */
  link(address: string): void;
  unlink(address: string): void;
  /** Whether exits of those that it is linked to come as events, also normal ones, instead of ending it. */
  trapExit(isOn: boolean): void;
  /** Appends to a task's log; watchers hear of it once it is committed. */
  logTask(write: TaskLogWrite): void;
  /** Claims an idempotency key. */
  claimKey(write: KeyWrite): void;
  /** Writes a row of the registry, or removes it, in the epoch of this turn: what is listed is then as its actor is. */
  define(write: DefinitionWrite): void;
  /** Keeps a value beside the cell's state, written once and given back on restore. `undefined` removes it. */
  attach(key: string, value: unknown): void;
  /** What was attached so far. */
  attached(): ReadonlyMap<string, unknown>;
}
