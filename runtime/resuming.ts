/** Resuming: after a start, all cells that have work are loaded before any of them takes a turn. */
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import { cellOf, fillCell } from './cell-filling.ts';
import { fitCell, type LogicShelf } from './cell-fit.ts';
import type { Kernel } from './kernel.ts';
import { unpackCell } from './snapshots.ts';
import type { Store } from './stores/store.ts';

/** Cells loaded before the event loop gets its turn. */
const SLICE_CELLS = 1_000;

/** An actor that is stored and could not be loaded. */
export interface StrandedActor {
  readonly address: string;
  readonly owner?: string;
  readonly error: OperatingError;
}

/** What resuming tells others. */
export interface ResumingHooks {
  readonly onCell: (cell: Cell) => void;
  readonly onStranded: (actor: StrandedActor) => void;
  /** Whether there is an actor at an address whenever somebody asks for it. */
  readonly isKeyed: (address: string) => boolean;
}

/** Loads every cell that has work, then lets them take turns. @returns how many */
export async function resumeCells(
  kernel: Kernel,
  store: Store,
  shelf: LogicShelf,
  { onCell, onStranded, isKeyed }: ResumingHooks,
): Promise<number> {
  let resumed = 0;
  let seen = 0;
  const left = new Set<string>();
  const broken: Broken[] = [];
  const onCorrupt = (error: OperatingError): void => {
    kernel.log.error('A stored cell is corrupt and was left alone.', { error: error.message, details: error.details });
    onStranded({ address: addressIn(error), error });
  };
  kernel.pause(true);
  for await (const { address, head, attachments } of store.awakeCells(onCorrupt)) {
    if (kernel.cells.has(address)) continue;
    let owner: string | undefined;
    try {
      const snapshot = unpackCell(head);
      owner = snapshot.spec.owner;
      const fit = fitCell(shelf, snapshot);
      const cell = kernel.book.admit(cellOf(kernel, fit, attachments));
      fillCell(kernel, cell, fit, attachments);
      onCell(cell);
      resumed++;
    } catch (error) {
      const why = error instanceof OperatingError ? error : unreadable(address, error);
      const half = kernel.cells.get(address);
      if (half !== undefined) broken.push({ cell: half, error: why });
      left.add(address);
      onStranded({ address, error: why, ...(owner !== undefined && { owner }) });
    }
    if (++seen % SLICE_CELLS === 0) await new Promise<void>((resolve) => kernel.world.defer(resolve));
  }
  for (const cell of kernel.cells.values()) kernel.book.linkOwner(cell);
  kernel.bonds.restored(
    kernel.cells.values(),
    (address) => kernel.cells.has(address) || left.has(address) || isKeyed(address),
  );
  for (const one of broken) setBrokenAside(kernel, one);
  await kernel.userCode.suspects?.judge(async (address) => {
    const stored = kernel.cells.get(address) === undefined ? await store.readCell(address) : undefined;
    return kernel.cells.get(address)?.seq ?? (stored && unpackCell(stored.head).seq);
  });
  kernel.pause(false);
  return resumed;
}

/** A cell whose state cannot be read, though its record is whole. */
interface Broken {
  readonly cell: Cell;
  readonly error: OperatingError;
}

/** It must not keep the node from its start, nor its owner waiting. One that works for nobody stays in the store as it is. */
function setBrokenAside(kernel: Kernel, { cell, error }: Broken): void {
  const { owner } = cell.spec;
  kernel.quarantine.setAside(cell, { kind: 'start', deliveries: 1, bytes: 0 }, error, 'load');
  if (owner !== undefined && kernel.cells.has(owner)) kernel.endCell(cell, { reason: 'killed' });
  else kernel.book.dismiss(cell);
}

function unreadable(address: string, error: unknown): OperatingError {
  const words = error instanceof Error ? error.message : String(error);
  return new OperatingError('STORE_CORRUPT', `The stored state of ${address} cannot be read: ${words}`, {
    cause: error,
  });
}

/** The address of a damaged record, as far as its key says it. */
function addressIn({ details }: OperatingError): string {
  const key = (details as { readonly key?: unknown } | undefined)?.key;
  return typeof key === 'string' ? key.slice(2).split('\0')[0] || key : 'unknown';
}
