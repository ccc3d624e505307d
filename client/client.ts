/**
 * A client of a node: submits tasks, follows them over reconnects, asks. Requests that were not answered when the connection
 * was lost are sent again; submissions carry an idempotency key for that, so that a task is taken on once.
 */
import { randomUUID } from 'node:crypto'; // tidy-allow id: a client has no world of its own
import type { ClientMessage } from '../protocol/client-messages.ts';
import type { Subprotocol } from '../protocol/codec.ts';
import { OperatingError } from '../protocol/errors.ts';
import type { NodeMessage, NodeMessageOf, TaskView } from '../protocol/node-messages.ts';
import type { TaskOptions, TaskStatus } from '../protocol/tasks.ts';
import { Link } from './link.ts';
import { TaskHandle, type TaskNews } from './task-handle.ts';
import { type TopicHandler, TopicListeners, type TopicSubscription } from './topic-listeners.ts';

/** How to connect; all of it may be left out. */
export interface ClientOptions {
  readonly token?: string;
  /** Default: MessagePack. */
  readonly codec?: Subprotocol;
  /** Whether to come back after a lost connection. Default: true. */
  readonly reconnect?: boolean;
  /** For the first connection, and each later try. Default: 5,000. */
  readonly connectTimeoutMs?: number;
}

/** Exactly one target: `agent`, `capability`, `workflow`, `graph` or `goal`. */
export interface SubmitRequest {
  readonly agent?: string;
  readonly capability?: string;
  readonly workflow?: string;
  readonly graph?: unknown;
  readonly goal?: string;
  readonly input?: unknown;
  readonly key?: string;
  readonly options?: TaskOptions;
}

/** A piece of shared state; without a value where there is none now. */
export interface SharedValue {
  readonly version: number;
  readonly value?: unknown;
}

interface Watched {
  readonly scope: string;
  readonly name: string;
  readonly onValue: (value: SharedValue) => void;
}

interface Pending {
  readonly message: object;
  resolve(answer: NodeMessage): void;
  reject(error: OperatingError): void;
}

const CONNECT_MS = 5_000;
/** Requests without an answer yet. */
const PENDING_MAX = 10_000;

/**
 * Connects to `ws://HOST:PORT/ws`; resolves when the node has said hello.
 * Errors: UNAVAILABLE (no node there), UNAUTHENTICATED and FORBIDDEN by way of the close code.
 */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const client = new Client(url, options);
  await client.ready();
  return client;
}

/** A client with one connection. Errors of all requests: what the node answered, UNAVAILABLE when the connection is gone for good. */
export class Client {
  readonly #link: Link;
  readonly #pending = new Map<string, Pending>();
  readonly #handles = new Map<string, Set<TaskHandle>>();
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new TopicListeners();
  readonly #up = Promise.withResolvers<void>();
  #nextId = 1;
  #wasUp = false;
  #final: OperatingError | undefined;

