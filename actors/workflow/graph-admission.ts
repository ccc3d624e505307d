/**
 * A graph from outside, read and judged in one go, so that whoever wrote it sees the faults of its shape and those of
 * its meaning together.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { graphSchema, type WorkflowGraph, type WorkflowStep } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isMap } from './expression-values.ts';
import { type GraphFault, graphRefusal } from './graph-faults.ts';
import { type GraphLookups, lintGraph } from './graph-lint.ts';
import type { GraphPlan } from './graph-plan.ts';

const STEP_FIELDS = graphSchema.shape.steps.element.shape;

/** A graph that may run. */
export interface AdmittedGraph {
  readonly graph: WorkflowGraph;
  readonly plan: GraphPlan;
}

/**
 * Reads a graph with `parse` (`parseGraph` or `parseInlineGraph`) and judges it.
 * Throws OperatingError WORKFLOW_INVALID, or NOT_AVAILABLE where nothing else is wrong; every fault in `details.issues`.
 */
export function admitGraph(
  value: unknown,
  parse: (value: unknown) => WorkflowGraph,
  lookups: GraphLookups,
): AdmittedGraph {
  const graph = read(value, parse, lookups);
  const { faults, plan } = lintGraph(graph, lookups);
  if (plan === undefined) throw graphRefusal(faults);
  return { graph, plan };
}

function read(value: unknown, parse: (value: unknown) => WorkflowGraph, lookups: GraphLookups): WorkflowGraph {
  try {
    return parse(value);
  } catch (error) {
    const faults = faultsOfShape(error);
    if (faults === undefined) throw error;
    const places = new Set(faults.map(({ at }) => at));
    const more = lintGraph(soundPartOf(value), lookups).faults.filter(({ at }) => !places.has(at));
    throw graphRefusal([...faults, ...more].slice(0, LIMITS.issuesMax));
  }
}

function faultsOfShape(error: unknown): readonly GraphFault[] | undefined {
  const details = error instanceof OperatingError && error.code === 'WORKFLOW_INVALID' ? error.details : undefined;
  return isMap(details) && Array.isArray(details['issues']) ? (details['issues'] as GraphFault[]) : undefined;
}

/** The fields of a graph that is out of shape which are in shape by themselves. */
function soundPartOf(value: unknown): WorkflowGraph {
  const { name, version, steps, output } = isMap(value) ? value : {};
  const written: readonly unknown[] = Array.isArray(steps) ? steps.slice(0, LIMITS.workflowStepsMax) : [];
  return {
    name: String(name),
    version: String(version),
    steps: written.map(soundPartOfStep),
    ...(output === undefined ? {} : { output }),
  };
}

function soundPartOfStep(step: unknown, index: number): WorkflowStep {
  const written = isMap(step) ? step : {};
  const sound = Object.entries(STEP_FIELDS).flatMap(([name, schema]): [string, unknown][] => {
    const field = Object.hasOwn(written, name) ? schema.safeParse(written[name]) : undefined;
    return field?.success === true ? [[name, field.data]] : [];
  });
  // An id out of shape still names the step for those who refer to it; one that is missing must not equal another.
  const id = typeof written['id'] === 'string' ? written['id'] : `/steps/${index}`;
  return { ...Object.fromEntries(sound), id };
}
