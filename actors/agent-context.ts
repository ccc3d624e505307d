/** What an agent's code may reach: its work, its journal, worker threads, other actors. Everything goes through effects. */
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { EffectCall } from '../runtime/effects.ts';
import type { ActorEvent } from '../runtime/host.ts';
import { copyValue } from '../runtime/value-copy.ts';
import type { World } from '../runtime/world.ts';
import type { ApprovalDecision } from './approvals/approval.ts';
import { type ApprovalCall, type ApprovalRequest, readApprovalRequest } from './approvals/approval-calls.ts';
import { idempotencyKeyOf, Journal, type JournalHost, type JournalOptions } from './journal.ts';
import type { JournalShelf } from './journal-shelf.ts';
import type { Audience, Told } from './groups/group-desk.ts';
import { CallBudget, type RunBudget, type SpendShelf } from './budget/spending.ts';
import type { CallPlace } from './ledger.ts';
import type { MessageServices, Sender } from './message-services.ts';
import { RUN_CALL, type RunInput } from './run.ts';
import type { SharedState, SharedStateHost } from './state/state-context.ts';

/** Where an agent's code writes to the node's log; lines carry its task and step. */
export interface AgentLogger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** A computation in a worker thread. `module` is a URL, or an absolute path, of a module; `name` its exported function. */
export interface WorkerCall {
  readonly module: URL | string;
  readonly name?: string;
  readonly input?: unknown;
  /** Shorter than the node's own limit, if it is given; the task's deadline ends the thread in any case. */
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: unknown) => void;
}

/** What `run` and the effects of a machine are given beside their input. Methods that this version lacks answer NOT_AVAILABLE. */
export interface AgentContext {
  /** Aborted when the task is canceled, runs out of time, or the node stops. */
  readonly signal: AbortSignal;
  /** ms since the epoch, where the task has one. */
  readonly deadline: number | undefined;
  readonly task: string;
  readonly step: string;
  /** The index of the item, in a fan-out. */
  readonly item: number | undefined;
  /** 1 for the first. */
  readonly attempt: number;
  readonly logger: AgentLogger;
  /** What the other side can tell this call by: it stays the same over restarts and attempts. */
  readonly idempotencyKey: string;
  /** A named effect whose result is recorded once (actors/journal.ts). */
  journal<T>(name: string, fn: (idempotencyKey: string) => T | Promise<T>, options?: JournalOptions): Promise<T>;
  /** Runs a function of a module in a worker thread. Errors: BUSY, TIMEOUT, AGENT_CRASHED, what the function throws. */
  worker(call: WorkerCall): Promise<unknown>;
  /** A durable wait: after a restart only what is left of it. Holds no concurrency slot and does not count against the time limit. */
  sleep(ms: number): Promise<void>;
  /**
   * Asks a person, once, and waits for the decision as long as it takes; the task is `input-required` meanwhile. Holds no slot, and
   * does not count against the time limit. Errors: INVALID_INPUT; DEADLINE_EXCEEDED where nobody came within `deadlineMs` and
   * `onExpire` is `fail`.
   */
  approval(request: ApprovalRequest): Promise<ApprovalDecision>;
  /** A message to a keyed agent's actor, once; resolves once it is durable. */
  tell(agent: string, key: string, event: ActorEvent): Promise<void>;
  /**
   * The same, and waits for its answer: at most `timeoutMs` (30 s where none is given, 10 min at most), and never beyond the
   * deadline. Holds no concurrency slot. It is asked once: a function that begins again waits on. Errors: what the message is
   * rejected with; TIMEOUT with `details.outcome` `unknown`, which leaves open whether it is handled; LIVELOCK where the asked waits
   * for this very answer; CANCELED; DEADLINE_EXCEEDED.
   */
  ask(agent: string, key: string, event: ActorEvent, timeoutMs?: number): Promise<unknown>;
  /** Shared state of a scope (`global`, `tenant:NAME`, `workflow:NAME`, `task:ID`); of this task where none is named. */
  state(scope?: string): SharedState;
  /** Publishes to a topic, once; resolves once all durable subscriptions have it. Errors: INVALID_INPUT, PROTOCOL_TOO_BIG, BUSY. */
  publish(topic: string, data?: unknown): Promise<{ readonly message: string; readonly subscriptions: number }>;
  /** A message to each member of a group, or to each keyed agent that offers a capability, once. Errors: NOT_FOUND, NO_AGENT. */
  broadcast(audience: Audience, event: ActorEvent): Promise<Told>;
  /** Takes this actor into a group, or out of it. For keyed agents. Errors: BUSY, INVALID_INPUT. */
  join(group: string): Promise<void>;
  leave(group: string): Promise<void>;
  model(request: unknown): Promise<never>;
  tool(name: string, input: unknown): Promise<never>;
  /** What it may still use, and where it says what it used (docs/budgets.md). */
  readonly budget: RunBudget;
}

