/**
 * What anyone may ask before work begins: a plan for a goal, a workflow or a graph, as it would run, with what it is expected to take.
 * Nothing is begun by asking. It also keeps the plan templates that were registered.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph } from '../../protocol/graph.ts';
import { parsePlanTemplate, type PlanTemplate } from '../../protocol/plan-template.ts';
import type { Committer } from '../../runtime/committer.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import type { FiguresReader } from '../figures/figures.ts';
import type { Registry } from '../registry.ts';
import type { FlowPlans } from '../workflow/planner.ts';
import { type GraphPlan, itemsOf, type PlannedStep } from '../workflow/graph-plan.ts';
import { type Estimate, estimatePlan, type ExpectedStep } from './estimate.ts';
import type { Candidate, GoalPlanner } from './goal-planner.ts';
import { analysePlan, type PlanAnalysis } from './plan-analysis.ts';
import { assumptionsOf, type Basis, expectationOf, type Range, type StepExpectation } from './step-expectation.ts';
import { keyOf, type TemplateBook } from './template-book.ts';

/** What a plan is asked for: exactly one of `goal`, `workflow` and `graph`. */
export interface PlanQuestion {
  readonly goal?: string;
  readonly workflow?: string;
  readonly graph?: unknown;
  readonly input?: unknown;
}

/** A plan as it is shown. */
export interface PlanView {
  readonly source: 'template' | 'model' | 'workflow' | 'graph';
  /** The template or model that it is from. */
  readonly by?: string;
  readonly confidence?: number;
  readonly candidates?: readonly Candidate[];
  readonly changes?: readonly string[];
  readonly graph: WorkflowGraph;
  readonly input: unknown;
  readonly analysis: PlanAnalysis;
  readonly estimate: Estimate;
  readonly steps: readonly StepView[];
  /** What the estimate rests on where nothing is known, in words. */
  readonly assumptions: readonly string[];
}

/** A step of a plan as it is shown. */
export interface StepView {
  readonly step: string;
  /** Agents that may do it now. */
  readonly agents: readonly string[];
  readonly items: number;
  readonly attempts: number;
  readonly durationMs: Range;
  readonly usd: Range;
  readonly tokens: Range;
  readonly basis: Basis;
  readonly samples: number;
}

/** What the desk needs of its node. */
export interface PlanDeskDeps {
  readonly planner: GoalPlanner;
  readonly plans: FlowPlans;
  readonly registry: Registry;
  readonly templates: TemplateBook;
  readonly figures: FiguresReader;
  readonly committer: () => Pick<Committer, 'define' | 'committed'>;
}

/** Items of a fan-out whose list comes from a step before it. */
const ITEMS_PRIOR = 10;
/** Workflows inside of one another that are looked into. */
const DEPTH_MAX = 4;

/** The desk for plans of one node. */
export class PlanDesk {
  readonly #deps: PlanDeskDeps;

  constructor(deps: PlanDeskDeps) {
    this.#deps = deps;
  }

