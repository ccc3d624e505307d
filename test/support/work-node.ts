/**
 * A node without doors, in a world that stands still: the desk, sessions, tasks, steps, flows, agents and the tree, on a bare
 * runtime. A node on the disk of a killed one goes on where that was.
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { type MeshCallOutcome, MeshOwner, type MeshOwnerDeps } from '../../cluster/owner/mesh-owner.ts';
import { offerBookOf } from '../../cluster/owner/offer-book.ts';
import type { PlanModel } from '../../actors/planning/plan-model.ts';
import type { Admission, Submission } from '../../actors/desk.ts';
import { labAgents } from '../../actors/lab/lab.ts';
import type { TaskState } from '../../actors/task.ts';
import type { DeclaredSubscription } from '../../actors/topics/subscription-desk.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { TaskEvent } from '../../protocol/tasks.ts';
import type { Log } from '../../runtime/log.ts';
import type { RecoveryReport } from '../../runtime/recovery.ts';
import { createRegisters, type Registers } from '../../runtime/registers.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import type { TaskRecord } from '../../runtime/stores/store.ts';
import { createWorkerPool, type WorkerPool } from '../../runtime/workers/pool.ts';
import { hireStaff } from '../../staff.ts';
import { breakerLimits, POLICIES, type Tree } from '../../supervisors/tree.ts';
import { type BareNode, createBareNode } from './bare-node.ts';
import { createManualWorld, type ManualWorld } from './manual-world.ts';

/** A node that works. */
export interface WorkNode extends BareNode, ReturnType<typeof hireStaff> {
  readonly world: ManualWorld;
  readonly workers: WorkerPool;
  /** Where it has one. */
  readonly mesh: MeshOwner | undefined;
  readonly registers: Registers;
  readonly recovered: RecoveryReport;
  /** Submissions that were taken on. */
  readonly submitted: { count: number };
  /** Asks for a task in a turn of its own. */
  submit(target: Submission['target'], input?: unknown, more?: Partial<Submission>): Admission;
  /** Submits, and moves the time on until the task has ended. */
  finish(target: Submission['target'], input?: unknown, more?: Partial<Submission>): Promise<TaskRecord>;
  /** Moves the time on until the task has ended. */
  end(task: string): Promise<TaskRecord>;
  events(task: string): Promise<readonly TaskEvent[]>;
  kinds(task: string): Promise<readonly string[]>;
}

/** How one is made. */
export interface WorkNodeOptions {
  readonly agents?: readonly AgentDefinition[];
  readonly subscriptions?: readonly DeclaredSubscription[];
  /** Registered before anything that is unfinished goes on. */
  readonly workflows?: readonly unknown[];
  readonly disk?: MemoryDisk;
  readonly seed?: number;
  readonly tasksInFlightMax?: number;
  /** Where `lab.append` writes. */
  readonly dataDir?: string;
  readonly residentMax?: number;
  /** Hears what agents write to the node's log. Default: nobody. */
  readonly log?: Log;
  /** No breaker in front of any agent: what happens to one task does not depend on others. */
  readonly noBreakers?: boolean;
  readonly planModel?: PlanModel;
  readonly passivateAfterMs?: number;
  readonly cacheEntriesMax?: number;
  /** The wall clock's first reading, in ms. */
  readonly startMs?: number;
  /** One that others live in too. Default: one of its own. */
  readonly world?: ManualWorld;
  /** Other nodes may make calls of its agents. */
  readonly hasMesh?: boolean;
  /** Hears what became of calls that were sent to other nodes. */
  readonly onMeshCall?: (outcome: MeshCallOutcome) => void;
}

const PRINCIPAL = 'loopback';
const END_MS_MAX = 600_000;

/**
 * Makes one; what its disk holds unfinished has been taken up again.
 * Errors: STORE_UNAVAILABLE, where the disk fails meanwhile; what was begun is killed then.
 */
