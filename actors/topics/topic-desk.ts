/**
 * The desk for topics: publishes, and keeps the durable subscriptions. What is published is put into the mailboxes of all
 * subscriptions that it is for in one step, and so in one epoch: acknowledged means that each of them has it. Where one has no room,
 * nobody gets it, and whoever publishes is told to come back.
 */
import { hash } from 'node:crypto';
import { OperatingError } from '../../protocol/errors.ts';
import { formatAddress } from '../../protocol/addresses.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isTopic } from '../../protocol/topics.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import { packState } from '../../runtime/state-codec.ts';
import type { DefinitionWrite, Store } from '../../runtime/stores/store.ts';
import type { Asks } from '../asks.ts';
import type { Principal } from '../desk.ts';
import { Idempotency } from '../idempotency.ts';
import { LiveTopics } from './live-topics.ts';
import { type Cursor, SUBSCRIPTION } from './subscription.ts';
import { SubscriptionAccount } from './subscription-account.ts';
import { isSame, type SubscriptionRow } from './subscription-row.ts';
import { TopicIndex } from './topic-index.ts';
import type { TopicMessage } from './topic-message.ts';

/** What is published. */
export interface Publication {
  readonly topic: string;
  readonly data?: unknown;
  /** The same key with the same topic and data is published once, for 24 hours. */
  readonly key?: string;
}

/** What became of it: the id of the message, and how many durable subscriptions have it. */
export interface Published {
  readonly message: string;
  readonly subscriptions: number;
  readonly duplicate: boolean;
}

/** Publications of one sender: what it sends first is published first. */
export interface Lane {
  last: Promise<unknown> | undefined;
}

/** What topics need of their node. */
export interface TopicDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly asks: Asks;
  /** Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void;
}

/** In front of a principal, so that keys of publications are not those of tasks. */
const KEYS = 'topics ';
const ANSWER_MS = 30_000;
const NAMES_SHOWN_MAX = 8;

/** The topics of one node. */
export class TopicDesk {
  readonly live = new LiveTopics();
  readonly #deps: TopicDeps;
  readonly #accounts = new Map<string, SubscriptionAccount>();
  readonly #index = new TopicIndex<SubscriptionAccount>();
  readonly #idempotency: Idempotency;
  readonly #started = Promise.withResolvers<void>();
  #isStarted = false;

  constructor(deps: TopicDeps) {
    this.#deps = deps;
    this.#idempotency = new Idempotency(deps.store, 'message');
  }

  /** Resolves once all subscriptions have said where they are. */
  get ready(): Promise<void> {
    return this.#started.promise;
  }

  /** All subscriptions, by name. */
  get accounts(): ReadonlyMap<string, SubscriptionAccount> {
    return this.#accounts;
  }

  /** Messages that wait in all of them together. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.#accounts.values()) sum += waiting;
    return sum;
  }

  /** Learns of the subscriptions that the store has, and lets them go on. After all that was unfinished has been loaded. */
  async start(rows: readonly DefinitionWrite[]): Promise<void> {
    const { log } = this.#deps.kernel;
    const opening = rows.map(async ({ name, body }) => {
      const account = this.#add(name, body as SubscriptionRow);
      try {
        await this.#ask(account, { type: 'subscription.resume', row: account.row });
      } catch (error) {
        account.fault = error instanceof OperatingError ? error : new OperatingError('INTERNAL', String(error));
        log.error('A subscription could not be loaded: nothing is published to its topics until it is removed.', {
          subscription: name,
          error: account.fault.message,
        });
      }
    });
    await Promise.all(opening);
    this.#isStarted = true;
    this.#started.resolve();
  }

