/**
 * A fan-out under way: which of its items have begun, how they ended, and what they put out. It decides which item is next
 * and when enough of them have ended; it starts and writes nothing itself.
 *
 * Outputs are kept by the place of their items, so that what comes of them does not depend on who was faster. Those that are
 * folded are let go of as soon as all before them are there.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { createMeter } from './expression.ts';
import type { Scope } from './expression-frame.ts';
import { type Meter, OPERATIONS_MAX } from './expression-meter.ts';
import type { FoldRow, Joining, RowsOfStep } from './flow-rows.ts';
import type { Note } from './note.ts';
import type { PlannedStep } from './graph-plan.ts';
import { type ItemCounts, judgeMerge, type MergeVerdict, neededOf } from './merge.ts';

/** Items at a time where the step does not say. */
const CONCURRENCY_DEFAULT = 16;
/** Items folded between two rows of a fold. */
const FOLD_ITEMS = 256;

/** What was lost over an item. */
export interface ItemFailure extends Note {
  readonly item: number;
}

/** One fan-out. */
export class FanOut {
  readonly items: readonly unknown[];
  readonly merge: string;
  readonly #step: PlannedStep;
  readonly #limit: number;
  #next = 0;
  #completed = 0;
  readonly #running = new Set<number>();
  readonly #resting = new Set<number>();
  /** By item; undefined where there is none, or none any more. */
  readonly #outputs: unknown[];
  readonly #failed = new Set<number>();
  #first: ItemFailure | undefined;
  readonly #fold: Fold | undefined;

  /** `initial`: what the fold begins with. */
  constructor(step: PlannedStep, items: readonly unknown[], initial: () => unknown) {
    this.#step = step;
    this.items = items;
    this.merge = step.step.merge ?? 'all';
    this.#limit = step.step.concurrency ?? CONCURRENCY_DEFAULT;
    this.#outputs = new Array<unknown>(items.length).fill(undefined);
    if (step.reduce !== undefined) this.#fold = new Fold(step, initial());
  }

