/** Where the work of a step is done: by the step's actor, or by the stage in front of it. */
import { stepAddress } from '../step.ts';
import type { FlowStart } from './flow-start.ts';
import type { PlannedStep } from './graph-plan.ts';
import { stageAddress } from './stage-start.ts';
import { stepPath } from './stage-path.ts';

/** The address of what a flow has started for a step, or for one of its items. */
export function workAddress(
  { task, within }: Pick<FlowStart, 'task' | 'within'>,
  { id, staged }: PlannedStep,
  item?: number,
): string {
  const path = stepPath(within?.path, id);
  return staged === undefined ? stepAddress(task, path, item) : stageAddress(task, path, item);
}
