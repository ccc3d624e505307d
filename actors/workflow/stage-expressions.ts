/** What a stage evaluates by itself: what each round of a loop is given and whether there is another, and what a fallback is given. */
import type { Scope } from './expression-frame.ts';
import { FaultList } from './graph-faults.ts';
import { conditionOf } from './graph-plan.ts';
import { compileStepSites, type StepSites } from './graph-sites.ts';
import type { StagedStep } from './staged-step.ts';
import type { StageStart } from './stage-start.ts';

/** Where a stage is: in which round, at which of the calls it falls back to (0: the step's own), after which output. */
export interface StagePoint {
  readonly round: number;
  readonly fallback: number;
  readonly output?: unknown;
}

/** Compiled once for all stages of a step, and again after a restart. */
const compiled = new WeakMap<StagedStep, StepSites>();

/** What the call at this point is given. Throws OperatingError INVALID_INPUT: the template cannot be evaluated. */
export function inputOfCall(start: StageStart, { round, fallback, output }: StagePoint): unknown {
  const { step, input } = start;
  if (step.loop === undefined && fallback === 0) return input;
  const sites = sitesOf(start);
  const own = fallback === 0 ? undefined : sites.fallbacks[fallback - 1]?.input;
  if (own !== undefined) return own.evaluate(scopeOf(start, undefined));
  const isEachRound = step.loop !== undefined && sites.input !== undefined;
  return isEachRound ? sites.input.evaluate(scopeOf(start, { round, output })) : input;
}

/** Whether the loop has another round. Throws OperatingError INVALID_INPUT: the condition cannot be evaluated, or is no bool. */
export function goesOn(start: StageStart, at: Pick<StagePoint, 'round' | 'output'>): boolean {
  const { loopWhile } = sitesOf(start);
  return loopWhile !== undefined && conditionOf(loopWhile, `/steps/${start.index}/loop/while`, scopeOf(start, at));
}

function sitesOf({ step, index }: StageStart): StepSites {
  const known = compiled.get(step);
  if (known !== undefined) return known;
  // It was judged with its graph, before anything of that ran.
  const sites = compileStepSites(step, index, new FaultList());
  compiled.set(step, sites);
  return sites;
}

function scopeOf({ scope = {}, step }: StageStart, at: Pick<StagePoint, 'round' | 'output'> | undefined): Scope {
  if (at === undefined) return scope;
  const { round, output = null } = at;
  return { ...scope, round, steps: { ...scope.steps, [step.id]: { output } } };
}
