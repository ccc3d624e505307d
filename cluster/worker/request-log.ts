/**
 * What the code of one call has asked of its context, in order. All of it is kept, so that an owner that has started anew can be told
 * it again: to that one it looks as if the function had begun again and asked the same. Functions that came with a request are made
 * here when the owner says so, and none is made again for having been asked for by another owner.
 *
 * What is asked for inside of such a function waits until the owner knows the making that it belongs to.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ProbeAnswer } from '../../actors/doubt.ts';
import { outcomeOf } from '../../actors/call-outcome.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MeshMessageOf } from '../../protocol/mesh-messages.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';
import { FunctionRun, type MeshOutcome, travelling, unsendable } from './function-run.ts';
import { type GivenFunctions, isJoined, lineOf, type LogLine, type Request, withoutEnd } from './request.ts';

/** Waits for a time, and for a person: they may take days, and are gone on with wherever the call is made next. */
const RESTS: ReadonlySet<string> = new Set(['sleep', 'approval']);

/** What a log needs of its call. */
export interface LogDesk {
  readonly signal: AbortSignal;
  /** Now, or not at all. Errors: BUSY, PROTOCOL_TOO_BIG. */
  send(line: LogLine): void;
  /** As soon as there is room for it. */
  sendSurely(line: LogLine): void;
}

/** The requests of one call. */
export class RequestLog {
  readonly #desk: LogDesk;
  readonly #requests = new Map<number, Request>();
  #last = 0;
  #bytes = 0;
  /** Owners so far that the call has been joined by. */
  #owner = 0;
  #isJoinable = true;

