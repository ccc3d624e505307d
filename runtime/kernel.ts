/**
 * The kernel of a node: it owns the cells, takes messages to their mailboxes, runs their turns one after another, and hands
 * what a turn asked for to those who do it. It decides nothing about crashes but to report them: supervisors do.
 *
 * One turn: take one message, let the actor handle it, take a checkpoint. If all of that ends well, what the actor asked
 * for is done, in order, and the cell is part of the next epoch; if anything throws, none of it is.
 */
import { LIMITS } from '../protocol/limits.ts';
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import { Calls, type CallDesk } from './calls.ts';
import { DOOR_LOGIC } from './door.ts';
import type { KernelLog, KernelMeter, KernelOptions, Sink } from './kernel-options.ts';
import { CellBook } from './cell-book.ts';
import { Cell, type CellKernel, INPUT_ROW, type InstalledLogic, packAttachment } from './cell.ts';
import type { CellPort, TaskLogWrite } from './cell-port.ts';
import type { ChildSpec, RecoveryMode } from './child-spec.ts';
import type { Committer } from './committer.ts';
import type { Effects } from './effects.ts';
import type { Exit } from './exit.ts';
import { Feed } from './feed.ts';
import { DELIVERIES_MAX, reportsFailure, setAside } from './quarantine.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { ActorEvent, EffectOutcome, EffectRequest, Host, Reentry } from './host.ts';
import type { Envelope } from './mailbox.ts';
import type { KeyWrite } from './stores/store.ts';
import { type DueTimer, TimerQueue } from './timer-queue.ts';
import { volatileSpec } from './volatile-spec.ts';
import type { World } from './world.ts';

/** Turns in a row before the event loop gets its turn. */
const SLICE_TURNS = 1_000;
const ENVELOPE_BYTES = 64;

/** The kernel of one node. */
export class Kernel implements CellKernel, CallDesk {
  readonly world: World;
  readonly log: KernelLog;
  readonly feed = new Feed();
  readonly book = new CellBook();
  readonly cells: ReadonlyMap<string, Cell> = this.book.cells;
  readonly #calls: Calls;
  readonly #meter: KernelMeter;
  readonly #logics = new Map<string, InstalledLogic>();
  readonly #sinks = new Map<string, Sink>();
  readonly #timers: TimerQueue;
  readonly #door: Cell;
  #committer: Committer | undefined;
  readonly #ready = new ReadyQueue();
  #current: Cell | undefined;
  #ops: (() => void)[] = [];
  #running = false;
  #scheduled = false;
  #paused = false;
  /** Set by recovery: loads a cell that is stored but not in memory. */
  wake: ((address: string) => Cell | undefined) | undefined;
  /** Hears of each turn of a cell that may leave memory when idle. */
  onKeyedTurn: ((cell: Cell) => void) | undefined;

