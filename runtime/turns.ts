/**
 * Turns: the one loop of a node. One turn takes one message, lets the actor handle it, takes a checkpoint. If all of that ends
 * well, what the actor asked for is done, in order; if anything throws, none of it is, and the cell is handed to whoever deals
 * with crashes (runtime/crashes.ts).
 */
import type { Cell } from './cell.ts';
import type { CellPort } from './cell-port.ts';
import type { Host } from './host.ts';
import type { Envelope } from './mailbox.ts';
import { hasLapsed, Preparations } from './preparations.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { World } from './world.ts';

/** Turns in a row before the event loop gets its turn. */
const SLICE_TURNS = 1_000;

/** What turns need of the kernel. */
export interface TurnDesk {
  readonly world: World;
  /** The cell is part of the next epoch. */
  touch(cell: Cell): void;
  /** A message is about to be handled by code of users. False where it was set aside instead. */
  entering(cell: Cell, envelope: Envelope): boolean;
  /** It was handled by code of users, and the turn ended well. */
  passed(cell: Cell, envelope: Envelope): void;
  /** There is nothing more to do at once. */
  idle(): void;
  /** The turn threw, or the actor broke: nothing that it asked for is done. */
  crashed(cell: Cell, envelope: Envelope, error: unknown): void;
  /** The first turn of a listed cell ended well, or the first after a restart; `again`: it goes on from a state. */
  started(cell: Cell, again: boolean): void;
  /** The turn ended well, and what it asked for is done. `first`: it was the one that starts the actor. */
  finished(cell: Cell, first: boolean): void;
  /** The outcome of a call was handled in a turn that ended well. */
  consumed(cell: Cell, key: string): void;
}

/** The turns of one kernel. */
export class Turns {
  readonly #desk: TurnDesk;
  readonly #ready = new ReadyQueue();
  readonly #preparations = new Preparations((cell) => this.enqueue(cell));
  #current: Cell | undefined;
  /** Of what the current turn sends. */
  hops = 0;
  /** What the current turn handles, where someone waits for what comes of it. */
  cause: Envelope | undefined;
  /** What the current turn was prepared with. */
  prepared: unknown;
  /** Why it could not be prepared. */
  #unprepared: { readonly error: unknown } | undefined;
  /** Cells that have only such mail as can wait until the next cut. */
  #patient = new Set<Cell>();
  #ops: (() => void)[] = [];
  #running = false;
  #scheduled = false;
  #paused = false;
  #held = false;

  constructor(desk: TurnDesk) {
    this.#desk = desk;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Stops or goes on with turns, while the store is away. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#goOn();
  }