export async function createWorkNode(options: WorkNodeOptions = {}): Promise<WorkNode> {
  const { disk, seed = 1, tasksInFlightMax, residentMax, passivateAfterMs, startMs, cacheEntriesMax } = options;
  const { log = quietLog } = options;
  const world = options.world ?? createManualWorld({ seed, ...(startMs !== undefined && { startMs }) });
  const node: BareNode = await createBareNode({
    world,
    specOf: (address) => staff.specOf(address),
    ...(disk !== undefined && { disk }),
    ...(residentMax !== undefined && { residentMax }),
    ...(passivateAfterMs !== undefined && { passivateAfterMs }),
    heirOf: (logic) => staff.registry.heirOf(logic),
  });
  const { kernel, store } = node;
  const registers = createRegisters();
  const workers = createWorkerPool({ world, threadsMax: 1, queueMax: 1 });
  const submitted = { count: 0 };
  const mesh =
    options.hasMesh === true
      ? new MeshOwner({
          ...{ kernel, log, boot: node.fence.epoch, rejoinMs: LIMITS.meshLostMs, onCall: options.onMeshCall },
          book: () => offerBookOf(staff),
        } satisfies MeshOwnerDeps)
      : undefined;
  const staff: ReturnType<typeof hireStaff> = hireStaff({
    ...{ world, log, kernel, store, registers, workers },
    onSubmitted: () => void submitted.count++,
    ...(mesh !== undefined && { placing: mesh }),
    onFatal: (error) => void node.fatal.push(error),
    ...(options.planModel !== undefined && { planModel: options.planModel }),
    ...(tasksInFlightMax !== undefined && { tasksInFlightMax }),
    ...(cacheEntriesMax !== undefined && { cacheEntriesMax }),
  });
  // What cannot start is dead: the next node on its disk finds that free.
  const recovered = await start(node, world, staff, mesh, options).catch((error: unknown) => {
    node.kill();
    throw error;
  });
  const submit: WorkNode['submit'] = (target, input = null, more = {}) =>
    kernel.act((port) => staff.desk.submit(port, PRINCIPAL, { target, input, options: {}, ...more }));
  const end = async (task: string): Promise<TaskRecord> => {
    for (let elapsedMs = 0; elapsedMs < END_MS_MAX; elapsedMs += 1_000) {
      await world.settle();
      const record = await store.readTask(task);
      if (record?.result !== undefined) return record;
      await world.elapse(1_000);
    }
    throw new TypeError(`The task ${task} has not ended in ${END_MS_MAX} ms.`);
  };
  const events = async (task: string): Promise<readonly TaskEvent[]> => await store.readEvents(task, 0, 10_000);
  return {
    ...{
      ...node,
      ...staff,
      world,
      workers,
      mesh,
      registers,
      recovered,
      submitted,
      submit,
      end,
      events,
    },
    finish: async (target, input, more) => await end(submit(target, input, more).task),
    kinds: async (task) => (await events(task)).map(({ kind }) => kind),
  };
}

/** In the order of a real node (node.ts). */
async function start(
  node: BareNode,
  world: ManualWorld,
  staff: ReturnType<typeof hireStaff>,
  mesh: MeshOwner | undefined,
  { agents = [], workflows = [], dataDir = '/nowhere', noBreakers = false, subscriptions }: WorkNodeOptions,
): Promise<RecoveryReport> {
  const { store } = node;
  const { registry, plans, effects, schedules, breakers, cache, tree } = staff;
  breakers.restore(await store.definitions('breaker'));
  cache.load(await store.definitions('cached'));
  for (const agent of [...labAgents(dataDir), ...agents]) {
    registry.registerAgent(agent);
    tree.addAgentSupervisor(agent.name, POLICIES.agent, noBreakers ? undefined : breakerLimits(agent));
  }
  mesh?.restore(await store.definitions('worker'));
  for (const graph of workflows) registry.registerWorkflow(plans.admit(graph), 'registered');
  await effects.load();
  const recovered = await recover(node, world, tree);
  await effects.sweep();
  await schedules.start();
  staff.groups.start(await store.definitions('group'));
  await moved(world, staff.subscriptions.start(await store.definitions('subscription'), subscriptions));
  return recovered;
}

async function recover(
  { recovery, kernel, committer, fence }: BareNode,
  world: ManualWorld,
  tree: Tree,
): Promise<RecoveryReport> {
  const tasks: string[] = [];
  const resuming = recovery
    .resume((cell) => {
      const { logic, checkpoint, address } = cell;
      tree.loaded(cell);
      if (logic.kind !== 'task' || checkpoint === undefined) return;
      const { id, phase } = checkpoint as TaskState;
      committer.adoptTask(id, phase);
      tasks.push(address);
    })
    // Before the first turn of any of them: what comes of the start is one epoch, and not one more for each start.
    .then((report) => {
      for (const address of tasks) kernel.post(address, { type: 'node.resumed', boot: fence.epoch });
      return report;
    });
  return await moved(world, resuming);
}

/** It leaves the event loop its turns, which only come when this world is moved. */
async function moved<T>(world: ManualWorld, work: Promise<T>): Promise<T> {
  let isDone = false;
  void work.catch(() => undefined).finally(() => (isDone = true));
  while (!isDone) await world.settle();
  return await work;
}

export const quietLog: Log = {
  enabled: () => false,
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => quietLog,
};
