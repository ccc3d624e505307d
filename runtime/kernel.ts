/**
 * The kernel of a node: it owns the cells, takes messages to their mailboxes, has their turns run (runtime/turns.ts), and does
 * what a turn asked for. What becomes of cells that crash or end is in runtime/crashes.ts.
 */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import type { CallName } from './beginnings.ts';
import { type BondDesk, Bonds } from './bonds.ts';
import { Calls, type CallDesk } from './calls.ts';
import { type CapsuleCause, type CapsuleMessage, messageOf } from './capsule.ts';
import { SPIN_MS } from './circles.ts';
import { DOOR_LOGIC } from './door.ts';
import type { KernelLog, KernelMeter, KernelOptions, Sink } from './kernel-options.ts';
import { CellBook } from './cell-book.ts';
import { Cell, type CellKernel, type InstalledLogic, packAttachment } from './cell.ts';
import type { CellPort, TaskLogWrite } from './cell-port.ts';
import type { ChildSpec, RecoveryMode } from './child-spec.ts';
import type { Committer } from './committer.ts';
import type { AskChain } from './ask-chain.ts';
import { DeadLetters } from './dead-letters.ts';
import { type CrashDesk, Crashes } from './crashes.ts';
import type { Effects } from './effects.ts';
import type { Exit } from './exit.ts';
import { Feed } from './feed.ts';
import type { ActorEvent, EffectOutcome, EffectRequest, Reentry } from './host.ts';
import { inheritMail } from './heirs.ts';
import { ENVELOPE_BYTES, mailboxFull, noActor } from './mail.ts';
import type { Delivery, Envelope } from './mailbox.ts';
import { type PostDesk, PostOffice } from './post-office.ts';
import { type StopDesk, Stops } from './stops.ts';
import { Quarantine } from './quarantine.ts';
import type { DefinitionWrite, KeyWrite } from './stores/store.ts';
import { type DueTimer, TimerQueue } from './timer-queue.ts';
import { type TurnDesk, Turns } from './turns.ts';
import { UserCode, type UserCodeDesk } from './user-code.ts';
import { volatileSpec } from './volatile-spec.ts';
import type { World } from './world.ts';

/** The kernel of one node. */
export class Kernel implements CellKernel, CallDesk, TurnDesk, UserCodeDesk, CrashDesk, StopDesk, BondDesk, PostDesk {
  readonly world: World;
  readonly log: KernelLog;
  readonly feed = new Feed();
  readonly book = new CellBook();
  readonly cells: ReadonlyMap<string, Cell> = this.book.cells;
  readonly #calls: Calls;
  readonly meter: KernelMeter;
  readonly deadLetters: DeadLetters;
  readonly #logics = new Map<string, InstalledLogic>();
  readonly #post: PostOffice;
  readonly #timers: TimerQueue;
  readonly #door: Cell;
  #committer: Committer | undefined;
  readonly #turns = new Turns(this);
  readonly #crashes = new Crashes(this);
  readonly bonds = new Bonds(this);
  readonly #stops = new Stops(this, this.#crashes);
  /** The watch over code of users. */
  readonly userCode = new UserCode(this);
  /** What was set aside. */
  readonly quarantine = new Quarantine(this);
  /** Set by recovery: loads a cell that is stored but not in memory. */
  wake: ((address: string) => Cell | undefined) | undefined;
  /** Set by recovery: makes a cell of what is stored under its address, or a new one where nothing is. */
  take: ((spec: ChildSpec) => Cell | undefined) | undefined;
  /** Set by recovery: why a cell that was to be woken was not. */
  refusalOf: ((cell: Cell) => OperatingError | undefined) | undefined;
  /** Hears that the node stops. */
  onStop: (() => void) | undefined;
  /** Says what becomes of a crashed cell that has no supervisor. Default: it is restarted. */
  onOrphan: ((cell: Cell, error: ErrorBody) => void) | undefined;
  /** Hears of each turn of a cell that may leave memory when idle. */
  onKeyedTurn: ((cell: Cell) => void) | undefined;
  /** Hears when such a cell has ended, or was given up; before the commit that says so. */
  onKeyedEnd: ((cell: Cell, end: 'ended' | 'given up') => void) | undefined;
  onShelfEnded: ((address: string) => void) | undefined;
  /** Where what an agent's machine says to an address goes instead, where its receiver has a coordinator. */
  mediate: ((from: string, to: string, event: ActorEvent) => readonly [to: string, event: ActorEvent]) | undefined;

