/**
 * What a flow knows while it runs and can always make again: the compiled plan, the readiness of its steps, the outputs so
 * far and the items of its fan-outs. Never stored as a whole: outputs have rows of their own, the rest follows from them.
 */
import type { WorkflowGraph } from '../../protocol/graph.ts';
import type { Scope } from './expression-frame.ts';
import type { GraphPlan, PlannedStep } from './graph-plan.ts';
import { itemsOf } from './graph-plan.ts';
import { RunOrder, type StepStatus } from './graph-order.ts';

/** An output as its row holds it: a step may well put out nothing. */
export interface OutputRow {
  readonly value: unknown;
}

/** The run of one flow. */
export class FlowRun {
  readonly plan: GraphPlan;
  readonly order: RunOrder;
  readonly graph: WorkflowGraph;
  readonly #input: unknown;
  readonly #steps: Record<string, { output: unknown }> = {};
  readonly #positions: ReadonlyMap<string, number>;
  readonly #items = new Map<string, readonly unknown[]>();
  readonly #itemOutputs = new Map<string, unknown[]>();

  constructor(graph: WorkflowGraph, plan: GraphPlan, input: unknown, statuses: Readonly<Record<string, StepStatus>>) {
    this.graph = graph;
    this.plan = plan;
    this.#input = input;
    this.order = new RunOrder(plan, statuses);
    this.#positions = new Map(plan.steps.map((step, index) => [step.id, index]));
  }

  /** The place of a step in the plan's order. */
  position(step: string): number {
    return this.#positions.get(step) ?? -1;
  }

  /** What the expressions of a step, or of one of its items, see. */
  scope(item?: { readonly value: unknown; readonly index: number }): Scope {
    const scope = { input: this.#input, steps: this.#steps };
    return item === undefined ? scope : { ...scope, item: item.value, index: item.index };
  }

  /** Errors: INVALID_INPUT where `forEach` gives no list, or too long a one. */
  items(step: PlannedStep): readonly unknown[] | undefined {
    const known = this.#items.get(step.id);
    if (known !== undefined || step.forEach === undefined) return known;
    const items = itemsOf(step, this.scope()) ?? [];
    this.#items.set(step.id, items);
    return items;
  }

  putOutput(step: string, output: unknown): void {
    this.#steps[step] = { output: output ?? null };
    this.#items.delete(step);
    this.#itemOutputs.delete(step);
  }

  putItemOutput(step: string, index: number, output: unknown): void {
    let outputs = this.#itemOutputs.get(step);
    if (outputs === undefined) this.#itemOutputs.set(step, (outputs = []));
    outputs[index] = output ?? null;
  }

  itemOutputs(step: string): readonly unknown[] {
    return this.#itemOutputs.get(step) ?? [];
  }

  /** The workflow's output: what its template says, else the outputs of the steps that no other needs, by their ids. */
  result(): unknown {
    if (this.plan.output !== undefined) return this.plan.output.evaluate(this.scope());
    const last = this.plan.steps.filter((step) => step.dependents.length === 0);
    return Object.fromEntries(last.map((step) => [step.id, this.#steps[step.id]?.output ?? null]));
  }
}
