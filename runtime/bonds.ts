/**
 * Monitors and links between cells, as in OTP. A monitor tells one cell, once, that the life of another is over; a link ends
 * both with whichever ends first, but for normal ends, or tells the one that traps exits.
 *
 * What a cell watches and is linked to is a row of its own, written in the same epoch as the turn that asked, and taken out
 * in the epoch of the end that it tells of: so that neither a kill of the node nor a restore tells of an end twice or never.
 * A life is over when its cell ends, when it is given up, and when it is reset. A crash after which it resumes is no end.
 */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import { BONDS_ROW } from './cell-rows.ts';
import type { Exit } from './exit.ts';
import type { ActorEvent } from './host.ts';

/** Monitors and links of one cell, together. Beyond it, one is answered as if there were nobody at that address: BUSY. */
export const BONDS_MAX = 1_000;

/** What bonds need of the kernel. */
export interface BondDesk {
  /** A cell in memory, or one that is on its way there. */
  find(address: string): Cell | undefined;
  post(to: string, event: ActorEvent): void;
  attach(cell: Cell, key: string, value: unknown): void;
  touch(cell: Cell): void;
  endCell(cell: Cell, exit: Exit): void;
}

interface Row {
  readonly monitors: readonly (readonly [ref: string, address: string])[];
  readonly links: readonly string[];
  readonly trapsExit: boolean;
}

/** How a life ended; `noproc`: there was none when it was asked for. */
type Over = Exit | { readonly reason: 'noproc'; readonly error?: ErrorBody };

const NO_BONDS: Row = { monitors: [], links: [], trapsExit: false };

/** The bonds of one kernel's cells. */
export class Bonds {
  readonly #desk: BondDesk;
  /** Who watches an address, by reference. */
  readonly #watchers = new Map<string, Map<string, string>>();
  /** Ends that are still to be told of: one end may cause others, in a chain of any length. */
  readonly #told: (() => void)[] = [];
  #isTelling = false;
  /** Known once the node has loaded what a start loads. */
  #isThere: ((address: string) => boolean) | undefined;

  constructor(desk: BondDesk) {
    this.#desk = desk;
  }

  /** `cell` hears when the life at `address` is over: at once, if there is none. */
  monitor(cell: Cell, ref: string, address: string): void {
    const row = rowOf(cell);
    if (isFull(row)) return this.#down(cell.address, ref, address, refusal(cell));
    if (this.#desk.find(address) === undefined) return this.#down(cell.address, ref, address, { reason: 'noproc' });
    this.#watch(cell.address, ref, address);
    this.#keep(cell, { ...row, monitors: [...row.monitors, [ref, address]] });
  }

  /** It no longer hears of it. `flush`: not even if it has happened and is waiting to be handled. */
  demonitor(cell: Cell, ref: string, flush: boolean): void {
    const row = rowOf(cell);
    const address = row.monitors.find(([one]) => one === ref)?.[1];
    if (address !== undefined) {
      this.#unwatch(ref, address);
      this.#keep(cell, { ...row, monitors: row.monitors.filter(([one]) => one !== ref) });
    }
    if (!flush) return;
    cell.mailbox.discard(
      (envelope) => envelope.kind === 'event' && envelope.event.type === 'down' && envelope.event['ref'] === ref,
    );
    this.#desk.touch(cell);
  }

  /** The two end together from now on. */
  link(cell: Cell, address: string): void {
    const row = rowOf(cell);
    if (address === cell.address || row.links.includes(address)) return;
    const other = this.#desk.find(address);
    if (isFull(row)) this.#signal(cell, address, refusal(cell));
    else if (other === undefined) this.#signal(cell, address, { reason: 'noproc' });
    else if (isFull(rowOf(other))) this.#signal(cell, address, refusal(other));
    else {
      this.#keep(cell, { ...row, links: [...row.links, address] });
      const theirs = rowOf(other);
      this.#keep(other, { ...theirs, links: [...theirs.links, cell.address] });
    }
  }

  unlink(cell: Cell, address: string): void {
    this.#cut(cell, address);
    const other = this.#desk.find(address);
    if (other !== undefined) this.#cut(other, cell.address);
  }

  /** Whether ends of those that it is linked to come as events, instead of ending it. */
  trapExit(cell: Cell, isOn: boolean): void {
    this.#keep(cell, { ...rowOf(cell), trapsExit: isOn });
  }

  /** The life of a cell is over: those concerned are told, and it hears of nobody any more. */
  over(cell: Cell, exit: Exit): void {
    const row = cell.attachments?.get(BONDS_ROW) as Row | undefined;
    if (row === undefined && !this.#watchers.has(cell.address)) return;
    const { address } = cell;
    if (row !== undefined) {
      for (const [ref, watched] of row.monitors) this.#unwatch(ref, watched);
      if (cell.phase !== 'ended') this.#desk.attach(cell, BONDS_ROW, undefined);
    }
    this.#tell(() => {
      this.#fire(address, exit);
      for (const other of row?.links ?? []) this.#part(other, address, exit);
    });
  }

