/**
 * Who works on a node, whatever it stands on (a disk or memory, the clock of the machine or of a test, with doors or without): the
 * logics that actors are made of, the desks that are asked, and the tree that watches over all of it.
 */
import { agentLogic } from './actors/agent-logic.ts';
import { createAgentServices } from './actors/agent-services.ts';
import { Asking } from './actors/asking/asking.ts';
import { questionLogic } from './actors/asking/question.ts';
import { Asks } from './actors/asks.ts';
import { Desk } from './actors/desk.ts';
import { EffectDesk } from './actors/effect-desk.ts';
import { Families, flatFamily } from './actors/family.ts';
import { groupLogic } from './actors/groups/group.ts';
import { GroupDesk } from './actors/groups/group-desk.ts';
import { Ledger } from './actors/ledger.ts';
import { Registry } from './actors/registry.ts';
import { Selector } from './actors/selector.ts';
import { sessionLogic } from './actors/session.ts';
import { Sessions } from './actors/sessions.ts';
import { stepLogic } from './actors/step.ts';
import { taskLogic } from './actors/task.ts';
import { createHand } from './actors/topics/handing.ts';
import { subscriptionLogic } from './actors/topics/subscription.ts';
import { SubscriptionDesk } from './actors/topics/subscription-desk.ts';
import { TopicDesk } from './actors/topics/topic-desk.ts';
import { flowLogic } from './actors/workflow/flow.ts';
import { FlowPlans } from './actors/workflow/planner.ts';
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
  readonly onSubmitted: () => void;
  /** The root supervisor gave up: the node must end. */
  readonly onFatal: (error: Error) => void;
}

/** Hires them. Nothing is loaded yet: no agents, no workflows, nothing of the store. */
export function hireStaff(grounds: Grounds) {
  const { world, log, kernel, store, registers, workers, onFatal, onSubmitted, tasksInFlightMax } = grounds;
  const asks = new Asks(kernel);
  const ledger = new Ledger(kernel);
  const services = createAgentServices({ world, log, kernel, workers, ledger, desks: () => messages });
  const registry: Registry = new Registry(kernel, registers, (definition) => agentLogic(definition, services));
  const breakers = new Breakers({
    ...{ kernel, world, log: kernel.log },
    onChange: (entry) => registers.trigger.breakerChanged({ entry }),
  });
  const selector = new Selector(registry, kernel.effects, breakers);
  const plans = new FlowPlans(registry);
  const families = new Families(messageFamilies(kernel, () => ({ desk, topics, groups })));
  const desk: Desk = new Desk({
    ...{ kernel, store, registry, asks, breakers, onSubmitted },
    planFlow: (submission, task, nowMs) => plans.plan(submission, task, nowMs),
    ...(tasksInFlightMax !== undefined && { tasksInFlightMax }),
  });
  const admit = (): void => desk.admit();
  const { mail } = desk;
  const topics: TopicDesk = new TopicDesk({ kernel, store, asks, admit });
  const checkFlow = (target: object): void =>
    void plans.plan({ target, input: undefined, options: {} }, 'check', kernel.nowMs());
  const subscriptions = new SubscriptionDesk({ kernel, registry, topics, checkFlow, admit });
  const groups: GroupDesk = new GroupDesk({ kernel, asks, registry, mail, admit });
  const messages = { kernel, mail, asking: new Asking({ kernel, asks, mail }), topics, groups, admit };
  const sessions = new Sessions(kernel, registers);
  const stepDeps = {
    choose: selector.choose.bind(selector),
    agent: registry.agent.bind(registry),
    breakers,
    random: () => world.random(),
  };
  const flow = flowLogic((graph) => plans.planOf(graph));
  const agents = (capability: string | undefined) => agentEntries(registers, capability);
  const session = sessionLogic({ desk, topics, feed: kernel.feed, agents });
  installFlat(kernel, taskLogic, 'task');
  installFlat(kernel, stepLogic(stepDeps), 'step');
  installFlat(kernel, flow, 'workflow');
  installFlat(kernel, session, 'session');
  for (const logic of families.logics) kernel.install(logic);
  const tree = startTree({
    ...{ kernel, world, log: kernel.log, breakers, families: families.kinds },
    onRootExhausted: onFatal,
    onSessionCrashed: (address) => sessions.crashed(address),
  });
  const effects = new EffectDesk(ledger, store);
  /** Actors that come into being by their first message. */
  const specOf = (address: string): ChildSpec | undefined => families.specOf(address) ?? desk.keyedSpec(address);
  const messaging = { topics, subscriptions, groups };
  return { registry, plans, desk, asks, effects, sessions, breakers, tree, specOf, ...messaging };
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

function installFlat<S extends FlatState, Input>(kernel: Kernel, logic: FlatLogic<S, Input>, kind: string): void {
  kernel.install({ name: logic.name, factory: flatFactory(logic), kind, lane: kind, laneLimit: 1 });
}

function agentEntries(registers: Registers, capability: string | undefined): readonly AgentEntry[] {
  const entries = Object.values(registers.getSnapshot().context.agents);
  return capability === undefined ? entries : entries.filter((entry) => entry.capabilities.includes(capability));
}
