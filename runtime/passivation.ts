/**
 * Passivation: keyed actors that have nothing to do leave memory, the least recently used first, when there are more of them
 * than may stay, and each when it has rested long enough. Their state is in the store; a message brings them back, and so
 * does a timer. None leaves that has mail, is part of the next epoch, waits for a call, or has work that only this process
 * knows of.
 */
import type { Cell } from './cell.ts';
import type { Kernel } from './kernel.ts';
import type { Cancel } from './world.ts';

/** Keyed actors that stay in memory while idle. */
export const RESIDENT_ACTORS_MAX = 10_000;
/** How long a keyed actor may be idle before it leaves memory, in ms. */
export const PASSIVATE_AFTER_MS = 300_000;
/** An actor leaves between `PASSIVATE_AFTER_MS` and this part of it later. */
const SWEEPS_PER_LIFE = 4;
/** Cells that one step of letting go looks at. */
const SLICE_CELLS = 2_000;

/** How many stay, and for how long. */
export interface PassivationOptions {
  readonly residentActorsMax?: number;
  readonly passivateAfterMs?: number;
}

/** The passivation of one kernel's cells. */
export class Passivation {
  readonly #kernel: Kernel;
  readonly #residentMax: number;
  readonly #sweepMs: number;
  readonly #onLeave: (cell: Cell) => void;
  /** Keyed cells in memory, the least recently used first, each with the number of sweeps there had been at its last turn. */
  readonly #resident = new Map<Cell, number>();
  #sweeps = 0;
  #asked = false;
  #cancel: Cancel | undefined;

  /** `onLeave` hears of each that leaves. */
  constructor(kernel: Kernel, options: PassivationOptions, onLeave: (cell: Cell) => void) {
    this.#kernel = kernel;
    this.#residentMax = options.residentActorsMax ?? RESIDENT_ACTORS_MAX;
    this.#sweepMs = (options.passivateAfterMs ?? PASSIVATE_AFTER_MS) / SWEEPS_PER_LIFE;
    this.#onLeave = onLeave;
  }

  /** Keyed actors in memory. */
  get residents(): number {
    return this.#resident.size;
  }

  /** An actor has taken a turn. */
  used(cell: Cell): void {
    this.#resident.delete(cell);
    this.#resident.set(cell, this.#sweeps);
    if (this.#resident.size > this.#residentMax) this.#ask();
    this.#cancel ??= this.#kernel.world.after(this.#sweepMs, () => this.#sweep());
  }

  /** No actor leaves any more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = nothing;
    this.#resident.clear();
  }

  #sweep(): void {
    this.#cancel = undefined;
    this.#sweeps++;
    this.#ask();
    if (this.#resident.size > 0) this.#cancel = this.#kernel.world.after(this.#sweepMs, () => this.#sweep());
  }

  /** Runs after a commit, so that whoever is not touched since then is in the store as it is. */
  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#kernel.release(() => {
      this.#asked = false;
      this.#letGo();
    });
  }

  #letGo(): void {
    const first = this.#sweeps - SWEEPS_PER_LIFE;
    let looks = Math.min(this.#resident.size, SLICE_CELLS);
    let hasLeft = false;
    for (const [cell, sweep] of this.#resident) {
      const isCrowded = this.#resident.size > this.#residentMax;
      if (!isCrowded && sweep > first) return;
      if (looks-- === 0) break;
      this.#resident.delete(cell);
      if (cell.phase === 'ended') continue;
      if (this.#mayLeave(cell)) {
        this.#leave(cell);
        hasLeft = true;
      } else this.#resident.set(cell, this.#sweeps);
    }
    if (hasLeft) this.#ask();
  }

  #mayLeave(cell: Cell): boolean {
    const { committer, effects } = this.#kernel;
    return (
      cell.phase === 'live' &&
      cell.stored &&
      !cell.awake &&
      (cell.owned?.size ?? 0) === 0 &&
      !committer.isDirty(cell) &&
      !effects.busy(cell.address)
    );
  }

  #leave(cell: Cell): void {
    try {
      cell.host?.stop();
    } catch (error) {
      this.#kernel.log.warn('An actor threw while it was stopped.', { actor: cell.address, error: String(error) });
    }
    cell.phase = 'ended';
    // What is stored of it stays.
    cell.stored = false;
    this.#kernel.book.dismiss(cell);
    this.#onLeave(cell);
  }
}

function nothing(): void {}
