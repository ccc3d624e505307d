/** Makes flows of graphs: looks a graph up or takes it as it came, judges it, and keeps what it compiled. */
import { OperatingError } from '../../protocol/errors.ts';
import { parseGraph, parseInlineGraph, type WorkflowGraph } from '../../protocol/graph.ts';
import { parseReference } from '../../protocol/names.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { packState } from '../../runtime/state-codec.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import type { Principal, Submission } from '../desk.ts';
import type { FlowOrder } from '../flow-order.ts';
import { type Registry, schemaOf } from '../registry.ts';
import { takenSchemaOf } from '../taken-schema.ts';
import { awaitedBy } from './awaited-signals.ts';
import type { ChainLink } from './chain-link.ts';
import { compensationMsOf } from './compensation-time.ts';
import { FLOW_LOGIC, type FlowStart, ordersOf, type PinnedWorkflows } from './flow-start.ts';
import { admitGraph } from './graph-admission.ts';
import { type GraphFault, graphRefusal } from './graph-faults.ts';
import { type GraphLookups, lintGraph } from './graph-lint.ts';
import type { GraphPlan } from './graph-plan.ts';
import type { StepTarget } from './graph-types.ts';
import { closestName } from './graph-suggestion.ts';
import { closeOver } from './workflow-closure.ts';

/** Fields of steps that this version knows but cannot run. */
const NOT_AVAILABLE = new Set<string>();
/** Compiled graphs kept: each is as large as its source several times over. */
/** Of a task that names none. */
const PRIORITY = 5;
const PLANS_MAX = 256;
/** A graph that takes more is not looked up by what it says. */
const TEXT_BYTES_MAX = 32 * 1024;

/** A graph that may run, and the workflows that it comes to call. */
export interface Admitted {
  readonly graph: WorkflowGraph;
  readonly pinned: PinnedWorkflows;
}

/** A graph as it was judged, and the edition of the registry that it was judged by. */
interface Judged {
  readonly admitted: Admitted;
  readonly edition: number;
}

/** The flow that runs a graph for a task, with what the task must know of it. */
export function flowWork(
  order: Omit<FlowStart, 'graph' | 'pinned'>,
  { graph, pinned }: Admitted,
): FlowOrder & { readonly input: FlowStart } {
  const { chain, ...rest } = order;
  const awaits = awaitedBy([graph, ...Object.values(pinned)]);
  const input: FlowStart = {
    ...rest,
    graph,
    ...(hasAny(pinned) && { pinned }),
    ...(chain !== undefined && graph.then !== undefined && { chain }),
  };
  const compensationMs = compensationMsOf({ graph, pinned });
  return {
    logic: FLOW_LOGIC,
    input,
    ...(awaits.length > 0 && { awaits }),
    ...(compensationMs !== undefined && { compensationMs }),
  };
}

/** What the tasks behind one are started with, if any follow it. */
export function linkOf({ options, chain }: Submission, principal: Principal): ChainLink {
  const { priority = PRIORITY, labels } = options;
  const { depth, left } = chain ?? { depth: 0, left: LIMITS.chainTasksMax };
  return { principal, priority, depth, left, ...(labels !== undefined && { labels }) };
}

