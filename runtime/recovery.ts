/**
 * Brings stored cells back: all that have work when the node starts, and any keyed one when someone writes to it; and lets
 * idle keyed ones leave memory. A cell whose logic is not loaded, or is loaded in another version, is left in the store as
 * it is and reported: nothing is guessed.
 */
import { OperatingError } from '../protocol/errors.ts';
import { Cell, INPUT_ROW } from './cell.ts';
import type { ChildSpec } from './child-spec.ts';
import type { Kernel } from './kernel.ts';
import { unpackCell } from './snapshots.ts';
import { unpackState } from './state-codec.ts';
import type { Store, StoredCell } from './stores/store.ts';

/** What became of the cells that a start found in the store. */
export interface RecoveryReport {
  readonly resumed: number;
  readonly stranded: readonly { readonly address: string; readonly owner?: string; readonly error: OperatingError }[];
  readonly durationMs: number;
}

/** Cells loaded before the event loop gets its turn. */
const SLICE_CELLS = 200;
/** Keyed cells kept in memory while idle. */
export const RESIDENT_MAX = 10_000;

/** Recovery and passivation of one kernel's cells. */
export class Recovery {
  readonly #kernel: Kernel;
  readonly #store: Store;
  readonly #specOf: (address: string) => ChildSpec | undefined;
  readonly #residentMax: number;
  /** Keyed cells in memory, the least recently used first. */
  readonly #resident = new Set<Cell>();

  /** `specOf` knows keyed actors by their address. */
  constructor(
    kernel: Kernel,
    store: Store,
    specOf: (address: string) => ChildSpec | undefined,
    residentMax = RESIDENT_MAX,
  ) {
    this.#kernel = kernel;
    this.#store = store;
    this.#specOf = specOf;
    this.#residentMax = residentMax;
    kernel.wake = (address) => this.#wake(address);
    kernel.onKeyedTurn = (cell) => this.#used(cell);
  }

  /**
   * Loads every cell that has work, then lets them take turns: not before all are there, since one may write to another.
   * `onCell` hears of each that is live again.
   */
  async resume(onCell: (cell: Cell) => void): Promise<RecoveryReport> {
    const { world, log } = this.#kernel;
    const fromMs = world.monotonicMs();
    const stranded: { address: string; owner?: string; error: OperatingError }[] = [];
    let resumed = 0;
    let seen = 0;
    this.#kernel.pause(true);
    const corrupt = (error: OperatingError): void =>
      log.error('A stored cell is corrupt and was left alone.', { error: error.message, details: error.details });
    for await (const stored of this.#store.awakeCells(corrupt)) {
      if (this.#kernel.cells.has(stored.address)) continue;
      try {
        onCell(this.#adopt(stored));
        resumed++;
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        const { owner } = ownerOf(stored);
        stranded.push({ address: stored.address, error, ...(owner !== undefined && { owner }) });
      }
      if (++seen % SLICE_CELLS === 0) await new Promise<void>((resolve) => world.defer(resolve));
    }
    for (const cell of this.#kernel.cells.values()) this.#kernel.book.linkOwner(cell);
    this.#kernel.pause(false);
    return { resumed, stranded, durationMs: world.monotonicMs() - fromMs };
  }

  /** Makes a live cell of a stored one. Errors: VERSION_MISMATCH. */
  #adopt(stored: StoredCell): Cell {
    const snapshot = unpackCell(stored.head);
    const logic = this.#kernel.logic(snapshot.spec.logic);
    if (logic === undefined) {
      throw new OperatingError(
        'VERSION_MISMATCH',
        `${stored.address} needs ${snapshot.spec.logic}, which is not loaded on this node. Load it and start again; the work goes on then.`,
      );
    }
    const { factory } = logic;
    if (factory.logicVersion !== snapshot.logicVersion || factory.structureHash !== snapshot.structureHash) {
      throw new OperatingError(
        'VERSION_MISMATCH',
        `${stored.address} was stored by ${snapshot.spec.logic} of another version or shape (${snapshot.logicVersion}); ` +
          `this node has ${factory.logicVersion}. Load that version to let its work end.`,
      );
    }
    const input = stored.attachments.get(INPUT_ROW);
    const spec = input === undefined ? snapshot.spec : { ...snapshot.spec, input: unpackState(input) };
    const cell = this.#kernel.book.admit(new Cell(this.#kernel, spec, logic));
    cell.inputApart = input !== undefined;
    this.#fill(cell, stored);
    return cell;
  }

  /** Puts state, timers, attachments and mail of the store into a cell, and starts it. */
  #fill(cell: Cell, stored: StoredCell): void {
    const snapshot = unpackCell(stored.head);
    cell.seq = snapshot.seq;
    cell.stored = true;
    cell.mailStored = snapshot.control.length + snapshot.user.length > 0;
    if (snapshot.body !== undefined) cell.checkpoint = cell.logic.factory.decode(snapshot.body);
    if (stored.attachments.size > 0) {
      cell.attachments = new Map([...stored.attachments].map(([key, value]) => [key, unpackState(value)]));
    }
    if (snapshot.timers.length > 0) {
      cell.timers = new Map(snapshot.timers);
      for (const [id, dueAtMs] of cell.timers) this.#kernel.armTimer(cell, id, dueAtMs);
    }
    cell.phase = 'live';
    if (snapshot.control[0]?.kind !== 'start') cell.mailbox.push({ kind: 'start', deliveries: 0, bytes: 0 });
    for (const envelope of snapshot.control) {
      if (envelope.kind === 'settle') this.#kernel.effects.adopt(cell.address, envelope.key);
      cell.mailbox.push(envelope);
    }
    for (const envelope of snapshot.user) cell.mailbox.offer(envelope);
    this.#kernel.enqueue(cell);
  }

  /** A message came for a cell that is not in memory: it gets a mailbox at once, and its state as soon as it is read. */
  #wake(address: string): Cell | undefined {
    const spec = this.#specOf(address);
    const logic = spec === undefined ? undefined : this.#kernel.logic(spec.logic);
    if (spec === undefined || logic === undefined) return undefined;
    const cell = new Cell(this.#kernel, spec, logic);
    cell.phase = 'waking';
    this.#kernel.book.admit(cell);
    this.#store.readCell(address).then(
      (stored) => this.#woken(cell, stored),
      (error: unknown) => this.#unwakeable(cell, error),
    );
    return cell;
  }

