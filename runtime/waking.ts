/**
 * Waking: a message for an actor that is not in memory gets a mailbox at once, and the actor as soon as its state is read.
 * Those that are asked for together are read together. Nothing is committed of a cell that wakes; a commit that has to hold
 * its mail waits for it. One that cannot be woken stays in the store as it is, and whoever asked it is told why.
 */
import { OperatingError } from '../protocol/errors.ts';
import { Cell } from './cell.ts';
import { fillCell, NO_ROWS, type PackedRows } from './cell-filling.ts';
import { type CellFit, fitCell, type LogicShelf } from './cell-fit.ts';
import type { ChildSpec } from './child-spec.ts';
import type { Kernel } from './kernel.ts';
import { returnMail } from './mail.ts';
import { unpackCell } from './snapshots.ts';
import type { Store } from './stores/store.ts';

/** Heads that are read together. */
const BATCH_CELLS = 512;
/** While the store is away, between two tries to read. */
const RETRY_MS = 100;

/** What waking tells others. */
export interface WakingHooks {
  /** An actor could not be woken. */
  readonly onStranded: (address: string, error: OperatingError, owner?: string) => void;
}

/** The wakes of one kernel's cells. */
export class Waking {
  readonly #kernel: Kernel;
  readonly #store: Store;
  readonly #specOf: (address: string) => ChildSpec | undefined;
  readonly #shelf: LogicShelf;
  readonly #hooks: WakingHooks;
  #asked: Cell[] = [];
  readonly #reads = new Set<Promise<void>>();
  /** Why the mail of a cell was not handled. */
  readonly #refusals = new WeakMap<Cell, OperatingError>();
  /** Cells that nobody wrote to. */
  readonly #called = new WeakSet<Cell>();
  /** Actors whose end is not committed yet: the store still holds what they were. */
  readonly #ended = new Map<string, Cell>();

  /** `specOf` knows keyed actors by their address. */
  constructor(
    kernel: Kernel,
    store: Store,
    specOf: (address: string) => ChildSpec | undefined,
    shelf: LogicShelf,
    hooks: WakingHooks,
  ) {
    this.#kernel = kernel;
    this.#store = store;
    this.#specOf = specOf;
    this.#shelf = shelf;
    this.#hooks = hooks;
  }

  /** Cells whose state is being read, in batches. */
  get isReading(): boolean {
    return this.#asked.length > 0 || this.#reads.size > 0;
  }

  /** The cell of a keyed actor that is not in memory: it takes mail from now on. Undefined for an address of nobody. */
  wake(address: string): Cell | undefined {
    const spec = this.#specOf(address);
    return spec === undefined ? undefined : this.take(spec);
  }

  /** The cell of this spec, with what is stored of it. Undefined where its logic is not loaded. */
  take(spec: ChildSpec): Cell | undefined {
    const { address } = spec;
    const logic = this.#kernel.logic(spec.logic);
    if (logic === undefined) return undefined;
    const cell = this.#kernel.book.admit(new Cell(this.#kernel, spec, logic));
    if (this.#ended.has(address)) {
      cell.mailbox.push({ kind: 'start', deliveries: 0, bytes: 0 });
      this.#kernel.touch(cell);
      this.#kernel.enqueue(cell);
      return cell;
    }
    cell.phase = 'waking';
    if (this.#asked.length === 0) void Promise.resolve().then(() => this.#read());
    this.#asked.push(cell);
    return cell;
  }

  /** Brings stored actors into memory without a message: their timers are due. Resolves when that is done. */
  async call(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      if (this.#kernel.cells.has(address)) continue;
      const cell = this.wake(address);
      if (cell !== undefined) this.#called.add(cell);
      else {
        const what = `${address} has a timer that is due, but its agent is not loaded on this node. Load it and start again.`;
        this.#strand(address, new OperatingError('VERSION_MISMATCH', what));
      }
    }
    this.#read();
    await Promise.all(this.#reads);
  }

  /**
   * Undefined when nothing wakes. Otherwise turns are held back, and it resolves once all that wake now have woken, or have
   * turned out not to: a cut may be taken then, and `release` must follow it.
   */
  settle(): Promise<void> | undefined {
    const reading = this.wakes();
    if (reading !== undefined) this.#kernel.hold(true);
    return reading;
  }

  /** The same, without holding anything back. */
  wakes(): Promise<void> | undefined {
    if (!this.isReading) return undefined;
    this.#read();
    return Promise.all(this.#reads).then(() => undefined);
  }

  /** Turns go on. */
  release(): void {
    this.#kernel.hold(false);
  }

  /** Why a cell that was to be woken was not; undefined while it wakes, and when it has. */
  refusalOf(cell: Cell): OperatingError | undefined {
    return this.#refusals.get(cell);
  }

  /** An actor has ended: until that is committed, one that is made under its address is a new one. */
  ended(cell: Cell): void {
    const { address } = cell;
    this.#ended.set(address, cell);
    this.#kernel.release(() => {
      if (this.#ended.get(address) === cell) this.#ended.delete(address);
    });
  }

  #read(): void {
    while (this.#asked.length > 0) {
      const batch = this.#asked.slice(0, BATCH_CELLS);
      this.#asked = this.#asked.slice(BATCH_CELLS);
      const reading = this.#wakeAll(batch).finally(() => this.#reads.delete(reading));
      this.#reads.add(reading);
    }
  }

  /** Never rejects. */
  async #wakeAll(batch: readonly Cell[]): Promise<void> {
    let heads: Awaited<ReturnType<Store['readHeads']>>;
    try {
      heads = await this.#heads(batch.map(({ address }) => address));
    } catch (error) {
      for (const cell of batch) this.#refuse(cell, refusalOf(error));
      return;
    }
    const rest = [];
    for (const [at, cell] of batch.entries()) {
      const more = this.#take(cell, heads[at]);
      if (more !== undefined) rest.push(more);
    }
    await Promise.all(rest);
  }

