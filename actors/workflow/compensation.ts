/**
 * What a workflow that failed or was canceled has to undo: every step, and every item of a fan-out, that completed and says
 * how it is undone, the last first. Made from the rows of the flow, where the order of their ends and what has been undone
 * by now are kept; so it is the same after any restart.
 */
import type { ErrorBody, ErrorCode } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { stepAddress } from '../step.ts';
import { type ItemRow, rowKey, type StepRow } from './flow-rows.ts';
import { noteOf } from './note.ts';
import type { GraphPlan } from './graph-plan.ts';

/** A step, or an item of one. */
export interface Place {
  readonly step: string;
  readonly item?: number;
}

/** One to undo, and what it had put out. */
export interface Undo extends Place {
  readonly order: number;
  readonly output: unknown;
}

/** How undoing one went: nothing to say where it went well. */
export interface UndoneRow {
  readonly code?: ErrorCode;
  readonly message?: string;
}

interface Remaining extends Place {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What error details say of it: `more` are those that the lists leave out. */
export interface CompensationReport {
  readonly undone: number;
  readonly remaining?: readonly Remaining[];
  readonly cutOff?: readonly Place[];
  readonly more?: number;
}

/** Behind the id of a step, in the address of what undoes it. No id has this sign in it. */
const UNDO = '~undo';

/** The address of what undoes a step, or one of its items. */
export function undoAddress(task: string, { step, item }: Place): string {
  return stepAddress(task, `${step}${UNDO}`, item);
}

/** The compensation of one flow. */
export class Compensation {
  /** The next to undo is the last. */
  readonly #left: Undo[] = [];
  readonly #remaining: Remaining[] = [];
  #undone = 0;

  /** `rows`: those of the flow. */
  constructor(plan: GraphPlan, rows: ReadonlyMap<string, unknown>) {
    for (const [key, value] of rows) {
      const [kind, step = '', itemText] = key.split('/');
      if (kind !== 'out' || plan.byId.get(step)?.compensate === undefined) continue;
      const { order, value: output } = value as StepRow & ItemRow;
      if (order === undefined) continue;
      const place = itemText === undefined ? { step } : { step, item: Number(itemText) };
      const outcome = rows.get(rowKey('undone', step, place.item)) as UndoneRow | undefined;
      if (outcome === undefined) this.#left.push({ ...place, order, output: output ?? null });
      else this.#note(place, outcome);
    }
    this.#left.sort((a, b) => a.order - b.order);
  }

  /** The one that is undone now. */
  get current(): Undo | undefined {
    return this.#left.at(-1);
  }

  /** How many are left, with the one that is undone now. */
  get left(): number {
    return this.#left.length;
  }

  /** The current one is over. */
  over(outcome: UndoneRow): void {
    const undo = this.#left.pop();
    if (undo !== undefined) this.#note(undo, outcome);
  }

  /** What became of all of it; those that are left were not undone, as `error` says. `cutOff`: see `FlowState`. */
  report(
    error: Pick<ErrorBody, 'code' | 'message'>,
    cutOff: readonly Place[],
    named: (place: Place) => Place,
  ): CompensationReport {
    const left = this.#left.toReversed().map((undo) => ({ ...placeOf(undo), ...noteOf(error) }));
    const remaining = [...this.#remaining, ...left].map((one) => ({ ...one, ...named(one) }));
    return bounded({ undone: this.#undone, remaining, cutOff: cutOff.map(named), more: 0 });
  }

  #note(
    { step, item }: { readonly step: string; readonly item?: number | undefined },
    { code, message }: UndoneRow,
  ): void {
    if (code === undefined) this.#undone++;
    else this.#remaining.push({ ...placeOf({ step, item }), code, message: message ?? '' });
  }
}

/** The reports of a workflow and of one that it called, as one. */
export function mergeReports(one: CompensationReport | undefined, other: CompensationReport): CompensationReport {
  return bounded({
    undone: (one?.undone ?? 0) + other.undone,
    remaining: [...(one?.remaining ?? []), ...(other.remaining ?? [])],
    cutOff: [...(one?.cutOff ?? []), ...(other.cutOff ?? [])],
    more: (one?.more ?? 0) + (other.more ?? 0),
  });
}

function bounded({ undone, remaining, cutOff, more: left }: Required<CompensationReport>): CompensationReport {
  const max = LIMITS.compensationListMax;
  const more = left + Math.max(0, remaining.length - max) + Math.max(0, cutOff.length - max);
  return {
    undone,
    ...(remaining.length > 0 && { remaining: remaining.slice(0, max) }),
    ...(cutOff.length > 0 && { cutOff: cutOff.slice(0, max) }),
    ...(more > 0 && { more }),
  };
}

function placeOf({ step, item }: { readonly step: string; readonly item?: number | undefined }): Place {
  return item === undefined ? { step } : { step, item };
}
