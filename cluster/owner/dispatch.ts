/**
 * One dispatch of a call to one node, from the message that begins it there to what comes of it: its outcome, its handing back, or
 * the loss of the node. What the code asks for meanwhile is done here, with a context that ends with the dispatch.
 *
 *   sent ──call.outcome──► ended
 *     ├───call.handback──► handed back
 *     ├───the node is lost──► lost        what it may have done is in doubt where it is unsafe
 *     └───the call is no longer wanted──► canceled
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallerContext } from '../../actors/agent-context.ts';
import type { PlacedCall } from '../../actors/call-placing.ts';
import { namesOf } from '../../actors/agent-names.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MeshMessage, MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { EffectCall } from '../../runtime/effects.ts';
import type { EffectOutcome } from '../../runtime/host.ts';
import { answerRequest } from './context-request.ts';

/** How a dispatch ended. `done` tells the link that its last message has been dealt with. */
export type DispatchEnd =
  | { readonly how: 'ended'; readonly outcome: EffectOutcome; done(): void }
  | { readonly how: 'handed-back'; readonly reason: string }
  /** `nodeLives`: its process has gone on, or the call was only waiting: that has not ended it. */
  | { readonly how: 'lost'; readonly reason: string; readonly nodeLives: boolean };

/** What a dispatch needs of the node that it goes to. */
export interface DispatchLine {
  send(message: MeshMessage): void;
  /** The call rests, and holds no place there; the other: it goes on. */
  resting(isResting: boolean): void;
}

/** A request whose function may be called. */
interface Asked {
  /** The async context that its function was wanted in last. */
  inside: (<T>(fn: () => T) => T) | undefined;
  /** Those that were asked within it, before it was wanted. */
  readonly early: MeshMessageOf<'call.request'>[];
  isOver: boolean;
}

interface Invocation {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One dispatch. */
export class Dispatch {
  readonly call: string;
  readonly token: string;
  readonly #placed: PlacedCall;
  readonly #line: DispatchLine;
  readonly #isJoined: boolean;
  readonly #scope = new AbortController();
  readonly #end = Promise.withResolvers<DispatchEnd>();
  readonly #asked = new Map<number, Asked>();
  readonly #invocations = new Map<number, Invocation>();
  #ctx: CallerContext | undefined;
  #next = 1;
  #count = 0;
  /** What its code waits in: a time, a person. */
  #rests = 0;
  #isOver = false;

  constructor(placed: PlacedCall, token: string, line: DispatchLine, isJoined: boolean) {
    this.#placed = placed;
    this.call = callNameOf(placed.call);
    this.token = token;
    this.#line = line;
    this.#isJoined = isJoined;
  }

  /** Nothing more is heard of it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends it, and resolves with how it ended. Rejects with the reason of the call's signal, where it is no longer wanted. */
  async run(): Promise<DispatchEnd> {
    const { signal } = this.#placed.call;
    signal.throwIfAborted();
    const cancel = (): void => this.#canceled(signal.reason);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      this.#line.send(this.#isJoined ? { type: 'call.join', call: this.call, token: this.token } : this.#opening());
      return await this.#end.promise;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** What the node says of this call, under this token. */
  hear(message: MeshMessage, done: () => void): void {
    if (message.type === 'call.outcome')
      return this.#over({ how: 'ended', outcome: outcomeIn(message), done }, 'The call has ended.');
    done();
    if (message.type === 'call.handback')
      return this.#over({ how: 'handed-back', reason: message.reason }, message.reason);
    if (this.#isOver) return;
    if (message.type === 'call.request') this.#request(message);
    else if (message.type === 'function.done') this.#functionDone(message);
  }

  /** The node is gone, with whatever it had in hand. */
  lost(reason: string, nodeLives: boolean): void {
    // What only waits ends no node, however many it outlives.
    this.#over({ how: 'lost', reason, nodeLives: nodeLives || this.#rests > 0 }, reason);
  }

  #opening(): MeshMessageOf<'call.start'> {
    const { call, definition, work, deadlineAtMs } = this.#placed;
    const { address, key, name, kind, input, again, life } = call;
    const { task, step, item, attempt, owner, input: given } = work;
    const left = work.account === undefined ? undefined : this.#context().budget.left;
    return {
      ...{ type: 'call.start', call: this.call, token: this.token, agent: namesOf(definition).reference },
      ...{ address, key, name, kind, again, life, input: input ?? null },
      work: { task, step, attempt, owner, input: given ?? null, ...(item !== undefined && { item }) },
      ...(deadlineAtMs !== undefined && { deadlineAtMs }),
      ...(left !== undefined && { left: { ...left } }),
    };
  }

  #context(): CallerContext {
    const { call, context } = this.#placed;
    const { signal } = this.#scope;
    const rest = (): (() => Promise<void>) => {
      this.#line.resting(true);
      this.#rests++;
      const back = call.rest();
      return async () => {
        await back();
        this.#rests--;
        this.#line.resting(false);
      };
    };
    return (this.#ctx ??= context(new Elsewhere(call, signal, rest)));
  }

  #request(message: MeshMessageOf<'call.request'>): void {
    const { request, within } = message;
    if (this.#asked.has(request)) return;
    if (++this.#count > LIMITS.callRequestsMax) {
      const error = new OperatingError('LIVELOCK', `A call asked more than ${LIMITS.callRequestsMax} times.`);
      return this.#answer(request, { ok: false, error: error.toBody() });
    }
    const asked: Asked = { inside: undefined, early: [], isOver: false };
    this.#asked.set(request, asked);
    const outer = within === undefined ? undefined : this.#asked.get(within);
    if (outer === undefined) void this.#do(message, asked);
    else if (outer.inside !== undefined) outer.inside(() => void this.#do(message, asked));
    // What was asked within a function that is not called here any more has been answered before this node began anew.
    else if (!outer.isOver) outer.early.push(message);
  }

  async #do(message: MeshMessageOf<'call.request'>, asked: Asked): Promise<void> {
    const { request } = message;
    try {
      const invoke = (which: 'do' | 'probe', args: readonly unknown[]): Promise<unknown> =>
        this.#invoke(request, asked, which, args);
      const value = await answerRequest({ ctx: this.#context(), invoke, isJoined: this.#isJoined }, message);
      this.#answer(request, { ok: true, value: value ?? null });
    } catch (error) {
      this.#answer(request, { ok: false, error: toErrorBody(error, 'AGENT_FAILED') });
    }
    asked.isOver = true;
  }

  #invoke(request: number, asked: Asked, which: 'do' | 'probe', args: readonly unknown[]): Promise<unknown> {
    const invocation = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(unknownOutcome('The node that makes the call is gone.'));
      this.#invocations.set(invocation, { resolve, reject });
      const { call, token } = this;
      this.#send({ type: 'function.invoke', call, token, request, invocation, which, args: [...args] });
      asked.inside = AsyncLocalStorage.snapshot();
      for (const early of asked.early.splice(0)) {
        const inner = this.#asked.get(early.request);
        if (inner !== undefined) void this.#do(early, inner);
      }
    });
  }

