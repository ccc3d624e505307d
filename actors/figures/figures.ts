/** What past runs were like, as those who choose and estimate read it. */

/** Percentiles of recent runs, and how many there were. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly samples: number;
}

/** Runs of one thing. */
export interface RunFigures {
  readonly runs: number;
  readonly failures: number;
  readonly durationMs: Spread;
  readonly usd: Spread;
  readonly tokens: Spread;
}

/** Where figures are read. References are `name@version`; undefined where nothing is known. */
export interface FiguresReader {
  ofAgent(reference: string): RunFigures | undefined;
  ofWorkflow(reference: string): RunFigures | undefined;
  ofStep(workflow: string, step: string): RunFigures | undefined;
}
