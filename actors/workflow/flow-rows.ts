/**
 * The rows that a flow keeps beside its state. Each is written once, when what it says has happened, but for the two counters
 * of a fan-out and of its fold: so an end costs the same however many steps or items there are, and all that a flow knows can
 * be made again from its rows in one pass.
 *
 * A step without a row of its own has not ended. One that has not ended and needs no other that has not is under way.
 */
import type { Degradation } from '../../protocol/tasks.ts';
import type { Note } from './note.ts';

/** How the output of a fan-out is put together from the rows of its items. */
export type Joining = 'list' | 'some' | 'one';

/** `out/STEP`: how a step ended. */
export interface StepRow {
  /** The output; absent where it is `joined`, since the items' rows hold it. */
  readonly value?: unknown;
  readonly joined?: Joining;
  /** How many items there were, where it is joined. */
  readonly items?: number;
  /** Absent: it completed. */
  readonly as?: 'skipped' | 'degraded' | 'failed';
  /** What went wrong in it without failing the workflow. */
  readonly degraded?: readonly Degradation[];
  /** Of steps that can be undone: a number that grows with each end. */
  readonly order?: number;
}

/** `out/STEP/ITEM`: what an item put out. */
export interface ItemRow {
  readonly value: unknown;
  readonly degraded?: readonly Degradation[];
  readonly order?: number;
}

/** `fan/STEP`: a fan-out under way, and its first item that has not begun. */
export interface FanRow {
  readonly items: number;
  readonly next: number;
}

/** `acc/STEP`: the fold over the first items, whose own rows are gone by then. `left`: what it may still cost. */
export interface FoldRow {
  readonly value: unknown;
  readonly folded: number;
  readonly completed: number;
  readonly left: number;
}

/** The kinds of rows, by the first part of their keys; `bad`: a failed item, `rest`: one that waits for a person. */
type RowKind = 'out' | 'bad' | 'rest' | 'fan' | 'acc' | 'undone';

/** The key of a row. */
export function rowKey(kind: RowKind, step: string, item?: number): string {
  return item === undefined ? `${kind}/${step}` : `${kind}/${step}/${item}`;
}

/** The rows of one step. */
export interface RowsOfStep {
  own?: StepRow;
  fan?: FanRow;
  fold?: FoldRow;
  readonly items: (readonly [item: number, row: ItemRow])[];
  readonly failed: (readonly [item: number, note: Note])[];
  readonly resting: number[];
}

/** The rows by the steps that they are of. */
export function rowsBySteps(rows: ReadonlyMap<string, unknown>): Map<string, RowsOfStep> {
  const found = new Map<string, RowsOfStep>();
  for (const [key, row] of rows) {
    const [kind, step, item] = key.split('/');
    if (step === undefined) continue;
    let of = found.get(step);
    if (of === undefined) found.set(step, (of = { items: [], failed: [], resting: [] }));
    if (kind === 'fan') of.fan = row as FanRow;
    else if (kind === 'acc') of.fold = row as FoldRow;
    else if (kind === 'out' && item === undefined) of.own = row as StepRow;
    else if (kind === 'out') of.items.push([Number(item), row as ItemRow]);
    else if (kind === 'bad') of.failed.push([Number(item), row as Note]);
    else if (kind === 'rest') of.resting.push(Number(item));
  }
  return found;
}
