/** Steps that are more than one call of an agent: what a stage (stage.ts) must know of them. */
import type { WorkflowStep } from '../../protocol/graph.ts';

/** What a stage needs to know of its step. */
export type StagedStep = Pick<
  WorkflowStep,
  | 'id'
  | 'agent'
  | 'capability'
  | 'workflow'
  | 'input'
  | 'retry'
  | 'timeoutMs'
  | 'delayMs'
  | 'signal'
  | 'approval'
  | 'loop'
  | 'fallback'
  | 'cache'
>;

const STAGED_FIELDS = [
  'id',
  'agent',
  'capability',
  'workflow',
  'input',
  'retry',
  'timeoutMs',
  'delayMs',
  'signal',
  'approval',
  'loop',
  'fallback',
  'cache',
] as const satisfies readonly (keyof StagedStep)[];

/** Whether a step names work, and does not only wait. */
export function hasTarget({ agent, capability, workflow }: StagedStep): boolean {
  return agent !== undefined || capability !== undefined || workflow !== undefined;
}

/** The part of a step that its stage needs; undefined for one that needs none. */
export function stagedPart(step: WorkflowStep): StagedStep | undefined {
  const { workflow, delayMs, signal, approval, loop, fallback } = step;
  if ([workflow, delayMs, signal, approval, loop, fallback].every((field) => field === undefined)) return undefined;
  const fields = STAGED_FIELDS.filter((field) => step[field] !== undefined).map((field) => [field, step[field]]);
  return Object.fromEntries(fields) as StagedStep;
}
