/** Puts what the store holds of a cell into a cell of this process, and lets it go on. */
import { Cell, earliest } from './cell.ts';
import { INPUT_ROW } from './cell-rows.ts';
import type { CellFit } from './cell-fit.ts';
import type { Kernel } from './kernel.ts';
import { unpackState } from './state-codec.ts';

/** Packed attachments by their keys. */
export type PackedRows = ReadonlyMap<string, Uint8Array>;

/** Nothing is attached. */
export const NO_ROWS: PackedRows = new Map();

/** A new cell of a stored one; `fillCell` follows. */
export function cellOf(kernel: Kernel, { logic, snapshot: { spec } }: CellFit, rows: PackedRows): Cell {
  const input = rows.get(INPUT_ROW);
  const cell = new Cell(kernel, input === undefined ? spec : { ...spec, input: unpackState(input) }, logic);
  cell.inputApart = input !== undefined;
  return cell;
}

/** Puts state, timers, attachments and mail of the store into a cell, and starts it. */
export function fillCell(kernel: Kernel, cell: Cell, { snapshot, stored }: CellFit, rows: PackedRows): void {
  cell.seq = snapshot.seq;
  cell.stored = true;
  cell.mailStored = snapshot.control.length + snapshot.user.length > 0;
  if (snapshot.body !== undefined) cell.checkpoint = cell.logic.factory.decode(snapshot.body);
  if (rows.size > 0) cell.attachments = new Map([...rows].map(([key, value]) => [key, unpackState(value)]));
  if (cell.keyed) cell.alarmAtMs = earliest(stored.timers);
  if (snapshot.timers.length > 0) {
    cell.timers = new Map(snapshot.timers);
    for (const [id, dueAtMs] of cell.timers) kernel.armTimer(cell, id, dueAtMs);
  }
  cell.phase = 'live';
  if (snapshot.control[0]?.kind !== 'start') cell.mailbox.push({ kind: 'start', deliveries: 0, bytes: 0 });
  for (const envelope of snapshot.control) {
    if (envelope.kind === 'settle') kernel.effects.adopt(cell.address, envelope.key);
    cell.mailbox.push(envelope);
  }
  for (const envelope of snapshot.user) cell.mailbox.readmit(envelope);
  // What was taken over is stored as what it is now.
  if (snapshot !== stored) kernel.touch(cell);
  kernel.enqueue(cell);
}
