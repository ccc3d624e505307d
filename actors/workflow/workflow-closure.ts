/**
 * What a workflow comes to when the workflows that it calls, and those that these call, are counted in: all of them as they are
 * registered now, and what is wrong with them together. Pure: what is registered comes in as a lookup.
 */
import type { WorkflowGraph } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { PinnedWorkflows } from './flow-start.ts';
import type { GraphFault } from './graph-faults.ts';
import { mentionsOf } from './workflow-pins.ts';

/** What closing over a workflow needs. */
export interface ClosureLookups {
  /** The workflow of this name, or `name@version`. */
  readonly workflow: (reference: string) => WorkflowGraph | undefined;
  /** The faults that a called workflow has by itself. */
  readonly faultsOf: (graph: WorkflowGraph) => readonly GraphFault[];
  /** Whether the workflow in question can be called itself: one that came with a task cannot. */
  readonly isRegistered: boolean;
}

/** A workflow with all that it calls. Faults stand where the workflow itself makes the call that leads to them. */
export interface Closure {
  readonly pinned: PinnedWorkflows;
  readonly faults: readonly GraphFault[];
}

interface Reach {
  /** Workflows inside of one another from here on, itself included. */
  readonly depth: number;
  /** Steps of all of them, each counted once for each call of it; one of a fan-out or loop counts once. */
  readonly steps: number;
  /** The first thing that is wrong further in. */
  readonly fault: Omit<GraphFault, 'at'> | undefined;
}

/** Follows all calls of workflows from a graph. Time and memory are linear in what is registered. */
export function closeOver(graph: WorkflowGraph, lookups: ClosureLookups): Closure {
  const pinned = new Map<string, WorkflowGraph>();
  const known = new Map<string, Reach>();
  const faults: GraphFault[] = [];
  const way = [lookups.isRegistered ? nameOf(graph) : THIS];
  let depth = 1;
  let steps = graph.steps.length;
  graph.steps.forEach((step, index) => {
    for (const { name, at } of mentionsOf(step)) {
      const called = lookups.workflow(name);
      // That it is missing is a fault of the graph itself.
      if (called === undefined) continue;
      pinned.set(name, called);
      const reach = reachOf(called, way, { lookups, known, pinned });
      const place = `/steps/${index}${at}`;
      if (reach.fault !== undefined) faults.push({ ...reach.fault, at: place });
      if (1 + reach.depth > LIMITS.workflowDepthMax && depth <= LIMITS.workflowDepthMax)
        faults.push({ code: 'TOO_BIG', at: place, message: `${name} ${TOO_DEEP}` });
      depth = Math.max(depth, 1 + reach.depth);
      steps += reach.steps;
    }
  });
  if (steps > LIMITS.workflowTreeStepsMax) {
    const message = `With the workflows that it calls it has ${steps} steps; at most ${LIMITS.workflowTreeStepsMax} are taken.`;
    faults.push({ code: 'TOO_BIG', at: '/steps', message });
  }
  const bytes = [...new Set(pinned.values())].reduce((sum, one) => sum + bytesOf(one), 0);
  if (bytes > LIMITS.workflowTreeBytesMax) {
    const message = `The workflows that it calls take ${bytes} bytes together; at most ${LIMITS.workflowTreeBytesMax} are taken.`;
    faults.push({ code: 'TOO_BIG', at: '/steps', message });
  }
  return { pinned: Object.fromEntries(pinned), faults };
}

/** No workflow has this name. */
const THIS = 'this workflow';

const TOO_DEEP = `leads to workflows inside of one another, deeper than ${LIMITS.workflowDepthMax}.`;

interface Walk {
  readonly lookups: ClosureLookups;
  readonly known: Map<string, Reach>;
  readonly pinned: Map<string, WorkflowGraph>;
}

/** `way` are the workflows that led here, by name and version. */
function reachOf(graph: WorkflowGraph, way: readonly string[], walk: Walk): Reach {
  const name = nameOf(graph);
  const seen = way.indexOf(name);
  if (seen >= 0) {
    const circle = [...way.slice(seen), name].map((one) => `\`${one}\``).join(' calls ');
    return { depth: 1, steps: 0, fault: { code: 'CYCLE', message: `Workflows call each other: ${circle}.` } };
  }
  const known = walk.known.get(name);
  if (known !== undefined) return known;
  // Beyond it, what lies deeper is of no account: it is refused already. This bounds the recursion.
  if (way.length >= LIMITS.workflowDepthMax)
    return { depth: LIMITS.workflowDepthMax, steps: graph.steps.length, fault: undefined };
  let [depth, steps] = [1, graph.steps.length];
  let fault = ownFault(graph, name, walk.lookups);
  for (const { name: other } of graph.steps.flatMap((step) => mentionsOf(step))) {
    const called = walk.lookups.workflow(other);
    if (called === undefined) continue;
    walk.pinned.set(other, called);
    const reach = reachOf(called, [...way, name], walk);
    depth = Math.max(depth, 1 + reach.depth);
    steps += reach.steps;
    fault ??= reach.fault;
  }
  const reach = { depth, steps, fault };
  walk.known.set(name, reach);
  return reach;
}

function ownFault(graph: WorkflowGraph, name: string, { faultsOf }: ClosureLookups): Reach['fault'] {
  const [first, ...more] = faultsOf(graph);
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` And ${more.length} more.`;
  return {
    code: first.code,
    message: `\`${name}\` cannot run: at ${first.at || 'the top'}: ${first.message}${others}`,
  };
}

const sizes = new WeakMap<WorkflowGraph, number>();

function bytesOf(graph: WorkflowGraph): number {
  let bytes = sizes.get(graph);
  if (bytes === undefined) sizes.set(graph, (bytes = Buffer.byteLength(JSON.stringify(graph))));
  return bytes;
}

function nameOf({ name, version }: WorkflowGraph): string {
  return `${name}@${version}`;
}
