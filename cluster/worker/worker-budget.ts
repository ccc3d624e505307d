/**
 * The budget as the code of a call on a worker sees it. What is left comes with the call and with answers; what was spent since is
 * reckoned here, so that who uses it up hears of it at once, as at the owner.
 */
import { type Amounts, sum } from '../../actors/budget/amounts.ts';
import { checkedSpending, refuseOverspent, type RunBudget } from '../../actors/budget/spending.ts';
import type { Spending } from '../../actors/budget/usage.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { World } from '../../runtime/world.ts';
import type { MeshOutcome } from './function-run.ts';

/** What a budget needs of its call. */
export interface BudgetPlace {
  readonly world: World;
  readonly deadlineAtMs: number | undefined;
  /** What is left at the beginning, where there is a budget. */
  readonly left: Partial<Amounts> | undefined;
  /** Tells the owner. @returns the number of the request. Errors: LIVELOCK. */
  report(spending: Spending, answered: (outcome: MeshOutcome) => void): number;
}

/** The budget of one call. */
export class WorkerBudget implements RunBudget {
  readonly #place: BudgetPlace;
  #left: Partial<Amounts> | undefined;
  #sinceMs: number;
  /** Reports that are not part of what is left yet, by the numbers of their requests. */
  readonly #newer = new Map<number, Spending>();
  /** The owner has refused a report that there was enough left for here: others draw on the same budget. */
  #refusal: OperatingError | undefined;

  constructor(place: BudgetPlace) {
    this.#place = place;
    this.#left = place.left;
    this.#sinceMs = place.world.monotonicMs();
  }

  get left(): Partial<Amounts> {
    const { world, deadlineAtMs } = this.#place;
    const untilDeadlineMs = deadlineAtMs === undefined ? undefined : Math.max(0, deadlineAtMs - world.nowMs());
    const left = this.#left;
    if (left === undefined) return untilDeadlineMs === undefined ? {} : { timeMs: untilDeadlineMs };
    let { usd, tokens } = left;
    for (const spent of this.#newer.values()) {
      if (usd !== undefined) usd = sum('usd', usd, -(spent.usd ?? 0));
      if (tokens !== undefined) tokens -= (spent.tokensIn ?? 0) + (spent.tokensOut ?? 0);
    }
    const gone = world.monotonicMs() - this.#sinceMs;
    const timeMs = left.timeMs === undefined ? untilDeadlineMs : Math.max(0, left.timeMs - gone);
    return {
      ...left,
      ...(usd !== undefined && { usd }),
      ...(tokens !== undefined && { tokens }),
      ...(timeMs !== undefined && { timeMs }),
    };
  }

  get spend(): RunBudget['spend'] {
    return (spending) => this.#spend(spending);
  }

  /** What is left, as the owner said it when it answered a request: all that was asked before that one is part of it. */
  renew(request: number, left: Partial<Amounts>): void {
    this.#left = left;
    this.#sinceMs = this.#place.world.monotonicMs();
    for (const number of this.#newer.keys()) if (number <= request) this.#newer.delete(number);
  }

  #spend(spending: Spending): void {
    const kept = checkedSpending(spending);
    const number = this.#place.report(kept, (outcome) => {
      if (!outcome.ok && outcome.error.code === 'BUDGET_EXCEEDED')
        this.#refusal = OperatingError.fromBody(outcome.error);
    });
    if (this.#left !== undefined) this.#newer.set(number, kept);
    refuseOverspent(this.left);
    if (this.#refusal !== undefined) throw this.#refusal;
  }
}
