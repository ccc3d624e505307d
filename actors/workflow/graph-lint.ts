/**
 * Judges a workflow graph before anything of it runs: every fault at once, each with its place; and of a graph without
 * faults, the plan to run it by. Pure: what is registered and what this version can do come in as lookups. Time and
 * memory are linear in the graph.
 */
import type { WorkflowGraph, WorkflowStep } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { parseReference } from '../../protocol/names.ts';
import { withBranch } from './graph-branches.ts';
import { findCycles, findLevels } from './graph-cycles.ts';
import { FaultList, type GraphFault } from './graph-faults.ts';
import type { GraphPlan, PlannedStep } from './graph-plan.ts';
import { compileGraphSites, compileStepSites, type Site, type StepSites } from './graph-sites.ts';
import { closestName } from './graph-suggestion.ts';
import { checkTargets, type TargetLookups } from './graph-targets.ts';
import { GraphTypes, type SchemaLookups } from './graph-types.ts';
import { neededBy } from './merge.ts';
import { hasTarget, stagedPart } from './staged-step.ts';
import { pointerSegment } from './template.ts';

/** What the lint asks of the rest of the node. */
export interface GraphLookups extends TargetLookups, SchemaLookups {
  /** Fields of steps (`loop`, `compensate` …) that this version understands but cannot run. */
  readonly notAvailable: ReadonlySet<string>;
}

/** The faults of a graph, and where there are none its plan. */
export interface LintResult {
  readonly faults: readonly GraphFault[];
  readonly plan: GraphPlan | undefined;
}

/** Judges a graph. Errors: none; what is wrong is in `faults`. */
export function lintGraph(graph: WorkflowGraph, lookups: GraphLookups): LintResult {
  const faults = new FaultList();
  const { steps } = graph;
  if (steps.length > LIMITS.workflowStepsMax) {
    faults.add(
      'TOO_BIG',
      '/steps',
      `The graph has ${steps.length} steps; at most ${LIMITS.workflowStepsMax} are taken.`,
    );
    return { faults: faults.all(), plan: undefined };
  }
  const indexes = indexSteps(steps, faults);
  const byId = new Map(steps.map((step) => [step.id, step]));
  const compiled = steps.map((step, index) => withBranch(compileStepSites(step, index, faults), byId, faults));
  const around = compileGraphSites(graph, faults);
  const types = new GraphTypes(steps, lookups, faults);
  const needs = compiled.map((step) => {
    checkFeatures(step, lookups, faults);
    checkSense(step, faults);
    checkMerge(step, faults);
    checkTargets(step, lookups, faults);
    types.checkStep(step);
    return needsOf(step, indexes, faults);
  });
  checkNext(graph, lookups, faults);
  for (const site of around.sites) {
    types.checkSite(site);
    checkReferences(site, indexes, faults);
  }
  for (const cycle of findCycles(needs)) addCycle(cycle, steps, faults);
  return { faults: faults.all(), plan: faults.isEmpty ? planOf(compiled, needs, around) : undefined };
}

/** The index of each step by its id; of equal ids, the first's. */
function indexSteps(steps: readonly WorkflowStep[], faults: FaultList): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  steps.forEach(({ id }, index) => {
    const first = indexes.get(id);
    if (first === undefined) indexes.set(id, index);
    else faults.add('DUPLICATE_ID', `/steps/${index}/id`, `Step \`${id}\` has the id of /steps/${first}.`);
  });
  return indexes;
}

function checkFeatures(
  { step, index, fallbacks, compensate }: StepSites,
  { notAvailable }: GraphLookups,
  faults: FaultList,
): void {
  const places: [at: string, value: object][] = [[`/steps/${index}`, step]];
  for (const site of [...fallbacks, compensate]) if (site !== undefined) places.push([site.at, site.call]);
  for (const [at, value] of places) {
    for (const field of Object.keys(value)) {
      if (!notAvailable.has(field) && !(field === 'workflow' && value === compensate?.call)) continue;
      faults.add(
        'NOT_AVAILABLE',
        at + pointerSegment(field),
        `Step \`${step.id}\` uses \`${field}\`, which is not available in this version.`,
      );
    }
  }
}

/** What is said of the work of a step needs work to be said of. */
const OF_WORK = ['input', 'loop', 'retry', 'timeoutMs', 'cache'] as const;

function checkSense({ step, index }: StepSites, faults: FaultList): void {
  if (hasTarget(step)) return;
  for (const field of OF_WORK) {
    if (step[field] === undefined) continue;
    const what = `Step \`${step.id}\` only waits, and has no work for its \`${field}\``;
    faults.add('OUT_OF_PLACE', `/steps/${index}/${field}`, `${what}; give it an agent, a capability or a workflow.`);
  }
}

/** What is written about the merging of items has a meaning only where there are items, and only together. */
function checkMerge({ step, index }: StepSites, faults: FaultList): void {
  const at = `/steps/${index}`;
  const { merge, reduce, forEach } = step;
  for (const field of ['merge', 'reduce'] as const) {
    if (step[field] === undefined || forEach !== undefined) continue;
    const message = `Step \`${step.id}\` has \`${field}\`, which says what becomes of items, and no forEach.`;
    faults.add('OUT_OF_PLACE', `${at}/${field}`, message);
  }
  if (reduce !== undefined && merge !== 'reduce' && forEach !== undefined)
    faults.add('OUT_OF_PLACE', `${at}/reduce`, `Step \`${step.id}\` has \`reduce\`; it also needs merge: reduce.`);
  if (merge === 'reduce' && reduce === undefined)
    faults.add(
      'VALUE',
      `${at}/merge`,
      `Step \`${step.id}\` has merge: reduce; it also needs \`reduce\`: {initial, with}.`,
    );
  const items = Array.isArray(forEach) ? forEach.length : LIMITS.forEachItemsMax;
  const first = merge === undefined ? 0 : neededBy(merge);
  if (first > items) faults.add('VALUE', `${at}/merge`, `\`${merge}\` can never be had of ${items} items.`);
}