/** What contexts are made from. */
export interface ContextDeps {
  readonly world: World;
  readonly log: AgentLogger & { child(fields: object): AgentLogger };
  /** Errors: CANCELED where nobody waits for this work any more. */
  shelf(place: CallPlace): JournalShelf;
  /** Where a run's reports of what it used are kept. */
  spendShelf(work: RunInput): SpendShelf;
  /** The function of an attempt was run on another node: its step is to say so. */
  madeOn(work: RunInput, node: string): void;
  /** A message of an agent reached nobody. */
  undeliverable(reason: string, from: string): void;
  runWorker(call: WorkerCall & { readonly signal: AbortSignal; readonly deadlineAtMs?: number }): Promise<unknown>;
  approve(place: CallPlace, call: ApprovalCall): Promise<ApprovalDecision>;
  state(host: SharedStateHost, scope: string | undefined): SharedState;
  readonly messages: MessageServices;
}

/** A context as those who make the call have it. */
export interface CallerContext extends AgentContext {
  /** The call itself as an entry of its journal, under its own idempotency key. */
  once<T>(fn: () => T | Promise<T>, options: JournalOptions): Promise<T>;
}

/** The context of one call. `agent` is `name@version`. */
export function createContext(
  deps: ContextDeps,
  agent: string,
  work: RunInput,
  call: EffectCall,
  deadlineAtMs: number | undefined,
): CallerContext {
  return new CallContext(deps, agent, work, call, deadlineAtMs);
}

/** Everything is made when it is asked for: most calls ask for little. Getters, so that a function may take it apart. */
class CallContext implements CallerContext {
  readonly task: string;
  readonly step: string;
  readonly item: number | undefined;
  readonly attempt: number;
  readonly deadline: number | undefined;
  readonly #deps: ContextDeps;
  readonly #agent: string;
  readonly #owner: string;
  readonly #call: EffectCall;
  readonly #work: RunInput;
  #journal: Journal | undefined;
  #budget: RunBudget | undefined;
  #logger: AgentLogger | undefined;