  /**
   * Publishes; resolves once that is durable.
   * Errors: INVALID_INPUT, PROTOCOL_TOO_BIG, BUSY (a subscription, or the node, has no room), IDEMPOTENCY_MISMATCH, DRAINING,
   * UNAVAILABLE (a subscription cannot be loaded), STORE_UNAVAILABLE.
   */
  async publish(principal: Principal, publication: Publication, lane?: Lane): Promise<Published> {
    const { kernel } = this.#deps;
    this.#deps.admit();
    if (!this.#isStarted) await this.ready;
    const { topic, data, key } = publication;
    const body = bodyOf(topic, data);
    if (key === undefined && lane?.last === undefined) {
      const published = this.put(topic, body);
      await kernel.committer.committed();
      return published;
    }
    const bodyHash = key === undefined ? '' : hash('sha256', Buffer.concat([Buffer.from(topic), body]));
    const before = lane?.last;
    const turn = (async (): Promise<Published> => {
      const looking = key === undefined ? undefined : this.#earlier(principal, key, bodyHash);
      // Its failure is told below.
      looking?.catch(() => undefined);
      await before?.catch(() => undefined);
      const known = (await looking) ?? (key === undefined ? undefined : this.#claimed(principal, key, bodyHash));
      if (known !== undefined) return { message: known, subscriptions: 0, duplicate: true };
      const published = this.put(topic, body);
      if (key !== undefined) this.#claim(principal, key, bodyHash, published.message);
      return published;
    })();
    if (lane !== undefined) {
      const last = turn
        .catch(() => undefined)
        .then(() => {
          if (lane.last === last) lane.last = undefined;
        });
      lane.last = last;
    }
    const published = await turn;
    await kernel.committer.committed();
    return published;
  }

  /**
   * Puts a message to all that it is for, or to nobody; durable with the next commit. After `ready`.
   * Errors: BUSY, UNAVAILABLE.
   */
  put(topic: string, body: Uint8Array): Published {
    const { kernel } = this.#deps;
    const accounts = [...this.#index.match(topic)];
    this.#assertRoom(topic, accounts, body.length);
    const message: TopicMessage = { id: kernel.world.id(), topic, atMs: kernel.nowMs(), body };
    for (const account of accounts) {
      const seq = account.take(body.length);
      kernel.post(addressOf(account.name), { type: 'subscription.message', message, seq });
    }
    kernel.release(() => this.live.publish(message));
    return { message: message.id, subscriptions: accounts.length, duplicate: false };
  }

  /**
   * Makes a subscription, or gives it another content; what waits in it stays. Resolves once that is durable.
   * Errors: BUSY; STATE_CONFLICT (there is another of that name, and it is not to be replaced).
   */
  async define(name: string, row: SubscriptionRow, replace: boolean): Promise<SubscriptionAccount> {
    const known = this.#accounts.get(name);
    if (known !== undefined && isSame(known.row, row)) return known;
    if (known !== undefined && !replace)
      throw conflict(name, 'is there already, with another content. Replace it (PUT), or remove it first');
    if (known === undefined && this.#accounts.size >= LIMITS.subscriptionsMax)
      throw new OperatingError('BUSY', `A node has at most ${LIMITS.subscriptionsMax} durable subscriptions.`, {
        retryable: false,
      });
    const account = known ?? this.#add(name, row);
    if (known !== undefined) {
      this.#index.remove(known.row.topic, known);
      known.row = row;
      this.#index.add(row.topic, known);
    }
    await this.#ask(account, { type: 'subscription.open', row });
    return account;
  }

  /** Removes one, and what waits in it. Resolves once that is durable. @returns how many messages waited. Errors: NOT_FOUND. */
  async remove(name: string): Promise<number> {
    const { asks, kernel } = this.#deps;
    const account = this.account(name);
    this.#accounts.delete(name);
    this.#index.remove(account.row.topic, account);
    const question = { address: addressOf(name), event: { type: 'subscription.close' }, timeoutMs: ANSWER_MS };
    try {
      return Number((await asks.ask(question))['waiting']);
    } catch (error) {
      if (account.fault === undefined) throw error;
      // It cannot be asked. Its record stays as it is, and nobody goes by it any more.
      kernel.define({ kind: 'subscription', name, version: '1', body: null });
      await kernel.committer.committed();
      return account.waiting;
    }
  }

  /** Errors: NOT_FOUND. */
  account(name: string): SubscriptionAccount {
    const account = this.#accounts.get(name);
    if (account === undefined) throw new OperatingError('NOT_FOUND', `There is no subscription ${name}.`);
    return account;
  }

  /** How it stands: what its actor says. Errors: NOT_FOUND; those of waking it. */
  async read(name: string): Promise<Readonly<Record<string, unknown>>> {
    this.account(name);
    const question = { address: addressOf(name), event: { type: 'subscription.read' }, timeoutMs: ANSWER_MS };
    return await this.#deps.asks.ask(question);
  }

  /** A subscription has moved on. */
  moved(name: string, cursor: Cursor): void {
    this.#accounts.get(name)?.moved(cursor);
  }

  #add(name: string, row: SubscriptionRow): SubscriptionAccount {
    const account = new SubscriptionAccount(name, row);
    this.#accounts.set(name, account);
    this.#index.add(row.topic, account);
    return account;
  }

  async #ask(account: SubscriptionAccount, event: ActorEvent): Promise<void> {
    const question = { address: addressOf(account.name), event, timeoutMs: ANSWER_MS };
    const { first, next, bytes } = (await this.#deps.asks.ask(question)) as unknown as Cursor;
    account.moved({ first, next, bytes });
    account.isKnown = true;
  }

  #assertRoom(topic: string, accounts: readonly SubscriptionAccount[], bytes: number): void {
    if (accounts.length > LIMITS.publishFanOutMax) {
      const what = `${topic} is for ${accounts.length} durable subscriptions; one message may reach ${LIMITS.publishFanOutMax}.`;
      throw new OperatingError('BUSY', what, { retryable: false });
    }
    const broken = accounts.find(({ fault }) => fault !== undefined);
    if (broken !== undefined)
      throw new OperatingError(
        'UNAVAILABLE',
        `The subscription ${broken.name} cannot be loaded: remove or repair it.`,
        {
          details: { subscription: broken.name, cause: broken.fault?.toBody() },
        },
      );
    const full = accounts.filter((account) => !account.hasRoom(bytes)).map(({ name }) => name);
    if (full.length === 0) return;
    const names = full.slice(0, NAMES_SHOWN_MAX).join(', ');
    throw new OperatingError('BUSY', `Too much waits in the subscription ${names}: nobody got the message.`, {
      retryAfterMs: 200,
      details: { subscriptions: full.slice(0, NAMES_SHOWN_MAX) },
    });
  }

  #earlier(principal: Principal, key: string, bodyHash: string): Promise<string | undefined> {
    return this.#idempotency.find(`${KEYS}${principal}`, key, bodyHash, this.#deps.kernel.nowMs());
  }

  #claimed(principal: Principal, key: string, bodyHash: string): string | undefined {
    return this.#idempotency.claimed(`${KEYS}${principal}`, key, bodyHash, this.#deps.kernel.nowMs());
  }

