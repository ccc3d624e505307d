/**
 * The front desk: what anyone may ask of this node, whatever door they came through (socket session, REST, library). It
 * admits or refuses; the actors do the work. Everything it answers is committed, or answered once it is.
 */
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { isTerminal, type TaskEvent, type TaskOptions, type TaskTarget } from '../protocol/tasks.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Store, TaskPage, TaskQuery, TaskRecord } from '../runtime/stores/store.ts';
import { parseInput } from './agent-schemas.ts';
import type { Asks } from './asks.ts';
import type { BreakerGate } from './breaker-gate.ts';
import { bodyHashOf, Idempotency } from './idempotency.ts';
import { MailDesk } from './mail-desk.ts';
import type { Registry } from './registry.ts';
import { unknownAgent, unknownCapability } from './selection/no-agent.ts';
import { namesOf } from './agent-names.ts';
import type { RunSeed } from './run.ts';
import { COMPENSATING, type FlowOrder } from './flow-order.ts';
import { awaitsOf, isAwaited, signalRefusal } from './kept-signals.ts';
import { type ReplayOf, taskSpec, type TaskStart, type TaskState } from './task.ts';
import type { TaskEnd } from './watch.ts';

/** A task as it is asked for. */
export interface Submission {
  readonly target: TaskTarget;
  readonly input: unknown;
  readonly options: TaskOptions;
  readonly key?: string;
  /** What it replays: a task that failed, whose work is done again. */
  readonly replayOf?: ReplayOf;
  /** The state that its agent goes on from, instead of beginning with the input. */
  readonly seed?: RunSeed;
  /** What it follows, where it is part of a chain of workflows. */
  readonly chain?: { readonly after: string; readonly depth: number; readonly left: number };
  /** The id that it was promised; otherwise it gets a new one. */
  readonly task?: string;
}

/** What became of a submission; `duplicate`: the task was there already, under the same key. */
export interface Admission {
  readonly task: string;
  readonly duplicate: boolean;
}

/**
 * Makes the start of what works for a workflow, graph or goal. Errors: WORKFLOW_INVALID, NOT_FOUND, INVALID_INPUT, STATE_CONFLICT.
 */
export type FlowPlanner = (submission: Submission, task: string, nowMs: number, principal: Principal) => FlowOrder;

/** What a desk needs of its node. `tasksInFlightMax` defaults to the limit of the protocol. */
export interface DeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly registry: Registry;
  readonly asks: Asks;
  /** Asked before a keyed actor is written to. Tasks are taken on whatever it says: their steps wait. */
  readonly breakers: Pick<BreakerGate, 'enter'>;
  readonly planFlow: FlowPlanner;
  readonly onSubmitted: () => void;
  readonly tasksInFlightMax?: number;
}

/** `loopback` is whoever can reach a node that has no keys. */
export type Principal = string;

/** Whom a judgement alone is made for. */
const NOBODY: Principal = '';
/** Commits that a cancellation waits for the task's turn. */
const CANCEL_EPOCHS_MAX = 100;

