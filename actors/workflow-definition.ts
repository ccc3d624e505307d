/** What a developer says of a workflow: the same data that goes over the wire. */
import { parseGraph, type WorkflowGraph } from '../protocol/graph.ts';

/** Marks what `defineWorkflow` made. Not enumerable: the graph stays plain data. */
const WORKFLOW = Symbol.for('troupe.workflow');

/**
 * Checks the shape of a workflow and marks it, so that a file can export it. What it names (agents, capabilities) is
 * checked when a node loads it.
 * Errors: WORKFLOW_INVALID, with every fault of the shape in `details.issues`.
 */
export function defineWorkflow(graph: unknown): WorkflowGraph {
  const parsed = parseGraph(graph);
  Object.defineProperty(parsed, WORKFLOW, { value: true });
  return parsed;
}

/** Whether a value was made by `defineWorkflow`. */
export function isWorkflowDefinition(value: unknown): value is WorkflowGraph {
  return typeof value === 'object' && value !== null && WORKFLOW in value;
}