  /**
   * Cells have come back from the store, all of those that a start loads at once: what they watched and were linked to is
   * again, and what is no longer there is told of. `isThere` knows what is not in memory but has not ended.
   */
  restored(cells: Iterable<Cell>, isThere: (address: string) => boolean): void {
    this.#isThere = isThere;
    const bound = [...cells].filter((cell) => cell.attachments?.has(BONDS_ROW) === true);
    for (const cell of bound)
      for (const [ref, address] of rowOf(cell).monitors) this.#watch(cell.address, ref, address);
    for (const cell of bound) {
      const { monitors, links } = rowOf(cell);
      for (const [, address] of monitors) if (!isThere(address)) this.#fire(address, { reason: 'noproc' });
      for (const address of links) if (!isThere(address)) this.#part(cell.address, address, { reason: 'noproc' });
    }
  }

  /** The same for one cell that comes later. */
  readmit(cell: Cell): void {
    if (this.#isThere !== undefined && cell.attachments?.has(BONDS_ROW) === true) this.restored([cell], this.#isThere);
  }

  #tell(tell: () => void): void {
    this.#told.push(tell);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) next();
    this.#isTelling = false;
  }

  #fire(address: string, over: Over): void {
    const watchers = this.#watchers.get(address);
    if (watchers === undefined) return;
    this.#watchers.delete(address);
    for (const [ref, watcher] of watchers) {
      const cell = this.#desk.find(watcher);
      if (cell === undefined) continue;
      const row = rowOf(cell);
      this.#keep(cell, { ...row, monitors: row.monitors.filter(([one]) => one !== ref) });
      this.#down(watcher, ref, address, over);
    }
  }

  /** One of two that are linked has ended: the other learns it. */
  #part(left: string, address: string, over: Over): void {
    const cell = this.#desk.find(left);
    if (cell === undefined || !rowOf(cell).links.includes(address)) return;
    this.#cut(cell, address);
    this.#signal(cell, address, over);
  }

  #signal(cell: Cell, address: string, over: Over): void {
    const { reason } = over;
    const error = errorOf(over);
    if (rowOf(cell).trapsExit) {
      this.#desk.post(cell.address, { type: 'exit', address, reason, ...(error && { error }) });
    } else if (reason !== 'normal') this.#desk.endCell(cell, deathOf(address, over));
  }

  #down(watcher: string, ref: string, address: string, over: Over): void {
    const error = errorOf(over);
    this.#desk.post(watcher, { type: 'down', ref, address, reason: over.reason, ...(error && { error }) });
  }

  #watch(watcher: string, ref: string, address: string): void {
    let watchers = this.#watchers.get(address);
    if (watchers === undefined) this.#watchers.set(address, (watchers = new Map()));
    watchers.set(ref, watcher);
  }

  #unwatch(ref: string, address: string): void {
    const watchers = this.#watchers.get(address);
    if (watchers?.delete(ref) && watchers.size === 0) this.#watchers.delete(address);
  }

  #cut(cell: Cell, address: string): void {
    const row = rowOf(cell);
    if (row.links.includes(address)) this.#keep(cell, { ...row, links: row.links.filter((one) => one !== address) });
  }

  #keep(cell: Cell, row: Row): void {
    const isEmpty = row.monitors.length + row.links.length === 0 && !row.trapsExit;
    this.#desk.attach(cell, BONDS_ROW, isEmpty ? undefined : row);
    // Whether a start loads it depends on this.
    this.#desk.touch(cell);
  }
}

function rowOf(cell: Cell): Row {
  return (cell.attachments?.get(BONDS_ROW) as Row | undefined) ?? NO_BONDS;
}

function isFull({ monitors, links }: Row): boolean {
  return monitors.length + links.length >= BONDS_MAX;
}

function refusal({ address }: Cell): Over {
  const error = new OperatingError(
    'BUSY',
    `${address} has ${BONDS_MAX} monitors and links, the most that one can have.`,
  );
  return { reason: 'noproc', error: error.toBody() };
}

function errorOf(over: Over): ErrorBody | undefined {
  return 'error' in over ? over.error : undefined;
}

/** The end of one that was linked to another. */
function deathOf(address: string, over: Over): Exit {
  const cause = errorOf(over);
  const message = `It was linked to ${address}, which ended (${over.reason})${cause === undefined ? '.' : `: ${cause.message}`}`;
  const details = { address, reason: over.reason, ...(cause && { cause }) };
  const error = new OperatingError('AGENT_CRASHED', message, { details }).toBody();
  return { reason: over.reason === 'shutdown' ? 'shutdown' : 'crashed', error };
}
