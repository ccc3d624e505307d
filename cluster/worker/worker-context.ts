/**
 * What the code of an agent sees on a worker: a stub. What is durable is asked of the owner, which does it with the call's own
 * context; worker threads, the log and the signal are this node's.
 */
import { callKeyOf } from '../../actors/agent-context.ts';
import type { AgentContext, AgentLogger, CallerContext } from '../../actors/agent-context.ts';
import type { JournalOptions } from '../../actors/journal.ts';
import type { MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { Log } from '../../runtime/log.ts';
import type { WorkerPool } from '../../runtime/workers/pool.ts';
import type { RequestLog } from './request-log.ts';
import type { WorkerBudget } from './worker-budget.ts';
import { workerState } from './worker-state.ts';

/** What contexts are made from. */
export interface WorkerContextDeps {
  readonly log: Log;
  /** The name of this node. */
  readonly node: string;
  readonly workers: Pick<WorkerPool, 'run'>;
}

/** The call that a context is for. */
export interface ContextCall {
  readonly start: MeshMessageOf<'call.start'>;
  readonly signal: AbortSignal;
  readonly requests: Pick<RequestLog, 'ask'>;
  readonly budget: WorkerBudget;
}

/** The context of one call on a worker. Getters, so that a function may take it apart. */
export class WorkerContext implements CallerContext {
  readonly signal: AbortSignal;
  readonly deadline: number | undefined;
  readonly task: string;
  readonly step: string;
  readonly item: number | undefined;
  readonly attempt: number;
  readonly budget: WorkerBudget;
  readonly #deps: WorkerContextDeps;
  readonly #call: ContextCall;
  #logger: AgentLogger | undefined;

  constructor(deps: WorkerContextDeps, call: ContextCall) {
    const { work, deadlineAtMs } = call.start;
    this.#deps = deps;
    this.#call = call;
    this.signal = call.signal;
    this.budget = call.budget;
    this.deadline = deadlineAtMs;
    this.task = work.task;
    this.step = work.step;
    this.item = work.item;
    this.attempt = work.attempt;
  }

  get logger(): AgentLogger {
    const { task, step } = this;
    const { agent, address: actor } = this.#call.start;
    this.#logger ??= this.#deps.log.child({ task, step, agent, actor, node: this.#deps.node });
    return this.#logger;
  }

  get idempotencyKey(): string {
    const { work, key, life } = this.#call.start;
    return callKeyOf(work.owner, { key, life });
  }

  get journal(): AgentContext['journal'] {
    return (name, fn, options = {}) => {
      const { retry } = options;
      const sent = { ...sentOptions(options), ...(retry !== undefined && { retry }) };
      return this.#ask('journal', [name, sent], {
        ...{ do: fn, probe: options.probe, repeats: retry !== undefined },
      });
    };
  }

  once<T>(fn: () => T | Promise<T>, options: JournalOptions): Promise<T> {
    return this.#ask('once', [sentOptions(options)], { do: fn, probe: options.probe });
  }

  get worker(): AgentContext['worker'] {
    const limit = this.deadline === undefined ? {} : { deadlineAtMs: this.deadline };
    return (call) => this.#deps.workers.run({ ...call, signal: this.signal, ...limit });
  }

  get sleep(): AgentContext['sleep'] {
    return (ms) => this.#ask('sleep', [ms]);
  }

  get approval(): AgentContext['approval'] {
    return (request) => this.#ask('approval', [request]);
  }

  get tell(): AgentContext['tell'] {
    return (agent, key, event) => this.#ask('tell', [agent, key, event]);
  }

  get ask(): AgentContext['ask'] {
    return (agent, key, event, timeoutMs) => this.#ask('ask', [agent, key, event, timeoutMs]);
  }

  get state(): AgentContext['state'] {
    return (scope) => workerState((...request) => this.#ask(...request), this.task, scope);
  }

  get publish(): AgentContext['publish'] {
    return (topic, data) => this.#ask('publish', [topic, data]);
  }

  get broadcast(): AgentContext['broadcast'] {
    return (audience, event) => this.#ask('broadcast', [audience, event]);
  }

  get join(): AgentContext['join'] {
    return (group) => this.#ask('join', [group]);
  }

  get leave(): AgentContext['leave'] {
    return (group) => this.#ask('leave', [group]);
  }

  get model(): AgentContext['model'] {
    return (request) => this.#ask('model', [request]);
  }

  get tool(): AgentContext['tool'] {
    return (name, input) => this.#ask('tool', [name, input]);
  }

  #ask<T>(...request: Parameters<RequestLog['ask']>): Promise<T> {
    return this.#call.requests.ask(...request) as Promise<T>;
  }
}

function sentOptions({ kind, args, probe }: JournalOptions): object {
  return {
    ...(kind !== undefined && { kind }),
    ...(args !== undefined && { args }),
    hasProbe: probe !== undefined,
  };
}
