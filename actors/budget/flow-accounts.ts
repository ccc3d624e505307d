/**
 * The accounts of a workflow: one for itself where its graph has a budget, and one for each step that has one, under it. Where nothing
 * above it has a budget, the workflow has an actor of its own that keeps them. What holds for the workflow as a whole is what it was
 * begun by, also where it goes on by another version.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph, WorkflowStep } from '../../protocol/graph.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import { TASKS_SUPERVISOR } from '../task.ts';
import { type AccountRef, BUDGET_LOGIC, budgetSpec, closeAccount, openAccount, ROOT } from './account-ref.ts';
import { limitOf } from './amounts.ts';

/** What a flow was started with, as far as it concerns its accounts. */
interface FlowFunds {
  readonly task: string;
  readonly graph: WorkflowGraph;
  readonly priority: number;
  readonly account?: AccountRef;
  readonly within?: { readonly path: string };
}

/** Opens what the workflow as a whole needs, when it begins. */
export function openFlowAccounts(port: CellPort): void {
  const { task, graph, priority, account } = port.input as FlowFunds;
  const label = `the workflow ${graph.name}`;
  if (account !== undefined) {
    openAccount(port, account, { id: port.address, label, budget: graph.budget, user: port.address });
  } else if (hasBudget(graph)) {
    const cell = { owner: port.address, supervisor: TASKS_SUPERVISOR };
    port.startChild(budgetSpec(ownBudget(port), { task, priority, label }, graph.budget, cell));
  }
}

/** Opens the account of a step that has a budget, when it begins. */
export function openStepAccount(step: WorkflowStep, port: CellPort): void {
  if (limitOf(step.budget) === undefined) return;
  const { within } = port.input as FlowFunds;
  const label = `step ${within === undefined ? '' : `${within.path}.`}${step.id}`;
  const above = flowAccount(port) ?? ownBudget(port);
  openAccount(port, above, { id: idOf(step, port), label, budget: step.budget, user: port.address });
}

/** The step has ended. */
export function closeStepAccount(step: WorkflowStep, port: CellPort): void {
  if (limitOf(step.budget) === undefined) return;
  closeAccount(port, { ...(flowAccount(port) ?? ownBudget(port)), account: idOf(step, port) });
}

/** What a step draws on; undefined where there is no budget. */
export function stepAccount(step: WorkflowStep, port: CellPort): AccountRef | undefined {
  const above = flowAccount(port);
  if (limitOf(step.budget) === undefined) return above;
  return { ...(above ?? ownBudget(port)), account: idOf(step, port) };
}

/** Errors: STATE_CONFLICT for a version whose budgets nobody keeps, since the one that it was begun by has none. */
export function assertFunded(graph: WorkflowGraph, port: CellPort): void {
  const start = port.input as FlowFunds;
  if (start.account !== undefined || hasBudget(start.graph) || !hasBudget(graph)) return;
  const message = `It was begun without a budget, and cannot go on by ${graph.name}@${graph.version}, which has one.`;
  throw new OperatingError('STATE_CONFLICT', message);
}

function flowAccount(port: CellPort): AccountRef | undefined {
  const { account, graph } = port.input as FlowFunds;
  if (limitOf(graph.budget) === undefined) return account;
  return account === undefined ? ownBudget(port) : { budget: account.budget, account: port.address };
}

function hasBudget(graph: WorkflowGraph): boolean {
  return [graph, ...graph.steps].some(({ budget }) => limitOf(budget) !== undefined);
}

/** Where a workflow keeps its accounts where nothing above it has any. */
function ownBudget({ address }: CellPort): AccountRef {
  return { budget: `${BUDGET_LOGIC}/${address.slice(address.indexOf('/') + 1)}`, account: ROOT };
}

function idOf(step: WorkflowStep, { address }: CellPort): string {
  return `${address}/${step.id}`;
}
