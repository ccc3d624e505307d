/**
 * One call that a worker makes for an owner: its code, what that has asked for, and what came of it, kept until the owner has it.
 *
 *   running ──the code ends, an error escapes──► ended ──settled──► forgotten
 *
 * A call that is canceled tells what it brings once, and is forgotten then; one that is dropped says nothing more.
 */
import { performCall } from '../../actors/agent-call.ts';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { outcomeOf } from '../../actors/call-outcome.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import type { MeshMessageOf } from '../../protocol/mesh-messages.ts';
import { isPromiseCall } from '../../runtime/machine-promises.ts';
import { machineScopes, type MachineScope } from '../../runtime/machine-references.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import { codeScope } from './call-scope.ts';
import { type MeshOutcome, travelling, unsendable } from './function-run.ts';
import type { Post } from './post.ts';
import { MACHINE_TURN } from '../machine-turn.ts';
import type { LogLine } from './request.ts';
import { RequestLog } from './request-log.ts';
import type { TurnMakers } from './turn-makers.ts';
import { WorkerBudget } from './worker-budget.ts';
import { WorkerContext, type WorkerContextDeps } from './worker-context.ts';

/** What a call needs of its worker. */
export interface WorkerCallDeps extends WorkerContextDeps {
  readonly world: World;
  readonly machines: TurnMakers;
  /** Its code has come to its end, which may be later than the call's own. */
  onStopped(call: WorkerCall): void;
  /** Nothing of it is needed any more. */
  onForgotten(call: WorkerCall): void;
}

/** One call. */
export class WorkerCall {
  readonly name: string;
  readonly requests: RequestLog;
  readonly #deps: WorkerCallDeps;
  readonly #start: MeshMessageOf<'call.start'>;
  readonly #scope: MachineScope;
  readonly #abort = new AbortController();
  readonly #budget: WorkerBudget;
  /** The session that its owner is heard in. One that has ended takes nothing. */
  #post: Post;
  #token: string;
  #outcome: MeshOutcome | undefined;
  #fate: 'wanted' | 'canceled' | 'dropped' = 'wanted';
  #unwatch: Cancel = () => {};