  /**
   * The plan. Errors: INVALID_INPUT (no template fits, and there is no model), WORKFLOW_INVALID, NOT_AVAILABLE, NOT_FOUND; what the
   * model answers.
   */
  async plan({ goal, workflow, graph, input = null }: PlanQuestion, signal: AbortSignal): Promise<PlanView> {
    if (goal !== undefined) {
      const { planner } = this.#deps;
      const proposal = planner.fromTemplates(goal, input);
      if (proposal === undefined && !planner.hasModel) throw planner.refusal(goal, input);
      const made = proposal ?? (await planner.fromModel(goal, input, signal));
      const { source, by, confidence, candidates, changes } = made;
      const how = { source, by, candidates, changes, ...(confidence !== undefined && { confidence }) };
      return { ...how, ...this.#look(made.graph, made.input, undefined) };
    }
    if (workflow !== undefined) {
      const { graph: found } = this.#deps.plans.named(workflow);
      return { source: 'workflow', ...this.#look(found, input, `${found.name}@${found.version}`) };
    }
    return { source: 'graph', ...this.#look(this.#deps.plans.admitted(graph).graph, input, undefined) };
  }

  /** Registers a template, durably. Errors: WORKFLOW_INVALID, NOT_AVAILABLE, STATE_CONFLICT, BUSY. */
  async register(value: unknown): Promise<PlanTemplate> {
    const template = parsePlanTemplate(value);
    this.#deps.plans.admitted(template.graph);
    this.#deps.templates.add(template);
    const { name, version } = template;
    this.#deps.committer().define({ kind: 'template', name, version, body: template });
    await this.#deps.committer().committed();
    return template;
  }

  /** Forgets one, durably. Plans that were made by it go on. Errors: NOT_FOUND. */
  async unregister(reference: string): Promise<PlanTemplate> {
    const template = this.#deps.templates.remove(reference);
    const { name, version } = template;
    this.#deps.committer().define({ kind: 'template', name, version, body: null });
    await this.#deps.committer().committed();
    return template;
  }

  /** Those that were registered in an earlier run of the process. */
  restore(rows: readonly { readonly body: unknown }[]): void {
    for (const { body } of rows) this.#deps.templates.add(body as PlanTemplate);
  }

  /** All templates, by name and version. */
  templates(): readonly PlanTemplate[] {
    return this.#deps.templates.all().toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  /** Errors: NOT_FOUND. */
  template(reference: string): PlanTemplate {
    const found = this.#deps.templates.get(reference);
    if (found === undefined) throw new OperatingError('NOT_FOUND', `There is no plan template ${reference}.`);
    return found;
  }

  #look(graph: WorkflowGraph, input: unknown, reference: string | undefined): Omit<PlanView, 'source'> {
    const plan = this.#deps.plans.planOf(graph);
    const assumptions: string[] = [];
    const expected = this.#expect(plan, input, reference, 0, assumptions);
    const steps = plan.steps.map((step): StepView => {
      const { expectation, items, attempts } = expected.get(step.id) as ExpectedStep;
      const { durationMs, usd, tokens, basis, samples } = expectation;
      const agents = this.#agentsOf(step).map(({ name, version }) => `${name}@${version}`);
      return { step: step.id, agents, items, attempts, durationMs, usd, tokens, basis, samples };
    });
    const durationMsOf = (step: PlannedStep): number => {
      const one = expected.get(step.id);
      if (one === undefined) return 0;
      const lanes = Math.max(1, Math.min(one.items, step.step.concurrency ?? one.items));
      return (step.step.delayMs ?? 0) + one.expectation.durationMs.p50 * Math.ceil(one.items / lanes);
    };
    const analysis = analysePlan(plan, durationMsOf);
    return { graph, input, analysis, estimate: estimatePlan(plan, expected), steps, assumptions };
  }

  #expect(
    plan: GraphPlan,
    input: unknown,
    reference: string | undefined,
    depth: number,
    assumptions: string[],
  ): ReadonlyMap<string, ExpectedStep> {
    return new Map(
      plan.steps.map((step) => {
        const agents = this.#agentsOf(step);
        const known = expectationOf({ workflow: reference, step: step.step, agents }, this.#deps.figures);
        const expectation = known.basis === 'prior' ? (this.#inner(step, depth) ?? known) : known;
        assumptions.push(...assumptionsOf(step.step, expectation));
        const attempts = step.step.retry?.attempts ?? agents[0]?.retry.attempts ?? 1;
        return [step.id, { step, expectation, items: itemsExpected(step, input, assumptions), attempts }] as const;
      }),
    );
  }

  /** What a step that is a workflow is expected to take, by the steps in that. */
  #inner({ step }: PlannedStep, depth: number): StepExpectation | undefined {
    if (step.workflow === undefined || depth >= DEPTH_MAX) return undefined;
    const graph = this.#deps.registry.workflow(step.workflow);
    if (graph === undefined) return undefined;
    const plan = this.#deps.plans.planOf(graph);
    const expected = this.#expect(plan, undefined, `${graph.name}@${graph.version}`, depth + 1, []);
    const { durationMs, usd, tokens, failureShare } = estimatePlan(plan, expected);
    return { durationMs, usd, tokens, failureShare, samples: 0, basis: 'prior' };
  }

  #agentsOf({ step }: PlannedStep): readonly AgentDefinition[] {
    const { registry } = this.#deps;
    if (step.capability !== undefined) return registry.withCapability(step.capability);
    const agent = step.agent === undefined ? undefined : registry.agent(step.agent);
    return agent === undefined ? [] : [agent];
  }
}

/** How often a step is done. What its list is made of is known beforehand where it comes from the input alone. */
function itemsExpected(step: PlannedStep, input: unknown, assumptions: string[]): number {
  if (step.forEach === undefined) return 1;
  const reads = step.forEach.references;
  if (reads.steps.length === 0 && (!reads.input || input !== undefined)) {
    try {
      return itemsOf(step, { input, steps: {} })?.length ?? 1;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
    }
  }
  assumptions.push(
    `${step.id}: ${ITEMS_PRIOR} items are assumed, since how many there are is known only when it runs.`,
  );
  return ITEMS_PRIOR;
}
