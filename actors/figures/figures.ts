/**
 * What past runs were like, as those see it who choose an agent or estimate a plan: of agents, of workflows, of the steps of
 * workflows.
 */

/** How something was spread over recent runs. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  /** So many runs the two stand on: all of them while they are few, the last 200 or so at most. */
  readonly samples: number;
}

/** What runs of one thing were like. */
export interface RunFigures {
  /** Since it is known, and how many of them failed. */
  readonly runs: number;
  readonly failures: number;
  /** Of those that went well, from the start to the end, waiting for a free place included. */
  readonly durationMs: Spread;
  readonly usd: Spread;
  readonly tokens: Spread;
  /** 0 to 1: the part of recent runs that failed. */
  readonly failureShare: number;
  /** Failures by their code. */
  readonly codes: Readonly<Record<string, number>>;
}

/** Tells what past runs were like; undefined where there were none. */
export interface FiguresReader {
  /** By `name@version`; by `name` alone, the version that ran last. */
  ofAgent(reference: string): RunFigures | undefined;
  ofWorkflow(reference: string): RunFigures | undefined;
  ofStep(workflow: string, step: string): RunFigures | undefined;
}
