/**
 * From a goal in words to a graph that reaches it: by a template whose words fit, which needs no model; else by a model, where one is
 * configured. Both are judged like a graph that came over the wire. What a model got wrong is mended where that is plain, given back
 * to it a bounded number of times, and refused after that.
 */
import { z } from 'zod';
import { OperatingError } from '../../protocol/errors.ts';
import { graphSchema, parseGraph, type WorkflowGraph } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Principal, Submission } from '../desk.ts';
import type { FlowOrder } from '../flow-order.ts';
import type { ChainLink } from '../workflow/chain-link.ts';
import type { PinnedWorkflows } from '../workflow/flow-start.ts';
import { type Admitted, type FlowPlans, flowWork, linkOf } from '../workflow/planner.ts';
import { ordersOf } from '../workflow/flow-start.ts';
import type { Orders } from '../workflow/step-call.ts';
import type { GraphFault } from '../workflow/graph-faults.ts';
import { type Registry, schemaOf } from '../registry.ts';
import type { Slots } from './goal-phrase.ts';
import { repairGraph } from './graph-repair.ts';
import type { PlanModel, PlanRequest } from './plan-model.ts';
import { keyOf, type TemplateBook, type TemplateMatch } from './template-book.ts';

/** A graph for a goal, and how it came about. */
export interface PlanProposal {
  readonly source: 'template' | 'model';
  readonly graph: WorkflowGraph;
  /** The workflows that it comes to call, as they were when it was made. */
  readonly pinned: PinnedWorkflows;
  readonly input: unknown;
  /** `name@version` of the template, or the name of the model. */
  readonly by: string;
  /** For a template: 1 where the goal is one of its phrases. */
  readonly confidence?: number;
  /** Other templates that were looked at. */
  readonly candidates: readonly Candidate[];
  /** What was mended in a model's graph, in words. */
  readonly changes: readonly string[];
}

/** What a goal's cell is started with. */
export interface GoalStart extends Orders {
  readonly goal: string;
  readonly input: unknown;
  /** What the workflows that follow the planned one are started with. */
  readonly chain?: ChainLink;
}

/** The name of the logic of goals in the kernel. */
export const GOAL_LOGIC = 'goal';

/** A template that was looked at. */
export interface Candidate {
  readonly template: string;
  readonly confidence: number;
  readonly missing: readonly string[];
}

/** What a planner needs of its node. */
export interface GoalPlannerDeps {
  readonly templates: TemplateBook;
  readonly plans: FlowPlans;
  readonly registry: Registry;
  readonly model?: PlanModel;
}

/** Below this share of known words a template is not taken for what was meant. */
const CONFIDENCE_MIN = 0.6;
/** Closer than this, two templates are equally likely. */
const CONFIDENCE_LEAD = 0.1;
const CANDIDATES_MAX = 5;
/** Answers of a model for one plan, the first among them. */
const ROUNDS_MAX = 3;
/** Agents that a model is told of. */
const AGENTS_TOLD_MAX = 200;

/** What the log of a task says of its plan. */
export function plannedData({
  source,
  by,
  confidence,
  graph,
  changes,
}: PlanProposal): Readonly<Record<string, unknown>> {
  return {
    source,
    by,
    workflow: `${graph.name}@${graph.version}`,
    steps: graph.steps.length,
    ...(confidence !== undefined && { confidence }),
    ...(changes.length > 0 && { changes }),
  };
}

/** The planner for goals of one node. */
export class GoalPlanner {
  readonly #deps: GoalPlannerDeps;

  constructor(deps: GoalPlannerDeps) {
    this.#deps = deps;
  }

  /** Whether a model may be asked where no template fits. */
  get hasModel(): boolean {
    return this.#deps.model !== undefined;
  }

  /** By a template; undefined where none fits well enough. Errors: WORKFLOW_INVALID, where one that fits cannot run here. */
  fromTemplates(goal: string, input: unknown): PlanProposal | undefined {
    const matches = this.#deps.templates.match(goal, slotsGiven(input));
    const best = chosen(matches);
    if (best === undefined) return undefined;
    const { template, confidence, slots } = best;
    const { graph, pinned } = this.#deps.plans.admitted(template.graph, parseGraph);
    const candidates = candidatesOf(matches.filter((match) => match !== best));
    return {
      source: 'template',
      graph,
      pinned,
      input: slots,
      by: keyOf(template),
      confidence,
      candidates,
      changes: [],
    };
  }

  /** What a task for a goal begins as: the workflow of a template, or the goal's own actor, which asks the model. Errors: those of both. */
  plan(submission: Submission, task: string, nowMs: number, principal: Principal): FlowOrder {
    const { target, input, options } = submission;
    const goal = target.goal ?? '';
    const common = { ...ordersOf(options, task, nowMs), chain: linkOf(submission, principal) };
    const proposal = this.fromTemplates(goal, input);
    if (proposal !== undefined) {
      return { ...flowWork({ ...common, input: proposal.input }, proposal), planned: plannedData(proposal) };
    }
    if (!this.hasModel) throw this.refusal(goal, input);
    const start: GoalStart = { ...common, goal, input };
    // What the model will plan may well have something to undo.
    return { logic: GOAL_LOGIC, input: start, compensationMs: LIMITS.compensationDefaultMs };
  }

