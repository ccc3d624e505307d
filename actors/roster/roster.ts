/**
 * The agents of a node as they come and go while it runs: enlisted when it starts, registered from a module or by the program it
 * is part of, unregistered. One that is unregistered *drains*: it gets no new work, what it has in hand goes on, and when there is
 * no more of that it is gone.
 *
 *   ready, busy, degraded, open ──unregister──► draining ──nothing in hand──► gone
 *
 * What came from a module at run time is a row of the store, and is there again after a restart, draining where it was.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { AgentSource, AgentStatus } from '../../runtime/agent-status.ts';
import type { Registers } from '../../runtime/registers.ts';
import type { Store } from '../../runtime/stores/store.ts';
import type { Cancel } from '../../runtime/world.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { namesOf } from '../agent-names.ts';
import { isInRange, offersIt } from '../capability.ts';
import { pageOf } from '../entry-page.ts';
import type { FiguresReader } from '../figures/figures.ts';
import type { Registry } from '../registry.ts';
import type { Readings } from '../selection/readings.ts';
import { STEP_LOGIC, type StepState } from '../step.ts';
import { AgentModules } from './agent-modules.ts';
import { agentRow, readAgentRow } from './agent-row.ts';
import { type AgentView, agentView } from './agent-view.ts';
import { healthAddress, healthSpec } from './health.ts';
import type { HealthBook } from './health-book.ts';

/** What a roster needs of its node. */
export interface RosterDeps {
  readonly kernel: Kernel;
  readonly store: Pick<Store, 'definitions'>;
  readonly registry: Registry;
  readonly registers: Registers;
  readonly readings: Readings;
  readonly health: HealthBook;
  readonly figures: FiguresReader;
  readonly log: { info(message: string, fields?: object): void; warn(message: string, fields?: object): void };
  /** The node that the agents' actors live on. */
  readonly node: string;
  /** The nodes that make the calls of `name@version`. Default: this one. */
  readonly nodesOf?: (reference: string) => readonly string[];
  /** Folders that modules may be loaded from. */
  readonly moduleRoots: readonly string[];
  /** Makes the supervisor of an agent's actors, and the breaker in front of them. */
  supervise(agent: AgentDefinition): void;
  /** Makes the subscriptions that an agent names, in place of those that it named before. Errors: INVALID_INPUT, BUSY. */
  subscribe(agent: AgentDefinition): Promise<void>;
}

/** Which agents are asked for. */
export interface AgentQuery {
  /** `name` or `name@range`. */
  readonly capability?: string;
  /** A range: of the version of the capability where one is asked for, else of the agent's own. */
  readonly version?: string;
  readonly status?: AgentStatus;
}

/** How often those that drain are looked at. */
const LOOK_MS = 500;
/** Agents that are gone and remembered, the last ones. */
const GONE_MAX = 100;

/** The roster of one node. */
export class Roster {
  readonly #deps: RosterDeps;
  readonly #modules: AgentModules;
  /** `name@version` → the module it came from at run time. */
  readonly #moduleOf = new Map<string, string>();
  readonly #gone = new Map<string, AgentView>();
  /** Those who wait until an agent is gone. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #cancel: Cancel | undefined;
  #stopped = false;

  constructor(deps: RosterDeps) {
    this.#deps = deps;
    this.#modules = new AgentModules(deps.moduleRoots);
  }

  /** Takes an agent in. Errors: STATE_CONFLICT, BUSY, UNSUPPORTED_LOGIC. */
  enlist(agent: AgentDefinition, source: AgentSource): void {
    const { registry, node, supervise, kernel } = this.#deps;
    registry.registerAgent(agent, { source, node });
    supervise(agent);
    const { reference } = namesOf(agent);
    this.#gone.delete(reference);
    const { health } = agent;
    if (health !== undefined) kernel.act((port) => port.startChild(healthSpec(reference, health)));
  }

  /** The same, in place of the one of the same name and version, which has no health check. Errors: NOT_FOUND. */
  replace(agent: AgentDefinition, source: AgentSource): void {
    const { registry, node, supervise } = this.#deps;
    registry.replaceAgent(agent, { source, node });
    supervise(agent);
  }