  constructor(deps: WorkerCallDeps, start: MeshMessageOf<'call.start'>, post: Post) {
    const { world } = deps;
    this.name = start.call;
    this.#deps = deps;
    this.#start = start;
    this.#token = start.token;
    this.#post = post;
    this.#scope = codeScope(
      start.address,
      () => world.nowMs(),
      (error) => this.#crash(error),
      start.key,
    );
    const { signal } = this.#abort;
    this.requests = new RequestLog({
      signal,
      send: (line) => {
        if (this.#fate === 'dropped') throw new OperatingError('CANCELED', 'Nobody waits for this call any more.');
        this.#post.send(this.#said(line));
      },
      sendSurely: (line) => {
        if (this.#fate !== 'dropped') this.#post.sendSurely(this.#said(line));
      },
    });
    this.#budget = new WorkerBudget({
      ...{ world, deadlineAtMs: start.deadlineAtMs, left: start.left },
      report: (spending, answered) => this.requests.report('spend', [spending], answered),
    });
  }

  get token(): string {
    return this.#token;
  }

  get state(): 'running' | 'ended' {
    return this.#outcome === undefined ? 'running' : 'ended';
  }

  /** Whether somebody still waits for it, as far as is known. */
  get isWanted(): boolean {
    return this.#fate === 'wanted';
  }

  /** Begins it. */
  begin(definition: AgentDefinition): void {
    const { signal } = this.#abort;
    const call = { start: this.#start, signal, requests: this.requests, budget: this.#budget };
    const ctx = new WorkerContext(this.#deps, call);
    const code = this.#inScope(() => outcomeOf(() => performed(this.#deps.machines, definition, this.#start, ctx)));
    void code.then((outcome) => {
      this.#end(travelling(outcome.ok ? outcome : { ok: false, error: outcome.error }));
      this.#deps.onStopped(this);
    });
  }

  /** An owner that has started anew goes on with it: it hears all that was asked for, and what came of it. */
  join(token: string, post: Post): void {
    this.#unwatch();
    this.#token = token;
    this.#post = post;
    this.requests.repeat();
    this.tell(post);
  }

  /** Says what came of it, where something did. */
  tell(post: Post): void {
    if (this.#outcome === undefined || this.#fate === 'dropped') return;
    this.#post = post;
    const { name: call, token } = this;
    const message = { type: 'call.outcome', call, token, ...this.#outcome } as const;
    try {
      post.sendSurely(message);
    } catch (error) {
      // It is too large for any message.
      this.#outcome = unsendable(error);
      post.sendSurely({ type: 'call.outcome', call, token, ...this.#outcome });
    }
  }

  /** Gives it up where its owner does not say within so long whether it wants it. */
  watch(ms: number, post: Post): void {
    this.#unwatch();
    const message = 'The owner has come back, and has not asked for this call.';
    this.#unwatch = this.#deps.world.after(ms, () => {
      if (this.#outcome === undefined) this.cancel(new OperatingError('UNAVAILABLE', message), post);
      else this.tell(post);
    });
  }

  /** Nobody wants it any more. What it brings is told all the same, once. */
  cancel(error: OperatingError, post: Post): void {
    this.#unwatch();
    if (this.#fate === 'dropped') return;
    this.#post = post;
    this.#fate = 'canceled';
    if (this.#outcome === undefined) this.#stop(error);
    else this.#forget();
  }

  /** It is stopped, and whatever it brings is not heard any more. */
  drop(error: OperatingError): void {
    this.#unwatch();
    this.#fate = 'dropped';
    this.#stop(error);
    this.#forget();
  }

  /** The owner has what came of it. */
  settled(): void {
    this.#forget();
  }

  answer({ request, left, ok, value, error }: MeshMessageOf<'request.done'>): void {
    if (left !== undefined) this.#budget.renew(request, left);
    const outcome: MeshOutcome = ok
      ? { ok, value }
      : { ok, error: error ?? toErrorBody('The owner gave no reason.', 'INTERNAL') };
    this.#inScope(() => this.requests.answer(request, outcome));
  }

  invoke(message: MeshMessageOf<'function.invoke'>): void {
    this.#inScope(() => this.requests.invoke(message));
  }

  #said(line: LogLine): MeshMessageOf<'call.request'> | MeshMessageOf<'function.done'> {
    return { ...line, call: this.name, token: this.#token };
  }

  #inScope<T>(fn: () => T): T {
    return machineScopes.run(this.#scope, fn);
  }

  #end(outcome: MeshOutcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    if (this.#fate === 'dropped') return;
    // Of an owner that has started anew and has not joined it yet this is no message: it is told all with the join.
    this.tell(this.#post);
    if (this.#fate === 'canceled') this.#forget();
  }

  /** An error has escaped from its code. */
  #crash(error: unknown): void {
    if (this.#outcome !== undefined) return;
    const { message, ...rest } = toErrorBody(error, 'AGENT_CRASHED');
    const crash = new OperatingError('AGENT_CRASHED', `An error escaped from the code of the call: ${message}`, {
      details: rest.details,
    });
    this.#end({ ok: false, error: crash.toBody() });
    this.#stop(crash);
  }

  #stop(error: OperatingError): void {
    // What a listener of the code's own lets escape is this call's.
    this.#inScope(() => this.#abort.abort(error));
  }

  #forget(): void {
    this.#unwatch();
    this.#fate = 'dropped';
    this.#deps.onForgotten(this);
  }
}

/** What code the call is for. */
async function performed(
  machines: TurnMakers,
  definition: AgentDefinition,
  start: MeshMessageOf<'call.start'>,
  ctx: WorkerContext,
): Promise<unknown> {
  const { name, address, input } = start;
  if (name === MACHINE_TURN) return machines.of(definition).turn(address, input);
  if (isPromiseCall(name)) return await machines.of(definition).promise(name, input, ctx.signal);
  return await performCall(definition, start, start.work.input, ctx);
}
