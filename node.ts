/**
 * The composition root: one node, built from the rooms. Read it from top to bottom to know what there is and who knows whom.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentDefinition } from './actors/agent-definition.ts';
import { loadAgentFiles } from './actors/agent-files.ts';
import { agentLogic } from './actors/agent-logic.ts';
import { createAgentServices } from './actors/agent-services.ts';
import { Desk } from './actors/desk.ts';
import { labAgents } from './actors/lab/lab.ts';
import { Registry } from './actors/registry.ts';
import { Selector } from './actors/selector.ts';
import { sessionLogic } from './actors/session.ts';
import { Sessions } from './actors/sessions.ts';
import { stepLogic } from './actors/step.ts';
import { taskLogic, type TaskState } from './actors/task.ts';
import { flowLogic } from './actors/workflow/flow.ts';
import { FlowPlans } from './actors/workflow/planner.ts';
import { soloMembership } from './cluster/membership.ts';
import { createGateway, type Gateway } from './gateway/gateway.ts';
import type { WorkflowGraph } from './protocol/graph.ts';
import type { Cell } from './runtime/cell.ts';
import { Committer } from './runtime/committer.ts';
import { flatFactory, type FlatLogic, type FlatState } from './runtime/flat-logic.ts';
import { Kernel } from './runtime/kernel.ts';
import { createLog, type Log } from './runtime/log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { Recovery, type RecoveryReport } from './runtime/recovery.ts';
import { type AgentEntry, createRegisters, type Registers } from './runtime/registers.ts';
import { loadSettings, secretsOf, type Settings } from './runtime/settings.ts';
import { processEnvironment } from './runtime/settings-environment.ts';
import { createLevelStore } from './runtime/stores/level-store.ts';
import { createMemoryStore } from './runtime/stores/memory-store.ts';
import type { Fence, Store } from './runtime/stores/store.ts';
import { createWorkerPool } from './runtime/workers/pool.ts';
import { createWorld, type World } from './runtime/world.ts';
import { startTree } from './supervisors/tree.ts';

/** What a node is made of. */
export interface NodeParts {
  readonly world: World;
  readonly settings: Settings;
  readonly log: Log;
  readonly agents: readonly AgentDefinition[];
  readonly workflows: readonly unknown[];
  /** Default: the one that the settings name. */
  readonly store?: Store;
  /** The node cannot go on (its store is lost, its root supervisor gave up): the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** A running node. */
export interface Node {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly recovery: RecoveryReport;
  readonly kernel: Kernel;
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Takes nothing new on, lets calls under way end for a while, commits, and closes. What is unfinished goes on at the next start. */
  stop(): Promise<void>;
}

/** The version of the package. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** What `startNode` takes: any setting by its name (docs/settings.md), and what is made in code. */
export interface StartOptions extends Partial<Omit<Settings, 'agents'>> {
  readonly agents?: readonly AgentDefinition[];
  readonly workflows?: readonly unknown[];
  readonly world?: World;
  readonly log?: Log;
  /** Default: the one that the settings name. */
  readonly openStore?: Store;
  /** The node cannot go on. Default: the process exits with code 1. */
  readonly onFatal?: (error: Error) => void;
}

/** Starts a node in this process, with settings from `options`, the environment and files. Errors: INVALID_INPUT, with every mistake; as `buildNode`. */
export async function startNode(options: StartOptions = {}): Promise<Node> {
  const {
    agents = [],
    workflows = [],
    world = createWorld(),
    log: givenLog,
    openStore,
    onFatal,
    ...settingOptions
  } = options;
  const outcome = loadSettings({ cwd: process.cwd(), env: processEnvironment(), options: settingOptions });
  if (!outcome.ok) throw outcome.error;
  const { settings } = outcome;
  const log =
    givenLog ??
    createLog({
      world,
      level: settings.logLevel,
      format: settings.logFormat,
      secrets: secretsOf(settings),
      ...fileOf(settings),
    });
  for (const warning of outcome.warnings) log.warn(warning.message);
  const files = await loadAgentFiles(settings.agents, process.cwd());
  return await buildNode({
    world,
    settings,
    log,
    agents: [...agents, ...files.agents],
    workflows: [...workflows, ...files.workflows],
    ...(openStore !== undefined && { store: openStore }),
    onFatal: onFatal ?? ((error) => exitWith(log, error)),
  });
}

/** Builds and starts a node. Errors: STORE_UNAVAILABLE, WORKFLOW_INVALID, STATE_CONFLICT, UNSUPPORTED_LOGIC, INVALID_INPUT (its address is taken). */
export async function buildNode(parts: NodeParts): Promise<Node> {
  const { world, settings, log, onFatal } = parts;
  const metrics = createMetrics({ world });
  const registers = createRegisters();
  const meter = {
    restarted: (name: string) => metrics.actorRestarted(name),
    deadLetter: (why: string) => metrics.deadLetter(why),
    effect: metrics.effectEnded.bind(metrics),
  };
  const kernel = new Kernel({ world, log, meter });

  // The store, and the committer that writes to it.
  const store = parts.store ?? openableStore(settings, world, log);
  const fence = await store.open();
  const committer = createCommitter({ store, fence, world, kernel, metrics, log, onFatal });
  kernel.use(committer);

  // What the actors need: threads, the registry, the choice among agents, compiled workflows, the front desk.
  const workers = createWorkerPool({
    world,
    log,
    metrics,
    threadsMax: settings.workerThreadsMax,
    queueMax: settings.workerQueueMax,
    memoryMib: settings.workerMemoryMib,
    timeoutMs: settings.workerTimeoutMs,
  });
  const services = createAgentServices({ world, log, kernel, workers, desk: () => desk });
  const registry: Registry = new Registry(kernel, registers, (definition) => agentLogic(definition, services));
  const selector = new Selector(registry, kernel.effects);
  const plans = new FlowPlans(registry);
  const desk: Desk = new Desk({
    kernel,
    store,
    registry,
    tasksInFlightMax: settings.tasksInFlightMax,
    planFlow: (submission, task, nowMs) => plans.plan(submission, task, nowMs),
    onSubmitted: () => metrics.taskSubmitted(),
  });
  const sessions = new Sessions(kernel, registers);

  // The logics that cells are made of, and the tree that watches over them.
  installFlat(kernel, taskLogic, 'task');
  installFlat(
    kernel,
    flowLogic((graph) => plans.planOf(graph)),
    'workflow',
  );
  installFlat(
    kernel,
    stepLogic({
      choose: (target, not) => selector.choose(target, not),
      agent: (name) => registry.agent(name),
      random: () => world.random(),
    }),
    'step',
  );
  installFlat(
    kernel,
    sessionLogic({ desk, feed: kernel.feed, agents: (capability) => agentEntries(registers, capability) }),
    'session',
  );
  const tree = startTree({
    kernel,
    world,
    log,
    onRootExhausted: onFatal,
    onSessionCrashed: (address) => sessions.crashed(address),
  });

  // Agents and workflows: the bundled ones, the lab, those of the caller, and those that clients registered before.
  const agents = [...(settings.lab ? labAgents(settings.dataDir) : []), ...parts.agents];
  for (const agent of agents) {
    registry.registerAgent(agent);
    tree.addAgentSupervisor(agent.name);
  }
  for (const workflow of parts.workflows) registry.registerWorkflow(plans.admit(workflow), 'bundled');
  const defineWorkflow = async (value: unknown): Promise<WorkflowGraph> => {
    const graph = plans.admit(value);
    registry.registerWorkflow(graph, 'registered');
    committer.define({ kind: 'workflow', name: graph.name, version: graph.version, body: graph });
    await committer.committed();
    return graph;
  };
  for (const stored of await store.definitions('workflow')) readmit(registry, stored.body as WorkflowGraph, log);

  // What was unfinished goes on; then the doors open.
  const recovery = await recover({ kernel, store, desk, committer, fence, log });
  metrics.watch('troupe_actors', () => Object.fromEntries(kernel.census));
  metrics.watch('troupe_mailbox_depth', () => mailboxDepth(kernel));
  const stopCensus = watchCensus(kernel, registers, world);
  const stopFinished = kernel.feed.listenAll(({ progress }) => {
    if (progress.result !== undefined) metrics.taskFinished(progress.status, progress.result.durationMs / 1000);
  });
  const id = `${fence.owner}-${fence.epoch}`;
  const membership = soloMembership({ node: id, version: VERSION, fence, startedAtMs: world.nowMs() });
  let ready = true;
  const gateway = createGateway({
    settings,
    world,
    log,
    metrics,
    kernel,
    desk,
    sessions,
    registry,
    registers,
    plans,
    defineWorkflow,
    node: { id, version: VERSION },
    describeTree: () => tree.describe(),
    describeTask: (task) => tree.describeTask(task),
    cluster: () => membership.view(),
    isReady: () => ready && !kernel.paused,
  });
  const { url, host, port } = await gateway.listen();

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ready = false;
    membership.drain();
    await drain({ desk, gateway, kernel, committer, world, drainMs: settings.drainMs });
    await workers.stop(0);
    stopCensus();
    stopFinished();
    metrics.stop();
    await store.close();
  };
  return { id, url, host, port, recovery, kernel, registry, metrics, stop: () => (stopped ??= stop()) };
}