/** The workflows of one node, compiled. */
export class FlowPlans {
  readonly #registry: Registry;
  readonly #plans = new Map<WorkflowGraph, GraphPlan>();
  /** The same by what the graphs say: each flow that comes back from the store brings its own. */
  readonly #plansByText = new Map<string, GraphPlan>();
  /** By what they say, and registered ones by name and version: the same graph comes with many tasks. */
  readonly #judged = new Map<string, Judged>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Reads and judges a workflow that is to be registered. Errors: WORKFLOW_INVALID, NOT_AVAILABLE. */
  admit(value: unknown): WorkflowGraph {
    const { graph, plan } = admitGraph(value, parseGraph, this.#lookups());
    this.#close(graph, true);
    this.#keep(graph, plan);
    return graph;
  }

  /** Judges a graph that came with a request, without registering it. Errors: WORKFLOW_INVALID, NOT_AVAILABLE. */
  admitted(value: unknown, parse: (value: unknown) => WorkflowGraph = parseInlineGraph): Admitted {
    // By whom it is read, too: one may refuse what another takes.
    const text = textOf(value);
    return this.#judgedOnce(text === undefined ? undefined : `${parse.name} ${text}`, () => {
      const { graph, plan } = admitGraph(value, parse, this.#lookups());
      this.#keep(graph, plan);
      return { graph, pinned: this.#close(graph, false) };
    });
  }

  /**
   * What a flow for this submission is started with. Errors: WORKFLOW_INVALID, NOT_AVAILABLE, NOT_FOUND; STATE_CONFLICT for a
   * version that is drained.
   */
  plan(submission: Submission, task: string, nowMs: number, principal: Principal): FlowOrder {
    const { target, input, options } = submission;
    const isNamed = target.workflow !== undefined;
    const admitted = isNamed ? this.named(target.workflow) : this.admitted(target.graph);
    const { name, version } = admitted.graph;
    const { select } = options;
    const chain = linkOf(submission, principal);
    const how = { ...ordersOf(options, task, nowMs), chain, ...(select !== undefined && { select }) };
    const order = { ...how, input, ...(isNamed && { reference: `${name}@${version}` }) };
    return flowWork(order, admitted);
  }

  /** The plan of a graph that was admitted before, possibly by an earlier run of the process. */
  planOf(graph: WorkflowGraph): GraphPlan {
    const known = this.#plans.get(graph);
    if (known !== undefined) return known;
    const text = textOf(graph);
    const same = text === undefined ? undefined : this.#plansByText.get(text);
    if (same !== undefined) return same;
    // It was judged when it was taken on. What it names may be gone since: that is for its steps to find out.
    const { plan, faults } = lintGraph(graph, {
      ...this.#lookups(),
      hasAgent: () => true,
      hasCapability: () => true,
      hasWorkflow: () => true,
      outputSchemaOf: () => undefined,
      inputSchemaOf: () => undefined,
      notAvailable: new Set(),
    });
    if (plan === undefined) throw graphRefusal(faults);
    if (text !== undefined) putBounded(this.#plansByText, text, plan);
    return this.#keep(graph, plan);
  }

  /**
   * A registered workflow, judged again where the registry has changed: agents may have gone since. Errors: NOT_FOUND,
   * WORKFLOW_INVALID; STATE_CONFLICT where another version has taken over.
   */
  named(reference: string): Admitted {
    const graph = this.#registry.workflow(reference);
    if (graph === undefined) {
      const near = closestName(
        parseReference(reference)?.name ?? reference,
        this.#registry.workflows().map((one) => one.name),
      );
      const hint = near === undefined ? 'List them with `troupe workflows`.' : `Did you mean ${near}?`;
      throw new OperatingError('NOT_FOUND', `No workflow ${reference} is registered here. ${hint}`);
    }
    const successor = this.#registry.successorOf(graph);
    if (successor !== undefined) throw draining(graph, successor);
    return this.#judgedOnce(`${graph.name}@${graph.version}`, () => {
      const { faults, plan } = lintGraph(graph, this.#lookups());
      if (plan === undefined) throw graphRefusal(faults);
      this.#keep(graph, plan);
      return { graph, pinned: this.#close(graph, true) };
    });
  }

  /** What `judge` finds, or found before with the registry as it is. */
  #judgedOnce(key: string | undefined, judge: () => Admitted): Admitted {
    const { edition } = this.#registry;
    const known = key === undefined ? undefined : this.#judged.get(key);
    if (known?.edition === edition) return known.admitted;
    const admitted = judge();
    if (key !== undefined) putBounded(this.#judged, key, { admitted, edition });
    return admitted;
  }

  /** All that a graph comes to call. Errors: WORKFLOW_INVALID, NOT_AVAILABLE. */
  #close(graph: WorkflowGraph, isRegistered: boolean): PinnedWorkflows {
    const registry = this.#registry;
    const lookups = this.#lookups();
    const { pinned, faults } = closeOver(graph, {
      workflow: (reference) => (isRegistered ? registry.workflowWith(graph, reference) : registry.workflow(reference)),
      faultsOf: (called) => this.#faultsOf(called, lookups),
      isRegistered,
    });
    if (faults.length > 0) throw graphRefusal(faults);
    return pinned;
  }

  #faultsOf(graph: WorkflowGraph, lookups: GraphLookups): readonly GraphFault[] {
    const { faults, plan } = lintGraph(graph, lookups);
    if (plan !== undefined) this.#keep(graph, plan);
    return faults;
  }

  #keep(graph: WorkflowGraph, plan: GraphPlan): GraphPlan {
    putBounded(this.#plans, graph, plan);
    return plan;
  }

  #lookups(): GraphLookups {
    const registry = this.#registry;
    /** The one that it can only be. */
    const onlyAgent = ({ agent, capability }: StepTarget): AgentDefinition | undefined => {
      if (agent !== undefined) return registry.agent(agent);
      const offering = capability === undefined ? [] : registry.withCapability(capability);
      return offering.length === 1 ? offering[0] : undefined;
    };
    return {
      hasAgent: (reference) => registry.agent(reference) !== undefined,
      hasCapability: (capability) => registry.offersOf(capability).forTasks.length > 0,
      hasWorkflow: (reference) => registry.workflow(reference) !== undefined,
      successorOf: (reference) => {
        const graph = registry.workflow(reference);
        const successor = graph === undefined ? undefined : registry.successorOf(graph);
        return successor === undefined ? undefined : `${successor.name}@${successor.version}`;
      },
      namesOf: (kind) => {
        if (kind === 'agent') return registry.names();
        if (kind === 'workflow') return registry.workflows().map((one) => one.name);
        return registry.capabilities();
      },
      outputSchemaOf: (target) => schemaOf(onlyAgent(target)?.output, 'output'),
      inputSchemaOf: (target) => takenSchemaOf(onlyAgent(target)?.input),
      notAvailable: NOT_AVAILABLE,
    };
  }
}

/** What a graph says, byte for byte; undefined for a large one. Errors: PROTOCOL_TOO_BIG for what is too deep to be a graph. */
function textOf(graph: unknown): string | undefined {
  const bytes = packState(graph);
  if (bytes.length > TEXT_BYTES_MAX) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function putBounded<K, V>(book: Map<K, V>, key: K, value: V): void {
  book.set(key, value);
  for (const oldest of book.keys()) {
    if (book.size <= PLANS_MAX) break;
    book.delete(oldest);
  }
}

function draining(graph: WorkflowGraph, successor: WorkflowGraph): OperatingError {
  const [old, next] = [graph, successor].map(({ name, version }) => `${name}@${version}`);
  return new OperatingError(
    'STATE_CONFLICT',
    `${old} is draining: what runs of it goes on, and ${next} has taken over. Start ${next}, or ${graph.name} for the newest.`,
    { details: { workflow: old, successor: next } },
  );
}

function hasAny(pinned: PinnedWorkflows): boolean {
  for (const _name in pinned) return true;
  return false;
}