  /** Registers agents of a module, all or none; resolves once that is committed. Errors: as AgentModules and `enlist`. */
  async registerModule(path: string): Promise<readonly AgentView[]> {
    const { file, agents } = await this.#modules.load(path);
    const { kernel, registry, log } = this.#deps;
    const taken: AgentDefinition[] = [];
    try {
      for (const agent of agents) {
        this.enlist(agent, 'module');
        taken.push(agent);
      }
    } catch (error) {
      for (const agent of taken) registry.forgetAgent(this.#retire(namesOf(agent).reference));
      throw error;
    }
    for (const agent of agents) {
      this.#moduleOf.set(namesOf(agent).reference, file);
      kernel.define(agentRow(agent, file, false));
    }
    for (const agent of agents) await this.#deps.subscribe(agent);
    await kernel.committer.committed();
    log.info('Agents were registered from a module.', {
      module: file,
      agents: agents.map((one) => namesOf(one).reference),
    });
    return agents.map((agent) => this.#viewOf(agent));
  }

  /**
   * Gives an agent no new work from here on; resolves once that is committed, with how it stands then: `draining` or `gone`.
   * Errors: NOT_FOUND.
   */
  async unregister(reference: string): Promise<AgentView> {
    const { kernel, log } = this.#deps;
    const agent = this.#retire(reference);
    const { reference: key } = namesOf(agent);
    const module = this.#moduleOf.get(key);
    if (module !== undefined) kernel.define(agentRow(agent, module, true));
    log.info('An agent is unregistered; it gets no new work.', { agent: key });
    const before = this.#viewOf(agent);
    this.#look();
    await kernel.committer.committed();
    return this.#gone.get(key) ?? before;
  }

  /** Resolves once an agent that was unregistered is gone. */
  async gone(reference: string): Promise<void> {
    const agent = this.#deps.registry.retired().find((one) => namesOf(one).reference === reference);
    if (agent === undefined) return;
    await new Promise<void>((resolve) => {
      this.#waiting.set(reference, [...(this.#waiting.get(reference) ?? []), resolve]);
    });
  }

  /** Takes in what was registered from modules in earlier runs of the process. What cannot be had is reported, and tried next time. */
  async restore(): Promise<void> {
    const { store, log } = this.#deps;
    for (const write of await store.definitions('agent')) {
      const row = readAgentRow(write);
      const reference = `${write.name}@${write.version}`;
      try {
        if (row === undefined) throw new OperatingError('VERSION_MISMATCH', 'Its row cannot be read.');
        const { agents } = await this.#modules.load(row.module);
        const agent = agents.find((one) => namesOf(one).reference === reference);
        if (agent === undefined) throw new OperatingError('NOT_FOUND', `${row.module} does not export it any more.`);
        this.enlist(agent, 'module');
        this.#moduleOf.set(reference, row.module);
        if (row.isDraining) this.#retire(reference);
      } catch (error) {
        log.warn('An agent that was registered from a module was not loaded.', {
          agent: reference,
          error: String(error),
        });
      }
    }
  }

  /** Begins to look after those that drain: what they had in hand is loaded. */
  start(): void {
    if (this.#deps.registry.retired().length > 0) this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Agents, by name and version, at most `limit`, behind `cursor`; those that are gone only where they are asked for. */
  page(
    query: AgentQuery,
    limit: number,
    cursor?: string,
  ): { readonly agents: readonly AgentView[]; readonly cursor: string | null } {
    const { status } = query;
    if (status === 'gone') {
      const gone = [...this.#gone.values()].filter((view) => isMeant(view, query));
      const page = pageOf(gone, limit, cursor);
      return { agents: page.entries, cursor: page.cursor };
    }
    const all = this.#agents().filter((agent) => isMeant(agent, query));
    const page = pageOf(
      status === undefined ? all : all.filter((one) => this.#statusOf(one) === status),
      limit,
      cursor,
    );
    return { agents: page.entries.map((agent) => this.#viewOf(agent)), cursor: page.cursor };
  }

  /** One agent, by `name` or `name@version`; also one that has gone of late. */
  view(reference: string): AgentView | undefined {
    const agent = this.#deps.registry.known(reference);
    return agent === undefined ? this.#gone.get(reference) : this.#viewOf(agent);
  }

  /** How all of them stand, by `name@version`. */
  statuses(): Readonly<Record<string, AgentStatus>> {
    return Object.fromEntries(this.#agents().map((agent) => [namesOf(agent).reference, this.#statusOf(agent)]));
  }

  /** What this node does itself: its agents, and their calls. Those that are made elsewhere too count here as a whole. */
  ownWork(): {
    readonly agents: readonly string[];
    readonly calls: { readonly running: number; readonly capacity: number };
  } {
    const { readings, node } = this.#deps;
    const own = this.#agents().filter((agent) => this.#nodesOf(namesOf(agent).reference).includes(node));
    const loads = own.map((agent) => readings.of(agent));
    return {
      agents: own.map((agent) => namesOf(agent).reference),
      calls: {
        running: loads.reduce((sum, { running }) => sum + running, 0),
        capacity: loads.reduce((sum, { capacity }) => sum + capacity, 0),
      },
    };
  }

  #agents(): readonly AgentDefinition[] {
    const { registry } = this.#deps;
    return [...registry.agents(), ...registry.retired()];
  }

  #statusOf(agent: AgentDefinition): AgentStatus {
    const { registry, readings } = this.#deps;
    return registry.isRetired(agent) ? 'draining' : readings.standing(agent);
  }

  #viewOf(agent: AgentDefinition): AgentView {
    const { registers, readings, health, figures } = this.#deps;
    const { reference } = namesOf(agent);
    const entry = registers.getSnapshot().context.agents[reference];
    if (entry === undefined) throw new OperatingError('INTERNAL', `The agent ${reference} is not in the registers.`);
    const checks = agent.health === undefined ? undefined : health.of(reference);
    const nodes = this.#nodesOf(reference);
    return agentView(entry, this.#statusOf(agent), nodes, readings.of(agent), checks, figures.ofAgent(reference));
  }

  #nodesOf(reference: string): readonly string[] {
    return this.#deps.nodesOf?.(reference) ?? [this.#deps.node];
  }

  #retire(reference: string): AgentDefinition {
    const { registry, kernel, health } = this.#deps;
    const agent = registry.retireAgent(reference);
    const { reference: key } = namesOf(agent);
    if (agent.health !== undefined) kernel.act((port) => port.stopChild(healthAddress(key)));
    health.forget(key);
    return agent;
  }

  /** Those that have nothing in hand any more are gone; the others are looked at again. */
  #look(): void {
    const { registry, kernel } = this.#deps;
    this.#cancel?.();
    this.#cancel = undefined;
    const retired = registry.retired();
    if (retired.length === 0 || this.#stopped) return;
    const held = heldAgents(kernel);
    for (const agent of retired) if (!held.has(namesOf(agent).reference)) this.#letGo(agent);
    if (registry.retired().length > 0) this.#cancel = kernel.world.after(LOOK_MS, () => this.#look());
  }

  #letGo(agent: AgentDefinition): void {
    const { registry, kernel, log } = this.#deps;
    const { reference } = namesOf(agent);
    this.#gone.set(reference, { ...this.#viewOf(agent), status: 'gone' });
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= GONE_MAX) break;
      this.#gone.delete(oldest);
    }
    registry.forgetAgent(agent);
    if (this.#moduleOf.delete(reference)) {
      kernel.define({ kind: 'agent', name: agent.name, version: agent.version, body: null });
    }
    log.info('An agent is gone.', { agent: reference });
    for (const resolve of this.#waiting.get(reference) ?? []) kernel.release(resolve);
    this.#waiting.delete(reference);
  }
}

function isMeant(agent: AgentDefinition | AgentView, { capability, version }: AgentQuery): boolean {
  if (capability !== undefined) return offersIt(agent, capability, version);
  return version === undefined || isInRange(agent.version, version);
}

/** Agents that anything in memory works with: their actors, and steps that may yet make another attempt. */
function heldAgents(kernel: Kernel): ReadonlySet<string> {
  const held = new Set<string>();
  for (const { spec, checkpoint } of kernel.cells.values()) {
    if (spec.logic.startsWith('agent:')) held.add(spec.logic.slice('agent:'.length));
    else if (spec.logic === STEP_LOGIC && checkpoint !== undefined) held.add((checkpoint as StepState).agent);
  }
  return held;
}