  constructor(deps: ContextDeps, agent: string, work: RunInput, call: EffectCall, deadlineAtMs: number | undefined) {
    this.#deps = deps;
    this.#agent = agent;
    this.#owner = work.owner;
    this.#call = call;
    this.#work = work;
    this.task = work.task;
    this.step = work.step;
    this.item = work.item;
    this.attempt = work.attempt;
    this.deadline = deadlineAtMs;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get logger(): AgentLogger {
    const { task, step } = this;
    this.#logger ??= this.#deps.log.child({ task, step, agent: this.#agent, actor: this.#call.address });
    return this.#logger;
  }

  get idempotencyKey(): string {
    return callKeyOf(this.#owner, this.#call);
  }

  get journal(): AgentContext['journal'] {
    return (name, fn, options = {}) => this.#entries().call(name, fn, options);
  }

  once<T>(fn: () => T | Promise<T>, options: JournalOptions): Promise<T> {
    return this.#entries().call(this.#call.name, fn, options, this.idempotencyKey);
  }

  get worker(): AgentContext['worker'] {
    const { deadline } = this;
    const limit = deadline === undefined ? {} : { deadlineAtMs: deadline };
    return (call) => this.#deps.runWorker({ ...call, signal: this.signal, ...limit });
  }

  get sleep(): AgentContext['sleep'] {
    const { world } = this.#deps;
    return async (ms) => await sleepUntil(world, this.#call, this.#entries().dueAt(world.nowMs(), Math.max(0, ms)));
  }

  get approval(): AgentContext['approval'] {
    return (request) => this.#approval(request);
  }

  get tell(): AgentContext['tell'] {
    return async (agent, key, event) =>
      await this.#deps.messages.tell(this.#sender('ctx.tell', [agent, key, event]), agent, key, copyValue(event));
  }

  get ask(): AgentContext['ask'] {
    return async (agent, key, event, timeoutMs = LIMITS.askTimeoutDefaultMs) =>
      await this.#ask(agent, key, event, timeoutMs);
  }

  get publish(): AgentContext['publish'] {
    return async (topic, data) =>
      await this.#deps.messages.publish(this.#sender('ctx.publish', [topic, data]), topic, copyValue(data));
  }

  get broadcast(): AgentContext['broadcast'] {
    return async (audience, event) =>
      await this.#deps.messages.broadcast(this.#sender('ctx.broadcast', [audience, event]), audience, copyValue(event));
  }

  get join(): AgentContext['join'] {
    return (group) => this.#deps.messages.member(this.#call.address, group, true);
  }

  get leave(): AgentContext['leave'] {
    return (group) => this.#deps.messages.member(this.#call.address, group, false);
  }

  get state(): AgentContext['state'] {
    const { task, signal } = this;
    return (scope) => this.#deps.state({ task, signal, journal: (...call) => this.#entries().call(...call) }, scope);
  }

  get budget(): RunBudget {
    const { attempt, deadline: deadlineAtMs } = this;
    const { world } = this.#deps;
    const place = { attempt, call: `${this.#call.key}${lifeOf(this.#call)}`, deadlineAtMs, nowMs: () => world.nowMs() };
    return (this.#budget ??= new CallBudget(this.#deps.spendShelf(this.#work), place));
  }

  get model(): AgentContext['model'] {
    return () => notAvailable('ctx.model');
  }

  get tool(): AgentContext['tool'] {
    return () => notAvailable('ctx.tool');
  }

  #entries(): Journal {
    this.#journal ??= new Journal(this.#deps.shelf(this.#place()), this.#journalHost());
    return this.#journal;
  }

  #journalHost(): JournalHost {
    const { world } = this.#deps;
    const call = this.#call;
    const { key } = call;
    return {
      owner: this.#owner,
      // The calls of a machine are many, and each has a journal of its own; a function is one call.
      prefix: `${journalOf(this.#agent, key)}${lifeOf(call)}`,
      signal: call.signal,
      deadlineAtMs: this.deadline,
      nowMs: () => world.nowMs(),
      random: () => world.random(),
      pause: (untilMs) => sleepUntil(world, call, untilMs),
      rest: () => call.rest(),
    };
  }

  #place(): CallPlace {
    const { task, step, item, attempt } = this;
    const owner = this.#owner;
    // Keyed agents work for no task.
    if (task === '') return { owner, agent: this.#agent, work: {} };
    const work = { task, step, attempt, ...(item !== undefined && { item }) };
    return { owner, agent: this.#agent, step: owner, work };
  }

  async #approval(asked: unknown): Promise<ApprovalDecision> {
    const request = readApprovalRequest(copyValue(asked));
    const { entry, isFirst: isFirstOfName } = this.#entries().question(request.name ?? 'approval');
    // A machine has a journal for each of its calls, and another life or attempt one that has asked before.
    const isFirst = isFirstOfName && this.#call.key === RUN_CALL && this.#call.life === 0 && this.attempt === 1;
    const back = this.#call.rest();
    const decision = await this.#deps.approve(this.#place(), { request, entry, isFirst, signal: this.signal });
    await back();
    this.signal.throwIfAborted();
    return copyValue(decision);
  }

  async #ask(agent: string, key: string, event: ActorEvent, timeoutMs: number): Promise<unknown> {
    const leftMs = this.deadline === undefined ? Infinity : this.deadline - this.#deps.world.nowMs();
    if (leftMs <= 0) throw new OperatingError('DEADLINE_EXCEEDED', `The deadline passed before ${agent} was asked.`);
    const { address: asker, asked: chain = [] } = this.#call;
    const { attempt, signal } = this;
    const rest = (): (() => Promise<void>) => this.#call.rest();
    const ask = {
      agent,
      key,
      event: copyValue(event),
      timeoutMs: Math.min(timeoutMs, leftMs),
      asker,
      attempt,
      chain,
      signal,
      rest,
    };
    return copyValue(await this.#deps.messages.ask(this.#entries().slot('ctx.ask', [agent, key, event]), ask));
  }

  #sender(name: string, given: unknown): Sender {
    return { slot: this.#entries().slot(name, given), from: this.#call.address };
  }
}

/** What the other side can tell a call by, whichever node makes it. `owner`: who keeps its journal. */
export function callKeyOf(owner: string, call: Pick<EffectCall, 'key' | 'life'>): string {
  return idempotencyKeyOf(owner, `${call.key}${lifeOf(call)}`);
}

/** Where the records of one call begin. */
export function journalOf(agent: string, key: string): string {
  return key === RUN_CALL ? `journal/${agent}` : `journal/${agent}/${key}`;
}

/** What an actor that began again from its input asks for is not what it asked for before. */
function lifeOf({ life }: Pick<EffectCall, 'life'>): string {
  return life === 0 ? '' : `~${life}`;
}

/** A wait is taken in steps of this, so that a wall clock that was set meanwhile is noticed. */
const SLEEP_STEP_MS = 60_000;

async function sleepUntil(world: World, call: EffectCall, dueAtMs: number): Promise<void> {
  call.signal.throwIfAborted();
  const back = call.rest();
  await new Promise<void>((resolve, reject) => {
    let cancel = (): void => {};
    const wait = (): void => {
      const leftMs = dueAtMs - world.nowMs();
      if (leftMs > 0) cancel = world.after(Math.min(leftMs, SLEEP_STEP_MS), wait);
      else resolve();
    };
    wait();
    call.signal.addEventListener(
      'abort',
      () => {
        cancel();
        reject(call.signal.reason);
      },
      { once: true },
    );
  });
  await back();
}

function notAvailable(what: string): Promise<never> {
  return Promise.reject(new OperatingError('NOT_AVAILABLE', `${what} is not part of this version.`));
}
