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
import type { TaskState } from './actors/task.ts';
import { clusterBranch } from './cluster/cluster-branch.ts';
import { type Membership, ownerMembership } from './cluster/membership.ts';
import type { MeshListener } from './cluster/link/listen.ts';
import { clusterOf } from './cluster/owner/cluster-row.ts';
import { memberViews } from './cluster/owner/member-view.ts';
import { openMeshDoor } from './cluster/owner/mesh-door.ts';
import { rejoinMs } from './cluster/owner/holders.ts';
import { MeshOwner } from './cluster/owner/mesh-owner.ts';
import { offerBookOf } from './cluster/owner/offer-book.ts';
import { createGateway, type Gateway } from './gateway/gateway.ts';
import type { PlanModel } from './actors/planning/plan-model.ts';
import { OperatingError } from './protocol/errors.ts';
import { parsePlanTemplate } from './protocol/plan-template.ts';
import { CheckpointRetention } from './runtime/checkpoint-retention.ts';
import { Checkpoints } from './runtime/checkpoints.ts';
import type { Cell } from './runtime/cell.ts';
import { Committer } from './runtime/committer.ts';
import { Kernel } from './runtime/kernel.ts';
import type { Log } from './runtime/log.ts';
import { logOf } from './runtime/node-log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { Recovery, type RecoveryReport } from './runtime/recovery.ts';
import { ownerName } from './runtime/node-name.ts';
import { createRegisters } from './runtime/registers.ts';
import { meshDoorOf } from './runtime/mesh-rules.ts';
import { loadSettings, type Settings } from './runtime/settings.ts';
import { processEnvironment } from './runtime/settings-environment.ts';
import { createLevelStore } from './runtime/stores/level-store.ts';
import { createMemoryStore } from './runtime/stores/memory-store.ts';
import type { Store } from './runtime/stores/store.ts';
import { Suspects } from './runtime/suspects.ts';
import { TaskRetention } from './runtime/task-retention.ts';
import { VERSION } from './runtime/version.ts';
import { createWorkerPool, type WorkerPool } from './runtime/workers/pool.ts';
import { createWorld, type World } from './runtime/world.ts';
import { watchNode } from './node-gauges.ts';
import { hireStaff } from './staff.ts';

