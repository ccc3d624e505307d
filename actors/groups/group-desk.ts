/**
 * The desk for groups and broadcasts. A broadcast is one message to each of many actors: the members of a group, or the actors
 * under one key of all keyed agents that offer a capability. It is put into all of their mailboxes in one step, and so in one epoch;
 * those that cannot take it are named.
 */
import { formatAddress } from '../../protocol/addresses.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { Asks } from '../asks.ts';
import { pageOf } from '../entry-page.ts';
import { type MailDesk, mediateEvent } from '../mail-desk.ts';
import type { Registry } from '../registry.ts';
import { unknownCapability } from '../selection/no-agent.ts';
import { GROUP, type GroupRow, type GroupState, type Member } from './group.ts';

/** To whom a broadcast goes. */
export type Audience = { readonly group: string } | { readonly capability: string; readonly key: string };

/** What became of a broadcast. */
export interface Told {
  /** Actors that have the message. */
  readonly delivered: number;
  readonly refused: readonly {
    readonly agent: string;
    readonly key: string;
    readonly code: string;
    readonly message: string;
  }[];
}

/** A group as it is shown. */
export interface GroupView {
  readonly group: string;
  readonly members: readonly { readonly agent: string; readonly key: string }[];
  readonly via?: string;
}

/** What the desk needs of its node. */
export interface GroupDeps {
  readonly kernel: Kernel;
  readonly asks: Asks;
  readonly registry: Registry;
  readonly mail: MailDesk;
  /** Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void;
}

const ANSWER_MS = 30_000;
/** Those that could not take a message and are named; the others are counted by what is not delivered. */
const REFUSED_SHOWN_MAX = 100;

/** The groups of one node. */
export class GroupDesk {
  readonly #deps: GroupDeps;
  readonly #rows = new Map<string, GroupRow>();

  constructor(deps: GroupDeps) {
    this.#deps = deps;
  }

  /** Learns of the groups that the store has. */
  start(rows: readonly DefinitionWrite[]): void {
    for (const { name, body } of rows) this.#rows.set(name, body as GroupRow);
  }

  /** A group has changed, and that is committed. */
  changed(name: string, row: GroupRow): void {
    this.#rows.set(name, row);
  }

