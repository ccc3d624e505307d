/**
 * Brings stored cells back: all that have work when the node starts (runtime/resuming.ts), any keyed one when someone writes
 * to it (runtime/waking.ts) or its timer is due (runtime/alarms.ts); and lets idle keyed ones leave memory
 * (runtime/passivation.ts). A cell whose logic is not loaded, or is loaded in another version, is left in the store as it is
 * and reported: nothing is guessed.
 */
import type { OperatingError } from '../protocol/errors.ts';
import { Alarms } from './alarms.ts';
import type { Cell, InstalledLogic } from './cell.ts';
import type { LogicShelf } from './cell-fit.ts';
import type { ChildSpec } from './child-spec.ts';
import type { Kernel } from './kernel.ts';
import { Passivation, type PassivationOptions } from './passivation.ts';
import { resumeCells, type StrandedActor } from './resuming.ts';
import type { Store } from './stores/store.ts';
import { Waking } from './waking.ts';

/** What became of the cells that a start found in the store. */
export interface RecoveryReport {
  readonly resumed: number;
  readonly stranded: readonly StrandedActor[];
  readonly durationMs: number;
}

/** How recovery and passivation are set up; `heirOf` see `LogicShelf`. */
export interface RecoveryOptions extends PassivationOptions {
  heirOf?(logic: string): InstalledLogic | undefined;
}

/** Stranded actors that are remembered, the earliest found. All are logged. */
const STRANDED_MAX = 1_000;
/** An actor that was given up with mail waiting is woken again after this. */
const SECOND_CHANCE_MS = 60_000;

/** Recovery and passivation of one kernel's cells. */
export class Recovery {
  readonly #kernel: Kernel;
  readonly #store: Store;
  readonly #specOf: (address: string) => ChildSpec | undefined;
  /** Where cells find the logic they go on with. */
  readonly shelf: LogicShelf;
  readonly #waking: Waking;
  readonly #alarms: Alarms;
  readonly #passivation: Passivation;
  readonly #stranded = new Map<string, StrandedActor>();
  #strandedCount = 0;

  /** `specOf` knows keyed actors by their address. */
  constructor(
    kernel: Kernel,
    store: Store,
    specOf: (address: string) => ChildSpec | undefined,
    options: RecoveryOptions = {},
  ) {
    this.#kernel = kernel;
    this.#store = store;
    this.#specOf = specOf;
    this.shelf = {
      logic: (name) => kernel.logic(name),
      ...(options.heirOf !== undefined && { heirOf: options.heirOf }),
    };
    const onStranded = (address: string, error: OperatingError): void => this.#strand({ address, error });
    this.#waking = new Waking(kernel, store, specOf, this.shelf, { onStranded });
    this.#alarms = new Alarms(kernel, store, this.#waking);
    this.#passivation = new Passivation(kernel, options, (cell) => this.#alarms.left(cell));
    kernel.wake = (address) => this.#waking.wake(address);
    kernel.take = (spec) => this.#waking.take(spec);
    kernel.refusalOf = (cell) => this.#waking.refusalOf(cell);
    kernel.onStop = () => this.stop();
    kernel.onKeyedTurn = (cell) => this.#passivation.used(cell);
    kernel.onKeyedEnd = (cell, end) => {
      if (end === 'ended') this.#waking.ended(cell);
      else this.#givenUp(cell);
    };
    kernel.committer.settleWith(this.#waking);
  }

  /** Keyed actors in memory, alarms in memory, and actors that could not be loaded so far. */
  get figures(): { readonly residents: number; readonly alarms: number; readonly stranded: number } {
    return { residents: this.#passivation.residents, alarms: this.#alarms.size, stranded: this.#strandedCount };
  }

  /** Actors that are stored and could not be loaded, when the node started or since: at most 1,000. */
  get stranded(): readonly StrandedActor[] {
    return [...this.#stranded.values()];
  }

  /**
   * Loads every cell that has work, then lets them take turns: not before all are there, since one may write to another.
   * `onCell` hears of each that is live again. Keyed actors that wait for timers alone are woken by their alarms, from now on.
   */
  async resume(onCell: (cell: Cell) => void): Promise<RecoveryReport> {
    const { world } = this.#kernel;
    const fromMs = world.monotonicMs();
    const resumed = await resumeCells(this.#kernel, this.#store, this.shelf, {
      onCell,
      onStranded: (actor) => this.#strand(actor),
      isKeyed: (address) => this.#specOf(address) !== undefined,
    });
    this.#alarms.start();
    return { resumed, stranded: this.stranded, durationMs: world.monotonicMs() - fromMs };
  }

  /** The node stops: nothing leaves memory or comes back any more. */
  stop(): void {
    this.#alarms.stop();
    this.#passivation.stop();
  }

  #strand(actor: StrandedActor): void {
    this.#strandedCount++;
    if (this.#stranded.size < STRANDED_MAX) this.#stranded.set(actor.address, actor);
  }

  /** Its supervisor laid it down. What waits for it must not wait for the next message. */
  #givenUp(cell: Cell): void {
    this.#alarms.left(cell);
    if (cell.mailbox.size === 0) return;
    this.#kernel.world.after(SECOND_CHANCE_MS, () => {
      if (!this.#kernel.cells.has(cell.address)) void this.#waking.call([cell.address]);
    });
  }
}
