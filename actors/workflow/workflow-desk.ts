/**
 * The desk of workflows: registered, listed, taken away, and running ones moved from one version to another. What it answers is
 * committed; what it counts is of now.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { parseGraph, type WorkflowGraph } from '../../protocol/graph.ts';
import { parseReference } from '../../protocol/names.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import type { Cell } from '../../runtime/cell.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Log } from '../../runtime/log.ts';
import type { Registers, WorkflowEntry } from '../../runtime/registers.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { Asks } from '../asks.ts';
import type { Desk, Principal } from '../desk.ts';
import type { Registry } from '../registry.ts';
import { awaitedBy } from './awaited-signals.ts';
import { type FlowVersion, flowVersion, MOVED_ROW } from './flow-migration.ts';
import { FLOW_LOGIC, type FlowStart, flowAddress } from './flow-start.ts';
import type { FlowPlans } from './planner.ts';
import { calledBySteps } from './workflow-pins.ts';

/** What it needs of its node. */
export interface WorkflowDeskDeps {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly registry: Registry;
  readonly registers: Registers;
  readonly plans: FlowPlans;
  readonly desk: Desk;
  readonly asks: Asks;
}

/**
 * One version of a workflow, as lists show it. `ready`: it can be started. `draining`: a later version has taken over; what runs
 * goes on. `gone`: it is not registered any more, and still runs.
 */
export interface WorkflowView extends Omit<WorkflowEntry, 'source'> {
  readonly source: WorkflowEntry['source'] | null;
  readonly state: 'ready' | 'draining' | 'gone';
  /** Those that run now, also inside of others. */
  readonly running: number;
  /** The version that has taken over from a draining one. */
  readonly successor?: string;
}

/** What was taken away, and who still needs it. */
export interface WorkflowRemoval {
  readonly workflow: string;
  /** Those that run; they go on to their ends. */
  readonly running: number;
  /** Registered workflows that call it, and cannot be started while nothing else answers to the name they use. */
  readonly callers: readonly string[];
}

const MOVE_MS = 10_000;
const MOVES_AT_ONCE = 32;

/** The workflows of one node. */
export class WorkflowDesk {
  readonly #deps: WorkflowDeskDeps;

  constructor(deps: WorkflowDeskDeps) {
    this.#deps = deps;
  }

  /**
   * Registers those that come with the node, in whatever order they call each other.
   * Errors: WORKFLOW_INVALID, NOT_AVAILABLE, STATE_CONFLICT, BUSY.
   */
  bundle(values: readonly unknown[]): void {
    const { plans, registry } = this.#deps;
    for (const value of inOrderOfCalls(values)) registry.registerWorkflow(plans.admit(value), 'bundled');
  }

  /** Takes in what was registered in earlier runs of the process. It was judged then. */
  restore(stored: readonly DefinitionWrite[]): void {
    for (const { name, version, body } of stored) {
      try {
        this.#deps.registry.registerWorkflow(body as WorkflowGraph, 'registered');
      } catch (error) {
        const fields = { workflow: `${name}@${version}`, error: String(error) };
        this.#deps.log.warn('A stored workflow was not loaded.', fields);
      }
    }
  }

  /**
   * Judges, registers and stores a workflow, and moves what runs of the versions before it, where it says so.
   * Errors: WORKFLOW_INVALID, NOT_AVAILABLE, STATE_CONFLICT, BUSY.
   */
  async define(value: unknown): Promise<WorkflowGraph> {
    const { kernel, plans, registry } = this.#deps;
    const graph = plans.admit(value);
    registry.registerWorkflow(graph, 'registered');
    kernel.committer.define({ kind: 'workflow', name: graph.name, version: graph.version, body: graph });
    await kernel.committer.committed();
    if (graph.onNewVersion === 'migrate') await this.catchUp();
    return graph;
  }

