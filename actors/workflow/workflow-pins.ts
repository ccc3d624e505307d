/** The workflows that a workflow comes to call, held as they were when its task began. */
import { fallbacksOf, type WorkflowStep } from '../../protocol/graph.ts';
import type { PinnedWorkflows } from './flow-start.ts';

type Caller = Pick<WorkflowStep, 'workflow' | 'fallback' | 'compensate'>;

/** One place where a step names a workflow. */
export interface WorkflowMention {
  readonly name: string;
  /** The JSON pointer of it, from its step. */
  readonly at: string;
}

/** The workflows that a step names, as it names them. */
export function mentionsOf(step: Caller): readonly WorkflowMention[] {
  if (step.workflow === undefined && step.fallback === undefined && step.compensate === undefined) return NONE;
  const isList = Array.isArray(step.fallback);
  const calls = [
    { call: step, at: '' },
    ...fallbacksOf(step).map((call, index) => ({ call, at: isList ? `/fallback/${index}` : '/fallback' })),
    ...(step.compensate === undefined ? [] : [{ call: step.compensate, at: '/compensate' }]),
  ];
  return calls.flatMap(({ call: { workflow }, at }) =>
    workflow === undefined ? [] : [{ name: workflow, at: `${at}/workflow` }],
  );
}

const NONE: readonly WorkflowMention[] = [];

/** The workflows that steps name, each once. */
export function calledBySteps(steps: readonly Caller[]): ReadonlySet<string> {
  return new Set(steps.flatMap((step) => mentionsOf(step).map(({ name }) => name)));
}

/** Those of the pinned workflows that are called by these names, and by those that these call. */
export function pinsOf(names: Iterable<string>, pinned: PinnedWorkflows): PinnedWorkflows {
  const found = new Map<string, PinnedWorkflows[string]>();
  const todo = [...names];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const graph = Object.hasOwn(pinned, name) ? pinned[name] : undefined;
    if (graph === undefined || found.has(name)) continue;
    found.set(name, graph);
    todo.push(...calledBySteps(graph.steps));
  }
  return Object.fromEntries(found);
}