  constructor(options: KernelOptions) {
    this.world = options.world;
    this.log = options.log;
    this.#meter = options.meter;
    this.#calls = new Calls(this.world, this);
    this.#timers = new TimerQueue(this.world, (timer) => this.#fired(timer));
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
    this.#sinks.set(prefix, sink);
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
    if (this.#current !== undefined) return fn(this.#current);
    this.#current = this.#door;
    try {
      const value = fn(this.#door);
      this.#current = undefined;
      this.#flush();
      return value;
    } catch (error) {
      this.#current = undefined;
      this.#ops.length = 0;
      throw error;
    }
  }

  /**
   * Puts a message of the outside world into an actor's user lane. Durable with the next commit.
   * Errors: BUSY (its mailbox is full), NOT_FOUND (no such actor).
   */
  deliver(to: string, event: ActorEvent, bytes = ENVELOPE_BYTES): void {
    const cell = this.cells.get(to) ?? this.wake?.(to);
    if (cell === undefined) throw new OperatingError('NOT_FOUND', `There is no actor ${to}.`);
    if (!cell.mailbox.offer({ kind: 'event', event, deliveries: 0, bytes })) {
      this.#meter.deadLetter('mailbox_full');
      throw new OperatingError(
        'BUSY',
        `The mailbox of ${to} is full (${LIMITS.mailboxMessagesMax} messages). Send again later.`,
        { retryAfterMs: 200 },
      );
    }
    this.#mailArrived(cell);
  }

  /** Stops or goes on with turns, while the store is away. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#schedule();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Runs what is ready, at most one slice of it. False when nothing was. */
  drain(): boolean {
    if (this.#running || this.#paused || this.#ready.empty) return false;
    this.#running = true;
    for (let turns = 0; turns < SLICE_TURNS; turns++) {
      const cell = this.#ready.take();
      if (cell === undefined) break;
      if (cell.phase !== 'live') continue;
      this.#turn(cell);
      if (cell.mailbox.size > 0) this.enqueue(cell);
    }
    this.#running = false;
    if (!this.#ready.empty) this.#schedule();
    return true;
  }

  /** The node stops: no timer fires, no call's outcome comes back. */
  stop(): void {
    this.#timers.stop();
    this.effects.abandonAll();
  }

  // ---- for supervisors

  /** Makes a crashed cell live again, once its delivery count is committed. */
  restart(address: string, mode: RecoveryMode): void {
    const cell = this.cells.get(address);
    if (cell === undefined || cell.phase !== 'crashed') return;
    if (mode === 'reset') {
      cell.checkpoint = undefined;
      cell.timers = undefined;
      for (const key of cell.attached().keys()) if (key !== INPUT_ROW) this.attach(cell, key, undefined);
    }
    const first = cell.mailbox.waiting().control[0];
    if (first?.kind !== 'start') cell.mailbox.putBack({ kind: 'start', deliveries: 0, bytes: ENVELOPE_BYTES });
    this.#touch(cell);
    this.release(() => {
      if (cell.phase !== 'crashed') return;
      cell.phase = 'live';
      cell.restarts++;
      this.#meter.restarted(cell.spec.supervisor);
      this.enqueue(cell);
    });
  }

  /** Gives a crashed cell up: its owner hears of it. A keyed one only leaves memory: its state and mail stay in the store. */
  abandon(address: string, error: unknown): void {
    const cell = this.cells.get(address);
    if (cell === undefined || cell.phase !== 'crashed') return;
    if (cell.spec.restart === 'permanent' && cell.spec.durable) this.#layDown(cell);
    else this.#end(cell, { reason: 'crashed', error: toErrorBody(error, 'AGENT_CRASHED') });
  }

  #layDown(cell: Cell): void {
    this.#touch(cell);
    this.release(() => {
      if (cell.phase !== 'crashed') return;
      if (this.committer.isDirty(cell)) return this.#layDown(cell);
      cell.phase = 'ended';
      this.effects.cancelAll(cell.address);
      this.book.dismiss(cell);
    });
  }

  // ---- CellKernel: the port's other side

  nowMs(): number {
    return this.world.nowMs();
  }

  note(cell: Cell, op: () => void): void {
    if (this.#current !== undefined) this.#ops.push(op);
    else if (cell.phase !== 'ended') op();
  }

  post(to: string, event: ActorEvent): void {
    const sink = this.#sinks.get(to.slice(0, to.indexOf('/')));
    if (sink !== undefined) return this.release(() => sink(to, event));
    // One lane for all of it, also while the cell wakes: what one actor writes to another arrives in order.
    const cell = this.cells.get(to) ?? this.wake?.(to);
    if (cell === undefined) return this.#meter.deadLetter('no_actor');
    cell.mailbox.push({ kind: 'event', event, deliveries: 0, bytes: ENVELOPE_BYTES });
    this.#mailArrived(cell);
  }

  /** As `post`, but bounded: a message that finds the mailbox full is a dead letter. */
  tell(to: string, event: ActorEvent): void {
    const cell = this.cells.get(to) ?? this.wake?.(to);
    if (cell === undefined) return this.post(to, event);
    if (cell.mailbox.offer({ kind: 'event', event, deliveries: 0, bytes: ENVELOPE_BYTES })) this.#mailArrived(cell);
    else this.#meter.deadLetter('mailbox_full');
  }

  /** Makes a cell. Its first turn starts the actor. */
  startCell(spec: ChildSpec): void {
    const logic = this.#logics.get(spec.logic);
    if (logic === undefined || this.cells.has(spec.address)) {
      const error =
        logic === undefined
          ? new OperatingError('VERSION_MISMATCH', `No logic ${spec.logic} is loaded on this node.`)
          : new OperatingError('INTERNAL', `There is an actor ${spec.address} already.`);
      if (spec.owner !== undefined)
        this.post(spec.owner, { type: 'child.failed', address: spec.address, error: error.toBody() });
      return;
    }
    const cell = this.book.admit(new Cell(this, spec, logic));
    cell.mailbox.push({ kind: 'start', deliveries: 0, bytes: ENVELOPE_BYTES });
    // Also when its first turn comes after the next cut: whoever made it has its own state, and its answers, in that.
    this.#mailArrived(cell);
  }

  stopCell(address: string): void {
    const cell = this.cells.get(address);
    if (cell !== undefined) this.#end(cell, { reason: 'shutdown' });
  }

  startEffect(cell: Cell, request: EffectRequest): void {
    this.#calls.start(cell, request);
  }

  cancelEffect(cell: Cell, key: string): void {
    this.#calls.cancel(cell, key);
  }

  armTimer(cell: Cell, id: string, dueAtMs: number): void {
    this.#timers.add({ address: cell.address, id, dueAtMs });
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

  attach(cell: Cell, key: string, value: unknown): void {
    if (value === undefined) {
      if (cell.attachments?.delete(key)) this.committer.attach({ address: cell.address, key, value: null });
      return;
    }
    (cell.attachments ??= new Map()).set(key, value);
    this.committer.attach({ address: cell.address, key, value: packAttachment(value) });
  }

  reenter(cell: Cell, reentry: Reentry): void {
    if (cell.phase === 'ended') return;
    cell.mailbox.push({ kind: 'relay', reentry, deliveries: 0, bytes: ENVELOPE_BYTES });
    this.#mailArrived(cell);
  }

  fail(cell: Cell, error: unknown): void {
    if (cell.phase === 'live') this.#crash(cell, undefined, error);
  }

  /** Puts a live cell into the queue of those with something to do. */
  enqueue(cell: Cell): void {
    if (cell.phase === 'live' && this.#ready.add(cell)) this.#schedule();
  }

  // ---- turns

  #schedule(): void {
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.world.defer(() => {
      this.#scheduled = false;
      this.drain();
    });
  }

  #touch(cell: Cell): void {
    if (cell.spec.durable) this.committer.touch(cell);
  }

  #mailArrived(cell: Cell): void {
    this.#touch(cell);
    this.enqueue(cell);
  }

  #turn(cell: Cell): void {
    const envelope = cell.mailbox.take();
    if (envelope === undefined) return;
    // Cleared or moved since it fired.
    if (envelope.kind === 'timer' && cell.timers?.get(envelope.id) !== envelope.dueAtMs) return;
    const before = cell.checkpoint;
    this.#current = cell;
    let crash: { readonly error: unknown } | undefined;
    try {
      const host = this.#handle(cell, envelope);
      if (host.status === 'error' && host.endedByItself !== true) crash = { error: host.error };
      else cell.checkpoint = host.checkpoint();
    } catch (error) {
      crash = { error };
    }
    this.#current = undefined;
    if (crash !== undefined) {
      this.#ops.length = 0;
      cell.checkpoint = before;
      this.#crash(cell, envelope, crash.error);
      return;
    }
    if (envelope.kind === 'settle') this.effects.consumed(cell.address, envelope.key);
    if (cell.checkpoint !== before || this.#ops.length > 0 || cell.mailStored || envelope.kind === 'timer')
      this.#touch(cell);
    this.#flush();
    this.#afterTurn(cell);
  }

  #handle(cell: Cell, envelope: Envelope): Host {
    if (envelope.kind === 'start') {
      const { factory } = cell.logic;
      cell.host?.stop();
      cell.host =
        cell.checkpoint === undefined ? factory.create(cell, cell.spec.input) : factory.restore(cell, cell.checkpoint);
      cell.host.start();
      return cell.host;
    }
    const host = cell.host as Host;
    if (envelope.kind === 'event') host.send(envelope.event);
    else if (envelope.kind === 'settle') host.settle(envelope.key, envelope.outcome);
    else if (envelope.kind === 'relay') host.relay(envelope.reentry);
    else {
      cell.timers?.delete(envelope.id);
      host.fire(envelope.id);
    }
    return host;
  }

  /** Does what the turn asked for, in order. */
  #flush(): void {
    if (this.#ops.length === 0) return;
    const ops = this.#ops;
    this.#ops = [];
    for (const op of ops) op();
  }

  #afterTurn(cell: Cell): void {
    const host = cell.host as Host;
    if (host.status === 'done') this.#end(cell, { reason: 'normal', output: host.output });
    else if (host.status === 'error')
      this.#end(cell, { reason: 'failed', error: toErrorBody(host.error, 'AGENT_FAILED') });
    else if (cell.spec.restart === 'permanent' && cell.spec.durable) this.onKeyedTurn?.(cell);
  }

  #crash(cell: Cell, envelope: Envelope | undefined, error: unknown): void {
    this.#stopHost(cell);
    if (envelope !== undefined && reportsFailure(envelope)) {
      this.#end(cell, { reason: 'failed', error: toErrorBody(error, 'AGENT_FAILED') });
      return;
    }
    cell.phase = 'crashed';
    const body = toErrorBody(error, 'AGENT_CRASHED');
    this.log.warn('An actor crashed.', {
      actor: cell.address,
      code: body.code,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    if (envelope !== undefined) {
      envelope.deliveries++;
      if (envelope.deliveries >= DELIVERIES_MAX || body.code === 'UNSUPPORTED_LOGIC') {
        if (this.#setAside(cell, envelope, error)) return;
      } else {
        if (envelope.kind === 'timer') cell.timers?.set(envelope.id, envelope.dueAtMs);
        cell.mailbox.putBack(envelope);
      }
    }
    this.#touch(cell);
    const { address, recovery, restart, supervisor } = cell.spec;
    if (!this.cells.has(supervisor)) this.restart(address, recovery);
    else this.post(supervisor, { type: 'child.crashed', address, error: body, restart, recovery });
  }

  /** Sets a poison message aside. False when the cell goes on without it. One without an owner waits for its supervisor's word. */
  #setAside(cell: Cell, envelope: Envelope, error: unknown): boolean {
    const refusal = setAside(this, cell, envelope, error);
    const { address, owner, restart, supervisor } = cell.spec;
    if (owner === undefined && restart === 'permanent' && envelope.kind !== 'start') return false;
    if (owner === undefined && this.cells.has(supervisor)) {
      cell.mailbox.putBack(envelope);
      this.#touch(cell);
      this.post(supervisor, { type: 'child.quarantined', address, error: refusal });
    } else this.#end(cell, { reason: 'killed' });
    return true;
  }

  #end(cell: Cell, exit: Exit): void {
    if (cell.phase === 'ended') return;
    this.#stopHost(cell);
    cell.phase = 'ended';
    for (const child of cell.owned ?? []) this.#end(child, { reason: 'shutdown' });
    for (const key of cell.attached().keys()) {
      this.committer.attach({ address: cell.address, key, value: null });
    }
    this.effects.cancelAll(cell.address);
    this.book.dismiss(cell);
    this.#touch(cell);
    const { owner, supervisor, address } = cell.spec;
    if (owner !== undefined) {
      this.cells.get(owner)?.owned?.delete(cell);
      if (exit.reason === 'normal') this.post(owner, { type: 'child.done', address, output: exit.output });
      else if (exit.reason === 'failed' || exit.reason === 'crashed')
        this.post(owner, { type: 'child.failed', address, error: exit.error });
    }
    if (exit.reason === 'failed' && this.cells.has(supervisor))
      this.post(supervisor, { type: 'child.failed', address, error: exit.error });
  }

  #stopHost(cell: Cell): void {
    try {
      cell.host?.stop();
    } catch (error) {
      this.log.warn('An actor threw while it was stopped.', { actor: cell.address, error: String(error) });
    }
    cell.host = undefined;
  }

  /** An outcome of a call is mail like any other. */
  deliverOutcome(cell: Cell, key: string, outcome: EffectOutcome): void {
    this.#meter.effect(outcome.ok ? 'completed' : 'failed');
    cell.mailbox.push({ kind: 'settle', key, outcome, deliveries: 0, bytes: ENVELOPE_BYTES });
    this.#mailArrived(cell);
  }

  /** Nobody may guess what came of the call: it stays open, and the actor waits, until a probe or a person says. */
  park(cell: Cell, key: string, outcome: EffectOutcome & { readonly ok: false }): void {
    this.#meter.effect('unknown');
    if (cell.spec.owner !== undefined)
      this.post(cell.spec.owner, { type: 'run.parked', address: cell.address, key, error: outcome.error });
  }

  #fired(timer: DueTimer): void {
    const cell = this.cells.get(timer.address);
    if (cell === undefined || cell.timers?.get(timer.id) !== timer.dueAtMs) return;
    const { id, dueAtMs } = timer;
    cell.mailbox.push({ kind: 'timer', id, dueAtMs, deliveries: 0, bytes: ENVELOPE_BYTES });
    this.enqueue(cell);
  }
}
