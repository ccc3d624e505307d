/** The calls that a stage makes: the step's own, those that it falls back to, and the flows of workflows among them. */
import { OperatingError } from '../../protocol/errors.ts';
import { fallbacksOf, type WorkflowCall } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { compensationMsOf } from './compensation-time.ts';
import { FLOW_LOGIC, type FlowStart, flowAddress } from './flow-start.ts';
import { depthOf, type Turn, turnPath } from './stage-path.ts';
import type { StagedStep } from './staged-step.ts';
import type { StageStart } from './stage-start.ts';
import { workerSpec } from './step-call.ts';
import { calledBySteps, pinsOf } from './workflow-pins.ts';

/** The call of a step: 0 is its own, from 1 on those that it falls back to. */
export function calledBy(step: StagedStep, fallback: number): WorkflowCall | undefined {
  return fallback === 0 ? step : fallbacksOf(step)[fallback - 1];
}

/** Whether a call is of a workflow. */
export function isOfWorkflow(call: WorkflowCall): call is WorkflowCall & { readonly workflow: string } {
  return call.workflow !== undefined;
}

/** Whom a call calls, as people and the log name it: a workflow by its version. */
export function reference(call: WorkflowCall, { pinned }: Pick<StageStart, 'pinned'>): string {
  const { agent, capability, workflow = '' } = call;
  const graph = pinned?.[workflow];
  return agent ?? capability ?? (graph === undefined ? workflow : `${graph.name}@${graph.version}`);
}

/** Whether the workflow of a call has anything to undo. */
export function canUndoCall({ workflow = '' }: WorkflowCall, { pinned = {} }: Pick<StageStart, 'pinned'>): boolean {
  const graph = Object.hasOwn(pinned, workflow) ? pinned[workflow] : undefined;
  return graph !== undefined && compensationMsOf({ graph, pinned }) !== undefined;
}

/**
 * The flow that does the work of a step. Throws OperatingError: NOT_FOUND, the workflow was not there when the task began;
 * WORKFLOW_INVALID, it is called too far down.
 */
export function flowCallSpec(
  start: StageStart,
  stage: string,
  call: WorkflowCall & { readonly workflow: string },
  input: unknown,
  turn: Omit<Turn, 'item'>,
): ChildSpec {
  const { task, priority, deadlineAtMs, account, cache, item, pinned = {} } = start;
  const graph = Object.hasOwn(pinned, call.workflow) ? pinned[call.workflow] : undefined;
  if (graph === undefined) throw new OperatingError('NOT_FOUND', `The workflow ${call.workflow} is not there.`);
  if (depthOf(start.path) >= LIMITS.workflowDepthMax) {
    const message = `${call.workflow} is called by ${LIMITS.workflowDepthMax} workflows inside of one another, the most there may be.`;
    throw new OperatingError('WORKFLOW_INVALID', message, { details: { path: start.path } });
  }
  const path = turnPath(start.path, { ...turn, item });
  const flow: FlowStart = {
    task,
    graph,
    input,
    priority,
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
    ...(account !== undefined && { account }),
    ...(cache !== undefined && { cache }),
    reference: reference(call, start),
    pinned: pinsOf(calledBySteps(graph.steps), pinned),
    within: { path, stage },
  };
  return workerSpec(start, stage, { address: flowAddress(task, path), logic: FLOW_LOGIC, input: flow });
}
