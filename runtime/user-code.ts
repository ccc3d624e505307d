/**
 * What is looked at around the turns of actors that run code of users, and around the beginnings of their calls: which of them
 * has taken the process down before, and what each has handled. Flat lifecycles of the product come through none of it.
 */
import { OperatingError } from '../protocol/errors.ts';
import { circling, HOPS_FREE } from './circles.ts';
import type { CapsuleCause, CapsuleMessage } from './capsule.ts';
import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import type { CallName } from './beginnings.ts';
import { currentCall, currentCell } from './machine-references.ts';
import { NODE_ENDS_MAX, type Suspects } from './suspects.ts';
import { entryOf, leaveTrail, lineOf, type TrailEntry } from './trail.ts';

/** What it needs of the kernel. */
export interface UserCodeDesk {
  readonly cells: ReadonlyMap<string, Cell>;
  /** Runs `fn` after the next commit. */
  release(fn: () => void): void;
  /** Sets a message aside that must not be handled again. */
  condemn(cell: Cell, envelope: Envelope, error: OperatingError, cause: CapsuleCause): void;
  /** The actor goes round in a circle, of which this message is the next step. */
  breakLoop(cell: Cell, envelope: Envelope, error: OperatingError): void;
  /** Keeps a capsule of what has ended the process; its id. */
  keepCapsule(cell: Cell, message: CapsuleMessage, deliveries: number, error: OperatingError): string | undefined;
}

/** The watch over code of users of one kernel. */
export class UserCode {
  readonly #desk: UserCodeDesk;
  /** Where the process has a folder of its own: who is suspected of having ended it. */
  suspects: Suspects | undefined;
  #entry: TrailEntry | undefined;

  constructor(desk: UserCodeDesk) {
    this.#desk = desk;
  }

  /** A message is about to be handled. False where it was set aside instead. */
  entering(cell: Cell, envelope: Envelope): boolean {
    const entry = entryOf(envelope);
    const circle = (envelope.hops ?? 0) < HOPS_FREE ? undefined : circling(cell, envelope);
    if (circle !== undefined) {
      this.#desk.breakLoop(cell, envelope, circle);
      return false;
    }
    this.#entry = entry;
    const { suspects } = this;
    // What was prepared has run elsewhere, and cannot have ended this process.
    if (suspects === undefined || cell.logic.prepare !== undefined) return true;
    const line = lineOf(entry);
    const ends = suspects.endsOver(cell.address, line);
    if (ends >= NODE_ENDS_MAX) {
      this.#entry = undefined;
      this.#desk.condemn(cell, envelope, tookDown(line, ends), 'node');
      this.#clear(cell);
      return false;
    }
    suspects.enter(cell.address, line, cell.seq);
    return true;
  }

  /** The message was handled, and the turn ended well. */
  passed(cell: Cell, envelope: Envelope): void {
    if (this.#entry !== undefined) leaveTrail((cell.trail ??= []), this.#entry);
    this.#entry = undefined;
    const suspicion = this.suspects?.suspicion(cell.address);
    if (suspicion === undefined || suspicion.startsWith('call ')) return;
    // To be restored is no progress, but for one that could not even be.
    if (envelope.kind !== 'start' || suspicion === 'start') this.#clear(cell);
  }

  /** The turn did not end well. */
  failed(): void {
    this.#entry = undefined;
  }

  /** Calls are about to begin, in this order. @returns how many of them may now */
  enteringCalls(calls: readonly CallName[]): number {
    const { suspects } = this;
    if (suspects === undefined) return calls.length;
    return suspects.enterCalls(
      calls.map(({ address, key }) => ({ address, what: `call ${key}`, seq: this.#desk.cells.get(address)?.seq ?? 0 })),
    );
  }

  /** The outcome of a call was handled in a turn that ended well. */
  settled(cell: Cell, key: string): void {
    if (this.suspects?.suspicion(cell.address) === `call ${key}`) this.#clear(cell);
  }

  /** The error that a call ends with instead of being made once more; undefined for nearly all. */
  refusalOf(cell: Cell, key: string): OperatingError | undefined {
    const line = `call ${key}`;
    const ends = this.suspects?.endsOver(cell.address, line) ?? 0;
    if (ends < NODE_ENDS_MAX) return undefined;
    const cause = tookDown(line, ends);
    const capsule = this.#desk.keepCapsule(cell, { kind: 'call', key }, ends, cause);
    return new OperatingError('QUARANTINED', `A call of ${cell.address} was set aside: ${cause.message}`, {
      details: { cause: cause.toBody(), capsule },
    });
  }

  /** Nothing of users runs any more. */
  idle(): void {
    this.suspects?.leave();
  }

  /** The process ends by `process.exit`: whoever called it is marked, whatever else was; nobody where that was no actor. */
  exiting(): void {
    // In the middle of a turn: what that handles is marked, also while the actor itself is only being made or packed.
    if (this.#entry !== undefined) return;
    const port = currentCell();
    const cell = port === undefined ? undefined : this.#desk.cells.get(port.address);
    if (cell === undefined || cell !== port) return this.suspects?.leave();
    const call = currentCall();
    // What an actor left running began with its start, and would begin with it again.
    this.suspects?.enter(cell.address, call === undefined ? 'start' : `call ${call}`, cell.seq);
  }

  #clear({ address }: Cell): void {
    this.#desk.release(() => this.suspects?.clearOf(address));
  }
}

function tookDown(line: string, times: number): OperatingError {
  return new OperatingError(
    'AGENT_CRASHED',
    `The process ended ${times} times in a row while this was handled: ${line}.`,
  );
}
