/**
 * What one step is expected to take: from runs that were recorded, else from what its agent declares, else from a prior that is
 * stated. Pure, over figures that are handed in.
 */
import type { AgentDefinition } from '../agent-definition.ts';
import type { FiguresReader, RunFigures } from '../figures/figures.ts';
import type { WorkflowStep } from '../../protocol/graph.ts';

/** Half of the runs stay below `p50`, nine of ten below `p90`. */
export interface Range {
  readonly p50: number;
  readonly p90: number;
}

/** Where an expectation is from: runs of this step, runs of its agent, the agent's own words, or nothing but the prior. */
export type Basis = 'step history' | 'agent history' | 'workflow history' | 'declared' | 'prior';

/** What one run of a step, or of one item of it, is expected to take. */
export interface StepExpectation {
  readonly durationMs: Range;
  readonly usd: Range;
  readonly tokens: Range;
  /** Of ten runs so many fail, as a share. */
  readonly failureShare: number;
  readonly samples: number;
  readonly basis: Basis;
}

/** What is assumed of a step that nobody has ever run, and says nothing of itself. Stated in every plan that rests on it. */
export const PRIOR: StepExpectation = Object.freeze({
  durationMs: { p50: 1_000, p90: 10_000 },
  usd: { p50: 0, p90: 0 },
  tokens: { p50: 0, p90: 0 },
  failureShare: 0.02,
  samples: 0,
  basis: 'prior',
});

/** Fewer runs say too little. */
const SAMPLES_MIN = 5;

/** What is known of a step: its graph's reference, itself, and the agents that may do it. */
export interface StepQuestion {
  readonly workflow: string | undefined;
  readonly step: WorkflowStep;
  readonly agents: readonly AgentDefinition[];
}

/** The expectation for one run of a step. */
export function expectationOf({ workflow, step, agents }: StepQuestion, figures: FiguresReader): StepExpectation {
  const ofStep = workflow === undefined ? undefined : figures.ofStep(workflow, step.id);
  if (isEnough(ofStep)) return from(ofStep, 'step history');
  if (step.workflow !== undefined) {
    const ofWorkflow = figures.ofWorkflow(step.workflow);
    if (isEnough(ofWorkflow)) return from(ofWorkflow, 'workflow history');
  }
  const known = agents.map(({ name, version }) => figures.ofAgent(`${name}@${version}`)).filter(isEnough);
  const [most] = known.toSorted((a, b) => b.runs - a.runs);
  if (most !== undefined) return from(most, 'agent history');
  const declared = agents.map(({ cost }) => cost?.usd).filter((usd) => usd !== undefined);
  if (declared.length === 0) return PRIOR;
  // What an agent declares is the most that a run costs.
  return { ...PRIOR, usd: { p50: Math.min(...declared), p90: Math.max(...declared) }, basis: 'declared' };
}

function isEnough(figures: RunFigures | undefined): figures is RunFigures {
  return figures !== undefined && figures.durationMs.samples >= SAMPLES_MIN;
}

function from({ durationMs, usd, tokens, failureShare }: RunFigures, basis: Basis): StepExpectation {
  return { durationMs, usd, tokens, failureShare, samples: durationMs.samples, basis };
}
