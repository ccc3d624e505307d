/**
 * What becomes of a cell whose turn did not end well, and of one that ends. It decides nothing about restarts: a crash is
 * reported to the cell's supervisor, which says `restart` or `abandon`.
 */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import type { CapsuleCause } from './capsule.ts';
import type { Cell } from './cell.ts';
import { INPUT_ROW, LIFE_ROW } from './cell-rows.ts';
import type { CellBook } from './cell-book.ts';
import type { ChildSpec, RecoveryMode } from './child-spec.ts';
import type { Committer } from './committer.ts';
import type { Effects } from './effects.ts';
import { type Exit, reportsEnd } from './exit.ts';
import type { ActorEvent } from './host.ts';
import type { KernelLog, KernelMeter } from './kernel-options.ts';
import type { Envelope } from './mailbox.ts';
import { DELIVERIES_MAX, type Quarantine, reportsFailure } from './quarantine.ts';
import type { World } from './world.ts';

/** What crashes and ends need of the kernel. */
export interface CrashDesk {
  readonly world: World;
  readonly book: CellBook;
  readonly log: KernelLog;
  readonly meter: KernelMeter;
  readonly committer: Committer;
  readonly effects: Effects;
  readonly quarantine: Quarantine;
  post(to: string, event: ActorEvent): void;
  attach(cell: Cell, key: string, value: unknown): void;
  /** The cell is part of the next epoch. */
  touch(cell: Cell): void;
  /** A cell that may rest has ended (its state is removed), or was given up (its state stays). */
  keyedEnded(cell: Cell, end: 'ended' | 'given up'): void;
  /** Runs `fn` after the next commit. */
  release(fn: () => void): void;
  enqueue(cell: Cell): void;
  /** The actor is let go of: no turn of it is prepared any more. */
  cutOffTurn(cell: Cell): void;
  /** Calls of the cell, begun or not, are no longer wanted. */
  cancelCalls(cell: Cell): void;
  /** A life of the cell is over. */
  lifeOver(cell: Cell, exit: Exit): void;
  /** A crashed cell has no supervisor that could say a word. */
  orphaned(cell: Cell, error: ErrorBody): void;
  /** Hears of the end of a cell that had something attached. */
  readonly onShelfEnded: ((address: string) => void) | undefined;
}

/** The crashes and ends of one kernel's cells. */
export class Crashes {
  readonly #desk: CrashDesk;
  /** Restarts that wait for the commit: a stop in between takes the cell out. */
  readonly #restarting = new Set<Cell>();

  constructor(desk: CrashDesk) {
    this.#desk = desk;
  }