  #woken(cell: Cell, stored: StoredCell | undefined): void {
    if (cell.phase !== 'waking') return;
    if (stored === undefined) {
      cell.phase = 'live';
      cell.mailbox.putBack({ kind: 'start', deliveries: 0, bytes: 0 });
      this.#kernel.enqueue(cell);
      return;
    }
    const snapshot = unpackCell(stored.head);
    const { factory } = cell.logic;
    if (factory.logicVersion !== snapshot.logicVersion || factory.structureHash !== snapshot.structureHash) {
      this.#unwakeable(
        cell,
        new OperatingError(
          'VERSION_MISMATCH',
          `${cell.address} was stored by version ${snapshot.logicVersion}; this node has ${factory.logicVersion}.`,
        ),
      );
      return;
    }
    // Mail that came while the state was read stands behind what was stored with it.
    const { control, user } = cell.mailbox.waiting();
    while (cell.mailbox.take() !== undefined);
    this.#fill(cell, stored);
    for (const envelope of control) cell.mailbox.push(envelope);
    for (const envelope of user) cell.mailbox.offer(envelope);
  }

  /** Its mail cannot be handled: those who ask are told, and the stored state stays as it is. */
  #unwakeable(cell: Cell, error: unknown): void {
    cell.phase = 'ended';
    cell.stored = false;
    this.#kernel.book.dismiss(cell);
    this.#kernel.log.error('An actor could not be woken.', { actor: cell.address, error: String(error) });
    const body =
      error instanceof OperatingError
        ? error.toBody()
        : new OperatingError('STORE_UNAVAILABLE', String(error)).toBody();
    const { control, user } = cell.mailbox.waiting();
    for (const envelope of [...control, ...user]) {
      const replyTo = envelope.kind === 'event' ? envelope.event['replyTo'] : undefined;
      if (typeof replyTo === 'string') this.#kernel.post(replyTo, { type: 'rejected', error: body });
    }
  }

  #used(cell: Cell): void {
    this.#resident.delete(cell);
    this.#resident.add(cell);
    if (this.#resident.size > this.#residentMax) this.#kernel.release(() => this.#passivate());
  }

  /** Lets the least recently used idle cells leave memory. Runs after a commit; what was touched since stays. */
  #passivate(): void {
    let tries = this.#resident.size - this.#residentMax;
    for (const cell of this.#resident) {
      if (tries-- <= 0) return;
      this.#resident.delete(cell);
      if (cell.phase !== 'live') continue;
      if (
        cell.mailbox.size > 0 ||
        cell.awake ||
        this.#kernel.committer.isDirty(cell) ||
        this.#kernel.effects.busy(cell.address)
      ) {
        this.#resident.add(cell);
        continue;
      }
      cell.host?.stop();
      cell.phase = 'ended';
      this.#kernel.book.dismiss(cell);
    }
  }
}

function ownerOf(stored: StoredCell): { readonly owner?: string } {
  try {
    const { owner } = unpackCell(stored.head).spec;
    return owner === undefined ? {} : { owner };
  } catch {
    return {};
  }
}