  #functionDone(message: MeshMessageOf<'function.done'>): void {
    const invocation = this.#invocations.get(message.invocation);
    this.#invocations.delete(message.invocation);
    const outcome = outcomeIn(message);
    if (outcome.ok) invocation?.resolve(outcome.value);
    else invocation?.reject(OperatingError.fromBody(outcome.error));
  }

  #answer(request: number, outcome: EffectOutcome): void {
    if (this.#isOver) return;
    const { call, token } = this;
    const left = this.#placed.work.account === undefined ? undefined : this.#context().budget.left;
    this.#send({
      ...{ type: 'request.done', call, token, request },
      ...outcome,
      ...(left !== undefined && { left: { ...left } }),
    });
  }

  #canceled(reason: unknown): void {
    if (this.#isOver) return;
    const { call, token } = this;
    this.#send({ type: 'call.cancel', call, token, error: toErrorBody(reason, 'CANCELED') });
    this.#end.reject(reason instanceof Error ? reason : new Error(String(reason)));
    this.#close('The call is no longer wanted.');
  }

  #over(end: DispatchEnd, reason: string): void {
    if (this.#isOver) return void (end.how === 'ended' && end.done());
    this.#end.resolve(end);
    this.#close(reason);
  }

  /** Nothing that it still waits for is heard any more. Unsafe calls among it are in doubt. */
  #close(reason: string): void {
    this.#isOver = true;
    this.#scope.abort(new OperatingError('CANCELED', reason));
    for (const { reject } of this.#invocations.values()) reject(unknownOutcome(reason));
    this.#invocations.clear();
  }

  /** What cannot be sent is lost with the session, which ends this dispatch. */
  #send(message: MeshMessage): void {
    try {
      this.#line.send(message);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      if (error.code === 'UNAVAILABLE') return;
      this.lost(error.message, true);
    }
  }
}

/** A call as the context of a dispatch sees it. */
class Elsewhere implements EffectCall {
  readonly address: string;
  readonly key: string;
  readonly name: string;
  readonly kind: EffectCall['kind'];
  readonly input: unknown;
  readonly again: boolean;
  readonly life: number;
  readonly asked: EffectCall['asked'];
  readonly signal: AbortSignal;
  readonly rest: EffectCall['rest'];

  constructor(call: EffectCall, signal: AbortSignal, rest: EffectCall['rest']) {
    ({ address: this.address, key: this.key, name: this.name, kind: this.kind, input: this.input } = call);
    ({ again: this.again, life: this.life, asked: this.asked } = call);
    this.signal = signal;
    this.rest = rest;
  }
}

/** What a call is known by between nodes. */
export function callNameOf({ address, key }: Pick<EffectCall, 'address' | 'key'>): string {
  return `${address} ${key}`;
}

/** The outcome in a message. One that says neither is a failure. */
export function outcomeIn(message: MeshMessageOf<'call.outcome' | 'function.done'>): EffectOutcome {
  if (message.ok) return { ok: true, value: message.value };
  const { error = new OperatingError('AGENT_FAILED', 'The call failed, and its node does not say how.').toBody() } =
    message;
  return { ok: false, error };
}

function unknownOutcome(reason: string): OperatingError {
  return new OperatingError('EFFECT_UNKNOWN', reason);
}
