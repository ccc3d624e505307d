/**
 * The composition root: one node, built from the rooms. Read it from top to bottom to know what there is and who knows whom.
 */
import { join } from 'node:path';
import type { AgentDefinition } from './actors/agent-definition.ts';
import { ANALYSE_DATASET } from './actors/analyst/analyse-dataset.ts';
import { analystAgent } from './actors/analyst/analyst.ts';
import { loadAgentFiles } from './actors/agent-files.ts';
import { ForkDesk } from './actors/fork-desk.ts';
import { labAgents } from './actors/lab/lab.ts';
import { QuarantineDesk } from './actors/quarantine-desk.ts';
import type { DeclaredSubscription } from './actors/topics/subscription-desk.ts';
import type { TopicDesk } from './actors/topics/topic-desk.ts';
import type { TaskState } from './actors/task.ts';
import { soloMembership } from './cluster/membership.ts';
import { createGateway } from './gateway/gateway.ts';
import type { WorkflowGraph } from './protocol/graph.ts';
import { CheckpointRetention } from './runtime/checkpoint-retention.ts';
import { Checkpoints } from './runtime/checkpoints.ts';
import { Committer } from './runtime/committer.ts';
import { Kernel } from './runtime/kernel.ts';
import { createLog, type Log, type NodeLog } from './runtime/log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { Recovery, type RecoveryReport } from './runtime/recovery.ts';
import { createRegisters } from './runtime/registers.ts';
import { loadSettings, secretsOf, type Settings } from './runtime/settings.ts';
import { processEnvironment } from './runtime/settings-environment.ts';
import { createLevelStore } from './runtime/stores/level-store.ts';
import { createMemoryStore } from './runtime/stores/memory-store.ts';
import type { Store } from './runtime/stores/store.ts';
import { Suspects } from './runtime/suspects.ts';
import { VERSION } from './runtime/version.ts';
import { createWorkerPool, type WorkerPool } from './runtime/workers/pool.ts';
import { createWorld, type World } from './runtime/world.ts';
import type { Breakers } from './supervisors/breakers.ts';
import { breakerLimits, POLICIES } from './supervisors/tree.ts';
import { hireStaff } from './staff.ts';

/** What `startNode` takes: any setting by its name (docs/settings.md), and what is made in code. */
export interface StartOptions extends Partial<Omit<Settings, 'agents'>> {
  readonly agents?: readonly AgentDefinition[];
  readonly workflows?: readonly unknown[];
  /** Durable subscriptions, by their names: made, or given another content, at each start. */
  readonly subscriptions?: readonly DeclaredSubscription[];
}

