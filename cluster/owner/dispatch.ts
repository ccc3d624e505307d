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
  /** `nodeLives`: its process has gone on, or the call was only waiting. `suspects`: calls that may have ended it. */
  | { readonly how: 'lost'; readonly reason: string; readonly nodeLives: boolean; readonly suspects: number };

/** What a dispatch needs of the node that it goes to. */
export interface DispatchLine {
  send(message: MeshMessage): void;
  /** Runs `fn` once everything up to now is committed: nothing leaves this node before its cause is on disk. */
  release(fn: () => void): void;
  /** The call rests, and holds no place there; the other: it goes on. */
  resting(isResting: boolean): void;
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
  /** Of what is done for it here: most calls ask for nothing. */
  #scope: AbortController | undefined;
  readonly #end = Promise.withResolvers<DispatchEnd>();
  readonly #asked = new Set<number>();
  /** Invocation → the async context that its function was wanted in: what is asked within it is asked there. */
  readonly #insides = new Map<number, <T>(fn: () => T) => T>();
  readonly #invocations = new Map<number, Invocation>();
  /** How a call that rests is brought back. */
  #back: (() => Promise<void>) | undefined;
  #ctx: CallerContext | undefined;
  #next = 1;
  #isSent = false;
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

  /** Its code only waits: for a time, or a person. */
  get isResting(): boolean {
    return this.#rests > 0;
  }

  /** Sends it, and resolves with how it ended. Rejects with why, where the call is no longer wanted. */
  async run(): Promise<DispatchEnd> {
    const { call } = this.#placed;
    if (call.refusal !== undefined) throw call.refusal;
    call.onRefused((refusal) => this.#canceled(refusal));
    try {
      // Other kinds are begun after the commit of their wish; a pure one may be ahead of it.
      if (call.kind === 'pure') this.#line.release(() => this.#open());
      else this.#open();
      return await this.#end.promise;
    } finally {
      call.onRefused(undefined);
    }
  }

  /** The call rested when its node was lost, and is made elsewhere: it takes its slot, and its time limit counts, as of any other. */
  async awake(): Promise<void> {
    await this.#back?.();
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
  lost(reason: string, nodeLives: boolean, suspects = 1): void {
    // What only waits ends no node, however many it outlives.
    this.#over({ how: 'lost', reason, nodeLives: nodeLives || this.isResting, suspects }, reason);
  }

  #open(): void {
    if (this.#isOver) return;
    const { call, token } = this;
    try {
      this.#line.send(this.#isJoined ? { type: 'call.join', call, token } : this.#opening());
      this.#isSent = true;
    } catch (error) {
      this.#end.reject(error);
      this.#close('It could not be sent.');
    }
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
    const { signal } = (this.#scope ??= new AbortController());
    const rest = (): (() => Promise<void>) => {
      this.#line.resting(true);
      this.#rests++;
      const back = call.rest();
      this.#back ??= back;
      return async () => {
        await back();
        this.#rests--;
        if (this.#back === back) this.#back = undefined;
        this.#line.resting(false);
      };
    };
    return (this.#ctx ??= context(new Elsewhere(call, signal, rest)));
  }

  #request(message: MeshMessageOf<'call.request'>): void {
    const { request, within } = message;
    if (this.#asked.has(request)) return;
    if (this.#asked.size >= LIMITS.callRequestsMax) {
      const error = new OperatingError('LIVELOCK', `A call asked more than ${LIMITS.callRequestsMax} times.`);
      return this.#answer(request, { ok: false, error: error.toBody() });
    }
    this.#asked.add(request);
    if (within === undefined) return void this.#do(message);
    const inside = this.#insides.get(within);
    if (inside !== undefined) return inside(() => void this.#do(message));
    const error = new OperatingError('CANCELED', 'The call of the journal that this was asked for in is over.');
    this.#answer(request, { ok: false, error: error.toBody() });
  }

  async #do(message: MeshMessageOf<'call.request'>): Promise<void> {
    const { request } = message;
    const insides: number[] = [];
    try {
      const invoke = (which: 'do' | 'probe', args: readonly unknown[]): Promise<unknown> =>
        this.#invoke(request, which, args, insides);
      const value = await answerRequest({ ctx: this.#context(), invoke, isJoined: this.#isJoined }, message);
      this.#answer(request, { ok: true, value: value ?? null });
    } catch (error) {
      this.#answer(request, { ok: false, error: toErrorBody(error, 'AGENT_FAILED') });
    }
    for (const invocation of insides) this.#insides.delete(invocation);
  }

  #invoke(request: number, which: 'do' | 'probe', args: readonly unknown[], insides: number[]): Promise<unknown> {
    const invocation = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(unknownOutcome('The node that makes the call is gone.'));
      this.#invocations.set(invocation, { resolve, reject });
      this.#insides.set(invocation, AsyncLocalStorage.snapshot());
      insides.push(invocation);
      const { call, token } = this;
      this.#say({ type: 'function.invoke', call, token, request, invocation, which, args: [...args] });
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
    this.#say({
      ...{ type: 'request.done', call, token, request },
      ...outcome,
      ...(left !== undefined && { left: { ...left } }),
    });
  }

  #canceled(refusal: OperatingError): void {
    if (this.#isOver) return;
    const { call, token } = this;
    if (this.#isSent) this.#send({ type: 'call.cancel', call, token, error: refusal.toBody() });
    this.#end.reject(refusal);
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
    this.#scope?.abort(new OperatingError('CANCELED', reason));
    for (const { reject } of this.#invocations.values()) reject(unknownOutcome(reason));
    this.#invocations.clear();
  }

  /** As `#send`, once what it says is on disk: an owner that dies must not have said what it forgets. */
  #say(message: MeshMessage): void {
    this.#line.release(() => {
      if (!this.#isOver) this.#send(message);
    });
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