function fileOf(settings: Settings): {
  readonly file?: { readonly path: string; readonly bytesMax: number; readonly filesMax: number };
} {
  const { logFile, logFileBytesMax, logFilesMax } = settings;
  return logFile === undefined ? {} : { file: { path: logFile, bytesMax: logFileBytesMax, filesMax: logFilesMax } };
}

function exitWith(log: Log, error: Error): void {
  log.error('The node cannot go on and ends; unfinished work goes on when it is started again.', {
    error: error.message,
  });
  process.exit(1);
}

function openableStore(settings: Settings, world: World, log: Log): Store {
  if (settings.store === 'memory') return createMemoryStore({ world, log });
  return createLevelStore({ dir: join(settings.dataDir, 'store'), durability: settings.durability, world, log });
}

function createCommitter(deps: {
  store: Store;
  fence: Fence;
  world: World;
  kernel: Kernel;
  metrics: Metrics;
  log: Log;
  onFatal: (error: Error) => void;
}): Committer {
  const { store, fence, world, kernel, metrics, log, onFatal } = deps;
  return new Committer(store, fence, world, {
    drain: () => kernel.drain(),
    onPause: (paused) => kernel.pause(paused),
    onCommit: (seconds, writes) => metrics.committed(seconds, writes),
    onFatal,
    log,
  });
}

