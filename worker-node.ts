/**
 * The composition root of a worker: a node that joins the mesh of an owner, offers agents, makes their calls, and keeps nothing
 * (docs/cluster.md). Read it from top to bottom to know what it is made of.
 */
import { hostname } from 'node:os';
import type { AgentDefinition } from './actors/agent-definition.ts';
import { loadAgentFiles } from './actors/agent-files.ts';
import { labAgents } from './actors/lab/lab.ts';
import { credentialsOf } from './cluster/link/credentials.ts';
import { dialMesh } from './cluster/link/dial.ts';
import { createMeshWorker, type MeshWorker } from './cluster/worker/mesh-worker.ts';
import { createWorkerDoor } from './gateway/worker-door.ts';
import { OperatingError } from './protocol/errors.ts';
import { MESH_PATH } from './protocol/mesh-versions.ts';
import type { Log } from './runtime/log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { logOf } from './runtime/node-log.ts';
import { workerName } from './runtime/node-name.ts';
import { loadSettings, type Settings } from './runtime/settings.ts';
import { processEnvironment } from './runtime/settings-environment.ts';
import { VERSION } from './runtime/version.ts';
import { createWorkerPool, type WorkerPool } from './runtime/workers/pool.ts';
import { createWorld, type World } from './runtime/world.ts';

/** What a worker is made of. */
export interface WorkerParts {
  readonly world: World;
  readonly settings: Settings;
  readonly log: Log;
  readonly agents: readonly AgentDefinition[];
  /** Whether it listens for those who ask how it is; without it nobody can reach it. */
  readonly hasDoor: boolean;
}

/** A running worker. */
export interface WorkerNode {
  readonly id: string;
  /** The mesh address of its owner. */
  readonly owner: string;
  /** `name@version` of what it offers. */
  readonly agents: readonly string[];
  /** Where it says how it is, where it does. */
  readonly door: { readonly host: string; readonly port: number } | undefined;
  /** Resolves once its owner has its agents for the first time. */
  readonly joined: Promise<void>;
  /** Takes nothing new on, lets calls under way end for a while, hands the others back, leaves. */
  stop(): Promise<void>;
}

/** What `startWorker` takes: any setting by its name (docs/settings.md), and agents that are made in code. */
export interface StartWorkerOptions extends Partial<Omit<Settings, 'agents'>> {
  readonly agents?: readonly AgentDefinition[];
}

/**
 * Starts a worker in this process, with settings from `options`, the environment and files; `join` among them.
 * Errors: INVALID_INPUT, with every mistake in `details.mistakes`; those of `buildWorker`.
 */
export async function startWorker(options: StartWorkerOptions = {}): Promise<WorkerNode> {
  const { agents = [], ...settingOptions } = options;
  const outcome = loadSettings({ cwd: process.cwd(), env: processEnvironment(), options: settingOptions });
  if (!outcome.ok) throw outcome.error;
  const { settings, sources, warnings } = outcome;
  const world = createWorld();
  const log = logOf(settings, world);
  for (const warning of warnings) log.warn(warning.message);
  return await buildWorker({ world, settings, log, agents, hasDoor: sources.port.kind !== 'default' });
}

/**
 * Starts a worker. It dials its owner until it is stopped, and again whenever that is away.
 * Errors: INVALID_INPUT (no agents, two of one name and version, files that cannot be read, a door that cannot be had).
 */
export async function buildWorker(parts: WorkerParts): Promise<WorkerNode> {
  const { settings, world, log } = parts;
  const agents = await agentsOf(parts);
  const id = workerName(settings, hostname(), world);
  const metrics = createMetrics({ world });
  const pool = threads(parts, metrics);
  const { labels, workerThreadsMax } = settings;
  const joined = Promise.withResolvers<void>();
  const worker = createMeshWorker({
    ...{ world, log, node: id, labels, agents, workers: pool, threads: workerThreadsMax },
    onTaken: () => {
      joined.resolve();
    },
  });
  let isStopping = false;
  const node = { id, version: VERSION };
  const isReady = (): boolean => !isStopping && dial.link?.state === 'up';
  const door = parts.hasDoor ? createWorkerDoor({ settings, log, metrics, node, isReady }) : undefined;
  const dial = join(parts, id, worker);
  const listening = await door?.listen().catch(async (error: unknown) => {
    dial.stop(new OperatingError('UNAVAILABLE', 'The worker could not start.'));
    worker.stop();
    await pool.stop(0);
    metrics.stop();
    throw error;
  });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    isStopping = true;
    await worker.drain(settings.drainMs);
    dial.stop(new OperatingError('DRAINING', 'The worker stops.', { retryable: true }));
    worker.stop();
    await pool.stop(0);
    metrics.stop();
    await door?.close();
  };
  return {
    ...{ id, owner: ownerOf(settings), agents: agents.map(({ name, version }) => `${name}@${version}`) },
    door: listening,
    joined: joined.promise,
    stop: () => (stopped ??= stop()),
  };
}

/** The agents that it offers. */
async function agentsOf({ settings, agents, log }: WorkerParts): Promise<readonly AgentDefinition[]> {
  const files = await loadAgentFiles(settings.agents, process.cwd());
  const all = [...(settings.lab ? labAgents(settings.dataDir) : []), ...files.agents, ...agents];
  if (files.workflows.length > 0)
    log.warn('Workflows are registered with the owner; those in the files of a worker are not used.');
  const references = new Set<string>();
  for (const { name, version } of all) {
    if (references.has(`${name}@${version}`))
      throw new OperatingError('INVALID_INPUT', `The agent ${name}@${version} is there twice.`);
    references.add(`${name}@${version}`);
  }
  if (all.length > 0) return all;
  const message =
    'A worker without agents has nothing to offer: name files with --agents, or --lab for the test agents.';
  throw new OperatingError('INVALID_INPUT', message);
}

function threads({ world, settings, log }: WorkerParts, metrics: Metrics): WorkerPool {
  return createWorkerPool({
    ...{ world, log, metrics },
    threadsMax: settings.workerThreadsMax,
    queueMax: settings.workerQueueMax,
    memoryMib: settings.workerMemoryMib,
    timeoutMs: settings.workerTimeoutMs,
  });
}

/** Keeps a link to the owner. */
function join({ settings, world, log }: WorkerParts, id: string, worker: MeshWorker): ReturnType<typeof dialMesh> {
  const to = ownerOf(settings);
  return dialMesh({
    ...{ to, world, log, ...credentialsOf(settings), lostMs: settings.meshLostMs },
    self: { node: id, incarnation: world.id(), role: 'worker', version: VERSION, cluster: undefined },
    onLink: (link, setEars) => {
      setEars(worker.attach(link));
      log.info('Joined the mesh.', { owner: link.peer.node, address: to, cluster: link.peer.cluster });
    },
    onRefused: ({ code, message }) =>
      log.error('The owner and this worker do not fit.', { address: to, code, why: message }),
  });
}

/** The address of the owner; the path need not be given. */
function ownerOf({ join: address }: Settings): string {
  if (address === undefined)
    throw new OperatingError('INVALID_INPUT', 'A worker needs the address of an owner: --join.');
  const url = new URL(address);
  if (url.pathname === '/') url.pathname = MESH_PATH;
  return url.href;
}
