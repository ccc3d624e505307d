/**
 * Who works on a node, whatever it stands on (a disk or memory, the clock of the machine or of a test, with doors or without): the
 * logics that actors are made of, the desks that are asked, and the tree that watches over all of it.
 */
import { agentLogic } from './actors/agent-logic.ts';
import { createAgentServices } from './actors/agent-services.ts';
import { approvalActors, ApprovalDesk } from './actors/approvals/approval-desk.ts';
import { ApprovalCalls } from './actors/approvals/approval-calls.ts';
import { holdsRole } from './actors/approvals/roles.ts';
import { Asking } from './actors/asking/asking.ts';
import { questionLogic } from './actors/asking/question.ts';
import { Asks } from './actors/asks.ts';
import { Desk } from './actors/desk.ts';
import { EffectDesk } from './actors/effect-desk.ts';
import type { CallPlacing } from './actors/call-placing.ts';
import { budgetLogic } from './actors/budget/budget.ts';
import { cachedLogic } from './actors/cache/cached-result.ts';
import { ResultCache } from './actors/cache/result-cache.ts';
import { Families, flatFamily } from './actors/family.ts';
import { groupLogic } from './actors/groups/group.ts';
import { GroupDesk } from './actors/groups/group-desk.ts';
import { Ledger } from './actors/ledger.ts';
import { BUNDLED_TEMPLATES } from './actors/planning/bundled-templates.ts';
import { goalLogic } from './actors/planning/goal.ts';
import { GoalPlanner } from './actors/planning/goal-planner.ts';
import { PlanDesk } from './actors/planning/plan-desk.ts';
import type { PlanModel } from './actors/planning/plan-model.ts';
import { TemplateBook } from './actors/planning/template-book.ts';
import { Registry } from './actors/registry.ts';
import { scheduleLogic } from './actors/schedules/schedule.ts';
import { ScheduleDesk } from './actors/schedules/schedule-desk.ts';
import { FiguresKeeper } from './actors/figures/figures-keeper.ts';
import { NodeFigures } from './actors/figures/node-figures.ts';
import { RunTracks } from './actors/figures/run-tracks.ts';
import { healthLogic } from './actors/roster/health.ts';
import { HealthBook } from './actors/roster/health-book.ts';
import { Roster } from './actors/roster/roster.ts';
import { costOf, Readings } from './actors/selection/readings.ts';
import { Selector } from './actors/selection/selector.ts';
import { type SessionDeps, sessionLogic } from './actors/session.ts';
import { Sessions } from './actors/sessions.ts';
import { pieceLogic } from './actors/state/piece.ts';
import { StateDesk } from './actors/state/state-desk.ts';
import { StateHub } from './actors/state/state-hub.ts';
import { stepLogic } from './actors/step.ts';
import { taskLogic } from './actors/task.ts';
import { createHand } from './actors/topics/handing.ts';
import { subscriptionLogic } from './actors/topics/subscription.ts';
import { SubscriptionDesk } from './actors/topics/subscription-desk.ts';
import { TopicDesk } from './actors/topics/topic-desk.ts';
import { chainLogic } from './actors/workflow/chain.ts';
import { flowLogic } from './actors/workflow/flow.ts';
import { stageLogic } from './actors/workflow/stage.ts';
import { FlowPlans } from './actors/workflow/planner.ts';
import { WorkflowDesk } from './actors/workflow/workflow-desk.ts';
import { LIMITS } from './protocol/limits.ts';
import type { ChildSpec } from './runtime/child-spec.ts';
import type { Strategy } from './protocol/selection.ts';
import { installable } from './runtime/flat-logic.ts';
import type { Kernel } from './runtime/kernel.ts';
import type { Log } from './runtime/log.ts';
import type { Registers } from './runtime/registers.ts';
import type { Store } from './runtime/stores/store.ts';
import type { WorkerPool } from './runtime/workers/pool.ts';
import type { World } from './runtime/world.ts';
import { Breakers } from './supervisors/breakers.ts';
import { breakerLimits, POLICIES, startTree } from './supervisors/tree.ts';

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
  /** How agents are chosen where nobody says it. Default: `balanced`. */
  readonly strategy?: Strategy;
  /** The name of the node. Default: `local`. */
  readonly node?: string;
  /** The nodes that make the calls of `name@version`. Default: this one. */
  readonly nodesOf?: (reference: string) => readonly string[];
  /** Folders that agents may be registered from. Default: none. */
  readonly moduleRoots?: readonly string[];
  /** Results that are kept, and their bytes. Default: the limits of the protocol. */
  readonly cacheEntriesMax?: number;
  readonly cacheBytesMax?: number;
  readonly onSubmitted: () => void;
  /** Makes plans for goals that no template fits. Default: they are refused. */
  readonly planModel?: PlanModel;
  /** Something became of a run of a schedule. Default: nobody hears of it. */
  readonly onScheduledRun?: (outcome: 'started' | 'skipped' | 'refused') => void;
  /** Where calls of agents are made, where other nodes may make them. Default: here. */
  readonly placing?: CallPlacing;
  /** The root supervisor gave up: the node must end. */
  readonly onFatal: (error: Error) => void;
}

