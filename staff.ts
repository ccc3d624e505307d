/**
 * Who works on a node, whatever it stands on (a disk or memory, the clock of the machine or of a test, with doors or without): the
 * logics that actors are made of, the desks that are asked, and the tree that watches over all of it.
 */
import { agentLogic } from './actors/agent-logic.ts';
import { approvalLogic } from './actors/approvals/approval.ts';
import { createAgentServices } from './actors/agent-services.ts';
import { Asks } from './actors/asks.ts';
import { Desk } from './actors/desk.ts';
import { EffectDesk } from './actors/effect-desk.ts';
import { budgetLogic } from './actors/budget/budget.ts';
import { cachedLogic } from './actors/cache/cached-result.ts';
import { ResultCache } from './actors/cache/result-cache.ts';
import { Families, flatFamily } from './actors/family.ts';
import type { FiguresReader } from './actors/figures/figures.ts';
import { Ledger } from './actors/ledger.ts';
import { BUNDLED_TEMPLATES } from './actors/planning/bundled-templates.ts';
import { goalLogic } from './actors/planning/goal.ts';
import { GoalPlanner } from './actors/planning/goal-planner.ts';
import { PlanDesk } from './actors/planning/plan-desk.ts';
import type { PlanModel } from './actors/planning/plan-model.ts';
import { TemplateBook } from './actors/planning/template-book.ts';
import { Registry } from './actors/registry.ts';
import { Selector } from './actors/selector.ts';
import { sessionLogic } from './actors/session.ts';
import { Sessions } from './actors/sessions.ts';
import { pieceLogic } from './actors/state/piece.ts';
import { StateDesk } from './actors/state/state-desk.ts';
import { StateHub } from './actors/state/state-hub.ts';
import { stepLogic } from './actors/step.ts';
import { taskLogic } from './actors/task.ts';
import { flowLogic } from './actors/workflow/flow.ts';
import { stageLogic } from './actors/workflow/stage.ts';
import { FlowPlans } from './actors/workflow/planner.ts';
import { WorkflowDesk } from './actors/workflow/workflow-desk.ts';
import { LIMITS } from './protocol/limits.ts';
import type { ChildSpec } from './runtime/child-spec.ts';
import { flatFactory, type FlatLogic, type FlatState } from './runtime/flat-logic.ts';
import type { Kernel } from './runtime/kernel.ts';
import type { Log } from './runtime/log.ts';
import type { AgentEntry, Registers } from './runtime/registers.ts';
import type { Store } from './runtime/stores/store.ts';
import type { WorkerPool } from './runtime/workers/pool.ts';
import type { World } from './runtime/world.ts';
import { Breakers } from './supervisors/breakers.ts';
import { startTree } from './supervisors/tree.ts';

/** What they stand on. */
export interface Grounds {
  readonly world: World;
  readonly log: Log;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly registers: Registers;
  readonly workers: WorkerPool;
  /** Default: the limit of the protocol. */
  readonly tasksInFlightMax?: number;
  /** Results that are kept, and their bytes. Default: the limits of the protocol. */
  readonly cacheEntriesMax?: number;
  readonly cacheBytesMax?: number;
  readonly onSubmitted: () => void;
  /** Makes plans for goals that no template fits. Default: they are refused. */
  readonly planModel?: PlanModel;
  /** The root supervisor gave up: the node must end. */
  readonly onFatal: (error: Error) => void;
}

/** Until runs are recorded. */
const figures: FiguresReader = { ofAgent: () => undefined, ofWorkflow: () => undefined, ofStep: () => undefined };