  /**
   * Moves what runs of a version that another has taken over to that one, where that one wants it and it fits; what does not fit goes on
   * as it is. At the start of a node too: the one before may have died in the middle of it.
   */
  async catchUp(): Promise<void> {
    const { kernel, registry, log, asks } = this.#deps;
    const moves: [address: string, to: WorkflowGraph][] = [];
    for (const [address, cell] of kernel.cells) {
      if (cell.logic.name !== FLOW_LOGIC || (cell.input as FlowStart).within !== undefined) continue;
      const { reference, graph } = versionOf(cell);
      const to = reference === undefined ? undefined : registry.successorOf(graph);
      if (to?.onNewVersion === 'migrate') moves.push([address, to]);
    }
    for (let at = 0; at < moves.length; at += MOVES_AT_ONCE) {
      const some = moves.slice(at, at + MOVES_AT_ONCE);
      await Promise.all(
        some.map(async ([address, { name, version }]) => {
          const workflow = `${name}@${version}`;
          try {
            await asks.ask({ address, event: this.#moveTo(workflow), timeoutMs: MOVE_MS });
          } catch (error) {
            log.info('A workflow goes on by the version that it began with.', {
              address,
              workflow,
              error: String(error),
            });
          }
        }),
      );
    }
  }

  /**
   * Takes one version away; what runs of it goes on.
   * Errors: INVALID_INPUT (no version is named), NOT_FOUND, STATE_CONFLICT (it comes with the node).
   */
  async remove(reference: string): Promise<WorkflowRemoval> {
    const { kernel, registry, registers } = this.#deps;
    const { name, version } = parseReference(reference) ?? { name: reference };
    if (version === undefined)
      throw new OperatingError('INVALID_INPUT', `Name the version to remove, such as ${name}@1.0.0.`);
    const key = `${name}@${version}`;
    const entry = registers.getSnapshot().context.workflows[key];
    if (entry === undefined) throw new OperatingError('NOT_FOUND', `There is no workflow ${key}.`);
    if (entry.source === 'bundled')
      throw new OperatingError('STATE_CONFLICT', `${key} comes with the node, and would be back at its next start.`);
    const callers = registry
      .workflows()
      .filter(({ steps }) => [...calledBySteps(steps)].some((called) => isOf(registry.workflow(called), key)))
      .map((graph) => `${graph.name}@${graph.version}`);
    registry.unregisterWorkflow({ name, version });
    kernel.committer.define({ kind: 'workflow', name, version, body: null });
    await kernel.committer.committed();
    return { workflow: key, running: this.#running().get(key)?.count ?? 0, callers };
  }

  /** All that are registered, and those that are not any more and still run. */
  list(): readonly WorkflowView[] {
    const { registry, registers } = this.#deps;
    const running = this.#running();
    const known = Object.entries(registers.getSnapshot().context.workflows).map(([key, entry]): WorkflowView => {
      const successor = registry.successorOf(entry);
      return {
        ...entry,
        state: successor === undefined ? 'ready' : 'draining',
        running: running.get(key)?.count ?? 0,
        ...(successor !== undefined && { successor: `${successor.name}@${successor.version}` }),
      };
    });
    const names = new Set(known.map(({ name, version }) => `${name}@${version}`));
    const gone = [...running].filter(([key]) => !names.has(key));
    return [...known, ...gone.map(([, { graph, count }]) => goneView(graph, count))];
  }

  /**
   * Moves a task from the version of its workflow that it runs to another; resolves once that is durable.
   * Errors: NOT_FOUND, WORKFLOW_INVALID, INVALID_INPUT (of another workflow), STATE_CONFLICT (it has ended, or steps of it that
   * have begun are not the same), TIMEOUT.
   */
  async migrate(
    principal: Principal,
    task: string,
    reference: string,
  ): Promise<{ readonly from: string; readonly to: string }> {
    const { status } = await this.#deps.desk.get(principal, task);
    if (isTerminal(status)) throw new OperatingError('STATE_CONFLICT', `The task ${task} has ended ${status} already.`);
    const event = this.#moveTo(reference);
    try {
      const who = `The workflow of ${task}`;
      const answer = await this.#deps.asks.ask({ address: flowAddress(task), event, timeoutMs: MOVE_MS, who });
      return { from: String(answer['from']), to: String(answer['to']) };
    } catch (error) {
      if (!(error instanceof OperatingError) || error.code !== 'NOT_FOUND') throw error;
      throw new OperatingError('STATE_CONFLICT', `No workflow is at work for the task ${task}.`);
    }
  }

  /** What moves a flow to this version. Errors: NOT_FOUND, WORKFLOW_INVALID. */
  #moveTo(reference: string): ActorEvent {
    const { graph, pinned } = this.#deps.plans.named(reference);
    const to: FlowVersion = flowVersion(graph, pinned);
    return { type: 'flow.migrate', to, awaits: awaitedBy([graph, ...Object.values(pinned)]) };
  }

  /** What runs, by name and version. */
  #running(): ReadonlyMap<string, { readonly graph: WorkflowGraph; readonly count: number }> {
    const counts = new Map<string, { readonly graph: WorkflowGraph; readonly count: number }>();
    for (const cell of this.#deps.kernel.cells.values()) {
      if (cell.logic.name !== FLOW_LOGIC) continue;
      const { reference, graph } = versionOf(cell);
      if (reference !== undefined) counts.set(reference, { graph, count: (counts.get(reference)?.count ?? 0) + 1 });
    }
    return counts;
  }
}

/** What a flow goes by now. */
function versionOf({
  attachments,
  input,
}: Pick<Cell, 'attachments' | 'input'>): Pick<FlowStart, 'graph' | 'reference'> {
  return (attachments?.get(MOVED_ROW) as FlowVersion | undefined) ?? (input as FlowStart);
}

function goneView({ name, version, description, steps }: WorkflowGraph, running: number): WorkflowView {
  return {
    name,
    version,
    ...(description !== undefined && { description }),
    steps: steps.map(({ id }) => id),
    source: null,
    state: 'gone',
    running,
  };
}

function isOf(graph: WorkflowGraph | undefined, key: string): boolean {
  return graph !== undefined && `${graph.name}@${graph.version}` === key;
}

/** Those that are called before those that call them. What cannot be read is for its registration to refuse. */
function inOrderOfCalls(values: readonly unknown[]): readonly unknown[] {
  const graphs = new Map<unknown, WorkflowGraph | undefined>(values.map((value) => [value, readable(value)]));
  const ordered = new Set<unknown>();
  const enter = (value: unknown, way: ReadonlySet<unknown>): void => {
    if (ordered.has(value) || way.has(value)) return;
    const names = calledBySteps(graphs.get(value)?.steps ?? []);
    for (const [other, graph] of graphs)
      if (graph !== undefined && [...names].some((name) => name.split('@')[0] === graph.name))
        enter(other, new Set([...way, value]));
    ordered.add(value);
  };
  for (const value of values) enter(value, new Set());
  return [...ordered];
}

function readable(value: unknown): WorkflowGraph | undefined {
  try {
    return parseGraph(value);
  } catch {
    return undefined;
  }
}
