/**
 * What this node can do: agents and workflows by name and version, agents by capability. Registering an agent installs its
 * logic in the kernel, so that its actors can be made; names of one version are registered once. One that is retired gets no
 * new work, and is known until its actors have ended.
 */
import { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import { parseReference } from '../protocol/names.ts';
import type { WorkflowGraph } from '../protocol/graph.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import type { AgentSource } from '../runtime/agent-status.ts';
import type { AgentEntry, Registers } from '../runtime/registers.ts';
import { lintOf } from './agent-lint.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import { type OfferList, Offers } from './offers.ts';
import { compareVersions } from './version-order.ts';

/** Makes the kernel's logic of an agent. */
export type LogicMaker = (definition: AgentDefinition) => InstalledLogic;

/** Where logics are installed. */
export interface KernelBook {
  install(logic: InstalledLogic): void;
  uninstall(name: string): void;
}

/** Agents and workflow versions of one node. Over it: BUSY. */
const AGENTS_MAX = 10_000;
const WORKFLOWS_MAX = 10_000;

/** Where an agent comes from, and which node its actors live on. */
export interface AgentOrigin {
  readonly source: AgentSource;
  readonly node: string;
}

const OF_THE_PROGRAM: AgentOrigin = { source: 'program', node: 'local' };

/** The registry of one node. */
export class Registry {
  readonly #kernel: KernelBook;
  readonly #registers: Registers;
  readonly #makeLogic: LogicMaker;
  /** name → its versions, the newest first. */
  readonly #agents = new Map<string, AgentDefinition[]>();
  readonly #retired = new Map<string, AgentDefinition>();
  readonly #offers = new Offers();
  readonly #workflows = new Map<string, WorkflowGraph[]>();
  /** What references have meant since the last change: each step of a task asks several times. */
  readonly #meant = new Map<string, AgentDefinition>();
  #edition = 0;

  constructor(kernel: KernelBook, registers: Registers, makeLogic: LogicMaker) {
    this.#kernel = kernel;
    this.#registers = registers;
    this.#makeLogic = makeLogic;
  }

  /** Another number after each change of what is given to new work: what was found with the same one still holds. */
  get edition(): number {
    return this.#edition;
  }

  /** Errors: STATE_CONFLICT (that version is registered), BUSY; UNSUPPORTED_LOGIC for a machine that cannot be kept. */
  registerAgent(definition: AgentDefinition, origin: AgentOrigin = OF_THE_PROGRAM): void {
    const { reference } = namesOf(definition);
    const versions = this.#agents.get(definition.name) ?? [];
    const isRetired = this.#retired.has(reference);
    if (isRetired || versions.some((other) => other.version === definition.version)) {
      const state = isRetired ? 'is being unregistered; its last work is under way' : 'is registered already';
      throw new OperatingError('STATE_CONFLICT', `The agent ${reference} ${state}.`);
    }
    if (this.#agents.size >= AGENTS_MAX) throw new OperatingError('BUSY', `A node holds at most ${AGENTS_MAX} agents.`);
    this.#kernel.install(this.#makeLogic(definition));
    this.#changed();
    this.#agents.set(definition.name, newestFirst([...versions, definition]));
    this.#offers.add(definition);
    this.#registers.trigger.agentAdded({ entry: entryOf(definition, origin) });
  }

  /** Takes an agent in, in place of the one of the same name and version: what begins from here on is its. Errors: NOT_FOUND. */
  replaceAgent(definition: AgentDefinition, origin: AgentOrigin = OF_THE_PROGRAM): void {
    const versions = this.#agents.get(definition.name) ?? [];
    const former = versions.find(({ version }) => version === definition.version);
    if (former === undefined)
      throw new OperatingError('NOT_FOUND', `There is no agent ${namesOf(definition).reference}.`);
    this.#kernel.install(this.#makeLogic(definition));
    this.#agents.set(
      definition.name,
      versions.map((one) => (one === former ? definition : one)),
    );
    this.#changed();
    this.#offers.remove(former);
    this.#offers.add(definition);
    this.#registers.trigger.agentAdded({ entry: entryOf(definition, origin) });
  }

  /** No new work is given to it. Its actors go on, and whoever works with it already finds it. Errors: NOT_FOUND. */
  retireAgent(reference: string): AgentDefinition {
    const found = this.agent(reference);
    if (found === undefined) throw new OperatingError('NOT_FOUND', `There is no agent ${reference}.`);
    const versions = (this.#agents.get(found.name) ?? []).filter((other) => other !== found);
    if (versions.length > 0) this.#agents.set(found.name, versions);
    else this.#agents.delete(found.name);
    this.#changed();
    this.#offers.remove(found);
    this.#retired.set(namesOf(found).reference, found);
    return found;
  }

  /** Lets one that was retired go for good: no actor can be made of it any more. */
  forgetAgent(definition: AgentDefinition): void {
    const { reference, logic } = namesOf(definition);
    if (!this.#retired.delete(reference)) return;
    this.#kernel.uninstall(logic);
    this.#registers.trigger.agentRemoved({ key: reference });
  }

  /** Both at once: actors that live go on, no new ones are made. Errors: NOT_FOUND. */
  unregisterAgent(reference: string): void {
    this.forgetAgent(this.retireAgent(reference));
  }

  /** As `agent`, and where there is none the one that gets no new work any more. */
  known(reference: string): AgentDefinition | undefined {
    const found = this.agent(reference) ?? this.#retired.get(reference);
    return found ?? this.retired().find(({ name }) => name === reference);
  }

  /** Whether it gets no new work any more. */
  isRetired(agent: AgentDefinition): boolean {
    return this.#retired.get(namesOf(agent).reference) === agent;
  }

  /** Those that get no new work, and have actors still. */
  retired(): readonly AgentDefinition[] {
    return [...this.#retired.values()];
  }

  /** By `name` (the newest version that is no pre-release, else the newest) or `name@version`. */
  agent(reference: string): AgentDefinition | undefined {
    const meant = this.#meant.get(reference);
    if (meant !== undefined) return meant;
    const found = pick(this.#agents, reference);
    if (found !== undefined) this.#meant.set(reference, found);
    return found;
  }

  #changed(): void {
    this.#edition++;
    this.#meant.clear();
  }

  /** The name of the logic that may take over the actors of another version of the same agent; undefined where there is none. */
  heirOf(logic: string): string | undefined {
    const reference = /^agent:(.+)@[^@]+$/.exec(logic)?.[1];
    const newest = reference === undefined ? undefined : this.agent(reference);
    return newest === undefined ? undefined : `agent:${newest.name}@${newest.version}`;
  }

  /** All that offer what is asked for (`name` or `name@range`), the newest versions first. */
  withCapability(capability: string): readonly AgentDefinition[] {
    return this.#offers.of(capability).agents;
  }

  /** The same, as those who choose need it. */
  offersOf(capability: string): OfferList {
    return this.#offers.of(capability);
  }

  /** The names of the capabilities that are offered. */
  capabilities(): Iterable<string> {
    return this.#offers.names();
  }

  /** The versions of a capability that are offered, the newest first. */
  versionsOf(capability: string): readonly string[] {
    return this.#offers.versions(capability);
  }

  agents(): readonly AgentDefinition[] {
    return [...this.#agents.values()].flat();
  }

  /** Errors: BUSY. A version that is registered already is replaced only by an equal one (STATE_CONFLICT). */
  registerWorkflow(graph: WorkflowGraph, source: 'bundled' | 'registered'): void {
    const versions = this.#workflows.get(graph.name) ?? [];
    const same = versions.find((other) => other.version === graph.version);
    if (same !== undefined) {
      if (JSON.stringify(same) === JSON.stringify(graph)) return;
      throw new OperatingError(
        'STATE_CONFLICT',
        `The workflow ${graph.name}@${graph.version} is registered with other content. Give it a new version.`,
      );
    }
    if (this.#workflows.size >= WORKFLOWS_MAX)
      throw new OperatingError('BUSY', `A node holds at most ${WORKFLOWS_MAX} workflows.`);
    this.#changed();
    this.#workflows.set(graph.name, newestFirst([...versions, graph]));
    const { name, version, description } = graph;
    this.#registers.trigger.workflowAdded({
      entry: {
        name,
        version,
        steps: graph.steps.map((step) => step.id),
        source,
        ...(description !== undefined && { description }),
      },
    });
  }

  workflow(reference: string): WorkflowGraph | undefined {
    return pick(this.#workflows, reference);
  }

  /** What a reference would mean with one more workflow registered. */
  workflowWith(candidate: WorkflowGraph, reference: string): WorkflowGraph | undefined {
    const { name, version } = candidate;
    const others = (this.#workflows.get(name) ?? []).filter((other) => other.version !== version);
    return pick(new Map(this.#workflows).set(name, newestFirst([...others, candidate])), reference);
  }

  /**
   * The version that has taken over from this one: a later one was registered to drain those before it, or to move them. Undefined
   * where none has. One that is a pre-release drains pre-releases alone.
   */
  successorOf({ name, version }: Pick<WorkflowGraph, 'name' | 'version'>): WorkflowGraph | undefined {
    return this.#workflows
      .get(name)
      ?.find(
        (other) =>
          (other.onNewVersion ?? 'keep') !== 'keep' &&
          compareVersions(other.version, version) > 0 &&
          (isRelease(other) || !isRelease({ version })),
      );
  }

  /** Errors: NOT_FOUND. */
  unregisterWorkflow({ name, version }: Pick<WorkflowGraph, 'name' | 'version'>): void {
    const versions = this.#workflows.get(name) ?? [];
    const rest = versions.filter((other) => other.version !== version);
    if (rest.length === versions.length)
      throw new OperatingError('NOT_FOUND', `There is no workflow ${name}@${version}.`);
    this.#edition++;
    if (rest.length > 0) this.#workflows.set(name, rest);
    else this.#workflows.delete(name);
    this.#registers.trigger.workflowRemoved({ key: `${name}@${version}` });
  }

  workflows(): readonly WorkflowGraph[] {
    return [...this.#workflows.values()].flat();
  }

  /** Names near one that is not known, for error messages. */
  names(): readonly string[] {
    return [...this.#agents.keys()];
  }
}

function pick<T extends { readonly version: string }>(
  book: ReadonlyMap<string, readonly T[]>,
  text: string,
): T | undefined {
  const reference = parseReference(text);
  const versions = reference === undefined ? undefined : book.get(reference.name);
  if (versions === undefined || reference === undefined) return undefined;
  if (reference.version !== undefined) return versions.find((one) => one.version === reference.version);
  return versions.find(isRelease) ?? versions[0];
}

function isRelease({ version }: { readonly version: string }): boolean {
  return !version.includes('-');
}

function newestFirst<T extends { readonly version: string }>(list: T[]): T[] {
  return list.sort((a, b) => compareVersions(b.version, a.version));
}

function entryOf(definition: AgentDefinition, { source, node }: AgentOrigin): AgentEntry {
  const { name, version, description, capabilities, keyed, kind, concurrency, timeoutMs, cost } = definition;
  const input = schemaOf(definition.input, 'input');
  const output = schemaOf(definition.output, 'output');
  return {
    name,
    version,
    capabilities,
    keyed,
    kind,
    concurrency,
    timeoutMs,
    source,
    node,
    status: 'ready',
    lint: lintOf(definition),
    form: definition.machine === undefined ? 'function' : 'machine',
    labels: definition.labels ?? {},
    ...(description !== undefined && { description }),
    ...(cost !== undefined && { cost }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
  };
}

/** The JSON Schema of a zod schema; undefined for what JSON Schema cannot say (transforms, custom checks without a form). */
export function schemaOf(schema: z.ZodType | undefined, io: 'input' | 'output'): unknown {
  if (schema === undefined) return undefined;
  try {
    return z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  } catch {
    return undefined;
  }
}