/** Hires them. Nothing is loaded yet: no agents, no workflows, nothing of the store. */
// tidy-allow function-size: who knows whom is read in one place, in the order of hiring; each line is one hire
export function hireStaff(grounds: Grounds) {
  const { world, log, kernel, store, registers, workers, placing, onFatal, onSubmitted, tasksInFlightMax } = grounds;
  const asks = new Asks(kernel);
  const ledger = new Ledger(kernel);
  const approvalCalls = new ApprovalCalls(kernel);
  const services = createAgentServices({
    ...{ world, log, kernel, workers, ledger, approvalCalls },
    desks: () => messages,
    state: () => state,
  });
  const registry: Registry = new Registry(kernel, registers, (definition) =>
    agentLogic(definition, { ...services, ...(placing !== undefined && { placing }) }),
  );
  const breakers = new Breakers({
    ...{ kernel, world, log: kernel.log },
    onChange: (entry) => registers.trigger.breakerChanged({ entry }),
  });
  const { figures, figuresKeeper, health, readings, selector } = hireChoosers(grounds, registry, breakers);
  const plans = new FlowPlans(registry);
  const hub = new StateHub();
  const pieces = pieceLogic((scope, name, row) => hub.changed(scope, name, row));
  const { planner, planning } = hirePlanners(grounds, registry, plans, figures);
  const { cacheEntriesMax: entriesMax = LIMITS.cacheEntriesMax, cacheBytesMax: bytesMax = LIMITS.cacheBytesMax } =
    grounds;
  const cache = new ResultCache({ kernel, entriesMax, bytesMax });
  const chain = chainLogic((port, principal, submission) => desk.submit(port, principal, submission));
  const { approvals, schedules, schedule } = hireForPeople(grounds, asks, () => desk);
  const families = new Families([
    flatFamily(pieces, 2),
    flatFamily(cachedLogic(cache.hooks), 2),
    schedule,
    flatFamily(chain, 1),
    ...messageFamilies(kernel, () => ({ desk, topics, groups })),
  ]);
  const desk: Desk = new Desk({
    ...{ kernel, store, registry, asks, breakers, onSubmitted },
    planFlow: (submission, ...rest) =>
      (submission.target.goal === undefined ? plans : planner).plan(submission, ...rest),
    ...(tasksInFlightMax !== undefined && { tasksInFlightMax }),
  });
  const state: StateDesk = new StateDesk({
    ...{ kernel, store, asks, hub },
    admit: () => desk.admitMessage(),
    ownsTask: async (principal, task) => void (await desk.get(principal, task)),
  });
  const workflows = new WorkflowDesk({ kernel, log, registry, registers, plans, desk, asks });
  const admit = (): void => desk.admit();
  const { mail } = desk;
  const topics: TopicDesk = new TopicDesk({ kernel, store, asks, admit });
  const checkFlow = (target: object): void =>
    void plans.plan({ target, input: undefined, options: {} }, 'check', kernel.nowMs(), 'check');
  const subscriptions = new SubscriptionDesk({ kernel, registry, topics, checkFlow, admit });
  const groups: GroupDesk = new GroupDesk({ kernel, asks, registry, mail, admit });
  const messages = { kernel, mail, asking: new Asking({ kernel, asks, mail }), topics, groups, admit };
  const sessions = new Sessions(kernel, registers);
  const stepDeps = {
    choose: selector.choose.bind(selector),
    peek: selector.peek.bind(selector),
    agent: registry.known.bind(registry),
    breakers,
    answered: (owner: string, entry: string) => approvalCalls.answered(owner, entry),
    cached: cache,
    random: () => world.random(),
  };
  const flow = flowLogic(plans.planOf.bind(plans), () => world.id());
  const agents: SessionDeps['agents'] = (query, limit, cursor) => roster.page(query, limit, cursor);
  const session = sessionLogic({ desk, state, approvals, topics, feed: kernel.feed, agents });
  kernel.install(installable(taskLogic, 'task'));
  kernel.install(installable(stepLogic(stepDeps), 'step'));
  kernel.install(installable(flow, 'workflow'));
  kernel.install(installable(stageLogic(stepDeps), 'stage'));
  kernel.install(installable(session, 'session'));
  kernel.install(goalLogic(planner));
  kernel.install(installable(budgetLogic, 'budget'));
  for (const logic of families.logics) kernel.install(logic);
  const tree = startTree({
    ...{ kernel, world, log: kernel.log, breakers, families: families.kinds },
    whereIs: placing && ((address, key) => placing.whereIs(address, key)),
    onRootExhausted: onFatal,
    onSessionCrashed: (address) => sessions.crashed(address),
  });
  const roster: Roster = new Roster({
    ...{ kernel, store, registry, registers, readings, health, figures, log: kernel.log },
    ...{ node: grounds.node ?? 'local', moduleRoots: grounds.moduleRoots ?? [] },
    ...(grounds.nodesOf !== undefined && { nodesOf: grounds.nodesOf }),
    supervise: (agent) => tree.addAgentSupervisor(agent.name, POLICIES.agent, breakerLimits(agent)),
    subscribe: (agent) => subscriptions.declare(agent),
  });
  const effects = new EffectDesk(ledger, store);
  /** Actors that come into being by their first message. */
  const specOf = (address: string): ChildSpec | undefined => families.specOf(address) ?? desk.keyedSpec(address);
  const desks = { desk, state, planning, workflows, asks, effects, approvals, schedules, sessions };
  const messaging = { topics, subscriptions, groups };
  const choosers = { roster, selector, figures, figuresKeeper };
  return { ...desks, ...messaging, ...choosers, registry, plans, breakers, cache, tree, specOf };
}

