/**
 * A workflow at work that is moved to another version of itself: what is done stays done, what is under way goes on, and what has
 * not begun is as the other version says. That fits only where the steps that have begun are the same in both.
 */
import { isDeepStrictEqual } from 'node:util';
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph, WorkflowStep } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlowStart } from './flow-start.ts';
import type { StepStatus } from './graph-order.ts';

/** The row of a flow that was moved: what takes the place of what it was started with. */
export const MOVED_ROW = 'moved';

/** A version that a flow goes on by. */
export type FlowVersion = Required<Pick<FlowStart, 'graph' | 'reference' | 'pinned'>>;

/** What a flow goes by now. */
export function startOf(port: Pick<CellPort, 'input' | 'attached'>): FlowStart {
  const moved = port.attached().get(MOVED_ROW) as FlowVersion | undefined;
  const start = port.input as FlowStart;
  return moved === undefined ? start : { ...start, ...moved };
}

/**
 * Throws OperatingError: INVALID_INPUT for another workflow; STATE_CONFLICT where steps that have begun are not the same, each
 * with its place in the version that they were begun by, in `details.issues`.
 */
export function assertMovable(from: FlowStart, to: FlowVersion, statusOf: (step: string) => StepStatus): void {
  if (from.reference === undefined || from.graph.name !== to.graph.name) {
    const what = from.reference ?? 'a workflow that is not registered';
    throw new OperatingError(
      'INVALID_INPUT',
      `The task runs ${what}; it can be moved to other versions of that alone.`,
    );
  }
  const issues = from.graph.steps.flatMap((step, index) => {
    const status = statusOf(step.id);
    const problem = status === 'pending' || status === 'ready' ? undefined : problemOf(step, from.graph, status, to);
    return problem === undefined ? [] : [{ at: `/steps/${index}`, ...problem }];
  });
  const [first] = issues;
  if (first === undefined) return;
  const more = issues.length > 1 ? ` And ${issues.length - 1} more: see details.issues.` : '';
  throw new OperatingError('STATE_CONFLICT', `It cannot go on by ${to.reference}. ${first.message}${more}`, {
    details: { from: from.reference, to: to.reference, issues: issues.slice(0, LIMITS.issuesMax) },
  });
}

function problemOf(step: WorkflowStep, from: WorkflowGraph, status: StepStatus, { graph, reference }: FlowVersion) {
  const stands = status === 'running' ? 'is under way' : `is ${status}`;
  const other = graph.steps.find(({ id }) => id === step.id);
  if (other === undefined)
    return { code: 'STEP_GONE', message: `Step ${step.id} ${stands}, and is not there in ${reference}.` };
  const fields = changedFields(step, other);
  // What it is the else of decides about it too.
  if (!fields.includes('else') && !isDeepStrictEqual(conditionsBefore(step, from), conditionsBefore(other, graph)))
    fields.push('else');
  if (fields.length === 0) return undefined;
  const message = `Step ${step.id} ${stands}, and is another in ${reference}: ${fields.join(', ')}.`;
  return { code: 'STEP_CHANGED', message };
}

/** The conditions of the steps that a step is the else of. */
function conditionsBefore({ else: first }: WorkflowStep, { steps }: WorkflowGraph): readonly unknown[] {
  const conditions: unknown[] = [];
  for (let id = first; id !== undefined && conditions.length < steps.length; ) {
    const before = steps.find((one) => one.id === id);
    conditions.push(before?.when);
    id = before?.else;
  }
  return conditions;
}

/** What is for people changes nothing. */
function changedFields(step: WorkflowStep, other: WorkflowStep): string[] {
  const names = new Set([...Object.keys(step), ...Object.keys(other)]) as Set<keyof WorkflowStep>;
  return [...names].filter((name) => name !== 'description' && !isDeepStrictEqual(step[name], other[name])).toSorted();
}

/** The steps of a flow as it keeps them, for a plan of other steps: `p` for those that have not begun. */
export function lettersFor(
  plan: { readonly steps: readonly { readonly id: string }[] },
  letterOf: (step: string) => string | undefined,
): string {
  return plan.steps.map(({ id }) => letterOf(id) ?? 'p').join('');
}

/** The versions of a workflow, of which one is moved to another: a graph with what it calls. */
export function flowVersion(graph: WorkflowGraph, pinned: FlowVersion['pinned']): FlowVersion {
  return { graph, pinned, reference: `${graph.name}@${graph.version}` };
}
