/** The desk for durable subscriptions: judges what is asked for, keeps those that agents declare, and shows them. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { SubscriptionRequest } from '../../protocol/subscription.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import { packState } from '../../runtime/state-codec.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import type { Principal } from '../desk.ts';
import { pageOf } from '../entry-page.ts';
import type { Registry } from '../registry.ts';
import { unknownAgent, unknownCapability } from '../selection/no-agent.ts';
import type { SubscriptionAccount } from './subscription-account.ts';
import { rowOf, type SubscriptionRow, templatesOf } from './subscription-row.ts';
import { conflict, type TopicDesk } from './topic-desk.ts';
import { subscriptionsOf } from './topic-handler.ts';

/** A subscription that whoever embeds a node declares. */
export type DeclaredSubscription = SubscriptionRequest & { readonly name: string };

/** A subscription as lists show it. */
export type SubscriptionView = Readonly<Record<string, unknown>> & { readonly subscription: string };

/** What the desk needs of its node. */
export interface SubscriptionDeskDeps {
  readonly kernel: Kernel;
  readonly registry: Registry;
  readonly topics: TopicDesk;
  /** Errors: WORKFLOW_INVALID, NOT_AVAILABLE, NOT_FOUND. */
  checkFlow(target: { readonly workflow?: string; readonly graph?: unknown }): void;
  /** Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void;
}

/** Whose the tasks are that subscriptions of agents start: whoever can reach a node that has no keys. */
const PRINCIPAL = 'loopback';

/** The subscriptions of one node. */
export class SubscriptionDesk {
  readonly #deps: SubscriptionDeskDeps;

  constructor(deps: SubscriptionDeskDeps) {
    this.#deps = deps;
  }

  /** What the store has, and what is declared, from now on. After all that was unfinished has been loaded. */
  async start(rows: readonly DefinitionWrite[], declared: readonly DeclaredSubscription[] = []): Promise<void> {
    const { topics, registry } = this.#deps;
    await topics.start(rows);
    for (const name of new Set(registry.agents().map((agent) => agent.name))) await this.declare({ name });
    for (const { name, ...request } of declared)
      await topics.define(name, this.#row(request, PRINCIPAL, { source: 'code' }), true);
  }

  /**
   * What an agent says of topics, in place of what it said before. Those of agents that are missing stay: they may be back.
   * Errors: INVALID_INPUT, BUSY.
   */
  async declare({ name: of }: Pick<AgentDefinition, 'name'>): Promise<void> {
    const { topics, registry } = this.#deps;
    // Of several versions the one that new work goes to.
    const agent = registry.agent(of);
    if (agent === undefined) return;
    await topics.ready;
    const wanted = subscriptionsOf(agent);
    const by = { source: 'code', declaredBy: of } as const;
    for (const [name, request] of wanted) await topics.define(name, this.#row(request, PRINCIPAL, by), true);
    for (const { name, row } of [...topics.accounts.values()])
      if (row.declaredBy === of && !wanted.has(name)) await topics.remove(name);
  }

  /**
   * Makes one, or gives it another content where `replace` is set; without a name it gets one.
   * Errors: INVALID_INPUT, NO_AGENT, NOT_FOUND, WORKFLOW_INVALID, STATE_CONFLICT, BUSY.
   */
  async define(
    principal: Principal,
    given: string | undefined,
    request: SubscriptionRequest,
    replace: boolean,
  ): Promise<SubscriptionView> {
    const { topics, kernel } = this.#deps;
    this.#deps.admit();
    await topics.ready;
    const row = this.#row(request, principal, { source: 'request' });
    this.#checkTarget(row);
    const name = given ?? `s-${kernel.world.id()}`;
    const known = topics.accounts.get(name)?.row;
    if (known?.source === 'code')
      throw conflict(name, `is declared by ${known.declaredBy ?? 'the program'}: change it there`);
    await topics.define(name, row, replace);
    return await this.read(name);
  }

  /** Removes one, with what waits in it. Errors: NOT_FOUND. */
  async remove(name: string): Promise<number> {
    await this.#deps.topics.ready;
    return await this.#deps.topics.remove(name);
  }

  /** Errors: NOT_FOUND; those of loading it. */
  async read(name: string): Promise<SubscriptionView> {
    const { topics } = this.#deps;
    const account = topics.account(name);
    const { type: _type, ...state } = await topics.read(name);
    return { ...viewOf(account), ...state };
  }

  /** By name. What waits is what publishers know: it is not committed yet, or is done, for some of it. */
  list(limit: number, cursor: string | undefined) {
    const known = [...this.#deps.topics.accounts.values()].filter(
      ({ isKnown, fault }) => isKnown || fault !== undefined,
    );
    const page = pageOf(
      known.map((account) => ({ name: account.name, version: '1', account })),
      limit,
      cursor,
    );
    return { subscriptions: page.entries.map(({ account }) => viewOf(account)), cursor: page.cursor };
  }

  #row(
    request: SubscriptionRequest,
    principal: Principal,
    of: Pick<SubscriptionRow, 'source' | 'declaredBy'>,
  ): SubscriptionRow {
    const row = rowOf(request, { principal, createdAtMs: this.#deps.kernel.nowMs(), ...of });
    templatesOf(row);
    const bytes = packState(row).length;
    if (bytes <= LIMITS.subscriptionBytesMax) return row;
    const max = LIMITS.subscriptionBytesMax;
    throw new OperatingError('PROTOCOL_TOO_BIG', `A subscription may have ${max} bytes; this one has ${bytes}.`, {
      details: { limit: 'bytes', max },
    });
  }

  /** What can be said against it before a message comes. */
  #checkTarget({ agent, task }: SubscriptionRow): void {
    const { registry, checkFlow } = this.#deps;
    const name = agent ?? task?.agent;
    if (name !== undefined) {
      const found = registry.agent(name);
      if (found === undefined) throw unknownAgent(name, registry);
      if (found.keyed === (agent !== undefined)) return;
      const why = found.keyed
        ? `${name} is a keyed agent: give \`agent\` and \`key\` instead of \`task\`.`
        : `${name} is not a keyed agent: give it as \`task\`, {"agent": "${name}"}.`;
      throw new OperatingError('INVALID_INPUT', why);
    }
    const { capability, workflow, graph } = task ?? {};
    if (capability !== undefined) {
      if (registry.withCapability(capability).some(({ keyed }) => !keyed)) return;
      throw unknownCapability(capability, registry);
    }
    checkFlow({ ...(workflow !== undefined && { workflow }), ...(graph !== undefined && { graph }) });
  }
}

function viewOf({ name, row, waiting, fault }: SubscriptionAccount): SubscriptionView {
  const { createdAtMs, principal: _whose, topic, ...says } = row;
  return {
    ...{ subscription: name, topic, ...says },
    createdAt: createdAtMs,
    waiting,
    ...(fault !== undefined && { state: 'broken', lastError: { code: fault.code, message: fault.message } }),
  };
}