  /** As `pause`, for a moment, and without the node being seen as paused. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.#goOn();
  }

  /** The cut that some have waited for may have gone by without them. */
  #goOn(): void {
    for (const cell of this.#takePatient()) this.enqueue(cell);
    if (!this.#ready.empty) this.#schedule();
  }

  /** The actor of a cell is let go of: what its next turn was to come to is not wanted any more. */
  cutOff(cell: Cell): void {
    if (cell.logic.prepare !== undefined) this.#preparations.cutOff(cell);
  }

  /** The node stops: no turn is prepared any more. */
  stop(): void {
    this.#preparations.stop();
  }

  /** Puts a live cell into the queue of those with something to do. */
  enqueue(cell: Cell): void {
    if (cell.phase === 'live' && this.#ready.add(cell)) this.#schedule();
  }

  /** It has mail that can wait until the next cut, which must come. */
  enqueuePatient(cell: Cell): void {
    if (cell.phase === 'live' && !cell.queued) this.#patient.add(cell);
  }

  /** Right before a cut: runs what could wait until now. */
  drainPatient(): void {
    if (this.#running || this.#paused || this.#held || this.#patient.size === 0) return;
    this.#running = true;
    for (const cell of this.#takePatient()) {
      for (let { size } = cell.mailbox; size > 0 && cell.phase === 'live'; size--) {
        const envelope = cell.mailbox.take();
        if (envelope !== undefined) this.#turn(cell, envelope);
      }
    }
    this.#running = false;
    this.#desk.idle();
    if (!this.#ready.empty) this.#schedule();
  }

  #takePatient(): ReadonlySet<Cell> {
    const cells = this.#patient;
    if (cells.size > 0) this.#patient = new Set();
    return cells;
  }

  /** What a cell asks for: done when its turn has ended well; at once outside of turns, for one that still lives. */
  note(cell: Cell, op: () => void): void {
    if (this.#current !== undefined) this.#ops.push(op);
    else if (cell.phase !== 'ended') op();
  }

  /** Runs `fn` as a turn without an actor, of `door`: what it asks for happens if it does not throw. */
  act<T>(door: Cell, fn: (port: CellPort) => T): T {
    if (this.#current !== undefined) return fn(this.#current);
    this.#current = door;
    try {
      const value = fn(door);
      this.#current = undefined;
      this.#flush();
      return value;
    } catch (error) {
      this.#current = undefined;
      this.#ops.length = 0;
      throw error;
    }
  }

  /** Runs what is ready, at most one slice of it. False when nothing was. */
  drain(): boolean {
    if (this.#running || this.#paused || this.#held || this.#ready.empty) return false;
    this.#running = true;
    for (let turns = 0; turns < SLICE_TURNS; turns++) {
      const cell = this.#ready.take();
      if (cell === undefined) break;
      if (cell.phase !== 'live') continue;
      if (cell.logic.prepare === undefined) {
        const envelope = cell.mailbox.take();
        if (envelope !== undefined) this.#turn(cell, envelope);
      } else if (!this.#takePrepared(cell)) continue;
      if (cell.mailbox.size > 0) this.enqueue(cell);
    }
    this.#running = false;
    this.#desk.idle();
    if (!this.#ready.empty) this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.#desk.world.defer(() => {
      this.#scheduled = false;
      this.drain();
    });
  }

  /** False where the turn is being prepared still: it is looked at again once that is done. */
  #takePrepared(cell: Cell): boolean {
    const turn = this.#preparations.take(cell);
    if (turn === undefined) return false;
    const { envelope, outcome } = turn;
    if (outcome.ok) this.prepared = outcome.value;
    else this.#unprepared = outcome;
    this.#turn(cell, envelope);
    this.prepared = this.#unprepared = undefined;
    return true;
  }

  #turn(cell: Cell, envelope: Envelope): void {
    if (hasLapsed(cell, envelope)) return;
    const isUsers = cell.logic.runsUserCode === true;
    if (isUsers && !this.#desk.entering(cell, envelope)) return;
    const { hops = 0 } = envelope;
    this.hops = isUsers || hops > 0 ? hops + 1 : 0;
    this.cause = envelope.asked === undefined ? undefined : envelope;
    const before = cell.checkpoint;
    this.#current = cell;
    let crash: { readonly error: unknown } | undefined;
    try {
      if (this.#unprepared !== undefined) throw this.#unprepared.error;
      const host = handle(cell, envelope);
      if (host.status === 'error' && host.endedByItself !== true) crash = { error: host.error };
      else cell.checkpoint = host.checkpoint();
    } catch (error) {
      crash = { error };
    }
    this.#current = undefined;
    if (crash !== undefined) {
      this.#ops.length = 0;
      this.hops = 0;
      this.cause = undefined;
      cell.checkpoint = before;
      this.#desk.crashed(cell, envelope, crash.error);
      return;
    }
    if (isUsers) this.#desk.passed(cell, envelope);
    // Before what the turn asks for is done: that may be another call under the same key.
    if (envelope.kind === 'settle') this.#desk.consumed(cell, envelope.key);
    if (cell.checkpoint !== before || this.#ops.length > 0 || cell.mailStored || envelope.kind === 'timer')
      this.#desk.touch(cell);
    this.#flush();
    this.hops = 0;
    this.cause = undefined;
    if (envelope.kind === 'start' && cell.spec.listed === true) this.#desk.started(cell, before !== undefined);
    this.#desk.finished(cell, envelope.kind === 'start');
  }

  /** Does what the turn asked for, in order. */
  #flush(): void {
    if (this.#ops.length === 0) return;
    const ops = this.#ops;
    this.#ops = [];
    for (const op of ops) op();
  }
}

function handle(cell: Cell, envelope: Envelope): Host {
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
