/** The cells that are in memory, by address, and how many there are of each kind. */
import type { Cell } from './cell.ts';
import { ChurnMap } from './churn-map.ts';

/** The book of one kernel. */
export class CellBook {
  readonly cells = new ChurnMap<string, Cell>();
  /** Live cells by kind. */
  readonly census = new Map<string, number>();
  /** Actors of agents that work for somebody and will end, by their logic: the work an agent has in hand. */
  readonly #inHand = new Map<string, number>();

  /** Puts a cell into the book. */
  admit(cell: Cell): Cell {
    this.cells.set(cell.address, cell);
    this.#count(cell, 1);
    this.linkOwner(cell);
    return cell;
  }

  /** So many actors of this logic work for somebody now. */
  inHand(logic: string): number {
    return this.#inHand.get(logic) ?? 0;
  }

  /** Takes a cell out: it has ended, or it leaves memory while its state rests in the store. */
  dismiss(cell: Cell): void {
    if (this.cells.get(cell.address) !== cell) return;
    this.cells.delete(cell.address);
    this.#count(cell, -1);
  }

  /** Notes with a cell's owner, where that is loaded, that this cell ends with it. */
  linkOwner(cell: Cell): void {
    const { owner } = cell.spec;
    const owning = owner === undefined ? undefined : this.cells.get(owner);
    if (owning !== undefined) (owning.owned ??= new Set()).add(cell);
  }

  #count({ logic, spec }: Cell, by: number): void {
    const { kind, name } = logic;
    this.census.set(kind, (this.census.get(kind) ?? 0) + by);
    // Only those that wake may be given another logic, and they work for nobody.
    if (kind === 'agent' && spec.owner !== undefined) this.#inHand.set(name, this.inHand(name) + by);
  }
}