/** What waits for people, and what comes at times. */
function hireForPeople({ world, kernel, store, onScheduledRun = nothing }: Grounds, asks: Asks, desk: () => Desk) {
  kernel.install(approvalActors(kernel));
  const schedule = scheduleLogic({
    submit: (port, principal, submission) => desk().submit(port, principal, submission),
    onRun: onScheduledRun,
    random: () => world.random(),
  });
  return {
    approvals: new ApprovalDesk({ kernel, store, asks, holdsRole }),
    schedules: new ScheduleDesk({ kernel, store, asks, judge: (submission) => desk().judge(submission) }),
    schedule: flatFamily(schedule, 1),
  };
}

/** Those who make plans of goals. */
function hirePlanners({ kernel, planModel }: Grounds, registry: Registry, plans: FlowPlans, figures: NodeFigures) {
  const templates = new TemplateBook();
  for (const template of BUNDLED_TEMPLATES) templates.add(template);
  const planner = new GoalPlanner({ templates, plans, registry, ...(planModel !== undefined && { model: planModel }) });
  const planning = new PlanDesk({ planner, plans, registry, templates, figures, committer: () => kernel.committer });
  return { planner, planning };
}

/** Those who know how agents stand and what their past runs were like, and choose by it. */
function hireChoosers(grounds: Grounds, registry: Registry, breakers: Breakers) {
  const { kernel, world, placing } = grounds;
  const figures = new NodeFigures();
  const health = new HealthBook();
  const planOf = (reference: string) => registry.known(reference)?.health;
  kernel.install(healthLogic({ book: health, plan: planOf, random: () => world.random() }));
  const readings = new Readings({
    breakers,
    laneFigures: (lane) => kernel.effects.laneFigures(lane),
    inHand: (logic) => kernel.book.inHand(logic),
    capacityOf: (agent) => placing?.capacityOf(agent) ?? agent.concurrency,
    isFailing: (agent, { reference }) => health.isFailing(reference) || placing?.isUnplaced(agent) === true,
    evidenceOf: (reference) => figures.evidenceOf(reference, kernel.nowMs()),
  });
  const strategy = grounds.strategy ?? 'balanced';
  const selector = new Selector({ registry, readings, strategy, random: () => world.random() });
  return { figures, figuresKeeper: keepFigures(grounds, figures, registry), health, readings, selector };
}

/** The actors that messages go through. */
function messageFamilies(
  kernel: Kernel,
  desks: () => { readonly desk: Desk; readonly topics: TopicDesk; readonly groups: GroupDesk },
) {
  const { deadLetters } = kernel;
  const question = questionLogic((to, event) => deadLetters.add({ reason: 'no_asker', to, event }));
  const subscription = subscriptionLogic({
    hand: createHand(kernel, () => desks().desk),
    onCursor: (name, cursor) => desks().topics.moved(name, cursor),
    onDropped: (to, reason, event, bytes) => deadLetters.add({ reason, to, event, bytes }),
  });
  const group = groupLogic((name, row) => desks().groups.changed(name, row));
  return [flatFamily(question, 1), flatFamily(subscription, 1), flatFamily(group, 1)];
}

/** Past runs are read from the committed logs of tasks, and kept in the store. */
function keepFigures({ kernel, world, store, log }: Grounds, figures: NodeFigures, registry: Registry): FiguresKeeper {
  const tracks = new RunTracks(figures, {
    workflow: (reference) => {
      const graph = registry.workflow(reference);
      return graph === undefined ? undefined : `${graph.name}@${graph.version}`;
    },
    costOf: (reference) => costOf(registry.known(reference) ?? {}),
  });
  kernel.feed.listenAll((item) => tracks.heard(item));
  return new FiguresKeeper(figures, { world, store, log, define: (write) => kernel.define(write) });
}
function nothing(): void {}