/** What follows is there; a workflow may follow itself, also before it is registered. */
function checkNext({ name, then = [] }: WorkflowGraph, lookups: GraphLookups, faults: FaultList): void {
  then.forEach(({ workflow }, index) => {
    if (parseReference(workflow)?.name === name || lookups.hasWorkflow(workflow)) return;
    const message = `What follows is the workflow \`${workflow}\`, which is not registered.`;
    const near = (): string | undefined => closestName(workflow, lookups.namesOf?.('workflow') ?? []);
    faults.add('NO_AGENT', `/then/${index}/workflow`, message, near);
  });
}

/** The indexes of the steps that a step needs, ascending: those it names, and those its expressions read. */
function needsOf(compiled: StepSites, indexes: ReadonlyMap<string, number>, faults: FaultList): number[] {
  const { step, index } = compiled;
  const needs = new Set<number>();
  step.needs?.forEach((id, i) => {
    const at = `/steps/${index}/needs/${i}`;
    const need = indexes.get(id);
    if (need === undefined) addUnknown(id, at, `Step \`${step.id}\` needs step \`${id}\``, indexes, faults);
    else if (id === step.id) faults.add('SELF_REFERENCE', at, `Step \`${step.id}\` needs itself.`);
    else needs.add(need);
  });
  for (const site of compiled.sites) {
    for (const need of checkReferences(site, indexes, faults, step.id)) needs.add(need);
  }
  return [...needs].sort((a, b) => a - b);
}

/** The indexes of the steps that a place reads. Faults: `UNKNOWN_STEP`, `SELF_REFERENCE`. */
function checkReferences(site: Site, indexes: ReadonlyMap<string, number>, faults: FaultList, own?: string): number[] {
  const found: number[] = [];
  for (const id of site.references.steps) {
    const index = indexes.get(id);
    if (index !== undefined && id !== own) found.push(index);
    if (index !== undefined && (id !== own || site.hasOwnOutput)) continue;
    for (const { at, expression } of site.expressions) {
      if (!expression.references.steps.includes(id)) continue;
      const what = `\`${expression.text}\` reads step \`${id}\``;
      if (index === undefined) addUnknown(id, at, what, indexes, faults);
      else faults.add('SELF_REFERENCE', at, `${what}, which is the step itself.`);
    }
  }
  return found;
}

function addUnknown(
  id: string,
  at: string,
  what: string,
  indexes: ReadonlyMap<string, number>,
  faults: FaultList,
): void {
  faults.add('UNKNOWN_STEP', at, `${what}, which does not exist.`, () => closestName(id, indexes.keys()));
}

function addCycle(cycle: readonly number[], steps: readonly WorkflowStep[], faults: FaultList): void {
  const ids = [...cycle, ...cycle.slice(0, 1)].map((index) => `\`${steps[index]?.id ?? ''}\``);
  faults.add('CYCLE', `/steps/${cycle[0] ?? 0}`, `Steps wait for each other: ${shortened(ids).join(' needs ')}.`);
}

/** A long cycle, without its middle. */
function shortened(ids: readonly string[]): readonly string[] {
  return ids.length <= 12 ? ids : [...ids.slice(0, 6), `… (${ids.length - 11} more) …`, ...ids.slice(-5)];
}

function planOf(
  compiled: readonly StepSites[],
  needs: readonly (readonly number[])[],
  { output, next }: Pick<GraphPlan, 'output' | 'next'>,
): GraphPlan {
  const levels = findLevels(needs);
  const order = compiled.map((_, index) => index).sort((a, b) => (levels[a] ?? 0) - (levels[b] ?? 0) || a - b);
  const rank = new Map(order.map((index, position) => [index, position]));
  const byRank = (a: number, b: number): number => (rank.get(a) ?? 0) - (rank.get(b) ?? 0);
  const idOf = (index: number): string => compiled[index]?.step.id ?? '';
  const dependents = compiled.map((): string[] => []);
  for (const index of order) for (const need of needs[index] ?? []) dependents[need]?.push(idOf(index));
  const steps = order.flatMap((index): PlannedStep[] => {
    const at = compiled[index];
    if (at === undefined) return [];
    const { step, when, input, forEach, reduce, loopWhile, signalName, approvalMessage, fallbacks, compensate } = at;
    return [
      {
        id: step.id,
        step,
        index,
        needs: [...(needs[index] ?? [])].sort(byRank).map(idOf),
        dependents: dependents[index] ?? [],
        level: levels[index] ?? 0,
        when,
        input,
        forEach,
        reduce,
        loopWhile,
        signalName,
        approvalMessage,
        fallbacks,
        staged: stagedPart(step),
        compensate,
      },
    ];
  });
  const byId = new Map(steps.map((step) => [step.id, step]));
  return { steps, byId, output, next, compensates: steps.some(({ compensate }) => compensate !== undefined) };
}