/** What a node is made of. */
export interface NodeParts {
  readonly world: World;
  readonly settings: Settings;
  readonly log: Log;
  readonly agents: readonly AgentDefinition[];
  readonly workflows: readonly unknown[];
  readonly subscriptions?: readonly DeclaredSubscription[];
  /** In place of the store that the settings name. */
  readonly store?: Store;
  /** In place of worker threads. */
  readonly workers?: WorkerPool;
  /** The node cannot go on (its store is lost, its root supervisor gave up): the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** A running node. */
export interface Node {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** What the start found unfinished. */
  readonly recovery: RecoveryReport;
  /** Takes nothing new on, lets calls under way end for a while, commits, closes. What is unfinished goes on at the next start. */
  stop(): Promise<void>;
}

/**
 * Starts a node in this process, with settings from `options`, the environment and files.
 * Errors: INVALID_INPUT, with every mistake in `details.mistakes`; those of `buildNode`.
 */
export async function startNode(options: StartOptions = {}): Promise<Node> {
  const { agents = [], workflows = [], subscriptions = [], ...settingOptions } = options;
  const outcome = loadSettings({ cwd: process.cwd(), env: processEnvironment(), options: settingOptions });
  if (!outcome.ok) throw outcome.error;
  const { settings, warnings } = outcome;
  const world = createWorld();
  const log = logOf(settings, world);
  for (const warning of warnings) log.warn(warning.message);
  const onFatal = (error: Error): void => {
    log.error('The node cannot go on and ends; unfinished work goes on at its next start.', { error: error.message });
    process.exit(1);
  };
  return await buildNode({ world, settings, log, agents, workflows, subscriptions, onFatal });
}

/** The log that the settings ask for. */
export function logOf(settings: Settings, world: World): NodeLog {
  const { logLevel: level, logFormat: format, logFile, logFileBytesMax, logFilesMax } = settings;
  const file =
    logFile === undefined ? {} : { file: { path: logFile, bytesMax: logFileBytesMax, filesMax: logFilesMax } };
  const noColor = (processEnvironment()['NO_COLOR'] ?? '') !== '';
  return createLog({ world, level, format, noColor, secrets: secretsOf(settings), ...file });
}

/**
 * Builds and starts a node; the files that the settings name for agents are loaded here.
 * Errors: STORE_UNAVAILABLE, WORKFLOW_INVALID, STATE_CONFLICT, UNSUPPORTED_LOGIC, INVALID_INPUT (its address is taken).
 */
export async function buildNode(parts: NodeParts): Promise<Node> {
  return await openDoors(parts, await buildIndoors(parts));
}

/** All of a node but its doors: it works, and nobody can reach it from outside the process. */
type Indoors = Awaited<ReturnType<typeof buildIndoors>>;

/** Builds a node and lets it go on with what was unfinished. Errors: those of `buildNode`, but for its address. */
export async function buildIndoors(parts: NodeParts) {
  const core = await openCore(parts);
  const staff = hire(parts, core);
  await load(parts, core, staff);
  return { core, staff, ...(await recover(parts, core, staff)) };
}

/** The machine room: metrics, registers, the kernel, the store and the committer that writes to it. */
async function openCore(parts: NodeParts) {
  const { world, settings, log, onFatal } = parts;
  const metrics = createMetrics({ world });
  const kernel = new Kernel({
    world,
    log,
    meter: {
      restarted: (supervisor) => metrics.actorRestarted(supervisor),
      deadLetter: (reason) => metrics.deadLetter(reason),
      effect: (outcome) => metrics.effectEnded(outcome),
      quarantined: (cause) => metrics.quarantined(cause),
      capsuleDropped: () => metrics.capsuleDropped(),
    },
  });
  const store = parts.store ?? openableStore(settings, world, log);
  const fence = await store.open();
  const committer = new Committer(store, fence, world, {
    drain: () => kernel.drain(),
    onPause: (paused) => kernel.pause(paused),
    onCommit: (seconds, writes) => metrics.committed(seconds, writes),
    onFatal,
    log,
  });
  kernel.use(committer);
  const retention = new CheckpointRetention({
    ...{ store, committer, log },
    tasksMax: settings.checkpointTasksMax,
    isUnderWay: (task) => kernel.cells.has(`task/${task}`),
  });
  committer.keepCheckpoints(
    new Checkpoints({
      perTaskMax: settings.checkpointsMax,
      boot: fence.epoch,
      nowMs: () => world.nowMs(),
      onEnded: (task) => retention.ended(task),
    }),
  );
  await kernel.quarantine.load(store);
  const unmark = markRunning(parts, kernel);
  return { metrics, registers: createRegisters(), kernel, store, fence, committer, retention, unmark };
}

/** Keeps on disk whose code runs, where the node has a disk; until it is called back, when the node stops in order. */
function markRunning({ settings, store, log }: NodeParts, { userCode }: Kernel): () => void {
  if (store !== undefined || settings.store === 'memory') return () => {};
  const suspects = new Suspects(settings.dataDir, log);
  userCode.suspects = suspects;
  const exiting = (): void => userCode.exiting();
  process.on('exit', exiting);
  return () => {
    process.off('exit', exiting);
    userCode.suspects = undefined;
    suspects.close();
  };
}

type Core = Awaited<ReturnType<typeof openCore>>;

/** The staff of this node, with worker threads to compute in. */
function hire(parts: NodeParts, { metrics, registers, kernel, store }: Core) {
  const { world, settings, log, onFatal } = parts;
  const workers = parts.workers ?? workerThreads(parts, metrics);
  const staff = hireStaff({
    ...{ world, log, kernel, store, registers, workers, onFatal },
    tasksInFlightMax: settings.tasksInFlightMax,
    onSubmitted: () => metrics.taskSubmitted(),
  });
  return { workers, ...staff };
}

type Staff = ReturnType<typeof hire>;

function workerThreads({ world, settings, log }: NodeParts, metrics: Metrics): WorkerPool {
  return createWorkerPool({
    world,
    log,
    metrics,
    threadsMax: settings.workerThreadsMax,
    queueMax: settings.workerQueueMax,
    memoryMib: settings.workerMemoryMib,
    timeoutMs: settings.workerTimeoutMs,
  });
}

/** Agents and workflows: the bundled ones, the lab, the caller's, those of files, and those that clients registered before. */
async function load(
  { settings, log, agents, workflows }: NodeParts,
  { store }: Core,
  { registry, plans, breakers, tree }: Staff,
): Promise<void> {
  breakers.restore(await store.definitions('breaker'));
  const cwd = process.cwd();
  const files = await loadAgentFiles(settings.agents, cwd);
  const readable = [cwd, settings.dataDir, ...settings.dataRoots];
  const analyst = analystAgent({ cwd, readable, tasksDir: join(settings.dataDir, 'tasks') });
  const lab = settings.lab ? labAgents(settings.dataDir) : [];
  for (const agent of [analyst, ...lab, ...files.agents, ...agents]) {
    registry.registerAgent(agent);
    tree.addAgentSupervisor(agent.name, POLICIES.agent, breakerLimits(agent));
  }
  registry.registerWorkflow(plans.admit(ANALYSE_DATASET), 'bundled');
  for (const workflow of [...files.workflows, ...workflows])
    registry.registerWorkflow(plans.admit(workflow), 'bundled');
  for (const { name, version, body } of await store.definitions('workflow')) {
    try {
      registry.registerWorkflow(body as WorkflowGraph, 'registered');
    } catch (error) {
      log.warn('A stored workflow was not loaded.', { workflow: `${name}@${version}`, error: String(error) });
    }
  }
}

/** What was unfinished when the node last stopped goes on. */
async function recover(
  { log, settings, subscriptions: declared }: NodeParts,
  { kernel, store, committer, fence, retention }: Core,
  { desk, effects, registry, tree, specOf, subscriptions, groups }: Staff,
): Promise<{ readonly recovery: RecoveryReport; readonly keeper: Recovery }> {
  await effects.load();
  const keeper = new Recovery(kernel, store, specOf, {
    residentActorsMax: settings.residentActorsMax,
    passivateAfterMs: settings.passivateAfterMs,
    heirOf: (name) => kernel.logic(registry.heirOf(name) ?? ''),
  });
  const tasks: string[] = [];
  const report = await keeper.resume((cell) => {
    const { logic, checkpoint, address } = cell;
    tree.loaded(cell);
    if (logic.kind !== 'task' || checkpoint === undefined) return;
    // A task's phase is its status, and both were written in one epoch.
    const { id, phase } = checkpoint as TaskState;
    committer.adoptTask(id, phase);
    tasks.push(address);
  });
  for (const address of tasks) kernel.post(address, { type: 'node.resumed', boot: fence.epoch });
  desk.strandedOf = (task) =>
    keeper.stranded.find(({ address }) => address.split('/')[1] === task && !address.startsWith('agent/'))?.error;
  await effects.sweep();
  groups.start(await store.definitions('group'));
  await subscriptions.start(await store.definitions('subscription'), declared);
  await retention.start();
  for (const { address, error } of report.stranded) {
    log.warn('Unfinished work could not be loaded; it stays in the store.', { actor: address, error: error.message });
  }
  const { resumed: actors, durationMs } = report;
  if (actors > 0)
    log.info('Unfinished work goes on.', { actors, tasks: tasks.length, durationMs: Math.round(durationMs) });
  return { recovery: report, keeper };
}

/** The doors open; from here on the node can be reached, until it is stopped. */
async function openDoors(parts: NodeParts, indoors: Indoors): Promise<Node> {
  const { world, settings, log } = parts;
  const { core, staff, recovery, keeper } = indoors;
  const { metrics, registers, kernel, committer, fence, store } = core;
  const { desk, effects, sessions, registry, plans, breakers, tree, topics, subscriptions, groups } = staff;
  const id = `${fence.owner}-${fence.epoch}`;
  const membership = soloMembership({ node: id, version: VERSION, fence, startedAtMs: world.nowMs() });
  const gateway = createGateway({
    quarantine: new QuarantineDesk({ kernel, store, desk }),
    forks: new ForkDesk({ kernel, store, desk, shelf: keeper.shelf, onLoaded: (cell) => tree.loaded(cell) }),
    store,
    ...{ settings, world, log, metrics, kernel, desk, effects, sessions, registry, registers, plans },
    ...{ topics, subscriptions, groups },
    node: { id, version: VERSION },
    describeTree: () => tree.describe(),
    describeTask: (task) => tree.describeTask(task),
    breakers,
    cluster: () => membership.view(keeper.stranded),
    isReady: () => !desk.draining && !kernel.paused,
    defineWorkflow: async (value) => {
      const graph = plans.admit(value);
      registry.registerWorkflow(graph, 'registered');
      committer.define({ kind: 'workflow', name: graph.name, version: graph.version, body: graph });
      await committer.committed();
      return graph;
    },
  });
  const unwatch = watchNode(core, world, breakers, topics);
  const { url, host, port } = await gateway.listen();
  const stop = async (): Promise<void> => {
    membership.drain();
    const close = async (): Promise<void> => {
      await gateway.close();
      unwatch();
    };
    await closeIndoors(parts, indoors, { drain: () => gateway.drain(), close });
  };
  let stopped: Promise<void> | undefined;
  return { id, url, host, port, recovery, stop: () => (stopped ??= stop()) };
}

function openableStore(settings: Settings, world: World, log: Log): Store {
  if (settings.store === 'memory') return createMemoryStore({ world, log });
  return createLevelStore({ dir: join(settings.dataDir, 'store'), durability: settings.durability, world, log });
}

const DRAIN_LOOK_MS = 20;

/** What a node is reached through. */
interface Doors {
  /** Tells those who are there to go elsewhere. */
  drain(): void;
  close(): Promise<void>;
}

/** Refuses new work, lets the calls under way end for at most `drainMs`, commits what they brought, and lets go of the rest. */
export async function closeIndoors(
  { world, settings }: Pick<NodeParts, 'world' | 'settings'>,
  { core, staff }: Indoors,
  doors: Doors,
): Promise<void> {
  const { kernel, committer, store, metrics } = core;
  staff.desk.drain();
  doors.drain();
  kernel.effects.hold();
  const endMs = world.monotonicMs() + settings.drainMs;
  while (kernel.effects.figures.running > 0 && world.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => void world.after(DRAIN_LOOK_MS, resolve));
  }
  kernel.stop();
  await committer.flush();
  committer.stop();
  await doors.close();
  staff.tree.stop();
  await staff.workers.stop(0);
  metrics.stop();
  core.unmark();
  await store.close();
}

