/** Makes flows of graphs: looks a graph up or takes it as it came, judges it, and keeps what it compiled. */
import { OperatingError } from '../../protocol/errors.ts';
import { parseGraph, parseInlineGraph, type WorkflowGraph } from '../../protocol/graph.ts';
import { parseReference } from '../../protocol/names.ts';
import type { Submission } from '../desk.ts';
import { type Registry, schemaOf } from '../registry.ts';
import { FLOW_LOGIC, type FlowStart } from './flow.ts';
import { admitGraph } from './graph-admission.ts';
import { graphRefusal } from './graph-faults.ts';
import { type GraphLookups, lintGraph } from './graph-lint.ts';
import type { GraphPlan } from './graph-plan.ts';
import { closestName } from './graph-suggestion.ts';

/** Fields of steps that this version knows but cannot run. */
const NOT_AVAILABLE = new Set(['workflow', 'merge', 'loop', 'approval', 'fallback', 'compensate', 'cache', 'delayMs']);
/** Compiled graphs kept: each is as large as its source several times over. */
const PLANS_MAX = 256;
const PRIORITY = 5;

/** The workflows of one node, compiled. */
export class FlowPlans {
  readonly #registry: Registry;
  readonly #plans = new Map<WorkflowGraph, GraphPlan>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Reads and judges a workflow that is to be registered. Errors: WORKFLOW_INVALID, NOT_AVAILABLE. */
  admit(value: unknown): WorkflowGraph {
    const { graph, plan } = admitGraph(value, parseGraph, this.#lookups());
    this.#keep(graph, plan);
    return graph;
  }

  /** What a flow for this submission is started with. Errors: WORKFLOW_INVALID, NOT_AVAILABLE, NOT_FOUND. */
  plan(submission: Submission, task: string, nowMs: number): { readonly logic: string; readonly input: FlowStart } {
    const { target, input, options } = submission;
    const graph = target.workflow === undefined ? this.#inline(target.graph) : this.#named(target.workflow);
    const { priority = PRIORITY, deadlineMs, select } = options;
    const deadline = deadlineMs === undefined ? {} : { deadlineAtMs: nowMs + deadlineMs };
    return {
      logic: FLOW_LOGIC,
      input: { task, graph, input, priority, ...deadline, ...(select !== undefined && { select }) },
    };
  }

  /** The plan of a graph that was admitted before, possibly by an earlier run of the process. */
  planOf(graph: WorkflowGraph): GraphPlan {
    const known = this.#plans.get(graph);
    if (known !== undefined) return known;
    // It was judged when it was taken on. What it names may be gone since: that is for its steps to find out.
    const { plan, faults } = lintGraph(graph, {
      ...this.#lookups(),
      hasAgent: () => true,
      hasCapability: () => true,
      hasWorkflow: () => true,
      outputSchemaOf: () => undefined,
      notAvailable: new Set(),
    });
    if (plan === undefined) throw graphRefusal(faults);
    return this.#keep(graph, plan);
  }

  #inline(value: unknown): WorkflowGraph {
    const { graph, plan } = admitGraph(value, parseInlineGraph, this.#lookups());
    this.#keep(graph, plan);
    return graph;
  }

  /** A registered workflow, judged again: agents may have gone since. */
  #named(reference: string): WorkflowGraph {
    const graph = this.#registry.workflow(reference);
    if (graph === undefined) {
      const near = closestName(
        parseReference(reference)?.name ?? reference,
        this.#registry.workflows().map((one) => one.name),
      );
      const hint = near === undefined ? 'List them with `troupe workflows`.' : `Did you mean ${near}?`;
      throw new OperatingError('NOT_FOUND', `No workflow ${reference} is registered here. ${hint}`);
    }
    const { faults, plan } = lintGraph(graph, this.#lookups());
    if (plan === undefined) throw graphRefusal(faults);
    this.#keep(graph, plan);
    return graph;
  }

  #keep(graph: WorkflowGraph, plan: GraphPlan): GraphPlan {
    this.#plans.set(graph, plan);
    for (const oldest of this.#plans.keys()) {
      if (this.#plans.size <= PLANS_MAX) break;
      this.#plans.delete(oldest);
    }
    return plan;
  }

  #lookups(): GraphLookups {
    const registry = this.#registry;
    return {
      hasAgent: (reference) => registry.agent(reference) !== undefined,
      hasCapability: (capability) => registry.offersOf(capability).forTasks.length > 0,
      hasWorkflow: (reference) => registry.workflow(reference) !== undefined,
      namesOf: (kind) => {
        if (kind === 'agent') return registry.names();
        if (kind === 'workflow') return registry.workflows().map((one) => one.name);
        return registry.capabilities();
      },
      outputSchemaOf: (target) => {
        if (target.agent !== undefined) return schemaOf(registry.agent(target.agent)?.output, 'output');
        const offering = target.capability === undefined ? [] : registry.withCapability(target.capability);
        return offering.length === 1 ? schemaOf(offering[0]?.output, 'output') : undefined;
      },
      notAvailable: NOT_AVAILABLE,
    };
  }
}
