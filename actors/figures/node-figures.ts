/** The figures of one node: recorded run by run, asked with each choice, with a bound on how many things are known. */
import type { FiguresReader, RunFigures } from './figures.ts';
import { type Evidence, type Run, RunFigure } from './run-figure.ts';

/** The kinds of things that have figures, and how many of each are known: beyond it, what ran least recently is forgotten. */
export const FIGURES_MAX = { agent: 2_000, workflow: 1_000, step: 10_000 } as const;

/** A kind of thing that has figures. */
export type FigureSubject = keyof typeof FIGURES_MAX;

/** The figures of one node. */
export class NodeFigures implements FiguresReader {
  readonly #figures = {
    agent: new Map<string, RunFigure>(),
    workflow: new Map<string, RunFigure>(),
    step: new Map<string, RunFigure>(),
  } satisfies Record<FigureSubject, Map<string, RunFigure>>;
  /** Subject and name → the `name@version` that ran last. */
  readonly #latest = { agent: new Map<string, string>(), workflow: new Map<string, string>() };
  /** Hears that something has changed, or is forgotten. */
  onChange: ((subject: FigureSubject, key: string) => void) | undefined;

  /** A run of an agent is over. `reference` is `name@version`. */
  agentRan(reference: string, run: Run, nowMs: number): void {
    note(this.#latest.agent, reference);
    this.#ran('agent', reference, run, nowMs);
  }

  workflowRan(reference: string, run: Run, nowMs: number): void {
    note(this.#latest.workflow, reference);
    this.#ran('workflow', reference, run, nowMs);
  }

  stepRan(workflow: string, step: string, run: Run, nowMs: number): void {
    note(this.#latest.workflow, workflow);
    this.#ran('step', stepKey(workflow, step), run, nowMs);
  }

  /** What is known of an agent as of now, for a choice. */
  evidenceOf(reference: string, nowMs: number): Evidence | undefined {
    return this.#figures.agent.get(reference)?.evidence(nowMs);
  }

  ofAgent(reference: string): RunFigures | undefined {
    return this.#figures.agent.get(this.#latest.agent.get(reference) ?? reference)?.view();
  }

  ofWorkflow(reference: string): RunFigures | undefined {
    return this.#figures.workflow.get(this.#latest.workflow.get(reference) ?? reference)?.view();
  }

  ofStep(workflow: string, step: string): RunFigures | undefined {
    return this.#figures.step.get(stepKey(this.#latest.workflow.get(workflow) ?? workflow, step))?.view();
  }

  /** Agents that have run, by `name@version`. */
  agents(): IterableIterator<[reference: string, figure: RunFigure]> {
    return this.#figures.agent.entries();
  }

  /** What is to be stored of something; null: it is forgotten. */
  pack(subject: FigureSubject, key: string): unknown {
    return this.#figures[subject].get(key)?.pack() ?? null;
  }

  /** Takes in what an earlier run of the process stored. False where it cannot be read. */
  restore(subject: FigureSubject, key: string, stored: unknown): boolean {
    const figure = RunFigure.unpack(stored);
    if (figure === undefined) return false;
    this.#put(subject, key, figure);
    if (subject === 'step') return true;
    const latest = this.#latest[subject];
    const other = this.#figures[subject].get(latest.get(nameOf(key)) ?? '');
    if (other === undefined || other.lastAtMs <= figure.lastAtMs) latest.set(nameOf(key), key);
    return true;
  }

  #ran(subject: FigureSubject, key: string, run: Run, nowMs: number): void {
    let figure = this.#figures[subject].get(key);
    if (figure === undefined) this.#put(subject, key, (figure = new RunFigure()));
    figure.record(run, nowMs);
    this.onChange?.(subject, key);
  }

  #put(subject: FigureSubject, key: string, figure: RunFigure): void {
    const figures = this.#figures[subject];
    if (figures.size >= FIGURES_MAX[subject] && !figures.has(key)) {
      const oldest = oldestOf(figures);
      figures.delete(oldest);
      if (subject !== 'step' && this.#latest[subject].get(nameOf(oldest)) === oldest)
        this.#latest[subject].delete(nameOf(oldest));
      this.onChange?.(subject, oldest);
    }
    figures.set(key, figure);
  }
}

function note(latest: Map<string, string>, reference: string): void {
  const name = nameOf(reference);
  if (latest.get(name) !== reference) latest.set(name, reference);
}

function oldestOf(figures: ReadonlyMap<string, RunFigure>): string {
  let oldest = '';
  let lastAtMs = Number.POSITIVE_INFINITY;
  for (const [key, figure] of figures) {
    if (figure.lastAtMs >= lastAtMs) continue;
    oldest = key;
    ({ lastAtMs } = figure);
  }
  return oldest;
}

function stepKey(workflow: string, step: string): string {
  return `${workflow}/${step}`;
}

/** What is in front of the version; a name has no `@`. */
function nameOf(reference: string): string {
  const at = reference.indexOf('@');
  return at === -1 ? reference : reference.slice(0, at);
}