/** What `startNode` takes: any setting by its name (docs/settings.md), and what is made in code. */
export interface StartOptions extends Partial<Omit<Settings, 'agents'>> {
  readonly agents?: readonly AgentDefinition[];
  readonly workflows?: readonly unknown[];
  /** Plan templates (docs/planning.md). */
  readonly templates?: readonly unknown[];
  /** Makes plans for goals that no template fits. */
  readonly planModel?: PlanModel;
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
  readonly templates?: readonly unknown[];
  readonly planModel?: PlanModel;
  readonly subscriptions?: readonly DeclaredSubscription[];
  /** In place of the store that the settings name. */
  readonly store?: Store;
  /** In place of worker threads. */
  readonly workers?: WorkerPool;
  /** Whether other nodes may make calls of its agents. Default: where the settings open a door for them. */
  readonly hasMesh?: boolean;
  /** The node cannot go on (its store is lost, its root supervisor gave up): the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** A running node. */
export interface Node {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Where other nodes join it, where they can. */
  readonly mesh: { readonly host: string; readonly port: number } | undefined;
  /** What the start found unfinished. */
  readonly recovery: RecoveryReport;
  /**
   * Registers an agent while the node runs, for as long as it does.
   * Errors: STATE_CONFLICT (that version is there), BUSY, UNSUPPORTED_LOGIC.
   */
  register(agent: AgentDefinition): void;
  /**
   * Gives an agent (`name` or `name@version`) no new work from here on. Resolves when what it had in hand is done and it is gone;
   * that of a keyed agent is done when its actors have left memory.
   * Errors: NOT_FOUND.
   */
  unregister(reference: string): Promise<void>;
  /** Takes nothing new on, lets calls under way end for a while, commits, closes. What is unfinished goes on at the next start. */
  stop(): Promise<void>;
}

/**
 * Starts a node in this process, with settings from `options`, the environment and files.
 * Errors: INVALID_INPUT, with every mistake in `details.mistakes`; those of `buildNode`.
 */
export async function startNode(options: StartOptions = {}): Promise<Node> {
  const { agents = [], workflows = [], templates = [], subscriptions = [], planModel, ...settingOptions } = options;
  const outcome = loadSettings({ cwd: process.cwd(), env: processEnvironment(), options: settingOptions });
  if (!outcome.ok) throw outcome.error;
  const { settings, warnings } = outcome;
  if (settings.join !== undefined) throw notAnOwner(settings.join);
  const world = createWorld();
  const log = logOf(settings, world);
  for (const warning of warnings) log.warn(warning.message);
  const onFatal = (error: Error): void => {
    log.error('The node cannot go on and ends; unfinished work goes on at its next start.', { error: error.message });
    process.exit(1);
  };
  const planning = { templates, ...(planModel !== undefined && { planModel }) };
  return await buildNode({ world, settings, log, agents, workflows, subscriptions, ...planning, onFatal });
}

function notAnOwner(join: string): OperatingError {
  const message = `join: a node that joins ${join} is a worker, which keeps nothing: start it with startWorker or \`troupe start\`.`;
  return new OperatingError('INVALID_INPUT', message);
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
  try {
    await load(parts, core, staff);
    return { core, staff, ...(await recover(parts, core, staff)) };
  } catch (error) {
    await abandon(parts, { core, staff });
    throw error;
  }
}

/**
 * The start has failed: nothing of it may go on in a process that lives, nor keep the store from the next start. What is not
 * committed by now is as after a kill: the store may be what has failed.
 */
async function abandon({ world, settings, log }: NodeParts, inside: Inside, doors: Doors = NO_DOORS): Promise<void> {
  inside.core.committer.stop();
  await closeIndoors({ world, settings: { ...settings, drainMs: 0 } }, inside, doors).catch((error: unknown) =>
    log.warn('What a failed start had opened could not be closed.', { error: String(error) }),
  );
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
    drainPatient: () => kernel.drainPatient(),
    onUnwritable: (cell, error) => kernel.unwritable(cell as Cell, error),
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
  await kernel.quarantine.load(store).catch(async (error: unknown) => {
    committer.stop();
    await store.close();
    throw error;
  });
  const unmark = markRunning(parts, kernel);
  const pruning = new TaskRetention({ store, fence, world, log, keptMs: settings.tasksKeptMs });
  return { metrics, registers: createRegisters(), kernel, store, fence, committer, retention, pruning, unmark };
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

/** The staff of this node, with worker threads to compute in, and other nodes where it has a mesh. */
function hire(parts: NodeParts, { metrics, registers, kernel, store, fence }: Core) {
  const { world, settings, log, planModel, onFatal } = parts;
  const workers = parts.workers ?? workerThreads(parts, metrics);
  const node = ownerName(settings, fence);
  const mesh =
    (parts.hasMesh ?? meshDoorOf(settings) !== undefined)
      ? new MeshOwner({
          ...{ kernel, log, boot: fence.epoch, rejoinMs: rejoinMs(settings.meshLostMs) },
          book: () => offerBookOf(staff),
          onCall: (outcome) => metrics.meshCallEnded(outcome),
        })
      : undefined;
  const staff: ReturnType<typeof hireStaff> = hireStaff({
    ...{ world, log, kernel, store, registers, workers, onFatal },
    ...(mesh !== undefined && { placing: mesh, nodesOf: (reference) => mesh.nodesOf(reference, node) }),
    ...{ node, strategy: settings.selectStrategy, moduleRoots: settings.moduleRoots },
    tasksInFlightMax: settings.tasksInFlightMax,
    cacheEntriesMax: settings.cacheEntriesMax,
    cacheBytesMax: settings.cacheBytesMax,
    onSubmitted: () => metrics.taskSubmitted(),
    ...(planModel !== undefined && { planModel }),
    onScheduledRun: (outcome) => metrics.scheduledRun(outcome),
  });
  return { workers, mesh, ...staff };
}

type Staff = ReturnType<typeof hire>;

/** What works in a node, whether it has doors or not. */
interface Inside {
  readonly core: Core;
  readonly staff: Staff;
}

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
  { settings, agents, workflows, templates = [] }: NodeParts,
  { store }: Core,
  staff: Staff,
): Promise<void> {
  const { planning, roster, figuresKeeper, breakers, cache } = staff;
  breakers.restore(await store.definitions('breaker'));
  cache.load(await store.definitions('cached'));
  const cwd = process.cwd();
  const files = await loadAgentFiles(settings.agents, cwd);
  const readable = [cwd, settings.dataDir, ...settings.dataRoots];
  const analyst = analystAgent({ cwd, readable, tasksDir: join(settings.dataDir, 'tasks') });
  const lab = settings.lab ? labAgents(settings.dataDir) : [];
  await figuresKeeper.start();
  for (const agent of [analyst, ...lab]) roster.enlist(agent, 'bundled');
  for (const agent of files.agents) roster.enlist(agent, 'settings');
  for (const agent of agents) roster.enlist(agent, 'program');
  await roster.restore();
  staff.mesh?.restore(await store.definitions('worker'));
  staff.workflows.bundle([ANALYSE_DATASET, ...files.workflows, ...workflows]);
  staff.workflows.restore(await store.definitions('workflow'));
  planning.restore(templates.map((template) => ({ body: parsePlanTemplate(template) })));
  planning.restore(await store.definitions('template'));
}

/** What was unfinished when the node last stopped goes on. */
async function recover(
  { log, settings, subscriptions: declared }: NodeParts,
  { kernel, store, committer, fence, retention, pruning }: Core,
  { desk, effects, schedules, subscriptions, groups, registry, roster, tree, specOf, workflows }: Staff,
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
  await schedules.start();
  groups.start(await store.definitions('group'));
  await subscriptions.start(await store.definitions('subscription'), declared);
  await retention.start();
  pruning.start();
  roster.start();
  void workflows.catchUp();
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
  const { core, staff, recovery } = indoors;
  const { fence } = core;
  const { roster, subscriptions, mesh } = staff;
  const id = ownerName(settings, fence);
  const membership = ownerMembership({
    ...{ node: id, version: VERSION, fence, startedAtMs: world.nowMs() },
    ...{ labels: settings.labels, threads: settings.workerThreadsMax, work: () => roster.ownWork() },
    ...(mesh !== undefined && { members: () => memberViews(mesh) }),
  });
  const gateway = doorsFor(parts, indoors, id, membership);
  const door = await openMesh(parts, indoors, id).catch(async (error: unknown) => {
    await abandon(parts, indoors, NO_DOORS);
    throw error;
  });
  const unwatch = watchNode({ ...core, ...staff, world, membership });
  const doors: Doors = {
    drain: () => {
      gateway.drain();
      door?.drain();
    },
    close: async () => {
      await gateway.close();
      await door?.close();
      unwatch();
    },
  };
  const { url, host, port } = await gateway.listen().catch(async (error: unknown) => {
    await abandon(parts, indoors, doors);
    throw error;
  });
  const stop = async (): Promise<void> => {
    membership.drain();
    await closeIndoors(parts, indoors, doors);
  };
  let stopped: Promise<void> | undefined;
  return {
    ...{ id, url, host, port, recovery },
    mesh: door && { host: door.host, port: door.port },
    register: (agent) => {
      roster.enlist(agent, 'program');
      subscriptions
        .declare(agent)
        .catch((error: unknown) =>
          log.error('Subscriptions of an agent were not made.', { agent: agent.name, error: String(error) }),
        );
    },
    unregister: async (reference) => {
      const { name, version } = await roster.unregister(reference);
      await roster.gone(`${name}@${version}`);
    },
    stop: () => (stopped ??= stop()),
  };
}

/** The doors for clients; nothing is opened yet. */
function doorsFor(
  { world, settings, log }: NodeParts,
  { core, staff, keeper }: Indoors,
  id: string,
  membership: Membership,
): Gateway {
  const { metrics, registers, kernel, store } = core;
  const { desk, state, effects, approvals, schedules, sessions } = staff;
  const { registry, roster, plans, planning, workflows, breakers, cache, tree } = staff;
  const { topics, subscriptions, groups } = staff;
  return createGateway({
    quarantine: new QuarantineDesk({ kernel, store, desk }),
    forks: new ForkDesk({ kernel, store, desk, shelf: keeper.shelf, onLoaded: (cell) => tree.loaded(cell) }),
    store,
    ...{ settings, world, log, metrics, kernel, desk, state, effects, approvals, schedules, sessions },
    ...{ registry, roster, registers, plans, planning, workflows },
    ...{ topics, subscriptions, groups },
    node: { id, version: VERSION },
    describeTree: () => {
      const branch = clusterBranch(membership.workers());
      return { ...tree.describe(), ...(branch !== undefined && { branches: [branch] }) };
    },
    describeTask: (task) => tree.describeTask(task),
    whyOf: (task) => tree.whyOf(task),
    breakers,
    cache,
    cluster: () => membership.view(keeper.stranded),
    isReady: () => !desk.draining && !kernel.paused,
  });
}

/** Lets workers in, where the settings say so. */
async function openMesh(
  { world, settings, log }: NodeParts,
  { core, staff }: Indoors,
  node: string,
): Promise<MeshListener | undefined> {
  const { mesh } = staff;
  const address = meshDoorOf(settings);
  if (mesh === undefined || address === undefined) return undefined;
  const cluster = await clusterOf(core.store, core.kernel);
  const self = { node, cluster, incarnation: `${core.fence.epoch}`, role: 'owner', version: VERSION } as const;
  return await openMeshDoor({ world, settings, log, mesh, self, address });
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

const NO_DOORS: Doors = { drain: () => {}, close: async () => {} };

/** Refuses new work, lets the calls under way end for at most `drainMs`, commits what they brought, and lets go of the rest. */
export async function closeIndoors(
  { world, settings }: Pick<NodeParts, 'world' | 'settings'>,
  { core, staff }: Inside,
  doors: Doors,
): Promise<void> {
  const { kernel, committer, store, metrics, pruning } = core;
  staff.desk.drain();
  doors.drain();
  kernel.effects.hold();
  const endMs = world.monotonicMs() + settings.drainMs;
  while (kernel.effects.figures.running > 0 && world.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => void world.after(DRAIN_LOOK_MS, resolve));
  }
  // Before calls are given up here: what runs elsewhere is joined after the next start.
  staff.mesh?.stop();
  kernel.stop();
  await pruning.stop();
  staff.roster.stop();
  staff.figuresKeeper.stop();
  await committer.flush();
  committer.stop();
  await doors.close();
  staff.tree.stop();
  staff.schedules.stop();
  await staff.workers.stop(0);
  metrics.stop();
  core.unmark();
  await store.close();
}
