/** What a plan is like before it runs: what waits for what, what decides how long it takes, what nobody uses. Pure. */
import type { GraphPlan, PlannedStep } from '../workflow/graph-plan.ts';

/** The shape of a plan. */
export interface PlanAnalysis {
  readonly steps: number;
  /** Steps by level: those of one level may run side by side. */
  readonly levels: readonly (readonly string[])[];
  /** The most steps that may run side by side, fan-outs not counted. */
  readonly width: number;
  /** The chain of steps that takes longest, by the durations given. */
  readonly criticalPath: readonly string[];
  /** Steps whose output nobody reads and that no other step waits for, and that are not the result either. */
  readonly unusedOutputs: readonly string[];
}

/** Looks at a plan. `durationMsOf` is how long a step is expected to take. Linear in its edges. */
export function analysePlan(plan: GraphPlan, durationMsOf: (step: PlannedStep) => number): PlanAnalysis {
  const levels: string[][] = [];
  for (const { id, level } of plan.steps) (levels[level] ??= []).push(id);
  return {
    steps: plan.steps.length,
    levels,
    width: levels.reduce((most, level) => Math.max(most, level.length), 0),
    criticalPath: criticalPathOf(plan, durationMsOf),
    unusedOutputs: unusedOutputsOf(plan),
  };
}

function criticalPathOf(plan: GraphPlan, durationMsOf: (step: PlannedStep) => number): readonly string[] {
  const ends = new Map<string, number>();
  const before = new Map<string, string>();
  let last: string | undefined;
  for (const step of plan.steps) {
    let start = 0;
    for (const need of step.needs) {
      const end = ends.get(need) ?? 0;
      if (before.has(step.id) && end <= start) continue;
      before.set(step.id, need);
      start = end;
    }
    const end = start + durationMsOf(step);
    ends.set(step.id, end);
    if (last === undefined || end > (ends.get(last) ?? 0)) last = step.id;
  }
  const path: string[] = [];
  for (let at = last; at !== undefined; at = before.get(at)) path.unshift(at);
  return path;
}

/** Without an `output` of the workflow's own, the last steps are the result. Conditions count as readers. */
function unusedOutputsOf(plan: GraphPlan): readonly string[] {
  const { output } = plan;
  if (output === undefined) return [];
  const read = new Set(output.references.steps);
  return plan.steps.filter(({ id, dependents }) => dependents.length === 0 && !read.has(id)).map(({ id }) => id);
}
