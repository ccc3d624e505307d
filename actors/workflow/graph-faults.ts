/** What can be wrong with a graph, collected: all of it at once, each with its place. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

/** The kinds of faults; `VALUE` is a fault of shape (`protocol/graph.ts`). `docs/workflows.md` has a line for each. */
export const GRAPH_FAULT_CODES = [
  'CYCLE',
  'DUPLICATE_ID',
  'NOT_AVAILABLE',
  'NO_AGENT',
  'OUT_OF_PLACE',
  'SELF_REFERENCE',
  'SYNTAX',
  'TOO_BIG',
  'TYPE',
  'UNKNOWN_STEP',
  'VALUE',
] as const;
export type GraphFaultCode = (typeof GRAPH_FAULT_CODES)[number];

/** One fault. `at` is a JSON pointer into the graph, such as `/steps/2/when`; `suggestion` is what may have been meant. */
export interface GraphFault {
  readonly code: GraphFaultCode;
  readonly at: string;
  readonly message: string;
  readonly suggestion?: string;
}

/** Collects faults up to `LIMITS.issuesMax`; the rest is only counted. */
export class FaultList {
  readonly #faults: GraphFault[] = [];
  #left = 0;

  /** Adds a fault. `suggest` runs only where the fault is kept: looking for near names is not free. */
  add(code: GraphFaultCode, at: string, message: string, suggest?: () => string | undefined): void {
    if (this.#faults.length >= LIMITS.issuesMax) {
      this.#left += 1;
      return;
    }
    const suggestion = suggest?.();
    this.#faults.push({ code, at, message, ...(suggestion === undefined ? {} : { suggestion }) });
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  /** The faults in the order they were found, and a last one for those that were left out. */
  all(): GraphFault[] {
    if (this.#left === 0) return [...this.#faults];
    return [
      ...this.#faults,
      { code: 'TOO_BIG', at: '', message: `There are ${this.#left} more faults, which are not listed.` },
    ];
  }
}

/**
 * The error that answers a graph with faults: NOT_AVAILABLE where all that is wrong is that this version cannot run it
 * yet, else WORKFLOW_INVALID. The faults are in `details.issues`.
 */
export function graphRefusal(faults: readonly GraphFault[]): OperatingError {
  const isEarly = faults.length > 0 && faults.every(({ code }) => code === 'NOT_AVAILABLE');
  const [first] = faults;
  const more = faults.length > 1 ? ` And ${faults.length - 1} more: see details.issues.` : '';
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const message = `The workflow graph has ${count}. At ${first?.at || 'the top'}: ${first?.message ?? ''}${more}`;
  return new OperatingError(isEarly ? 'NOT_AVAILABLE' : 'WORKFLOW_INVALID', message, { details: { issues: faults } });
}
