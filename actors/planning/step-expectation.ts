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

/** A step that only waits does no work: what is expected of it is what it says, its `delayMs`. */
const NO_WORK: StepExpectation = Object.freeze({
  durationMs: { p50: 0, p90: 0 },
  usd: { p50: 0, p90: 0 },
  tokens: { p50: 0, p90: 0 },
  failureShare: 0,
  samples: 0,
  basis: 'declared',
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
  if (step.agent === undefined && step.capability === undefined && step.workflow === undefined) return NO_WORK;
  const ofStep = workflow === undefined ? undefined : figures.ofStep(workflow, step.id);
  if (isEnough(ofStep)) return from(ofStep, 'step history');
  if (step.workflow !== undefined) {
    const ofWorkflow = figures.ofWorkflow(step.workflow);
    if (isEnough(ofWorkflow)) return from(ofWorkflow, 'workflow history');
  }
  const known = agents.map(({ name, version }) => figures.ofAgent(`${name}@${version}`)).filter(isEnough);
  const [most] = known.toSorted((a, b) => b.runs - a.runs);
  if (most !== undefined) return from(most, 'agent history');
  const usd = declared(agents, 'usd');
  const tokens = declared(agents, 'tokens');
  if (usd === undefined && tokens === undefined) return PRIOR;
  return { ...PRIOR, ...(usd !== undefined && { usd }), ...(tokens !== undefined && { tokens }), basis: 'declared' };
}

/** What the agents declare of this, which is the most that a run uses: of the least, and of the most; undefined where none does. */
function declared(agents: readonly AgentDefinition[], what: 'usd' | 'tokens'): Range | undefined {
  const amounts = agents.map(({ cost }) => cost?.[what]).filter((amount) => amount !== undefined);
  return amounts.length === 0 ? undefined : { p50: Math.min(...amounts), p90: Math.max(...amounts) };
}

/** What an expectation rests on beside what is known, in words. */
export function assumptionsOf({ id, approval, signal, loop }: WorkflowStep, expectation: StepExpectation): string[] {
  const words: string[] = [];
  const { p50, p90 } = PRIOR.durationMs;
  if (expectation.durationMs === PRIOR.durationMs)
    words.push(`${id}: it has not run often enough; ${p50} ms (P50) and ${p90} ms (P90) are assumed.`);
  if (approval !== undefined) words.push(`${id}: how long a person takes to decide is not counted.`);
  if (signal !== undefined) words.push(`${id}: how long its signal takes to come is not counted.`);
  if (loop !== undefined) words.push(`${id}: one round of its loop is counted; it may take up to ${loop.max}.`);
  return words;
}

function isEnough(figures: RunFigures | undefined): figures is RunFigures {
  return figures !== undefined && figures.durationMs.samples >= SAMPLES_MIN;
}

function from({ durationMs, usd, tokens, failureShare }: RunFigures, basis: Basis): StepExpectation {
  return { durationMs, usd, tokens, failureShare, samples: durationMs.samples, basis };
}