function mailboxDepth(kernel: Kernel): number {
  let depth = 0;
  for (const cell of kernel.cells.values()) depth += cell.mailbox.size;
  return depth;
}

const CENSUS_MS = 1_000;

/** What is counted and shown of the running node. The census is told at a bounded rate: it changes with every task. */
function watchNode(
  { kernel, registers, metrics }: Core,
  world: World,
  breakers: Breakers,
  topics: Pick<TopicDesk, 'waiting'>,
): () => void {
  let cancel = (): void => {};
  const look = (): void => {
    registers.trigger.counted({ census: Object.fromEntries(kernel.census) });
    cancel = world.after(CENSUS_MS, look);
  };
  look();
  const stops = [
    metrics.watch('troupe_actors', () => Object.fromEntries(kernel.census)),
    metrics.watch('troupe_breaker_state', () => breakers.figures()),
    metrics.watch('troupe_quarantined', () => kernel.quarantine.size),
    metrics.watch('troupe_subscription_backlog', () => topics.waiting),
    metrics.watch('troupe_mailbox_depth', () => mailboxDepth(kernel)),
    kernel.feed.listenAll(({ progress }) => {
      if (progress.result !== undefined) metrics.taskFinished(progress.status, progress.result.durationMs / 1000);
    }),
    () => cancel(),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
