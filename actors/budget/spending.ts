/**
 * The budget as the code of a run sees it: what is left, and where it says what it has used. Each report is written down once
 * under its place in the run, and told to the task and its budget in the same epoch. A run that goes on after a crash makes the
 * same reports again, and finds them there.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { type Amounts, sum } from './amounts.ts';
import { currentSpendScope } from './spend-scope.ts';
import { reportsOf, type Spending, spentIn } from './usage.ts';

/** What an agent sees of the budget that it works within. */
export interface RunBudget {
  /**
   * What this run may still use; a field is there only where something limits it. `timeMs` is the time that the run has left, by its
   * budget or its deadline. As of now: others that draw on the same budget work beside it.
   */
  readonly left: Partial<Amounts>;
  /**
   * Says that so much was used, since the last report; durable with what else the run has recorded.
   * Errors: BUDGET_EXCEEDED, where it is more than was left (it counts all the same); INVALID_INPUT for what is no amount;
   * CANCELED where nobody waits for this work any more; LIVELOCK.
   */
  spend(spending: Spending): void;
}

/** What reports are kept by. */
export interface SpendShelf {
  recorded(): ReadonlyMap<string, unknown>;
  /** Writes a report down and tells those whom it concerns. Errors: CANCELED. */
  record(row: string, spending: Spending): void;
  /** What the budget's keeper knows: what is left for this run, and what it has heard of it. Undefined: there is no budget. */
  keeper():
    | { readonly left: Partial<Amounts>; readonly heard: Pick<Amounts, 'usd' | 'tokens'>; readonly sinceMs: number }
    | undefined;
}

/** Where one call of a run stands. */
export interface SpendPlace {
  readonly attempt: number;
  /** The key of the call, with the life of its actor. */
  readonly call: string;
  readonly deadlineAtMs: number | undefined;
  nowMs(): number;
}

/** Reports of one run. Over it: LIVELOCK, since reports without bound are a loop without end. */
const REPORTS_MAX = 10_000;

/** The budget of one call, as its code sees it. */
export class CallBudget implements RunBudget {
  readonly #shelf: SpendShelf;
  readonly #place: SpendPlace;
  /** Reports outside of journaled calls. */
  #count = 0;
  #reports = 0;

  constructor(shelf: SpendShelf, place: SpendPlace) {
    this.#shelf = shelf;
    this.#place = place;
  }

  get left(): Partial<Amounts> {
    const { attempt, deadlineAtMs, nowMs } = this.#place;
    const keeper = this.#shelf.keeper();
    const untilDeadlineMs = deadlineAtMs === undefined ? undefined : Math.max(0, deadlineAtMs - nowMs());
    if (keeper === undefined) return untilDeadlineMs === undefined ? {} : { timeMs: untilDeadlineMs };
    const { left, heard, sinceMs } = keeper;
    const spent = spentIn(this.#shelf.recorded(), attempt);
    const tokens = (spent?.tokensIn ?? 0) + (spent?.tokensOut ?? 0);
    const timeMs =
      left.timeMs === undefined
        ? untilDeadlineMs
        : Math.max(0, Math.min(left.timeMs - (nowMs() - sinceMs), untilDeadlineMs ?? Infinity));
    return {
      ...left,
      // What is on its way to the keeper has been used all the same.
      ...(left.usd !== undefined && { usd: sum('usd', left.usd, heard.usd - (spent?.usd ?? 0)) }),
      ...(left.tokens !== undefined && { tokens: left.tokens + heard.tokens - tokens }),
      ...(timeMs !== undefined && { timeMs }),
    };
  }

  get spend(): RunBudget['spend'] {
    return (spending) => this.#spend(spending);
  }

  #spend(spending: Spending): void {
    if (++this.#reports > REPORTS_MAX)
      throw new OperatingError('LIVELOCK', `A run reported more than ${REPORTS_MAX} times what it used.`);
    const kept = checkedSpending(spending);
    const row = this.#nextRow();
    if (!this.#shelf.recorded().has(row)) this.#shelf.record(row, kept);
    refuseOverspent(this.left);
  }

  #nextRow(): string {
    const { attempt, call } = this.#place;
    const scope = currentSpendScope();
    const at = scope === undefined ? `#${++this.#count}` : `${scope.name}#${++scope.count}`;
    return `${reportsOf(attempt)}${call}/${at}`;
  }
}

/** Errors: BUDGET_EXCEEDED, where less than nothing is left. */
export function refuseOverspent(left: Partial<Amounts>): void {
  const { usd = 0, tokens = 0 } = left;
  if (usd >= 0 && tokens >= 0) return;
  const over = usd < 0 ? `${sum('usd', 0, -usd)} USD` : `${-tokens} tokens`;
  const message = `The run has used ${over} more than was left of its budget. What it used counts; it cannot go on.`;
  throw new OperatingError('BUDGET_EXCEEDED', message, { details: { left } });
}

/** A report with all of its fields. Errors: INVALID_INPUT for what is no amount. */
export function checkedSpending(spending: Spending): Spending {
  const { usd = 0, tokensIn = 0, tokensOut = 0 } = spending;
  const isMoney = Number.isFinite(usd) && usd >= 0;
  const areTokens = [tokensIn, tokensOut].every((tokens) => Number.isSafeInteger(tokens) && tokens >= 0);
  if (!isMoney || !areTokens) {
    throw new OperatingError(
      'INVALID_INPUT',
      'What was spent must be { usd, tokensIn, tokensOut }: US dollars as a number of 0 or more, tokens as whole numbers.',
      { retryable: false },
    );
  }
  return { usd, tokensIn, tokensOut };
}