  /** The cell cannot go on as it is; `envelope` is what it crashed over, where that is known. */
  crash(cell: Cell, envelope: Envelope | undefined, error: unknown, cause: CapsuleCause = 'crash'): void {
    const desk = this.#desk;
    this.stopHost(cell);
    if (envelope !== undefined && cause === 'crash' && reportsFailure(envelope)) {
      this.end(cell, { reason: 'failed', error: toErrorBody(error, 'AGENT_FAILED') });
      return;
    }
    cell.phase = 'crashed';
    const body = toErrorBody(error, 'AGENT_CRASHED');
    desk.log.warn('An actor crashed.', {
      actor: cell.address,
      code: body.code,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    if (envelope !== undefined) {
      envelope.deliveries++;
      if (envelope.deliveries >= DELIVERIES_MAX || body.code === 'UNSUPPORTED_LOGIC') {
        if (this.#setAside(cell, envelope, error, cause)) return;
      } else {
        if (envelope.kind === 'timer') cell.timers?.set(envelope.id, envelope.dueAtMs);
        cell.mailbox.putBack(envelope);
      }
    }
    desk.touch(cell);
    const { address, recovery, restart, supervisor } = cell.spec;
    if (!desk.book.cells.has(supervisor)) desk.orphaned(cell, body);
    else desk.post(supervisor, { type: 'child.crashed', address, error: body, restart, recovery });
  }

  /** A message must not be handled once more: it is set aside as if it had crashed its actor for the last time. */
  condemn(cell: Cell, envelope: Envelope, error: unknown, cause: CapsuleCause): void {
    if (envelope.kind === 'timer') cell.timers?.delete(envelope.id);
    envelope.deliveries = Math.max(envelope.deliveries, DELIVERIES_MAX - 1);
    this.crash(cell, envelope, error, cause);
  }

  /**
   * Makes a crashed cell live again, once its delivery count is committed. With `reset` this is another life: what the one
   * before has recorded, asked for and owned is gone; `error` is what that one ended with.
   */
  restart(address: string, mode: RecoveryMode, error?: ErrorBody): void {
    const desk = this.#desk;
    const cell = desk.book.cells.get(address);
    if (cell === undefined || cell.phase !== 'crashed') return;
    if (
      mode === 'reset' &&
      !this.#beginLife(cell, error === undefined ? { reason: 'shutdown' } : { reason: 'crashed', error })
    )
      return;
    const first = cell.mailbox.waiting().control[0];
    if (first?.kind !== 'start') cell.mailbox.putBack({ kind: 'start', deliveries: 0, bytes: 0 });
    desk.touch(cell);
    this.#restarting.add(cell);
    desk.release(() => {
      if (!this.#restarting.delete(cell) || cell.phase !== 'crashed') return;
      cell.phase = 'live';
      cell.restarts++;
      desk.meter.restarted(cell.spec.supervisor);
      desk.enqueue(cell);
    });
  }

  /** A restart that was decided, and has not happened, is called off. */
  callOff(cell: Cell): void {
    this.#restarting.delete(cell);
  }

  /** False when the end of its life was the end of the cell, by way of others. */
  #beginLife(cell: Cell, exit: Exit): boolean {
    const desk = this.#desk;
    desk.lifeOver(cell, exit);
    if (cell.phase !== 'crashed') return false;
    const life = cell.life + 1;
    for (const child of [...(cell.owned ?? [])]) this.end(child, { reason: 'shutdown' });
    desk.cancelCalls(cell);
    // What is owed to the life that is over; what others have sent unasked is for the actor, whichever life it has.
    cell.mailbox.discard((envelope) => isOwed(envelope));
    cell.checkpoint = undefined;
    cell.timers = undefined;
    for (const key of [...cell.attached().keys()]) if (key !== INPUT_ROW) desk.attach(cell, key, undefined);
    desk.attach(cell, LIFE_ROW, life);
    return true;
  }

  /** Gives a crashed cell up: its owner hears of it. A keyed one only leaves memory: its state and mail stay in the store. */
  abandon(address: string, error: unknown): void {
    const cell = this.#desk.book.cells.get(address);
    if (cell === undefined || cell.phase !== 'crashed') return;
    if (cell.spec.restart === 'permanent' && cell.spec.durable) {
      this.#desk.lifeOver(cell, { reason: 'crashed', error: toErrorBody(error, 'AGENT_CRASHED') });
      this.#layDown(cell);
    } else this.end(cell, { reason: 'crashed', error: toErrorBody(error, 'AGENT_CRASHED') }, false);
  }

  /**
   * It cannot be written as it is: it has failed. Of one that lives for its key, what was written last stays, and it goes on from
   * that with its next message.
   */
  unwritable(cell: Cell, error: unknown): void {
    const body = toErrorBody(error, 'AGENT_CRASHED');
    this.#desk.log.error('An actor cannot be kept; it ends.', {
      actor: cell.address,
      code: body.code,
      error: body.message,
    });
    if (cell.keyed) {
      cell.stored = false;
      cell.attachments = undefined;
    }
    this.end(cell, { reason: 'failed', error: body });
  }

  /** The cell ends, with all that it owns; those concerned hear of it. Its supervisor does not where it wants it so itself. */
  end(cell: Cell, exit: Exit, tellsSupervisor = true): void {
    if (cell.phase === 'ended') return;
    const desk = this.#desk;
    this.stopHost(cell);
    cell.phase = 'ended';
    if (cell.owned !== undefined) for (const child of cell.owned) this.end(child, { reason: 'shutdown' });
    if (cell.attachments !== undefined) {
      for (const key of cell.attachments.keys()) {
        desk.committer.attach({ address: cell.address, key, value: null });
      }
      desk.onShelfEnded?.(cell.address);
    }
    desk.effects.cancelAll(cell.address);
    desk.book.dismiss(cell);
    desk.touch(cell);
    desk.lifeOver(cell, exit);
    if (exit.reason !== 'normal' && exit.reason !== 'failed') cell.logic.cutShort?.(cell);
    if (cell.mailbox.size > 0) this.#turnAway(cell);
    if (cell.keyed || (cell.spec.listed === true && cell.spec.durable)) desk.keyedEnded(cell, 'ended');
    const { owner, address } = cell.spec;
    if (owner !== undefined) {
      desk.book.cells.get(owner)?.owned?.delete(cell);
      if (exit.reason === 'normal') desk.post(owner, { type: 'child.done', address, output: exit.output });
      else if ('error' in exit && exit.error !== undefined)
        desk.post(owner, { type: 'child.failed', address, error: exit.error });
    }
    if (tellsSupervisor) this.#report(cell.spec, exit);
  }

  /** Those who asked it, and whose question it has not come to, are told. */
  #turnAway({ address, mailbox }: Cell): void {
    const { control, user } = mailbox.waiting();
    for (const envelope of [...control, ...user]) {
      const replyTo = envelope.kind === 'event' ? envelope.event['replyTo'] : undefined;
      if (typeof replyTo !== 'string') continue;
      const error = new OperatingError('UNAVAILABLE', `${address} has ended before it came to this message.`);
      this.#desk.post(replyTo, { type: 'rejected', error: error.toBody() });
    }
  }