  constructor(options: KernelOptions) {
    this.world = options.world;
    this.log = options.log;
    this.meter = options.meter;
    this.deadLetters = new DeadLetters(
      () => this.world.nowMs(),
      (reason) => this.meter.deadLetter(reason),
    );
    this.#post = new PostOffice(this, this.#turns);
    this.#calls = new Calls(this.world, this);
    this.#timers = new TimerQueue(this.world, {
      fire: (timer) => this.#fired(timer),
      stands: ({ address, id, dueAtMs }) => this.cells.get(address)?.timers?.get(id) === dueAtMs,
    });
    this.#door = new Cell(this, volatileSpec(DOOR_LOGIC.name), DOOR_LOGIC);
  }

  /** The committer writes what the kernel's turns touch; it is made after the store is open. */
  use(committer: Committer): void {
    this.#committer = committer;
  }

  get committer(): Committer {
    if (this.#committer === undefined) throw new OperatingError('STORE_UNAVAILABLE', 'The node has no store yet.');
    return this.#committer;
  }

  install(logic: InstalledLogic): void {
    this.#logics.set(logic.name, logic);
  }

  uninstall(name: string): void {
    this.#logics.delete(name);
  }

  logic(name: string): InstalledLogic | undefined {
    return this.#logics.get(name);
  }

  /** Messages to addresses that begin with `prefix/` leave the node through `sink`, once their turn is committed. */
  installSink(prefix: string, sink: Sink): void {
    this.#post.installSink(prefix, sink);
  }

  /** The calls to the outside that are under way. */
  get effects(): Effects {
    return this.#calls.effects;
  }

  /** Live cells by kind. */
  get census(): ReadonlyMap<string, number> {
    return this.book.census;
  }

  get timersPending(): number {
    return this.#timers.size;
  }

  // ---- from outside of turns

  /** Runs `fn` as a turn without an actor, for callers that are no cells: what it asks for happens if it does not throw. */
  act<T>(fn: (port: CellPort) => T): T {
    return this.#turns.act(this.#door, fn);
  }

  /**
   * Puts a message of the outside world into an actor's user lane. Durable with the next commit.
   * @returns the actor's cell, which may still be waking then
   * Errors: BUSY (its mailbox is full), NOT_FOUND (no such actor).
   */
  deliver(to: string, event: ActorEvent, bytes = ENVELOPE_BYTES): Cell {
    const cell = this.rouse(to);
    if (!cell.mailbox.offer({ kind: 'event', event, deliveries: 0, bytes })) {
      this.deadLetters.add({ reason: 'mailbox_full', to, event });
      throw mailboxFull(to);
    }
    this.mailArrived(cell);
    return cell;
  }

  /** Keeps turns back for a moment, between what a commit releases and its cut. */
  hold(held: boolean): void {
    this.#turns.hold(held);
  }

  /** Loads an actor that rests in the store: it goes on with what waits for it. Errors: NOT_FOUND. */
  rouse(address: string): Cell {
    const cell = this.cells.get(address) ?? this.wake?.(address);
    if (cell === undefined) throw noActor(address);
    return cell;
  }

  /** Stops or goes on with turns, while the store is away. */
  pause(paused: boolean): void {
    this.#turns.pause(paused);
  }

  get paused(): boolean {
    return this.#turns.paused;
  }

  get prepared(): unknown {
    return this.#turns.prepared;
  }

  /** Runs what is ready, at most one slice of it. False when nothing was. */
  drain(): boolean {
    return this.#turns.drain();
  }

  /** Right before a cut: runs what could wait until now. */
  drainPatient(): void {
    this.#turns.drainPatient();
  }

  /** The node stops: no timer fires, no call's outcome comes back. */
  stop(): void {
    this.onStop?.();
    this.#timers.stop();
    this.#turns.stop();
    this.effects.abandonAll();
  }

  // ---- for supervisors

  /** Makes a crashed cell live again, once its delivery count is committed. */
  restart(address: string, mode: RecoveryMode, error?: ErrorBody): void {
    this.#crashes.restart(address, mode, error);
  }

  /** Gives a crashed cell up: its owner hears of it. A keyed one only leaves memory: its state and mail stay in the store. */
  abandon(address: string, error: unknown): void {
    this.#crashes.abandon(address, error);
  }

  /**
   * Stops a cell: `done` once its calls have ended, or it was cut off. `keep`: it stays as it is and waits for its restart;
   * otherwise it ends, and its supervisor, which wants it so, is not told.
   */
  shutDown(cell: Cell, keep: boolean, done: () => void): void {
    this.#stops.begin(cell, keep, done);
  }

  /** A cell that is being stopped has had its time. */
  cutOff(cell: Cell): void {
    this.#stops.cutOff(cell);
  }

  /** Ends a cell in this way, and tells all that are concerned; its supervisor only if `tells`. */
  endCell(cell: Cell, exit: Exit, tells = true): void {
    this.#crashes.end(cell, exit, tells);
  }

  // ---- CellKernel: the port's other side

  nowMs(): number {
    return this.world.nowMs();
  }

  note(cell: Cell, op: () => void): void {
    this.#turns.note(cell, op);
  }

  post(to: string, event: ActorEvent): void {
    this.#post.post(to, event);
  }

  tell(to: string, event: ActorEvent, how: Delivery): void {
    this.#post.tell(to, event, how);
  }

  speak(from: string, to: string, event: ActorEvent): void {
    const [address, said] = this.mediate?.(from, to, event) ?? [to, event];
    this.tell(address, said, { from });
  }

  /** Makes a cell. Its first turn starts the actor. */
  startCell(spec: ChildSpec): void {
    const logic = this.#logics.get(spec.logic);
    if (logic === undefined || this.cells.has(spec.address)) {
      const error =
        logic === undefined
          ? new OperatingError('VERSION_MISMATCH', `No logic ${spec.logic} is loaded on this node.`)
          : new OperatingError('INTERNAL', `There is an actor ${spec.address} already.`);
      const { address, listed, owner, supervisor } = spec;
      if (owner !== undefined) this.post(owner, { type: 'child.failed', address, error: error.toBody() });
      else if (listed === true && logic === undefined)
        this.post(supervisor, { type: 'child.ended', address, exit: 'failed', error: error.toBody(), spec });
      return;
    }
    // It may have been there in an earlier run of the process; one that comes and goes is new.
    if (spec.listed === true && spec.durable && this.take !== undefined) return void this.take(spec);
    const cell = this.book.admit(new Cell(this, spec, logic));
    cell.mailbox.push({ kind: 'start', deliveries: 0, bytes: ENVELOPE_BYTES });
    // Also when its first turn comes after the next cut: whoever made it has its own state, and its answers, in that.
    this.mailArrived(cell);
  }

  stopCell(address: string): void {
    const cell = this.cells.get(address);
    if (cell !== undefined) this.#crashes.end(cell, { reason: 'shutdown' });
  }

  startEffect(cell: Cell, request: EffectRequest): void {
    this.#turns.hops = 0;
    cell.circle = undefined;
    this.#calls.start(cell, request, this.#turns.cause?.asked);
  }

  cancelEffect(cell: Cell, key: string): void {
    this.#calls.cancel(cell, key);
  }

  armTimer(cell: Cell, id: string, dueAtMs: number): void {
    this.#timers.add({ address: cell.address, id, dueAtMs });
    const { hops } = this.#turns;
    if (hops > 0 && dueAtMs - this.nowMs() < SPIN_MS) (cell.spins ??= new Map()).set(id, hops);
    else if (cell.spins !== undefined) cell.spins.delete(id);
  }

  release(fn: () => void): void {
    this.committer.release(fn);
  }

  logTask(write: TaskLogWrite): void {
    this.committer.logTask(write);
    this.release(() => this.feed.publish({ task: write.id, events: write.events, progress: write.progress }));
  }

  claimKey(write: KeyWrite): void {
    this.committer.claimKey(write);
  }

  define(write: DefinitionWrite): void {
    this.committer.define(write);
  }

  attach(cell: Cell, key: string, value: unknown): void {
    // Its head says whether there are any.
    this.touch(cell);
    if (value === undefined) {
      if (cell.attachments?.delete(key)) this.committer.attach({ address: cell.address, key, value: null });
      return;
    }
    const rows = (cell.attachments ??= new Map());
    // Which rows are stored of one that wakes is not known yet.
    const isNew = !rows.has(key) && cell.phase !== 'waking';
    rows.set(key, value);
    this.committer.attach({ address: cell.address, key, value: packAttachment(value) }, isNew);
  }

  reenter(cell: Cell, reentry: Reentry): void {
    if (cell.phase === 'ended') return;
    cell.mailbox.push({ kind: 'relay', reentry, deliveries: 0, bytes: ENVELOPE_BYTES });
    this.mailArrived(cell);
  }

  fail(cell: Cell, error: unknown): void {
    if (cell.phase === 'live') this.#crashes.crash(cell, undefined, error);
  }

  /** Puts a live cell into the queue of those with something to do. */
  enqueue(cell: Cell): void {
    this.#turns.enqueue(cell);
  }

  // ---- for turns and crashes

  touch(cell: Cell): void {
    if (cell.spec.durable) this.committer.touch(cell);
  }

  entering(cell: Cell, envelope: Envelope): boolean {
    return this.userCode.entering(cell, envelope);
  }

  passed(cell: Cell, envelope: Envelope): void {
    this.userCode.passed(cell, envelope);
  }

  idle(): void {
    this.userCode.idle();
  }

  enteringCalls(calls: readonly CallName[]): number {
    return this.userCode.enteringCalls(calls);
  }

  callRefusal(cell: Cell, key: string): OperatingError | undefined {
    return this.userCode.refusalOf(cell, key);
  }

  condemn(cell: Cell, envelope: Envelope, error: OperatingError, cause: CapsuleCause): void {
    this.#crashes.condemn(cell, envelope, error, cause);
  }

  /** Who works for nobody goes on without the message that would close the circle; all others have failed. */
  breakLoop(cell: Cell, envelope: Envelope, error: OperatingError): void {
    if (cell.spec.owner === undefined) return this.#crashes.condemn(cell, envelope, error, 'livelock');
    const { deliveries } = envelope;
    const capsule = this.quarantine.keep(cell, messageOf(envelope), { deliveries, error, cause: 'livelock' });
    const body = error.toBody();
    this.#crashes.end(cell, {
      reason: 'failed',
      error: { ...body, details: { ...(body.details as object), capsule } },
    });
  }

  keepCapsule(cell: Cell, message: CapsuleMessage, deliveries: number, error: OperatingError): string | undefined {
    return this.quarantine.keep(cell, message, { deliveries, error, cause: 'node' });
  }

  crashed(cell: Cell, envelope: Envelope, error: unknown): void {
    this.userCode.failed();
    this.#crashes.crash(cell, envelope, error);
  }

  started(cell: Cell, again: boolean): void {
    const { address, supervisor } = cell.spec;
    if (again || cell.logic.startsItself !== true) this.post(supervisor, { type: 'child.started', address });
  }

  /** A cell that cannot be written ends, so that what it holds is no one else's harm. */
  unwritable(cell: Cell, error: unknown): void {
    this.#crashes.unwritable(cell, error);
  }

  cutOffTurn(cell: Cell): void {
    this.#turns.cutOff(cell);
  }

  cancelCalls(cell: Cell): void {
    this.#calls.cancelAll(cell);
  }

  lifeOver(cell: Cell, exit: Exit): void {
    this.bonds.over(cell, exit);
  }

  orphaned(cell: Cell, error: ErrorBody): void {
    if (this.onOrphan === undefined) this.restart(cell.address, cell.spec.recovery);
    else this.onOrphan(cell, error);
  }

  find(address: string): Cell | undefined {
    return this.cells.get(address) ?? this.wake?.(address);
  }

  newRef(): string {
    return this.world.id();
  }

  consumed(cell: Cell, key: string): void {
    this.effects.consumed(cell.address, key);
    this.userCode.settled(cell, key);
  }

  finished(cell: Cell, first: boolean): void {
    const { host } = cell;
    // What the turn asked for may have been its own end.
    if (host === undefined) return;
    if (host.status === 'active') {
      if (cell.keyed) this.onKeyedTurn?.(cell);
      return;
    }
    if (host.status === 'done') this.#crashes.end(cell, { reason: 'normal', output: host.output });
    else if (host.status === 'error')
      this.#crashes.end(cell, { reason: 'failed', error: toErrorBody(host.error, 'AGENT_FAILED') });
    inheritMail(this, cell, first);
  }

  keyedEnded(cell: Cell, end: 'ended' | 'given up'): void {
    this.onKeyedEnd?.(cell, end);
  }

  mailArrived(cell: Cell): void {
    this.touch(cell);
    this.#turns.enqueue(cell);
  }

  newsArrived(cell: Cell): void {
    // No cut comes for one that is in none.
    if (!cell.spec.durable) return this.mailArrived(cell);
    this.touch(cell);
    this.#turns.enqueuePatient(cell);
  }

  /** An outcome of a call is mail like any other. */
  deliverOutcome(cell: Cell, key: string, outcome: EffectOutcome, asked?: AskChain): void {
    if (cell.phase === 'stopping') {
      if (this.#stops.settled(cell, key, outcome)) this.#bring(cell, key, outcome, asked);
      this.#stops.rested(cell);
    } else this.#bring(cell, key, outcome, asked);
  }

  #bring(cell: Cell, key: string, outcome: EffectOutcome, asked: AskChain | undefined): void {
    this.meter.effect(outcome.ok ? 'completed' : 'failed');
    const mail: Envelope = { kind: 'settle', key, outcome, deliveries: 0, bytes: ENVELOPE_BYTES };
    cell.mailbox.push(asked === undefined ? mail : { ...mail, asked });
    this.mailArrived(cell);
  }

  #fired(timer: DueTimer): void {
    const cell = this.cells.get(timer.address);
    if (cell === undefined || cell.timers?.get(timer.id) !== timer.dueAtMs) return;
    const { id, dueAtMs } = timer;
    const hops = cell.spins?.get(id) ?? 0;
    cell.spins?.delete(id);
    const mail = { kind: 'timer', id, dueAtMs, deliveries: 0, bytes: ENVELOPE_BYTES } as const;
    cell.mailbox.push(hops === 0 ? mail : { ...mail, hops });
    this.enqueue(cell);
  }
}
