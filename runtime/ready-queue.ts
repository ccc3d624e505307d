/** The cells with something to do, each at most once, in the order they got it. */
import type { Cell } from './cell.ts';

/** Taken entries are cut off when there are this many of them. */
const TRIM = 1_024;

/** The queue of one kernel. */
export class ReadyQueue {
  #cells: Cell[] = [];
  #head = 0;

  get empty(): boolean {
    return this.#head === this.#cells.length;
  }

  /** False when it is in the queue already. */
  add(cell: Cell): boolean {
    if (cell.queued) return false;
    cell.queued = true;
    this.#cells.push(cell);
    return true;
  }

  take(): Cell | undefined {
    const cell = this.#cells[this.#head];
    if (cell === undefined) return undefined;
    cell.queued = false;
    this.#head++;
    if (this.#head === this.#cells.length) {
      this.#cells.length = 0;
      this.#head = 0;
    } else if (this.#head >= TRIM) {
      this.#cells = this.#cells.slice(this.#head);
      this.#head = 0;
    }
    return cell;
  }
}