/** The front desk of one node. */
export class Desk {
  readonly #deps: DeskDeps;
  readonly #idempotency: Idempotency;
  /** Messages to keyed actors. */
  readonly mail: MailDesk;
  #draining = false;
  /** Why an actor that works for a task could not be loaded, where that is so: nothing that is sent to it would be kept. */
  strandedOf: ((task: string) => OperatingError | undefined) | undefined;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
    this.#idempotency = new Idempotency(deps.store, 'task');
    this.mail = new MailDesk({ ...deps, admit: () => this.admit() });
  }

  /** No new work is taken on from here. */
  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether new work is refused with BUSY now. */
  get isFull(): boolean {
    return this.tasksInFlight >= this.#tasksInFlightMax || this.#deps.kernel.committer.pressed;
  }

  /** Tasks that are not at their end. */
  get tasksInFlight(): number {
    return this.#deps.kernel.census.get('task') ?? 0;
  }

  /** Finds the task that has this key already. Only for submissions with a key. Errors: IDEMPOTENCY_MISMATCH, STORE_UNAVAILABLE. */
  async duplicateOf(principal: Principal, submission: Submission): Promise<string | undefined> {
    if (submission.key === undefined) return undefined;
    const { target, input, options } = submission;
    return await this.#idempotency.find(
      principal,
      submission.key,
      bodyHashOf(target, input, options),
      this.#deps.kernel.nowMs(),
    );
  }

  /**
   * Takes a task on, in the caller's turn: nothing may be said of it before the turn's commit. A submission with a key must
   * have gone through `duplicateOf` before.
   * Errors: DRAINING, BUSY, STORE_UNAVAILABLE, NO_AGENT, INVALID_INPUT, WORKFLOW_INVALID, NOT_FOUND, NOT_AVAILABLE, IDEMPOTENCY_MISMATCH.
   */
  submit(port: CellPort, principal: Principal, submission: Submission): Admission {
    const { kernel, planFlow, onSubmitted } = this.#deps;
    const { target, input, options, key } = submission;
    const nowMs = kernel.nowMs();
    const bodyHash = key === undefined ? '' : bodyHashOf(target, input, options);
    const earlier = key === undefined ? undefined : this.#idempotency.claimed(principal, key, bodyHash, nowMs);
    if (earlier !== undefined) return { task: earlier, duplicate: true };
    this.admit();
    const task = submission.task ?? kernel.world.id();
    const isFlow = target.agent === undefined && target.capability === undefined;
    if (!isFlow) this.#check(target, input);
    const start: TaskStart = {
      id: task,
      target,
      input,
      options,
      principal,
      createdAtMs: nowMs,
      ...(submission.replayOf !== undefined && { replayOf: submission.replayOf }),
      ...(submission.seed !== undefined && { seed: submission.seed }),
      ...(submission.chain !== undefined && { follows: submission.chain.after }),
      ...(isFlow && { flow: planFlow(submission, task, nowMs, principal) }),
    };
    port.startChild(taskSpec(start));
    if (key !== undefined) port.claimKey(this.#idempotency.claim(principal, key, bodyHash, task, nowMs));
    onSubmitted();
    return { task, duplicate: false };
  }

  /**
   * Judges a submission that is to be made later, as far as that can be said now.
   * Errors: NO_AGENT, INVALID_INPUT, WORKFLOW_INVALID, NOT_FOUND, NOT_AVAILABLE.
   */
  judge(submission: Submission): void {
    const { kernel, planFlow } = this.#deps;
    const { target, input } = submission;
    if (target.agent !== undefined || target.capability !== undefined) this.#check(target, input);
    else planFlow(submission, kernel.world.id(), kernel.nowMs(), NOBODY);
  }

  /** Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async get(principal: Principal, task: string): Promise<TaskRecord> {
    const record = await this.#deps.store.readTask(task);
    if (record === undefined || record.principal !== principal) throw noTask(task);
    return record;
  }

  async list(principal: Principal, query: Omit<TaskQuery, 'principal'>): Promise<TaskPage> {
    return await this.#deps.store.listTasks({ ...query, principal });
  }

  /** How a task ended, where it has. Errors: STORE_UNAVAILABLE, STORE_CORRUPT. */
  async endOf(task: string): Promise<TaskEnd | undefined> {
    const record = await this.#deps.store.readTask(task);
    return record?.result === undefined ? undefined : { seq: record.seq, result: record.result };
  }

  /** Runs `fn` in a turn of its own, for callers that come back from a wait. */
  inTurn<T>(fn: (port: CellPort) => T): T {
    return this.#deps.kernel.act(fn);
  }

  /** Events with a seq over `after`, ascending. */
  async events(task: string, after: number, limit: number): Promise<readonly TaskEvent[]> {
    return await this.#deps.store.readEvents(task, after, limit);
  }

  /**
   * Resolves once the end of the task is committed, or at least the wish for it where that is long in coming: its turn, or what
   * it has done and is undone first.
   * Errors: NOT_FOUND, BUSY, UNAVAILABLE (not loaded), STATE_CONFLICT when it ended otherwise before.
   */
  async cancel(principal: Principal, task: string, reason: string | undefined): Promise<void> {
    const { kernel } = this.#deps;
    const address = `task/${task}`;
    const hasEnded = (record: TaskRecord): boolean => {
      if (record.waiting === COMPENSATING) return true;
      if (!isTerminal(record.status) || record.status === 'canceled') return record.status === 'canceled';
      const { status } = record;
      throw new OperatingError('STATE_CONFLICT', `The task ${task} has ended ${status} already.`, {
        details: { status },
      });
    };
    if (hasEnded(await this.get(principal, task))) return;
    const wasLoaded = kernel.cells.has(address);
    if (wasLoaded) kernel.deliver(address, { type: 'task.cancel', ...(reason !== undefined && { reason }) });
    // It may have ended in an epoch that is being written, or end in a later one than the first.
    for (let epoch = 0; epoch < CANCEL_EPOCHS_MAX; epoch++) {
      await kernel.committer.committed();
      if (hasEnded(await this.get(principal, task))) return;
      if (!kernel.cells.has(address) && epoch > 0) break;
    }
    if (!wasLoaded) throw stranded(task);
  }

  /**
   * Sends an event to the machines that work for a task, and to the steps that wait for it.
   * Errors: NOT_FOUND, STATE_CONFLICT (it has ended), BUSY, PROTOCOL_TOO_BIG (a step is to wait for it), VERSION_MISMATCH or
   * STORE_CORRUPT (the machine could not be loaded).
   */
  async signal(principal: Principal, task: string, name: string, data: unknown): Promise<void> {
    const record = await this.get(principal, task);
    if (isTerminal(record.status))
      throw new OperatingError('STATE_CONFLICT', `The task ${task} has ended ${record.status} already.`);
    const stranded = this.strandedOf?.(task);
    if (stranded !== undefined) throw stranded;
    const fields =
      typeof data === 'object' && data !== null && !Array.isArray(data) ? data : data === undefined ? {} : { data };
    const event: ActorEvent = { ...fields, type: name };
    this.#assertSignal(task, event);
    this.#deps.kernel.deliver(`task/${task}`, { type: 'task.signal', event });
    await this.#deps.kernel.committer.committed();
  }

  /** In the turn in which it is delivered: nothing can come in between. Errors: BUSY, PROTOCOL_TOO_BIG. */
  #assertSignal(task: string, event: ActorEvent): void {
    const cell = this.#deps.kernel.cells.get(`task/${task}`);
    if (cell === undefined) return;
    const state = cell.checkpoint as TaskState | undefined;
    if (!isAwaited(awaitsOf(cell.input as TaskStart, state), event.type)) return;
    const refusal = signalRefusal(state?.signals, cell.mailbox.size, event);
    if (refusal !== undefined) throw refusal;
  }

  /** As `MailDesk.tell`. */
  async tell(agent: string, key: string, event: ActorEvent): Promise<void> {
    await this.mail.tell(agent, key, event);
  }

  /** As `MailDesk.ask`. */
  async ask(agent: string, key: string, event: ActorEvent, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    return await this.mail.ask(agent, key, event, timeoutMs, signal);
  }

  /** The spec of a keyed agent's actor, from its address; undefined for any other address. */
  keyedSpec(address: string): ChildSpec | undefined {
    const [kind, name, key] = address.split('/');
    if (kind !== 'agent' || name === undefined || key === undefined) return undefined;
    const agent = this.#deps.registry.agent(name);
    if (agent === undefined || !agent.keyed) return undefined;
    return {
      address,
      logic: namesOf(agent).logic,
      input: { key: decodeURIComponent(key) },
      supervisor: namesOf(agent).supervisor,
      restart: 'permanent',
      recovery: 'resume',
      priority: 5,
      durable: true,
    };
  }

  get #tasksInFlightMax(): number {
    return this.#deps.tasksInFlightMax ?? LIMITS.tasksInFlightMax;
  }

  /** Whether more work is taken on. Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void {
    const tasksInFlightMax = this.#tasksInFlightMax;
    this.admitMessage();
    if (this.tasksInFlight >= tasksInFlightMax)
      throw new OperatingError('BUSY', `${tasksInFlightMax} tasks are in flight already.`, { retryAfterMs: 500 });
  }

  /** Whether anything is taken on that is no task. Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admitMessage(): void {
    const { kernel } = this.#deps;
    if (this.#draining)
      throw new OperatingError('DRAINING', 'This node is stopping. Send it elsewhere, or again when it is back.', {
        retryAfterMs: 1_000,
      });
    if (kernel.paused)
      throw new OperatingError('STORE_UNAVAILABLE', 'The store cannot be written now; nothing is taken on.', {
        retryAfterMs: 1_000,
      });
    if (kernel.committer.pressed) throw new OperatingError('BUSY', 'The disk is behind.', { retryAfterMs: 200 });
  }

  /** What can be said against a task for an agent or capability before it is taken on. */
  #check(target: TaskTarget, input: unknown): void {
    const { registry } = this.#deps;
    if (target.agent !== undefined) {
      const agent = registry.agent(target.agent);
      if (agent === undefined) throw unknownAgent(target.agent, registry);
      if (agent.keyed)
        throw new OperatingError(
          'INVALID_INPUT',
          `${agent.name} is a keyed agent: it is driven by agent.tell and agent.ask, not by tasks.`,
        );
      parseInput(agent, input);
      return;
    }
    const [only, ...others] = registry.offersOf(target.capability ?? '').forTasks;
    if (only === undefined) throw unknownCapability(target.capability ?? '', registry);
    if (others.length === 0) parseInput(only.agent, input);
  }
}

function noTask(task: string): OperatingError {
  return new OperatingError('NOT_FOUND', `There is no task ${task}.`);
}

function stranded(task: string): OperatingError {
  return new OperatingError(
    'UNAVAILABLE',
    `The task ${task} is not loaded; the logic it needs may be missing on this node.`,
  );
}
