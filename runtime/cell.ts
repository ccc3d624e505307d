/**
 * A cell: the place one actor lives in. It holds the mailbox, the state after the last finished turn, the durable timers
 * and what is attached, and is the port through which its actor asks for things. What an actor asks for in a turn is noted
 * and done only if the turn ends well (runtime/kernel.ts runs turns).
 */
import type { Circle } from './circles.ts';
import type { CellPort, TaskLogWrite } from './cell-port.ts';
import { BONDS_ROW, INPUT_ROW, LIFE_ROW } from './cell-rows.ts';
import { type ChildSpec, isKeyed } from './child-spec.ts';
import type { RefusableCall } from './effects.ts';
import type { ActorEvent, EffectRequest, Host, HostFactory, Reentry } from './host.ts';
import { type Delivery, type Envelope, Mailbox } from './mailbox.ts';
import type { Patience } from './patience.ts';
import { type CellSnapshot, packCell } from './snapshots.ts';
import { packState } from './state-codec.ts';
import type { TrailEntry } from './trail.ts';
import type { CellWrite, DefinitionWrite, KeyWrite } from './stores/store.ts';

/** A logic that cells can be made of. */
export interface InstalledLogic {
  readonly name: string;
  readonly factory: HostFactory;
  /** Counts in `troupe_actors{kind}`. */
  readonly kind: string;
  /** Calls of its cells share this lane. */
  readonly lane: string;
  readonly laneLimit: number;
  /** Code of users runs in its turns, or has run to prepare them. */
  readonly runsUserCode?: boolean;
  /** The time limit of one call. */
  readonly timeoutMs?: number;
  /** Messages that its cells can wait for until the next cut. Default: none. Only for logics without `prepare`. */
  readonly patience?: Patience;
  /** Its start takes more than its first turn: it tells its supervisor itself, by `child.started`. Default: false. */
  readonly startsItself?: boolean;
  /** Takes over a cell that another version or shape of the logic stored. Errors: VERSION_MISMATCH, saying what does not fit. */
  upgrade?(stored: CellSnapshot): CellSnapshot;
  /**
   * Whether an attachment is no longer needed once the outcome of the call under `key` is in the mail: for actors that live
   * on, whose attachments would grow without end.
   */
  outlived?(spec: ChildSpec, key: string, row: string): boolean;
  /** Others have ended one of its cells, which had no word in it: what it leaves behind, in the same epoch. */
  cutShort?(cell: Cell): void;
  /** The same, where the actor no longer wants the call under `key`. */
  forsaken?(spec: ChildSpec, key: string, row: string): boolean;
  /**
   * Its turns are worked out before they are taken: what this resolves with is the cell's `prepared` in the turn that handles
   * `envelope`. What it rejects with is what that turn throws. The state of the cell does not change meanwhile; where the cell is
   * stopped, crashes or ends, the signal is aborted, and what comes of it is not heard.
   */
  prepare?(cell: Cell, envelope: Envelope, signal: AbortSignal): Promise<unknown>;
  /** Makes the calls its actors ask for. */
  perform?(call: RefusableCall, spec: ChildSpec): Promise<unknown>;
}

/** Monitors and links, on the kernel's side (runtime/bonds.ts). */
export interface CellBonds {
  monitor(cell: Cell, ref: string, address: string): void;
  demonitor(cell: Cell, ref: string, flush: boolean): void;
  link(cell: Cell, address: string): void;
  unlink(cell: Cell, address: string): void;
  trapExit(cell: Cell, isOn: boolean): void;
}

/** What a cell needs of the kernel. All but the last two note something for the end of the current turn. */
export interface CellKernel {
  readonly bonds: CellBonds;
  /** What the current turn was prepared with. */
  readonly prepared: unknown;
  nowMs(): number;
  /** A name that no other monitor has. */
  newRef(): string;
  note(cell: Cell, op: () => void): void;
  post(to: string, event: ActorEvent): void;
  /** The same, through the bounded lane: a message that finds it full bounces, or is a dead letter. */
  tell(to: string, event: ActorEvent, how: Delivery): void;
  /** What an agent's machine says, by way of the coordinator where there is one. */
  speak(from: string, to: string, event: ActorEvent): void;
  startCell(spec: ChildSpec): void;
  stopCell(address: string): void;
  startEffect(cell: Cell, request: EffectRequest): void;
  cancelEffect(cell: Cell, key: string): void;
  armTimer(cell: Cell, id: string, dueAtMs: number): void;
  release(fn: () => void): void;
  logTask(write: TaskLogWrite): void;
  claimKey(write: KeyWrite): void;
  define(write: DefinitionWrite): void;
  attach(cell: Cell, key: string, value: unknown): void;
  reenter(cell: Cell, reentry: Reentry): void;
  fail(cell: Cell, error: unknown): void;
}