  #report(spec: ChildSpec, exit: Exit): void {
    const { book } = this.#desk;
    const { address, supervisor } = spec;
    const error = 'error' in exit ? exit.error : undefined;
    const isReported = reportsEnd(spec, exit);
    if ((!isReported && exit.reason !== 'failed') || !book.cells.has(supervisor)) return;
    if (isReported) {
      this.#desk.post(supervisor, { type: 'child.ended', address, exit: exit.reason, spec, ...(error && { error }) });
    } else this.#desk.post(supervisor, { type: 'child.failed', address, error });
  }

  #layDown(cell: Cell): void {
    const desk = this.#desk;
    desk.touch(cell);
    desk.release(() => {
      if (cell.phase !== 'crashed') return;
      if (desk.committer.isDirty(cell)) return this.#layDown(cell);
      cell.phase = 'ended';
      desk.effects.cancelAll(cell.address);
      desk.book.dismiss(cell);
      desk.keyedEnded(cell, 'given up');
    });
  }

  /** Sets a poison message aside. False when the cell goes on without it. One without an owner waits for its supervisor's word. */
  #setAside(cell: Cell, envelope: Envelope, error: unknown, cause: CapsuleCause): boolean {
    const desk = this.#desk;
    const refusal = desk.quarantine.setAside(cell, envelope, error, cause);
    const { address, owner, restart, supervisor } = cell.spec;
    if (owner === undefined && restart === 'permanent' && envelope.kind !== 'start') return false;
    if (owner === undefined && desk.book.cells.has(supervisor)) {
      cell.mailbox.putBack(envelope);
      desk.touch(cell);
      desk.post(supervisor, { type: 'child.quarantined', address, error: refusal });
    } else this.end(cell, { reason: 'killed' });
    return true;
  }

  /** Lets go of the actor itself; what it throws on the way is its own affair. */
  stopHost(cell: Cell): void {
    this.#desk.cutOffTurn(cell);
    try {
      cell.host?.stop();
    } catch (error) {
      this.#desk.log.warn('An actor threw while it was stopped.', { actor: cell.address, error: String(error) });
    }
    cell.host = undefined;
  }
}

/** Outcomes, inner deliveries, timers, and news of those that a life has started or watched. */
function isOwed(envelope: Envelope): boolean {
  if (envelope.kind !== 'event') return envelope.kind !== 'start';
  const { type } = envelope.event;
  return type.startsWith('child.') || type === 'run.parked' || type === 'down' || type === 'exit';
}