  /** Goes on with one that was stored. */
  restore({ fan, fold, items, failed, resting }: RowsOfStep): void {
    this.#next = fan?.next ?? 0;
    if (fold !== undefined) this.#fold?.restore(fold);
    const begin = fold?.folded ?? 0;
    this.#completed = fold?.completed ?? 0;
    for (const [item, note] of failed) this.#noteFailure(item, note);
    for (const [item, { value }] of items) {
      if (item < begin) continue;
      this.#outputs[item] = value ?? null;
      this.#completed++;
    }
    for (let item = begin; item < this.#next; item++)
      if (this.#outputs[item] === undefined && !this.#failed.has(item)) this.#running.add(item);
    for (const item of resting) if (this.#running.delete(item)) this.#resting.add(item);
  }

  get counts(): ItemCounts {
    return { items: this.items.length, completed: this.#completed, failed: this.#failed.size };
  }

  get next(): number {
    return this.#next;
  }

  /** How many must end well. */
  get needed(): number {
    return neededOf(this.merge, this.items.length);
  }

  get verdict(): MergeVerdict {
    return judgeMerge(this.merge, this.counts, this.#step.step.optional === true);
  }

  /** Whether another item may begin. */
  get hasRoom(): boolean {
    return this.#next < this.items.length && this.#running.size < this.#limit;
  }

  /** Of the failures, that of the first item. */
  get firstFailure(): ItemFailure | undefined {
    return this.#first;
  }

  /** Items that have begun and not ended. */
  get underWay(): readonly number[] {
    return [...this.#running, ...this.#resting];
  }

  /** Those of them that wait for a person. */
  get resting(): readonly number[] {
    return [...this.#resting];
  }

  isUnderWay(item: number): boolean {
    return this.#running.has(item) || this.#resting.has(item);
  }

  /** The item that begins now. */
  begin(): number {
    const item = this.#next++;
    this.#running.add(item);
    return item;
  }

  /**
   * One that waits for a person gives its place to the next. It goes on as soon as it can, also where that makes one more than
   * the limit: those that took its place are under way. False where nothing changed.
   */
  rest(item: number, rests: boolean): boolean {
    const [from, to] = rests ? [this.#running, this.#resting] : [this.#resting, this.#running];
    if (!from.delete(item)) return false;
    to.add(item);
    return true;
  }

  complete(item: number, output: unknown): void {
    this.#over(item);
    this.#outputs[item] = output ?? null;
    this.#completed++;
  }

  fail(item: number, note: Note): void {
    this.#over(item);
    this.#noteFailure(item, note);
  }

  /**
   * Folds what can be folded by now. Gives the row to be written where it is time, and the items whose rows it replaces.
   * Errors: INVALID_INPUT, as an expression; the whole fold has the budget of one.
   */
  fold(
    scopeOf: (item: number, output: unknown) => Scope,
  ): { readonly row: FoldRow; readonly from: number } | undefined {
    return this.#fold?.advance(this.#outputs, (item) => this.#failed.has(item), scopeOf);
  }

  /** How the output is put together, by what was asked for. */
  get joining(): Joining {
    if (this.merge === 'any') return 'one';
    return this.merge === 'all' ? 'list' : 'some';
  }

  /** The output, with what there is. */
  get output(): unknown {
    return this.#fold === undefined ? joined(this.joining, this.#outputs) : this.#fold.value;
  }

  #over(item: number): void {
    this.#running.delete(item);
    this.#resting.delete(item);
  }

  #noteFailure(item: number, { code, message }: Note): void {
    this.#failed.add(item);
    if (this.#first === undefined || item < this.#first.item) this.#first = { item, code, message };
  }
}

/** Puts an output together; `undefined` is an item without one. */
export function joined(joining: Joining, outputs: readonly unknown[]): unknown {
  if (joining === 'list') return outputs.map((output) => output ?? null);
  const there = outputs.filter((output) => output !== undefined);
  return joining === 'some' ? there : (there[0] ?? null);
}

/** A fold in the order of the items, as far as they have ended. */
class Fold {
  readonly #step: PlannedStep;
  #meter: Meter = createMeter();
  #folded = 0;
  #completed = 0;
  #written = 0;
  value: unknown;

  constructor(step: PlannedStep, initial: unknown) {
    this.#step = step;
    this.value = initial ?? null;
  }

  restore({ value, folded, completed, left }: FoldRow): void {
    this.value = value;
    this.#folded = folded;
    this.#written = folded;
    this.#completed = completed;
    this.#meter = { left };
  }

  advance(
    outputs: unknown[],
    isFailed: (item: number) => boolean,
    scopeOf: (item: number, output: unknown) => Scope,
  ): { readonly row: FoldRow; readonly from: number } | undefined {
    for (; this.#folded < outputs.length; this.#folded++) {
      const output = outputs[this.#folded];
      if (output === undefined && !isFailed(this.#folded)) break;
      if (output === undefined) continue;
      this.#take(scopeOf(this.#folded, output));
      outputs[this.#folded] = undefined;
      this.#completed++;
    }
    if (this.#folded - this.#written < FOLD_ITEMS) return undefined;
    const from = this.#written;
    this.#written = this.#folded;
    const row = { value: this.value, folded: this.#folded, completed: this.#completed, left: this.#meter.left };
    return { row, from };
  }

  #take(scope: Scope): void {
    const { reduce, index } = this.#step;
    if (reduce === undefined) return;
    const at = `/steps/${index}/reduce/with`;
    // The price of the body of a loop, as in a macro.
    this.#meter.left -= reduce.with.nodes;
    if (this.#meter.left < 0) {
      const most = OPERATIONS_MAX.toLocaleString('en');
      const message = `The fold at ${at} takes more than ${most} operations over its ${this.#folded + 1} items so far.`;
      throw new OperatingError('INVALID_INPUT', message, { details: { at } });
    }
    this.value = reduce.with.evaluate({ ...scope, acc: this.value }, at, this.#meter) ?? null;
  }
}