  /** By name. */
  list(limit: number, cursor: string | undefined) {
    const page = pageOf(
      [...this.#rows].map(([name, row]) => ({ name, version: '1', row })),
      limit,
      cursor,
    );
    return { groups: page.entries.map(({ name, row }) => ({ group: name, ...row })), cursor: page.cursor };
  }

  /** Errors: NOT_FOUND. */
  async read(name: string): Promise<GroupView> {
    this.#assertThere(name);
    const view = await this.#ask(name, { type: 'group.read' });
    this.#assertThere(name);
    return view;
  }

  /** Makes a group, or gives it another coordinator, or none. Errors: NO_AGENT, INVALID_INPUT, BUSY. */
  async set(name: string, via: string | undefined): Promise<GroupView> {
    this.#deps.admit();
    this.#deps.mail.coordinator(via);
    this.#assertRoom(name);
    return await this.#ask(name, { type: 'group.set', ...(via !== undefined && { via }) });
  }

  /** Resolves once it is durable. Errors: NO_AGENT, INVALID_INPUT (not keyed), BUSY. */
  async join(name: string, [agent, key]: Member): Promise<GroupView> {
    this.#deps.admit();
    this.#deps.mail.assertKeyed(agent);
    this.#assertRoom(name);
    return await this.#ask(name, { type: 'group.join', agent, key });
  }

  /** As `join`. One who is not in it has left it. */
  async leave(name: string, [agent, key]: Member): Promise<GroupView> {
    return await this.#ask(name, { type: 'group.leave', agent, key });
  }

  /** Errors: NOT_FOUND. */
  async remove(name: string): Promise<void> {
    this.#assertThere(name);
    await this.#ask(name, { type: 'group.remove' });
  }

  /** Resolves once all that can take it have it durably. Errors: NOT_FOUND, NO_AGENT, and those of a coordinator. */
  async broadcast(audience: Audience, event: ActorEvent, from: string): Promise<Told> {
    this.#deps.admit();
    await this.awake(audience);
    const told = this.put(audience, event, from);
    await this.#deps.kernel.committer.committed();
    return told;
  }

  /** Resolves when the members of the audience are known to this process. Errors: NOT_FOUND. */
  async awake(audience: Audience): Promise<void> {
    if (!('group' in audience)) return;
    this.#assertThere(audience.group);
    const { kernel } = this.#deps;
    const cell = kernel.rouse(addressOf(audience.group));
    if (cell.checkpoint === undefined) await kernel.committer.committed();
    const refusal = kernel.refusalOf?.(cell);
    if (refusal !== undefined) throw refusal;
  }

  /** Puts a message to an audience; durable with the next commit. After `awake`. */
  put(audience: Audience, given: ActorEvent, from: string): Told {
    const { kernel, mail } = this.#deps;
    const { replyTo: _forged, ...event } = given;
    if (!('group' in audience)) return this.#spread(this.#offering(audience), event, from);
    const state = kernel.cells.get(addressOf(audience.group))?.checkpoint as GroupState | undefined;
    if (state === undefined || state.phase !== 'open') throw noGroup(audience.group);
    const coordinator = mail.coordinator(state.via);
    if (coordinator === undefined || coordinator.address === from) return this.#spread(state.members, event, from);
    kernel.deliver(coordinator.address, mediateEvent({ group: audience.group }, from, event));
    return { delivered: 0, refused: [] };
  }

  /** The keyed agents that offer a capability, each once. Errors: NO_AGENT. */
  #offering({ capability, key }: { readonly capability: string; readonly key: string }): readonly Member[] {
    const { registry } = this.#deps;
    const names = new Set(registry.withCapability(capability).flatMap(({ name, keyed }) => (keyed ? [name] : [])));
    if (names.size === 0) throw unknownCapability(capability, registry);
    return [...names].map((name) => [name, key]);
  }

  #spread(members: readonly Member[], event: ActorEvent, from: string): Told {
    const { mail } = this.#deps;
    const packed = packState(event);
    const refused: Told['refused'][number][] = [];
    let delivered = 0;
    for (const [agent, key] of members) {
      try {
        // Each has its own: what one does with it must not be seen by another.
        mail.put(mail.reach(agent, key, from), unpackState(packed) as ActorEvent);
        delivered++;
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        const { code, message } = error;
        if (refused.length < REFUSED_SHOWN_MAX) refused.push({ agent, key, code, message });
      }
    }
    return { delivered, refused };
  }

  async #ask(name: string, event: ActorEvent): Promise<GroupView> {
    const { asks } = this.#deps;
    const question = { address: addressOf(name), event, timeoutMs: ANSWER_MS };
    const { members = [], via, isGone } = await asks.ask(question);
    if (isGone === true) this.#rows.delete(name);
    return {
      group: name,
      members: (members as readonly Member[]).map(([agent, key]) => ({ agent, key })),
      ...(typeof via === 'string' && { via }),
    };
  }

  #assertThere(name: string): void {
    if (!this.#rows.has(name)) throw noGroup(name);
  }

  #assertRoom(name: string): void {
    if (this.#rows.has(name) || this.#rows.size < LIMITS.groupsMax) return;
    throw new OperatingError('BUSY', `A node has at most ${LIMITS.groupsMax} groups.`, { retryable: false });
  }
}

function addressOf(name: string): string {
  return formatAddress(GROUP, name);
}

function noGroup(name: string): OperatingError {
  return new OperatingError('NOT_FOUND', `There is no group ${name}: nobody has joined it.`);
}
