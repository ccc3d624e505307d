/**
 * Stopping a cell as its supervisor wants it: the actor takes no more turns, its calls under way are aborted and may take
 * their time to end, then the cell ends, or stays as it is until its supervisor has it restarted. How long is too long is
 * the supervisor's to say: it cuts the cell off then.
 */
import type { Cell } from './cell.ts';
import type { Crashes } from './crashes.ts';
import type { Effects } from './effects.ts';
import type { EffectOutcome } from './host.ts';

/** What stops need of the kernel. */
export interface StopDesk {
  readonly effects: Effects;
  touch(cell: Cell): void;
}

interface Stop {
  readonly keep: boolean;
  readonly done: () => void;
}

/** The cells of one kernel that are being stopped. */
export class Stops {
  readonly #desk: StopDesk;
  readonly #crashes: Crashes;
  readonly #stops = new Map<Cell, Stop>();

  constructor(desk: StopDesk, crashes: Crashes) {
    this.#desk = desk;
    this.#crashes = crashes;
  }

  /** Begins. `keep`: the cell stays, with its state and mail. `done` is called when it has come to rest. */
  begin(cell: Cell, keep: boolean, done: () => void): void {
    this.#crashes.callOff(cell);
    this.#crashes.stopHost(cell);
    cell.phase = 'stopping';
    this.#stops.set(cell, { keep, done });
    if (!this.#desk.effects.windDown(cell.address)) this.#finish(cell, 'shutdown');
  }

  /** Its time is over: what still runs is cut off. */
  cutOff(cell: Cell): void {
    if (this.#stops.has(cell)) this.#finish(cell, 'killed');
  }

  /**
   * A call of a cell that is being stopped has ended.
   * @returns whether its outcome is kept for the cell. One that failed is not: it may have failed because it was aborted, and
   * is asked for again.
   */
  settled(cell: Cell, key: string, { ok }: EffectOutcome): boolean {
    const isKept = ok && this.#stops.get(cell)?.keep === true;
    if (!isKept) this.#desk.effects.consumed(cell.address, key);
    return isKept;
  }

  /** Goes on once the outcome is where it belongs. */
  rested(cell: Cell): void {
    if (!this.#desk.effects.underWay(cell.address)) this.#finish(cell, 'shutdown');
  }

  #finish(cell: Cell, reason: 'shutdown' | 'killed'): void {
    const stop = this.#stops.get(cell);
    if (stop === undefined) return;
    this.#stops.delete(cell);
    this.#desk.effects.cutOff(cell.address);
    if (cell.phase === 'stopping') {
      if (stop.keep) {
        cell.phase = 'crashed';
        this.#desk.touch(cell);
      } else this.#crashes.end(cell, { reason }, false);
    }
    stop.done();
  }
}