/**
 * `waking` reads its state, `live` takes turns, `stopping` waits for its calls to end, `crashed` waits for its supervisor's
 * word (it has crashed, or was stopped with a sibling that had), `ended` is gone.
 */
export type CellPhase = 'waking' | 'live' | 'stopping' | 'crashed' | 'ended';

const INPUT_INLINE_BYTES_MAX = 512;

const NO_ATTACHMENTS: ReadonlyMap<string, unknown> = new Map();

/** One cell. The kernel changes its fields, its actor only asks through the port. */
export class Cell implements CellPort {
  /** Recovery may change spec and logic of one that wakes: it may have been stored by another version. */
  spec: ChildSpec;
  logic: InstalledLogic;
  readonly mailbox = new Mailbox();
  readonly #kernel: CellKernel;
  phase: CellPhase = 'live';
  host: Host | undefined;
  /** The state after the last turn that ended well; undefined before the first. */
  checkpoint: unknown;
  timers: Map<string, number> | undefined;
  attachments: Map<string, unknown> | undefined;
  /** Cells that end with this one. */
  owned: Set<Cell> | undefined;
  /** The last messages it handled, where its logic runs code of users. */
  trail: TrailEntry[] | undefined;
  /** Where it is part of a long chain of messages: what it has met in that. */
  circle: Circle | undefined;
  /** Hops of the short timers that are set. */
  spins: Map<string, number> | undefined;
  seq = 0;
  /** Restarts of this cell since it was loaded. */
  restarts = 0;
  /** In the kernel's queue of cells with something to do. */
  queued = false;
  /** The store holds (or is about to hold) a record of it. */
  stored = false;
  /** The spec's input has a row of its own: it is large, and never changes. */
  inputApart = false;
  /** Mail was part of what was last cut, so that even a turn that changes nothing must be written. */
  mailStored = false;
  /** When the store says that it must be woken, as of what was last cut. */
  alarmAtMs: number | undefined;

  constructor(kernel: CellKernel, spec: ChildSpec, logic: InstalledLogic) {
    this.#kernel = kernel;
    this.spec = spec;
    this.logic = logic;
  }

  get address(): string {
    return this.spec.address;
  }

  get input(): unknown {
    return this.spec.input;
  }

  get prepared(): unknown {
    return this.#kernel.prepared;
  }

  /** 0 for the first; a restart with `reset` begins another. What a life has recorded is not found by the next. */
  get life(): number {
    return (this.attachments?.get(LIFE_ROW) as number | undefined) ?? 0;
  }

  /** It works for nobody but its key, and may leave memory whenever it has nothing to do. */
  get keyed(): boolean {
    return isKeyed(this.spec);
  }

  /** Part of an epoch's cut. One that wakes has no state yet: written now, it would lose the one that is stored. */
  cut(): CellWrite | 'later' | undefined {
    if (this.phase === 'waking') return 'later';
    if (this.phase === 'ended') {
      if (!this.stored) return undefined;
      this.stored = false;
      return this.#withAlarm({ address: this.address, head: null, awake: false }, undefined);
    }
    const { control, user } = this.mailbox.waiting();
    const timers = this.timers === undefined ? [] : [...this.timers];
    const wasStored = this.stored;
    this.seq++;
    this.stored = true;
    this.mailStored = control.length + user.length > 0;
    if (!wasStored) this.#placeInput();
    const body = this.checkpoint === undefined ? undefined : this.logic.factory.encode(this.checkpoint);
    const head = packCell({
      spec: this.inputApart ? { ...this.spec, input: undefined } : this.spec,
      logicVersion: this.logic.factory.logicVersion,
      structureHash: this.logic.factory.structureHash,
      seq: this.seq,
      body,
      timers,
      control,
      user,
      rows: (this.attachments?.size ?? 0) > 0,
    });
    const write = { address: this.address, head, awake: this.awake };
    return this.keyed ? this.#withAlarm(write, earliest(timers)) : write;
  }