  #claim(principal: Principal, key: string, bodyHash: string, message: string): void {
    const { kernel } = this.#deps;
    kernel.claimKey(this.#idempotency.claim(`${KEYS}${principal}`, key, bodyHash, message, kernel.nowMs()));
  }
}

/** The data of a message, packed. Errors: INVALID_INPUT (no topic), PROTOCOL_TOO_BIG. */
export function bodyOf(topic: string, data: unknown): Uint8Array {
  if (!isTopic(topic))
    throw new OperatingError(
      'INVALID_INPUT',
      'Something is published to a topic without * and #, such as orders.eu.created.',
      {
        details: { topic: String(topic).slice(0, LIMITS.topicCharactersMax) },
      },
    );
  const body = packState(data);
  if (body.length <= LIMITS.topicMessageBytesMax) return body;
  const max = LIMITS.topicMessageBytesMax;
  throw new OperatingError(
    'PROTOCOL_TOO_BIG',
    `A message of a topic may have ${max} bytes; this one has ${body.length}.`,
    {
      details: { limit: 'bytes', max },
    },
  );
}

/** The address of a subscription. */
export function addressOf(name: string): string {
  return formatAddress(SUBSCRIPTION, name);
}

/** STATE_CONFLICT. */
export function conflict(name: string, why: string): OperatingError {
  return new OperatingError('STATE_CONFLICT', `The subscription ${name} ${why}.`);
}