function installFlat<S extends FlatState, Input>(kernel: Kernel, logic: FlatLogic<S, Input>, kind: string): void {
  kernel.install({ name: logic.name, factory: flatFactory(logic), kind, lane: kind, laneLimit: 1 });
}

/** A workflow of an earlier run. One that a bundled one has taken the place of is left out. */
function readmit(registry: Registry, graph: WorkflowGraph, log: Log): void {
  try {
    registry.registerWorkflow(graph, 'registered');
  } catch (error) {
    log.warn('A stored workflow was not loaded.', { workflow: `${graph.name}@${graph.version}`, error: String(error) });
  }
}

async function recover(deps: {
  kernel: Kernel;
  store: Store;
  desk: Desk;
  committer: Committer;
  fence: Fence;
  log: Log;
}): Promise<RecoveryReport> {
  const { kernel, store, desk, committer, fence, log } = deps;
  const recovery = new Recovery(kernel, store, (address) => desk.keyedSpec(address));
  const tasks: Cell[] = [];
  const report = await recovery.resume((cell) => {
    if (cell.logic.kind !== 'task' || cell.checkpoint === undefined) return;
    // A task's phase is its status, and both were written in one epoch.
    const { id, phase } = cell.checkpoint as TaskState;
    committer.adoptTask(id, phase);
    tasks.push(cell);
  });
  for (const cell of tasks) kernel.post(cell.address, { type: 'node.resumed', boot: fence.epoch });
  for (const { address, error } of report.stranded)
    log.warn('Unfinished work could not be loaded; it stays in the store.', {
      actor: address,
      code: error.code,
      error: error.message,
    });
  if (report.resumed > 0)
    log.info('Unfinished work goes on.', {
      actors: report.resumed,
      tasks: tasks.length,
      durationMs: Math.round(report.durationMs),
    });
  return report;
}

const DRAIN_LOOK_MS = 20;

/** Refuses new work, lets the calls under way end for at most `drainMs`, commits what they brought, and lets go of the rest. */
async function drain(deps: {
  desk: Desk;
  gateway: Gateway;
  kernel: Kernel;
  committer: Committer;
  world: World;
  drainMs: number;
}): Promise<void> {
  const { desk, gateway, kernel, committer, world, drainMs } = deps;
  desk.drain();
  gateway.drain();
  kernel.effects.hold();
  const endMs = world.monotonicMs() + drainMs;
  while (kernel.effects.figures.running > 0 && world.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => void world.after(DRAIN_LOOK_MS, resolve));
  }
  kernel.stop();
  await committer.flush();
  committer.stop();
  await gateway.close();
}

function mailboxDepth(kernel: Kernel): number {
  let depth = 0;
  for (const cell of kernel.cells.values()) depth += cell.mailbox.size;
  return depth;
}

function agentEntries(registers: Registers, capability: string | undefined): readonly AgentEntry[] {
  const entries = Object.values(registers.getSnapshot().context.agents);
  return capability === undefined ? entries : entries.filter((entry) => entry.capabilities.includes(capability));
}

const CENSUS_MS = 1_000;

/** Tells the registers how many actors live, at a bounded rate: the counts themselves change with every task. */
function watchCensus(kernel: Kernel, registers: Registers, world: World): () => void {
  let cancel = (): void => {};
  const look = (): void => {
    registers.trigger.counted({ census: Object.fromEntries(kernel.census) });
    cancel = world.after(CENSUS_MS, look);
  };
  look();
  return () => cancel();
}
