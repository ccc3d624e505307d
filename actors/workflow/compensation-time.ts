/** Whether a workflow, with those that it calls, has anything to undo, and how long that may take. */
import type { WorkflowGraph } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { FlowStart } from './flow-start.ts';

/** How long the workflow itself may take to undo its steps, in ms. */
export function ownCompensationMs({ compensationMs = LIMITS.compensationDefaultMs }: WorkflowGraph): number {
  return compensationMs;
}

/**
 * How long the workflow may take to undo its steps, where it or one that it calls can be undone at all: those undo themselves
 * before it does, within their own times.
 */
export function compensationMsOf({ graph, pinned = {} }: Pick<FlowStart, 'graph' | 'pinned'>): number | undefined {
  const graphs = [graph, ...Object.values(pinned)].filter((one) => canUndo(one));
  if (graphs.length === 0) return undefined;
  return graphs.reduce((sum, one) => sum + ownCompensationMs(one), 0);
}

/** Whether any of the workflows that a flow calls can be undone. */
export function callsUndoable({ pinned = {} }: Pick<FlowStart, 'pinned'>): boolean {
  return Object.values(pinned).some((graph) => canUndo(graph));
}

function canUndo({ steps }: WorkflowGraph): boolean {
  return steps.some(({ compensate }) => compensate !== undefined);
}

/**
 * How long a workflow that failed waits for what still runs before it undoes its own steps: a moment, and where it has called
 * workflows that undo themselves, their time.
 */
export function settleMsOf({ pinned = {} }: Pick<FlowStart, 'pinned'>): number {
  const called = Object.values(pinned).filter((graph) => canUndo(graph));
  return LIMITS.compensationSettleMs + called.reduce((sum, graph) => sum + ownCompensationMs(graph), 0);
}
