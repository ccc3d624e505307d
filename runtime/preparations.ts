/**
 * Turns that cannot be taken at once: what they come to is worked out first, elsewhere and in its own time (`InstalledLogic.prepare`).
 * The message stays in the mailbox meanwhile, so that every commit holds it as waiting; a node that dies prepares it anew.
 *
 *   next in the mailbox ──begin──► under way ──it resolves, or rejects──► ready ──taken──► the turn
 *                                     └────the cell is stopped, crashes, ends──► cut off: what comes of it is nobody's
 */
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';

/** What came of one. */
type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

interface Preparation {
  readonly envelope: Envelope;
  readonly abort: AbortController;
  outcome: Outcome | undefined;
}

/** A turn that can be taken now; its message is out of the mailbox. */
export interface PreparedTurn {
  readonly envelope: Envelope;
  readonly outcome: Outcome;
}

/** The preparations of one kernel, at most one for each cell. */
export class Preparations {
  readonly #onReady: (cell: Cell) => void;
  readonly #underWay = new Map<Cell, Preparation>();
  #isStopped = false;

  /** `onReady`: the cell has something to do. */
  constructor(onReady: (cell: Cell) => void) {
    this.#onReady = onReady;
  }

  /** The turn of a cell that has something to do. Undefined while it is being prepared, which begins here. */
  take(cell: Cell): PreparedTurn | undefined {
    const known = this.#underWay.get(cell);
    if (known !== undefined) {
      const { envelope, outcome } = known;
      if (outcome === undefined) return undefined;
      this.#underWay.delete(cell);
      if (cell.mailbox.remove(envelope)) return { envelope, outcome };
    }
    const next = nextOf(cell);
    if (next !== undefined && !this.#isStopped) this.#begin(cell, next);
    return undefined;
  }

  /** The cell is not what it was prepared for any more. */
  cutOff(cell: Cell): void {
    const preparation = this.#underWay.get(cell);
    if (preparation === undefined) return;
    this.#underWay.delete(cell);
    preparation.abort.abort(new OperatingError('CANCELED', 'Its actor is being stopped.'));
  }

  /** The node stops: nothing is prepared any more. */
  stop(): void {
    this.#isStopped = true;
    for (const cell of [...this.#underWay.keys()]) this.cutOff(cell);
  }

  #begin(cell: Cell, envelope: Envelope): void {
    const preparation: Preparation = { envelope, abort: new AbortController(), outcome: undefined };
    this.#underWay.set(cell, preparation);
    // Of one that was cut off nobody looks at what came of it.
    const settle = (outcome: Outcome): void => {
      preparation.outcome = outcome;
      this.#onReady(cell);
    };
    new Promise((resolve) => resolve(cell.logic.prepare?.(cell, envelope, preparation.abort.signal))).then(
      (value) => settle({ ok: true, value }),
      (error: unknown) => settle({ ok: false, error }),
    );
  }
}

/** The message that the next turn is for; those that have lapsed are taken out. */
function nextOf(cell: Cell): Envelope | undefined {
  for (;;) {
    const next = cell.mailbox.next;
    if (next === undefined || !hasLapsed(cell, next)) return next;
    cell.mailbox.take();
  }
}

/** Whether it is a timer that was cleared or moved since it fired. */
export function hasLapsed(cell: Cell, envelope: Envelope): boolean {
  return envelope.kind === 'timer' && cell.timers?.get(envelope.id) !== envelope.dueAtMs;
}