  constructor(url: string, options: ClientOptions) {
    const { token, codec = 'troupe.v1.msgpack', reconnect = true, connectTimeoutMs = CONNECT_MS } = options;
    this.#up.promise.catch(() => {});
    this.#link = new Link(
      { url, token, codec, reconnect, connectTimeoutMs },
      {
        onUp: () => this.#onUp(),
        onMessage: (message) => this.#onMessage(message),
        onDown: (error, final) => this.#onDown(error, final),
      },
    );
  }

  /** Resolves with the first connection. Errors: UNAVAILABLE. */
  ready(): Promise<void> {
    return this.#up.promise;
  }

  /** Submits a task and follows it. What the node refuses rejects `accepted` and `result()`. */
  submit(request: SubmitRequest): TaskHandle {
    const handle = new TaskHandle();
    const key = request.key ?? randomUUID(); // tidy-allow id: a client has no world of its own
    this.#request({ type: 'task.submit', ...request, key, watch: 'events' }, (answer) => {
      // In the same turn as the answer: the frames that follow it find the handle.
      if (answer.type !== 'task.accepted') return;
      this.#follow(answer.task, handle);
      handle.onAccepted(answer.task, answer.duplicate);
    }).catch((error: OperatingError) => handle.onFailed(error));
    return handle;
  }

  /** Follows a task that is there already, from after `after` on. */
  watch(task: string, after = 0): TaskHandle {
    const handle = new TaskHandle(after, task);
    this.#follow(task, handle);
    this.#request({ type: 'task.watch', task, after }).catch((error: OperatingError) => {
      this.#handles.get(task)?.delete(handle);
      handle.onFailed(error);
    });
    return handle;
  }

  async get(task: string): Promise<TaskView> {
    const {
      type: _type,
      re: _re,
      ...view
    } = (await this.#request({ type: 'task.get', task })) as NodeMessageOf<'task.status'>;
    return view;
  }

  async list(
    query: {
      readonly status?: TaskStatus;
      readonly labels?: Readonly<Record<string, string>>;
      readonly cursor?: string;
      readonly limit?: number;
    } = {},
  ): Promise<{ readonly tasks: readonly TaskView[]; readonly cursor: string | null }> {
    const { tasks, cursor } = (await this.#request({ type: 'task.list', ...query })) as NodeMessageOf<'task.page'>;
    return { tasks, cursor };
  }

  async cancel(task: string, reason?: string): Promise<void> {
    await this.#request({ type: 'task.cancel', task, ...(reason !== undefined && { reason }) });
  }

  async signal(task: string, name: string, data?: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#request({ type: 'task.signal', task, name, ...(data !== undefined && { data }) });
  }

  /** Decides about what a task waits for. Errors: NOT_FOUND, FORBIDDEN, STATE_CONFLICT (it was decided otherwise, or is over). */
  async resolveApproval(approval: string, decision: 'approve' | 'reject', comment?: string): Promise<void> {
    const said = comment === undefined ? {} : { comment };
    await this.#request({ type: 'approval.resolve', approval, decision, ...said });
  }

  async agents(capability?: string): Promise<NodeMessageOf<'agent.page'>['agents']> {
    return (
      (await this.#request({
        type: 'agent.list',
        ...(capability !== undefined && { capability }),
      })) as NodeMessageOf<'agent.page'>
    ).agents;
  }

  async tell(
    agent: string,
    key: string,
    event: { readonly type: string; readonly [field: string]: unknown },
  ): Promise<void> {
    await this.#request({ type: 'agent.tell', agent, key, event });
  }

  async ask(
    agent: string,
    key: string,
    event: { readonly type: string; readonly [field: string]: unknown },
    timeoutMs?: number,
  ): Promise<unknown> {
    return (
      (await this.#request({
        type: 'agent.ask',
        agent,
        key,
        event,
        ...(timeoutMs !== undefined && { timeoutMs }),
      })) as NodeMessageOf<'agent.reply'>
    ).value;
  }

  /** Shared state: a value and its version, 0 where it never had one. */
  async getState(scope: string, name: string): Promise<SharedValue> {
    return valueIn((await this.#request({ type: 'state.get', scope, name })) as NodeMessageOf<'state.value'>);
  }

  /** @returns the new version. `ifVersion`: only on this version, 0 for none. Errors: STATE_CONFLICT. */
  async setState(scope: string, name: string, value: unknown, ifVersion?: number): Promise<number> {
    const condition = ifVersion === undefined ? {} : { ifVersion };
    const answer = await this.#request({ type: 'state.set', scope, name, value, ...condition });
    return (answer as NodeMessageOf<'state.value'>).version;
  }

  /**
   * Shows the value as it is, and each later one, also over reconnects; where several come at once, the last of them. Until the
   * returned function is called. One watch for each piece.
   */
  async watchState(scope: string, name: string, onValue: (value: SharedValue) => void): Promise<() => void> {
    const key = pieceKey(scope, name);
    this.#watched.set(key, { scope, name, onValue });
    try {
      onValue(valueIn((await this.#request({ type: 'state.watch', scope, name })) as NodeMessageOf<'state.value'>));
    } catch (error) {
      this.#watched.delete(key);
      throw error;
    }
    return () => void this.#watched.delete(key);
  }

  /**
   * Listens to a topic, or to a pattern of topics (`orders.*.created`, `orders.#`); resolves once the node sends what is published
   * from then on. At most once: what is published while the connection is lost is missed. `onGap` hears how many messages were left
   * out since this client did not keep up, of all its topics together. Errors: INVALID_INPUT, BUSY.
   */
  async subscribe(topic: string, handler: TopicHandler, onGap?: (dropped: number) => void): Promise<TopicSubscription> {
    const remove = this.#listeners.add(topic, handler, onGap);
    try {
      await this.#request({ type: 'topic.subscribe', topic });
    } catch (error) {
      remove();
      throw error;
    }
    const unsubscribe = async (): Promise<void> => {
      if (remove()) await this.#request({ type: 'topic.unsubscribe', topic });
    };
    return { topic, unsubscribe };
  }

  /**
   * Publishes, once also over reconnects; resolves, with the id of the message, when all durable subscriptions have it.
   * Errors: INVALID_INPUT, PROTOCOL_TOO_BIG, BUSY (a subscription is full), IDEMPOTENCY_MISMATCH.
   */
  async publish(topic: string, data?: unknown, given?: string): Promise<string | undefined> {
    const key = given ?? randomUUID(); // tidy-allow id: a client has no world of its own
    const message = { type: 'topic.publish', topic, key, ...(data !== undefined && { data }) } as const;
    return ((await this.#request(message)) as NodeMessageOf<'ok'>).message;
  }

  async ping(): Promise<void> {
    await this.#request({ type: 'ping' });
  }

  /** Ends the connection. Tasks go on. */
  async close(): Promise<void> {
    this.#link.close();
    this.#onDown(new OperatingError('UNAVAILABLE', 'This client was closed.'), true);
  }

  #request(
    message: { readonly type: ClientMessage['type']; readonly [field: string]: unknown },
    now?: (answer: NodeMessage) => void,
  ): Promise<NodeMessage> {
    if (this.#final !== undefined) return Promise.reject(this.#final);
    if (this.#pending.size >= PENDING_MAX)
      return Promise.reject(new OperatingError('BUSY', `${PENDING_MAX} requests wait for their answers already.`));
    const id = String(this.#nextId++);
    return new Promise((resolve, reject) => {
      const full = { ...message, id };
      this.#pending.set(id, {
        message: full,
        resolve: (answer) => {
          now?.(answer);
          resolve(answer);
        },
        reject,
      });
      this.#say(id);
    });
  }

  #follow(task: string, handle: TaskHandle): void {
    const handles = this.#handles.get(task) ?? new Set();
    handles.add(handle);
    this.#handles.set(task, handles);
  }

  #onUp(): void {
    this.#up.resolve();
    if (this.#wasUp) {
      for (const [task, handles] of this.#handles) {
        const after = Math.min(...[...handles].map((handle) => handle.seq));
        this.#link.send({ type: 'task.watch', task, after });
      }
      for (const { scope, name } of this.#watched.values()) this.#link.send({ type: 'state.watch', scope, name });
      for (const topic of this.#listeners.topics) this.#link.send({ type: 'topic.subscribe', topic });
    }
    for (const id of [...this.#pending.keys()]) this.#say(id);
    this.#wasUp = true;
  }

  /** Sends a request that waits for its answer, or ends it with why it cannot be sent. */
  #say(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    try {
      this.#link.send(pending.message);
    } catch (error) {
      this.#pending.delete(id);
      pending.reject(error instanceof OperatingError ? error : new OperatingError('PROTOCOL_MALFORMED', String(error)));
    }
  }

  #onMessage(message: NodeMessage): void {
    if (message.type === 'task.event' || message.type === 'task.chunk' || message.type === 'task.result')
      return this.#news(message);
    if (message.type === 'topic.message') return this.#listeners.message(message);
    if (message.type === 'topic.gap') return this.#listeners.gap(message.dropped);
    const re = 're' in message ? message.re : undefined;
    if (message.type === 'state.value' && re === undefined)
      this.#watched.get(pieceKey(message.scope, message.name))?.onValue(valueIn(message));
    const pending = re === undefined ? undefined : this.#pending.get(re);
    if (re === undefined || pending === undefined) return;
    this.#pending.delete(re);
    if (message.type === 'error') pending.reject(OperatingError.fromBody(message));
    else pending.resolve(message);
  }

  #news(news: TaskNews): void {
    const handles = this.#handles.get(news.task);
    if (handles === undefined) return;
    for (const handle of handles) handle.onNews(news);
    if (news.type === 'task.result') this.#handles.delete(news.task);
  }

  #onDown(error: OperatingError, final: boolean): void {
    if (!final) {
      // The first connection is not waited for: a wrong address should be told at once.
      if (!this.#wasUp) {
        this.#link.close();
        this.#onDown(error, true);
      }
      return;
    }
    this.#final ??= error;
    this.#up.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    for (const handles of this.#handles.values()) for (const handle of handles) handle.onFailed(error);
    this.#handles.clear();
  }
}

function pieceKey(scope: string, name: string): string {
  return `${scope}\0${name}`;
}

function valueIn(message: NodeMessageOf<'state.value'>): SharedValue {
  const { version } = message;
  return { version, ...('value' in message && { value: message.value }) };
}