/** Hires them. Nothing is loaded yet: no agents, no workflows, nothing of the store. */
export function hireStaff(grounds: Grounds) {
  const { world, log, kernel, store, registers, workers, onFatal, onSubmitted, tasksInFlightMax, planModel } = grounds;
  const asks = new Asks(kernel);
  const ledger = new Ledger(kernel);
  const services = createAgentServices({ world, log, kernel, workers, ledger, desk: () => desk, state: () => state });
  const registry: Registry = new Registry(kernel, registers, (definition) => agentLogic(definition, services));
  const breakers = new Breakers({
    ...{ kernel, world, log: kernel.log },
    onChange: (entry) => registers.trigger.breakerChanged({ entry }),
  });
  const selector = new Selector(registry, kernel.effects, breakers);
  const plans = new FlowPlans(registry);
  const hub = new StateHub();
  const pieces = pieceLogic((scope, name, row) => hub.changed(scope, name, row));
  const templates = new TemplateBook();
  for (const template of BUNDLED_TEMPLATES) templates.add(template);
  const planner = new GoalPlanner({ templates, plans, registry, ...(planModel !== undefined && { model: planModel }) });
  const planning = new PlanDesk({ planner, plans, registry, templates, figures, committer: () => kernel.committer });
  const { cacheEntriesMax: entriesMax = LIMITS.cacheEntriesMax, cacheBytesMax: bytesMax = LIMITS.cacheBytesMax } =
    grounds;
  const cache = new ResultCache({ kernel, entriesMax, bytesMax });
  const families = new Families([flatFamily(pieces, 2), flatFamily(cachedLogic(cache.hooks), 2)]);
  const desk: Desk = new Desk({
    ...{ kernel, store, registry, asks, breakers, onSubmitted },
    planFlow: (submission, task, nowMs) =>
      (submission.target.goal === undefined ? plans : planner).plan(submission, task, nowMs),
    ...(tasksInFlightMax !== undefined && { tasksInFlightMax }),
  });
  const state: StateDesk = new StateDesk({
    ...{ kernel, store, asks, hub },
    admit: () => desk.admitMessage(),
    ownsTask: async (principal, task) => void (await desk.get(principal, task)),
  });
  const workflows = new WorkflowDesk({ kernel, log, registry, registers, plans, desk, asks });
  const sessions = new Sessions(kernel, registers);
  const stepDeps = {
    choose: selector.choose.bind(selector),
    agent: registry.agent.bind(registry),
    breakers,
    cached: cache,
    random: () => world.random(),
  };
  const flow = flowLogic((graph) => plans.planOf(graph));
  const agents = (capability: string | undefined) => agentEntries(registers, capability);
  const session = sessionLogic({ desk, state, feed: kernel.feed, agents });
  installFlat(kernel, taskLogic, 'task');
  installFlat(kernel, stepLogic(stepDeps), 'step');
  installFlat(kernel, flow, 'workflow');
  installFlat(kernel, stageLogic(stepDeps), 'stage');
  installFlat(kernel, approvalLogic, 'approval');
  installFlat(kernel, session, 'session');
  kernel.install(goalLogic(planner));
  installFlat(kernel, budgetLogic, 'budget');
  for (const logic of families.logics) kernel.install(logic);
  const tree = startTree({
    ...{ kernel, world, log: kernel.log, breakers, families: families.kinds },
    onRootExhausted: onFatal,
    onSessionCrashed: (address) => sessions.crashed(address),
  });
  const effects = new EffectDesk(ledger, store);
  /** Actors that come into being by their first message. */
  const specOf = (address: string): ChildSpec | undefined => families.specOf(address) ?? desk.keyedSpec(address);
  return { registry, plans, planning, workflows, desk, state, asks, effects, sessions, breakers, cache, tree, specOf };
}

function installFlat<S extends FlatState, Input>(kernel: Kernel, logic: FlatLogic<S, Input>, kind: string): void {
  kernel.install({ name: logic.name, factory: flatFactory(logic), kind, lane: kind, laneLimit: 1 });
}

function agentEntries(registers: Registers, capability: string | undefined): readonly AgentEntry[] {
  const entries = Object.values(registers.getSnapshot().context.agents);
  return capability === undefined ? entries : entries.filter((entry) => entry.capabilities.includes(capability));
}