  /** A promise for one that has more to be read. */
  #take(cell: Cell, head: Uint8Array | OperatingError | undefined): Promise<void> | undefined {
    try {
      if (head instanceof OperatingError) throw head;
      if (cell.phase !== 'waking') return undefined;
      if (head === undefined) return this.#begin(cell);
      const fit = fitCell(this.#shelf, unpackCell(head));
      if (!fit.snapshot.rows) return this.#goOn(cell, fit, NO_ROWS);
      return this.#store.readCell(cell.address).then(
        (stored) => this.#goOn(cell, fit, stored?.attachments ?? NO_ROWS),
        (error: unknown) => this.#refuse(cell, refusalOf(error)),
      );
    } catch (error) {
      return this.#refuse(cell, refusalOf(error));
    }
  }

  /** Tries again as long as the store is away: the committer sees to it that it comes back, or ends the node. */
  async #heads(addresses: readonly string[]): ReturnType<Store['readHeads']> {
    for (;;) {
      try {
        return await this.#store.readHeads(addresses);
      } catch (error) {
        const { status } = this.#store;
        if (status !== 'failed' && status !== 'opening') throw error;
        await new Promise<void>((resolve) => void this.#kernel.world.after(RETRY_MS, resolve));
      }
    }
  }

  /** There is nothing in the store: it is a new actor, if anyone wrote to it. */
  #begin(cell: Cell): undefined {
    if (this.#called.has(cell) && cell.mailbox.size === 0) {
      cell.phase = 'ended';
      this.#kernel.book.dismiss(cell);
      return;
    }
    cell.phase = 'live';
    cell.mailbox.putBack({ kind: 'start', deliveries: 0, bytes: 0 });
    this.#kernel.touch(cell);
    this.#kernel.enqueue(cell);
  }

  #goOn(cell: Cell, fit: CellFit, rows: PackedRows): undefined {
    if (cell.phase !== 'waking') return;
    const { logic, snapshot } = fit;
    const { begunAs } = snapshot.spec;
    if (cell.logic !== logic || begunAs !== undefined) {
      cell.logic = logic;
      cell.spec = { ...cell.spec, logic: logic.name, ...(begunAs !== undefined && { begunAs }) };
    }
    // Mail that came while the state was read stands behind what was stored with it.
    const { control, user } = cell.mailbox.waiting();
    while (cell.mailbox.take() !== undefined);
    fillCell(this.#kernel, cell, fit, rows);
    this.#kernel.bonds.readmit(cell);
    for (const envelope of control) cell.mailbox.push(envelope);
    for (const envelope of user) cell.mailbox.readmit(envelope);
    if (control.length + user.length > 0) this.#kernel.touch(cell);
  }

  /** Its mail cannot be handled: those who ask are told, and the stored state stays as it is. */
  #refuse(cell: Cell, refusal: OperatingError): undefined {
    if (cell.phase !== 'waking') return;
    cell.phase = 'ended';
    this.#kernel.book.dismiss(cell);
    this.#refusals.set(cell, refusal);
    this.#strand(cell.address, refusal);
    const body = refusal.toBody();
    const { address, listed, supervisor } = cell.spec;
    if (listed === true)
      this.#kernel.post(supervisor, { type: 'child.ended', address, exit: 'failed', error: body, spec: cell.spec });
    this.#kernel.lifeOver(cell, { reason: 'failed', error: body });
    const { control, user } = cell.mailbox.waiting();
    const why = { reason: 'not_woken', error: body };
    for (const envelope of [...control, ...user]) returnMail(this.#kernel, address, envelope, why);
  }

  #strand(address: string, error: OperatingError): void {
    this.#kernel.log.error('An actor could not be woken.', { actor: address, error: error.message });
    this.#hooks.onStranded(address, error);
  }
}

function refusalOf(error: unknown): OperatingError {
  return error instanceof OperatingError ? error : new OperatingError('STORE_UNAVAILABLE', String(error));
}
