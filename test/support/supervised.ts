/** Flat actors that crash on demand, below supervisors with policies of the test's own, on a bare node. */
import { OperatingError } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import type { SupervisorPolicy } from '../../supervisors/policy.ts';
import { supervisorLogic, supervisorSpec } from '../../supervisors/supervisor.ts';
import type { SupervisorContext, SupervisorInput } from '../../supervisors/supervisor-context.ts';
import { kernelEffects } from '../../supervisors/supervisor-effects.ts';
import { type BareNode, createBareNode } from './bare-node.ts';
import { createManualWorld, type ManualWorld } from './manual-world.ts';

/** The state of a worker: what it has handled since it was made. */
export interface WorkerState {
  readonly phase: 'ready' | 'done' | 'failed';
  readonly handled: readonly string[];
}

/** What happened to whom, in order: `start a`, `restore a`, `crash a`, `done a`. */
export type Diary = string[];

/**
 * Understands `work` {name}, `crash` {times?: a box that is counted down; always without one; unsupported?}, `adopt` {spec}, `finish`,
 * `fail`, `wake` {afterMs} (a durable timer, at which it crashes as long as the box `alarm` of the test says), and notes
 * every `child.*` it is told.
 */
export function workerLogic(
  diary: Diary,
  startFaults: Map<string, number>,
  alarm: { left: number },
): FlatLogic<WorkerState, string> {
  const begin = (port: CellPort): void => {
    const left = startFaults.get(port.address) ?? 0;
    if (left > 0) {
      startFaults.set(port.address, left - 1);
      diary.push(`crash ${port.address}`);
      throw new Error(`${port.address} cannot start`);
    }
  };
  const crash = (state: WorkerState, event: ActorEvent, port: CellPort): WorkerState => {
    const times = event['times'] as { left: number } | undefined;
    if (times !== undefined && times.left <= 0) return { ...state, handled: [...state.handled, 'crash'] };
    if (times !== undefined) times.left--;
    port.send('test/none', { type: 'never sent' });
    diary.push(`crash ${port.address}`);
    if (event['unsupported'] === true) throw new OperatingError('UNSUPPORTED_LOGIC', 'It cannot be kept.');
    throw new Error(`${port.address} crashed`);
  };
  const note = (state: WorkerState, event: ActorEvent): WorkerState => {
    const code = (event['error'] as { code?: string } | undefined)?.code;
    return {
      ...state,
      handled: [...state.handled, `${event.type} ${String(event['address'])}${code === undefined ? '' : ` ${code}`}`],
    };
  };
  return {
    name: 'worker',
    version: '1',
    initial: (_input, port) => {
      begin(port);
      diary.push(`start ${port.address}`);
      return { phase: 'ready', handled: [] };
    },
    restored: (state, port) => {
      begin(port);
      diary.push(`restore ${port.address}`);
      return state;
    },
    table: {
      ready: {
        work: (state, event: ActorEvent) => ({ ...state, handled: [...state.handled, String(event['name'])] }),
        crash,
        adopt: (state, event: ActorEvent, port) => {
          port.startChild(event['spec'] as ChildSpec);
          return state;
        },
        wake: (state, event: ActorEvent, port) => {
          port.setTimer('alarm', port.nowMs() + Number(event['afterMs']));
          return state;
        },
        'timer.alarm': (state, _event, port) => crash(state, { type: 'crash', times: alarm }, port),
        finish: (state) => ({ ...state, phase: 'done' }),
        fail: (state) => ({ ...state, phase: 'failed' }),
        'child.done': note,
        'child.failed': note,
        'child.quarantined': note,
      },
      done: {},
      failed: {},
    },
    final: { done: () => ({ output: 'done' }), failed: () => ({ error: new Error('failed by itself') }) },
  };
}

/** A bare node with supervisors and workers. */
export interface Supervised extends BareNode {
  readonly world: ManualWorld;
  readonly diary: Diary;
  /** Starts of an address that crash, counted down. */
  readonly startFaults: Map<string, number>;
  /** Crashes at alarms, counted down. */
  readonly alarm: { left: number };
  readonly exhausted: Error[];
  readonly closedSessions: string[];
  supervise(
    address: string,
    policy: Partial<SupervisorPolicy>,
    parent?: string,
    children?: readonly ChildSpec[],
    more?: Partial<SupervisorInput>,
  ): ChildSpec;
  start(...specs: readonly ChildSpec[]): void;
  tell(address: string, event: ActorEvent): void;
  /** What a worker has handled; undefined where it is not in memory. */
  handled(address: string): readonly string[] | undefined;
  contextOf(supervisor: string): SupervisorContext;
  /** The state of the supervisor's statechart. */
  stateOf(supervisor: string): string | undefined;
}

/** The spec of a worker. */
export function worker(address: string, supervisor: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    address,
    logic: 'worker',
    input: address,
    supervisor,
    restart: 'transient',
    recovery: 'resume',
    priority: 5,
    durable: true,
    ...more,
  };
}

const POLICY: SupervisorPolicy = {
  strategy: 'dynamic',
  intensity: 5,
  periodMs: 1_000,
  backoff: { firstMs: 10, factor: 2, maxMs: 1_000, jitter: 0 },
  onExcess: 'abandon',
};

/** Makes one. `specOf` knows keyed workers. */
export async function createSupervised(
  options: {
    readonly seed?: number;
    readonly disk?: MemoryDisk;
    readonly specOf?: (address: string) => ChildSpec | undefined;
    readonly residentMax?: number;
    readonly passivateAfterMs?: number;
  } = {},
): Promise<Supervised> {
  const { seed = 1, ...rest } = options;
  const world = createManualWorld({ seed });
  const node = await createBareNode({ world, ...rest });
  const { kernel } = node;
  const diary: Diary = [];
  const startFaults = new Map<string, number>();
  const alarm = { left: 0 };
  const exhausted: Error[] = [];
  const closedSessions: string[] = [];
  node.installFlat(workerLogic(diary, startFaults, alarm));
  kernel.install(supervisorLogic);
  const deps = kernelEffects({
    kernel,
    world,
    log: kernel.log,
    onRootExhausted: (error) => void exhausted.push(error),
    onSessionCrashed: (address) => void closedSessions.push(address),
  });
  const contextOf = (address: string): SupervisorContext =>
    (kernel.cells.get(address) as { readonly checkpoint?: { readonly context: SupervisorContext } } | undefined)
      ?.checkpoint?.context as SupervisorContext;
  return {
    ...node,
    world,
    diary,
    startFaults,
    alarm,
    exhausted,
    closedSessions,
    supervise: (address, policy, parent, children = [], more = {}) =>
      supervisorSpec(address, {
        policy: { ...POLICY, ...policy },
        deps,
        children: () => children,
        ...more,
        ...(parent !== undefined && { parent }),
      }),
    start: (...specs) => kernel.act((port) => specs.forEach((spec) => port.startChild(spec))),
    tell: (address, event) => kernel.deliver(address, event),
    handled: (address) => (kernel.cells.get(address)?.checkpoint as WorkerState | undefined)?.handled,
    contextOf,
    stateOf: (address) => kernel.cells.get(address)?.host?.describe().state,
  };
}