  #withAlarm(write: CellWrite, alarmAtMs: number | undefined): CellWrite {
    const alarmWasAtMs = this.alarmAtMs;
    if (alarmAtMs === undefined && alarmWasAtMs === undefined) return write;
    this.alarmAtMs = alarmAtMs;
    return {
      ...write,
      ...(alarmAtMs !== undefined && { alarmAtMs }),
      ...(alarmWasAtMs !== undefined && { alarmWasAtMs }),
    };
  }

  /** Once, before the first head: a large input is written beside it, so that heads stay small. */
  #placeInput(): void {
    const { input } = this.spec;
    if (typeof input !== 'object' || input === null) return;
    const bytes = packState(input);
    if (bytes.length <= INPUT_INLINE_BYTES_MAX) return;
    this.inputApart = true;
    this.#kernel.attach(this, INPUT_ROW, input);
  }

  /** Whether a restart must load it: it works for someone, or has something to do. For its timers there is the alarm. */
  get awake(): boolean {
    return (
      !this.keyed || this.mailbox.size > 0 || this.host?.holdsWork === true || this.attachments?.has(BONDS_ROW) === true
    );
  }

  nowMs(): number {
    return this.#kernel.nowMs();
  }

  send(address: string, event: ActorEvent): void {
    // What developers' machines say unasked is bounded like what clients say; the product's own actors answer for theirs.
    if (this.logic.kind === 'agent') this.#kernel.note(this, () => this.#kernel.speak(this.address, address, event));
    else this.#kernel.note(this, () => this.#kernel.post(address, event));
  }

  tell(address: string, event: ActorEvent, how: Delivery = {}): void {
    this.#kernel.note(this, () => this.#kernel.tell(address, event, { from: this.address, ...how }));
  }

  startChild(spec: ChildSpec): void {
    this.#kernel.note(this, () => this.#kernel.startCell(spec));
  }

  stopChild(address: string): void {
    this.#kernel.note(this, () => this.#kernel.stopCell(address));
  }

  monitor(address: string): string {
    const ref = this.#kernel.newRef();
    this.#kernel.note(this, () => this.#kernel.bonds.monitor(this, ref, address));
    return ref;
  }

  demonitor(ref: string, { flush = false }: { readonly flush?: boolean } = {}): void {
    this.#kernel.note(this, () => this.#kernel.bonds.demonitor(this, ref, flush));
  }

  link(address: string): void {
    this.#kernel.note(this, () => this.#kernel.bonds.link(this, address));
  }

  unlink(address: string): void {
    this.#kernel.note(this, () => this.#kernel.bonds.unlink(this, address));
  }

  trapExit(isOn: boolean): void {
    this.#kernel.note(this, () => this.#kernel.bonds.trapExit(this, isOn));
  }

  effect(request: EffectRequest): void {
    this.#kernel.note(this, () => this.#kernel.startEffect(this, request));
  }

  cancelEffect(key: string): void {
    this.#kernel.note(this, () => this.#kernel.cancelEffect(this, key));
  }

  setTimer(id: string, dueAtMs: number): void {
    this.#kernel.note(this, () => {
      const timers = (this.timers ??= new Map());
      // A restored actor asks again for what recovery has armed already.
      if (timers.get(id) === dueAtMs) return;
      // The order they are kept in is the order they were set in, which decides between those of the same moment.
      timers.delete(id);
      timers.set(id, dueAtMs);
      this.#kernel.armTimer(this, id, dueAtMs);
    });
  }

  clearTimer(id: string): void {
    this.#kernel.note(this, () => void this.timers?.delete(id));
  }

  afterCommit(fn: () => void): void {
    const host = this.host;
    this.#kernel.note(this, () =>
      this.#kernel.release(() => {
        if (this.phase === 'live' && (host === undefined || this.host === host)) fn();
      }),
    );
  }

  logTask(write: TaskLogWrite): void {
    this.#kernel.note(this, () => this.#kernel.logTask(write));
  }

  claimKey(write: KeyWrite): void {
    this.#kernel.note(this, () => this.#kernel.claimKey(write));
  }

  define(write: DefinitionWrite): void {
    this.#kernel.note(this, () => this.#kernel.define(write));
  }

  attach(key: string, value: unknown): void {
    this.#kernel.note(this, () => this.#kernel.attach(this, key, value));
  }

  attached(): ReadonlyMap<string, unknown> {
    return this.attachments ?? NO_ATTACHMENTS;
  }

  reenter(reentry: Reentry): void {
    this.#kernel.reenter(this, reentry);
  }

  fail(error: unknown): void {
    this.#kernel.fail(this, error);
  }
}

/** When the first of a cell's timers is due. */
export function earliest(timers: Iterable<readonly [id: string, dueAtMs: number]>): number | undefined {
  let first: number | undefined;
  for (const [, dueAtMs] of timers) if (first === undefined || dueAtMs < first) first = dueAtMs;
  return first;
}

/** An attachment's value as the store keeps it. */
export function packAttachment(value: unknown): Uint8Array {
  return packState(value);
}
