/**
 * How budgets are opened by those who have one, and named to those who draw on them. A task, or else a workflow, that has a budget
 * has one actor that keeps the accounts of all that works for it (actors/budget/budget.ts).
 */
import type { BudgetPolicy, TaskBudget } from '../../protocol/tasks.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { type Amounts, limitOf } from './amounts.ts';

/** An account: the address of the actor that keeps it, and its id there. */
export interface AccountRef {
  readonly budget: string;
  readonly account: string;
}

/** What the actor of a budget is started with. */
export interface BudgetStart {
  readonly task: string;
  readonly priority: number;
  readonly label: string;
  /** Of its first account, `ROOT`. */
  readonly limit: Partial<Amounts>;
  readonly onExceed: readonly BudgetPolicy[];
}

/** The name of the logic in the kernel. */
export const BUDGET_LOGIC = 'budget';
/** The first account of every budget. */
export const ROOT = 'root';

const ON_EXCEED: readonly BudgetPolicy[] = ['stop'];

/** The first account of the budget of a task. */
export function taskAccount(task: string): AccountRef {
  return { budget: `${BUDGET_LOGIC}/${task}`, account: ROOT };
}

/** The actor of a budget. It ends with its owner. */
export function budgetSpec(
  { budget }: Pick<AccountRef, 'budget'>,
  start: Pick<BudgetStart, 'task' | 'priority' | 'label'>,
  limits: TaskBudget | undefined,
  cell: { readonly owner: string; readonly supervisor: string },
): ChildSpec {
  const { task, priority, label } = start;
  const input: BudgetStart = {
    ...{ task, priority, label, limit: limitOf(limits) ?? {} },
    onExceed: limits?.onExceed ?? ON_EXCEED,
  };
  return {
    address: budget,
    logic: BUDGET_LOGIC,
    input,
    ...cell,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
  };
}

/**
 * Opens an account under another; the same again changes nothing. It is closed by `closeAccount`, or with `user`, an actor.
 * @returns the account to draw on: the new one, or the one above where `budget` limits nothing
 */
export function openAccount(
  port: CellPort,
  above: AccountRef,
  account: {
    readonly id: string;
    readonly label: string;
    readonly budget: TaskBudget | undefined;
    readonly user: string;
  },
): AccountRef {
  const { id, label, budget, user } = account;
  const limit = limitOf(budget);
  if (limit === undefined) return above;
  const opening = { parent: above.account, label, limit, onExceed: budget?.onExceed ?? ON_EXCEED };
  port.send(above.budget, { type: 'budget.open', account: id, opening, user });
  return { budget: above.budget, account: id };
}

/** What an account below has left goes back. */
export function closeAccount(port: CellPort, { budget, account }: AccountRef): void {
  port.send(budget, { type: 'budget.close', account });
}