  /** Why no template was taken: INVALID_INPUT, with those that came nearest and what they lack. */
  refusal(goal: string, input: unknown): OperatingError {
    const matches = this.#deps.templates.match(goal, slotsGiven(input));
    const candidates = candidatesOf(matches);
    const [first] = matches;
    const way =
      'Name an agent or a workflow, say it like a template (`troupe templates`), add a template, or start the node with a planning model.';
    if (first === undefined || first.confidence < CONFIDENCE_MIN)
      return new OperatingError('INVALID_INPUT', `No plan template fits this goal. ${way}`, {
        details: { candidates },
      });
    if (first.missing.length > 0) {
      const names = first.missing.map((name) => `\`${name}\``).join(', ');
      const what = `The goal fits the template ${keyOf(first.template)}, but does not say ${names}`;
      const message = `${what}. Say it in the goal, or give it as input.`;
      return new OperatingError('INVALID_INPUT', message, { details: { candidates } });
    }
    const message = `Several plan templates fit this goal equally well: ${candidates.map(({ template }) => template).join(', ')}. ${way}`;
    return new OperatingError('INVALID_INPUT', message, { details: { candidates } });
  }

  /**
   * By the model. Errors: NOT_AVAILABLE (there is none), WORKFLOW_INVALID (it did not get it right, with the last faults), what the
   * model throws.
   */
  async fromModel(goal: string, input: unknown, signal: AbortSignal): Promise<PlanProposal> {
    const { model } = this.#deps;
    if (model === undefined) throw new OperatingError('NOT_AVAILABLE', 'This node has no model to plan with.');
    let request: PlanRequest = this.#request(goal, input);
    let faults: readonly GraphFault[] = [];
    for (let round = 0; round < ROUNDS_MAX; round++) {
      signal.throwIfAborted();
      const answer = await model.propose(request, signal);
      const { admitted, faults: left, changes, draft } = this.#judge(answer);
      if (admitted !== undefined)
        return { source: 'model', ...admitted, input, by: model.name, candidates: [], changes };
      faults = left;
      request = { ...request, previous: { graph: draft, faults } };
    }
    const [first] = faults;
    const what = `${model.name} made no plan that can run, in ${ROUNDS_MAX} rounds`;
    const message = `${what}. At ${first?.at || 'the top'}: ${first?.message ?? ''}`;
    throw new OperatingError('WORKFLOW_INVALID', message, { details: { issues: faults } });
  }

  /** Mends once what is plain, and judges again. */
  #judge(answer: unknown): {
    readonly admitted?: Admitted;
    readonly draft: unknown;
    readonly faults: readonly GraphFault[];
    readonly changes: readonly string[];
  } {
    const first = this.#admit(answer);
    if ('admitted' in first) return { ...first, draft: answer, faults: [], changes: [] };
    const { graph: draft, changes } = repairGraph(answer, first.faults);
    if (changes.length === 0) return { draft: answer, faults: first.faults, changes };
    const second = this.#admit(draft);
    return 'admitted' in second ? { ...second, draft, faults: [], changes } : { draft, faults: second.faults, changes };
  }

  #admit(value: unknown): { readonly admitted: Admitted } | { readonly faults: readonly GraphFault[] } {
    try {
      return { admitted: this.#deps.plans.admitted(value) };
    } catch (error) {
      const issues =
        error instanceof OperatingError ? (error.details as { issues?: unknown } | undefined)?.issues : undefined;
      if (!Array.isArray(issues)) throw error;
      return { faults: issues as readonly GraphFault[] };
    }
  }

  #request(goal: string, input: unknown): PlanRequest {
    const { registry } = this.#deps;
    const agents = registry
      .agents()
      .filter(({ keyed }) => !keyed)
      .slice(0, AGENTS_TOLD_MAX)
      .map(({ name, description, capabilities, input: takes, output }) => ({
        name,
        capabilities,
        ...(description !== undefined && { description }),
        ...(takes !== undefined && { input: schemaOf(takes, 'input') }),
        ...(output !== undefined && { output: schemaOf(output, 'output') }),
      }));
    const workflows = registry
      .workflows()
      .slice(0, AGENTS_TOLD_MAX)
      .map(({ name, description }) => ({ name, ...(description !== undefined && { description }) }));
    const schema = z.toJSONSchema(graphSchema, { io: 'input', unrepresentable: 'any' });
    return { goal, input, agents, workflows, schema };
  }
}

/** The likeliest that lacks nothing, where it is likely enough and the next one is less so. */
function chosen(matches: readonly TemplateMatch[]): TemplateMatch | undefined {
  const whole = matches.filter(({ missing }) => missing.length === 0);
  const [first, second] = whole;
  if (first === undefined || first.confidence < CONFIDENCE_MIN) return undefined;
  const [likeliest] = matches;
  // One that fits much better but lacks something is what was meant.
  if (likeliest !== undefined && likeliest.confidence - first.confidence > CONFIDENCE_LEAD) return undefined;
  if (second !== undefined && first.confidence - second.confidence < CONFIDENCE_LEAD && first.confidence < 1)
    return undefined;
  return first;
}

function candidatesOf(matches: readonly TemplateMatch[]): readonly Candidate[] {
  return matches.slice(0, CANDIDATES_MAX).map(({ template, confidence, missing }) => ({
    template: keyOf(template),
    confidence: Math.round(confidence * 100) / 100,
    missing,
  }));
}

function slotsGiven(input: unknown): Slots {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? (input as Slots) : {};
}