  constructor(desk: LogDesk) {
    this.#desk = desk;
    desk.signal.addEventListener('abort', () => this.#abandon(), { once: true });
  }

  /** Whether all that was asked for can be said again. */
  get isJoinable(): boolean {
    return this.#isJoinable;
  }

  /** What the call waits for, where that only takes time: the last such request. Undefined where it may be doing anything else. */
  get restsOn(): number | undefined {
    let rest: number | undefined;
    for (const { number, verb, run, isAnswered } of this.#requests.values()) {
      if (isAnswered) continue;
      if (!RESTS.has(verb) || run !== undefined) return undefined;
      rest = number;
    }
    return rest;
  }

  /** Asks. Errors: LIVELOCK, PROTOCOL_TOO_BIG, BUSY, the reason of the signal; what the owner answers. */
  ask(verb: string, args: readonly unknown[], given?: GivenFunctions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#desk.signal.throwIfAborted();
      const settle = (outcome: MeshOutcome): void => {
        if (outcome.ok) resolve(outcome.value);
        else reject(this.#asThrown(request, outcome));
      };
      const request = this.#add(verb, args, given, settle);
      if (this.#isHeard(request.run)) this.#desk.send(lineOf(request, args));
      this.#keep(request);
    });
  }

  /** Says something; `answered` hears what the owner has to say of it. @returns its number. Errors: LIVELOCK, PROTOCOL_TOO_BIG. */
  report(verb: string, args: readonly unknown[], answered: (outcome: MeshOutcome) => void): number {
    const request = this.#add(verb, args, undefined, answered);
    if (this.#isHeard(request.run)) this.#desk.sendSurely(lineOf(request, args));
    this.#keep(request);
    return request.number;
  }

  /** The owner has answered. What is answered already is not answered again. */
  answer(number: number, outcome: MeshOutcome): void {
    const request = this.#requests.get(number);
    if (request === undefined || request.isAnswered) return;
    request.isAnswered = true;
    request.settle(outcome);
    const { made } = request;
    // The owner knows how that call ended, and does not ask for its function: what still goes on in there has nobody to turn to.
    if (made !== undefined && !this.#isHeard(made)) this.#forsake(made);
    if (request.verb !== 'state.update') request.given = undefined;
    if (!this.#isJoinable) this.#requests.delete(number);
  }

  /** The owner wants a function. */
  invoke({ request: number, invocation, which, args }: Omit<MeshMessageOf<'function.invoke'>, 'call' | 'token'>): void {
    const owner = this.#owner;
    const request = this.#requests.get(number);
    const ended =
      request === undefined
        ? Promise.resolve(refusal(`There is no request ${number} any more.`))
        : which === 'do'
          ? this.#do(request, invocation, args)
          : this.#probe(request, invocation, args);
    void ended.then((outcome) => {
      // Another owner has another number for it, or none.
      if (this.#owner === owner) this.#sayDone(invocation, outcome);
    });
  }

  /** Says all of it again, to an owner that has started anew. What was made inside of functions follows when it asks for those. */
  repeat(): void {
    this.#owner++;
    for (const request of this.#requests.values()) if (request.run === undefined) this.#say(request);
  }

  #add(
    verb: string,
    given: readonly unknown[],
    functions: GivenFunctions | undefined,
    settle: Request['settle'],
  ): Request {
    const number = this.#last + 1;
    if (number > LIMITS.callRequestsMax) {
      const message = `The code of a call asked its context for more than ${LIMITS.callRequestsMax} things.`;
      throw new OperatingError('LIVELOCK', message);
    }
    return {
      ...{ number, verb, settle, run: FunctionRun.current(this), args: Buffer.from(packState(withoutEnd(given))) },
      ...{ given: functions, inPlace: functions && AsyncLocalStorage.snapshot(), made: undefined, isAnswered: false },
    };
  }

  #keep(request: Request): void {
    this.#last = request.number;
    this.#requests.set(request.number, request);
    this.#weigh(request.args?.byteLength ?? 0);
    if (!this.#isJoinable) request.args = undefined;
  }

  /** Over the bound nothing is kept that only another owner would ask for. */
  #weigh(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= LIMITS.callRequestBytesMax || !this.#isJoinable) return;
    this.#isJoinable = false;
    for (const [number, request] of this.#requests) {
      request.args = undefined;
      if (request.isAnswered) this.#requests.delete(number);
    }
  }

  #isHeard(run: FunctionRun | undefined): boolean {
    return run === undefined || run.owner === this.#owner;
  }

  #say(request: Request): void {
    if (request.args !== undefined)
      this.#desk.sendSurely(lineOf(request, unpackState(request.args) as readonly unknown[]));
  }

  #sayDone(invocation: number, outcome: MeshOutcome): void {
    try {
      this.#desk.sendSurely({ type: 'function.done', invocation, ...outcome });
    } catch (error) {
      // Larger than any message.
      this.#desk.sendSurely({ type: 'function.done', invocation, ...unsendable(error) });
    }
  }

  async #do(request: Request, invocation: number, args: readonly unknown[]): Promise<MeshOutcome> {
    const packed = Buffer.from(packState(args));
    const { made } = request;
    if (made !== undefined && isJoined(request, made, packed, this.#owner)) {
      this.#takeOver(made, invocation);
      return await made.ended;
    }
    const fn = request.given?.do;
    if (fn === undefined) return refusal(`The function of the request ${request.number} is gone.`);
    if (this.#desk.signal.aborted) return refusal('The call has been aborted.');
    const run = new FunctionRun(this, { invocation, owner: this.#owner }, packed);
    request.made = run;
    void request.inPlace?.(() => run.make(() => fn(...(args as never[]))));
    const outcome = await run.ended;
    this.#weigh(run.bytes);
    return outcome;
  }

  #takeOver(run: FunctionRun, invocation: number): void {
    run.owner = this.#owner;
    run.invocation = invocation;
    for (const request of this.#requests.values()) if (request.run === run) this.#say(request);
  }

  /** Where the function is, or was, made here, that says more than any probe. */
  async #probe(
    request: Request,
    invocation: number,
    [idempotencyKey, input]: readonly unknown[],
  ): Promise<MeshOutcome> {
    const { made, given } = request;
    // It may wait for what it has asked for inside, which the owner answers within this question.
    if (made !== undefined && made.outcome === undefined) this.#takeOver(made, invocation);
    const outcome = await made?.ended;
    if (outcome?.ok === true)
      return { ok: true, value: { happened: true, value: outcome.value } satisfies ProbeAnswer };
    const isKnown = outcome !== undefined && outcome.error.code !== 'EFFECT_UNKNOWN';
    const probe = given?.probe;
    if (isKnown || probe === undefined) return { ok: true, value: 'unknown' satisfies ProbeAnswer };
    const question = { idempotencyKey: String(idempotencyKey), input, signal: this.#desk.signal };
    const answer = await request.inPlace?.(() => outcomeOf(() => probe(question)));
    if (answer === undefined || !answer.ok) return { ok: false, error: answer?.error ?? refusal('').error };
    return travelling(answer);
  }

  /** The call is aborted: what is asked for is not waited for, but what is made because of it is. */
  #abandon(): void {
    const { reason } = this.#desk.signal as { readonly reason: unknown };
    const error = reason instanceof OperatingError ? reason : new OperatingError('CANCELED', 'The call was aborted.');
    for (const request of this.#requests.values()) {
      const { made } = request;
      const end = (): void => this.answer(request.number, { ok: false, error: error.toBody() });
      if (made === undefined || made.outcome !== undefined) end();
      else void made.ended.then(end);
    }
  }

  #forsake(run: FunctionRun): void {
    const error = new OperatingError(
      'CANCELED',
      'The call of the journal that this was asked for in is over.',
    ).toBody();
    for (const request of this.#requests.values())
      if (request.run === run) this.answer(request.number, { ok: false, error });
  }

  /** An error of the code's own comes back as it was thrown. */
  #asThrown({ made }: Request, { error }: MeshOutcome & { ok: false }): unknown {
    const own = made?.outcome;
    const isOwn = own?.ok === false && own.error.code === error.code && own.error.message === error.message;
    return isOwn ? made?.thrown : OperatingError.fromBody(error);
  }
}

function refusal(message: string): MeshOutcome & { ok: false } {
  return { ok: false, error: new OperatingError('STATE_CONFLICT', message).toBody() };
}
