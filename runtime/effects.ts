/**
 * The calls to the outside that are under way. The ledger, not the cell, owns a call: its outcome goes to (cell, key)
 * whatever happened to the cell meanwhile; a cell that asks again for a call under way joins it. Calls of one lane (one
 * agent) run at most `limit` at a time, the others wait by priority, then in order.
 *
 * What is durable about a call is not here: its intent is the committed state of the cell that asks, its outcome the
 * cell's mail or next state. After the node has died, calls are asked for `again`; whoever performs them knows from its
 * own records which of them must not be made a second time (actors/journal.ts).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import type { AskChain } from './ask-chain.ts';
import type { EffectKind, EffectOutcome } from './host.ts';
import type { Cancel, World } from './world.ts';
import { Beginnings, type CallName } from './beginnings.ts';
import { ChurnMap } from './churn-map.ts';
import { type LaneFigures, Lanes } from './lanes.ts';

/** What a performer is given. */
export interface EffectCall {
  readonly address: string;
  readonly key: string;
  readonly name: string;
  readonly kind: EffectKind;
  readonly input: unknown;
  /** True when it may have been made before, by an earlier run of the process. */
  readonly again: boolean;
  /** Which life of the actor asks: what an earlier one has recorded is not this one's. */
  readonly life: number;
  /** Who waits for what comes of it. */
  readonly asked?: AskChain | undefined;
  readonly signal: AbortSignal;
  /** Gives the lane's slot back while the call only waits; the returned function takes it again. */
  rest(): () => Promise<void>;
}

/** A call as those have it who only want to know whether it is still wanted: a signal would cost more than the rest of a short call. */
export interface RefusableCall extends EffectCall {
  /** Why it is no longer wanted, where it is not. */
  readonly refusal: OperatingError | undefined;
  /** Calls `fn` when it is no longer wanted, in place of the one before it. */
  onRefused(fn: ((refusal: OperatingError) => void) | undefined): void;
  /** Its time limit stands still while nobody makes it; it keeps its slot. The returned function lets it run again. */
  unbegun(): () => void;
}

/** A call to be made: whose, under which key, in which lane, within which limits, and how. */
export interface EffectPlan {
  readonly address: string;
  readonly key: string;
  readonly name: string;
  readonly kind: EffectKind;
  readonly input: unknown;
  readonly again: boolean;
  /** Default: 0, the first. */
  readonly life?: number;
  readonly lane: string;
  readonly laneLimit: number;
  readonly priority: number;
  readonly timeoutMs?: number;
  readonly deadlineAtMs?: number;
  readonly asked?: AskChain;
  perform(call: RefusableCall): Promise<unknown>;
}

/** Who hears of calls that end otherwise than by an outcome. */
export interface EffectWitness {
  /** One that had begun is no longer wanted. */
  canceled(plan: EffectPlan): void;
  /** One that was canceled came back all the same. */
  late(plan: EffectPlan, outcome: EffectOutcome): void;
}

/** What calls need of those who ask for them. */
export interface EffectDesk {
  /** How a call ended. */
  settled(address: string, key: string, outcome: EffectOutcome, asked: AskChain | undefined): void;
  /** Calls are about to begin, in this order: how many of them, from the first on, may now; at least one. */
  entering(calls: readonly CallName[]): number;
}

/** One call as people see it: it waits for a slot of its lane, is made, or rests and needs no slot. */
export interface CallView {
  readonly name: string;
  readonly key: string;
  readonly kind: EffectKind;
  readonly lane: string;
  readonly state: 'waiting' | 'running' | 'resting';
  readonly sinceMs: number;
}

interface Call {
  readonly plan: EffectPlan;
  /** When it was asked for, or begun, in ms since the epoch. */
  sinceMs: number;
  state: 'waiting' | 'running' | 'resting' | 'settled' | 'canceled';
  /** It has ended, for the ledger. */
  isOver: boolean;
  /** Made when someone asks for the signal: most calls never do, and it costs more than the rest of a short call. */
  abort: AbortController | undefined;
  /** Runs what listens to the signal as what asked for it: what escapes from a listener is that actor's. */
  asAsker: (<T>(fn: () => T) => T) | undefined;
  /** Why it is no longer wanted, where it is not, and who wants to hear of that. */
  refusal: OperatingError | undefined;
  onRefused: ((refusal: OperatingError) => void) | undefined;
  /** Ends the call for the ledger; what the performer does afterwards is not heard any more. */
  end: (outcome: EffectOutcome | undefined) => void;
  /** What is left of the call's own time limit; it does not run while the call rests. */
  leftMs: number;
  limitedSinceMs: number;
  unlimit: Cancel;
}

/** The calls under way on one node. */
export class Effects {
  readonly #world: World;
  readonly #desk: EffectDesk;
  readonly #beginnings: Beginnings;
  readonly #calls = new ChurnMap<string, Map<string, Call>>();
  readonly #lanes = new Lanes();
  #abandoned = false;
  /** Hears of calls that were canceled. */
  witness: EffectWitness | undefined;
  #running = 0;

  constructor(world: World, desk: EffectDesk) {
    this.#world = world;
    this.#desk = desk;
    this.#beginnings = new Beginnings((calls) => desk.entering(calls));
  }

  get figures(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#lanes.waiting };
  }

  /** How many calls of a lane run, wait for a slot, and rest without one. */
  laneFigures(name: string): LaneFigures {
    return this.#lanes.figures(name);
  }

  /** A lane has room for so many now: those that wait go in. */
  widen(name: string, limit: number): void {
    this.#lanes.widen(name, limit);
  }

  /** Whether a call under this key is under way or its outcome not yet handled. */
  has(address: string, key: string): boolean {
    return this.#calls.get(address)?.has(key) ?? false;
  }

  /** The calls of a cell that have not ended, for people. `sinceMs`: since when it is so, in ms since the epoch. */
  callsOf(address: string): readonly CallView[] {
    const views: CallView[] = [];
    for (const { plan, state, sinceMs } of this.#calls.get(address)?.values() ?? []) {
      if (state === 'settled' || state === 'canceled') continue;
      views.push({ name: plan.name, key: plan.key, kind: plan.kind, lane: plan.lane, state, sinceMs });
    }
    return views;
  }

  /** Whether any call of this cell is under way. */
  busy(address: string): boolean {
    return this.#calls.has(address);
  }

  /** Makes the call as soon as its lane has room; joins it where it is under way already. */
  start(plan: EffectPlan): void {
    let calls = this.#calls.get(plan.address);
    if (calls === undefined) this.#calls.set(plan.address, (calls = new Map()));
    if (calls.has(plan.key)) return;
    const call = createCall(plan, 'waiting', this.#world.nowMs());
    calls.set(plan.key, call);
    this.#lanes.enter(plan, () => this.#run(call));
  }

  /** An outcome under this key is already on its way to the cell (it was in its stored mail, or is known without a call). */
  adopt(address: string, key: string): void {
    let calls = this.#calls.get(address);
    if (calls === undefined) this.#calls.set(address, (calls = new Map()));
    calls.set(key, createCall(SETTLED, 'settled', 0));
  }

  /** The outcome under this key has been handled in a turn that ended well. */
  consumed(address: string, key: string): void {
    this.#forget(address, key);
  }

  cancel(address: string, key: string): void {
    const call = this.#calls.get(address)?.get(key);
    if (call === undefined) return;
    this.#forget(address, key);
    if (call.state === 'settled') return;
    const wasWaiting = call.state === 'waiting';
    if (!wasWaiting) {
      call.end(undefined);
      if (!this.#abandoned) this.witness?.canceled(call.plan);
    }
    call.state = 'canceled';
    abort(call, new OperatingError('CANCELED', 'The call is no longer wanted.'));
  }

  /**
   * The cell is being stopped: calls that wait are forgotten, those under way are aborted, and may still say how they ended.
   * @returns whether any is under way
   */
  windDown(address: string): boolean {
    const reason = new OperatingError('CANCELED', 'Its actor is being stopped.');
    for (const [key, call] of [...(this.#calls.get(address) ?? [])]) {
      if (call.state === 'waiting') this.cancel(address, key);
      else if (call.state !== 'settled') abort(call, reason);
    }
    return this.underWay(address);
  }

  /** Whether a call of this cell has begun and not ended. */
  underWay(address: string): boolean {
    for (const { state } of this.#calls.get(address)?.values() ?? []) if (state !== 'settled') return true;
    return false;
  }

  /** Calls of this cell that have not ended are cut off; outcomes that wait for it stay. */
  cutOff(address: string): void {
    for (const [key, { state }] of [...(this.#calls.get(address) ?? [])]) {
      if (state !== 'settled') this.cancel(address, key);
    }
  }

  /** The cell has ended: nobody waits for its calls any more. */
  cancelAll(address: string): void {
    const calls = this.#calls.get(address);
    if (calls === undefined) return;
    for (const key of [...calls.keys()]) this.cancel(address, key);
  }

  /** From here on nothing more is started; what runs goes on. */
  hold(): void {
    this.#lanes.hold();
  }

  /** The node stops: every call is aborted and its outcome dropped, so that the next run of the process makes it again by its kind. */
  abandonAll(): void {
    this.#abandoned = true;
    for (const address of [...this.#calls.keys()]) this.cancelAll(address);
  }

  #forget(address: string, key: string): void {
    const calls = this.#calls.get(address);
    if (calls?.delete(key) && calls.size === 0) this.#calls.delete(address);
  }

  #run(call: Call): void {
    const { plan } = call;
    if (call.state === 'canceled') return this.#lanes.leave(plan.lane);
    if (plan.deadlineAtMs !== undefined && this.#world.nowMs() >= plan.deadlineAtMs) {
      this.#lanes.leave(plan.lane);
      return this.#finish(call, { ok: false, error: lateError(plan.name).toBody() });
    }
    call.state = 'running';
    this.#running++;
    call.end = (outcome) => {
      if (call.isOver) {
        const isLate = outcome !== undefined && call.state === 'canceled' && !this.#abandoned;
        if (isLate) this.witness?.late(plan, outcome);
        return;
      }
      call.isOver = true;
      call.unlimit();
      if (call.state === 'running') {
        this.#running--;
        this.#lanes.leave(plan.lane);
      } else if (call.state === 'resting') this.#lanes.countResting(plan.lane, -1);
      if (outcome !== undefined) this.#finish(call, outcome);
    };
    this.#beginnings.add({ address: plan.address, key: plan.key, begin: () => this.#begin(call) });
  }

  /** Makes the call, if it is still wanted. */
  #begin(call: Call): void {
    const { plan } = call;
    if (call.isOver) return;
    if (call.refusal !== undefined) return call.end({ ok: false, error: call.refusal.toBody() });
    // Those that begin before it may take long over their first steps: its time is its own.
    call.sinceMs = this.#world.nowMs();
    this.#limit(call);
    let promise: Promise<unknown>;
    try {
      promise = plan.perform(
        new PerformedCall(call, { rest: () => this.#rest(call), unbegun: () => this.#unbegun(call) }),
      );
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (value) => call.end({ ok: true, value }),
      (error: unknown) => call.end({ ok: false, error: toErrorBody(error, 'AGENT_FAILED') }),
    );
  }

  /** Arms what is left of the call's own time limit, or the deadline, whichever comes first. */
  #limit(call: Call): void {
    const { timeoutMs, deadlineAtMs, name } = call.plan;
    const deadlineMs = deadlineAtMs === undefined ? Infinity : deadlineAtMs - this.#world.nowMs();
    const limitMs = Math.min(call.leftMs, deadlineMs);
    if (limitMs === Infinity) return;
    const late = limitMs === deadlineMs;
    call.limitedSinceMs = this.#world.monotonicMs();
    call.unlimit = this.#world.after(limitMs, () => {
      const timeout = (): OperatingError =>
        new OperatingError('TIMEOUT', `${name} took longer than its limit of ${timeoutMs} ms.`);
      const error = late ? lateError(name) : timeout();
      // A call that does not heed its signal would hold its slot, and its cell, for ever: it ends here all the same.
      call.end({ ok: false, error: error.toBody() });
      abort(call, error);
    });
  }

  #finish(call: Call, outcome: EffectOutcome): void {
    if (!this.has(call.plan.address, call.plan.key) || call.state === 'settled') return;
    call.state = 'settled';
    this.#desk.settled(call.plan.address, call.plan.key, outcome, call.plan.asked);
  }

  #unlimit(call: Call): void {
    call.unlimit();
    call.leftMs -= this.#world.monotonicMs() - call.limitedSinceMs;
  }

  #unbegun(call: Call): () => void {
    if (call.state !== 'running') return () => undefined;
    this.#unlimit(call);
    return () => {
      if (call.state === 'running') this.#limit(call);
    };
  }

  #rest(call: Call): () => Promise<void> {
    if (call.state !== 'running') return () => Promise.resolve();
    call.state = 'resting';
    this.#running--;
    this.#unlimit(call);
    this.#lanes.countResting(call.plan.lane, 1);
    this.#lanes.leave(call.plan.lane);
    return () =>
      new Promise((resolve) => {
        this.#lanes.enter(call.plan, () => {
          if (call.state === 'resting') {
            this.#lanes.countResting(call.plan.lane, -1);
            call.state = 'running';
            this.#running++;
            this.#limit(call);
          } else this.#lanes.leave(call.plan.lane);
          resolve();
        });
      });
  }
}

/** What the performer sees of a call. */
class PerformedCall implements RefusableCall {
  readonly address: string;
  readonly key: string;
  readonly name: string;
  readonly kind: EffectKind;
  readonly input: unknown;
  readonly again: boolean;
  readonly life: number;
  readonly asked: AskChain | undefined;
  readonly rest: () => () => Promise<void>;
  readonly unbegun: () => () => void;
  readonly #call: Call;

  constructor(call: Call, { rest, unbegun }: Pick<PerformedCall, 'rest' | 'unbegun'>) {
    ({
      address: this.address,
      key: this.key,
      name: this.name,
      kind: this.kind,
      input: this.input,
      again: this.again,
    } = call.plan);
    this.life = call.plan.life ?? 0;
    this.asked = call.plan.asked;
    this.#call = call;
    this.rest = rest;
    this.unbegun = unbegun;
  }

  get refusal(): OperatingError | undefined {
    return this.#call.refusal;
  }

  onRefused(fn: ((refusal: OperatingError) => void) | undefined): void {
    this.#call.onRefused = fn;
  }

  get signal(): AbortSignal {
    const call = this.#call;
    if (call.abort === undefined) {
      call.abort = new AbortController();
      call.asAsker = AsyncLocalStorage.snapshot();
      if (call.refusal !== undefined) call.abort.abort(call.refusal);
    }
    return call.abort.signal;
  }
}

function abort(call: Call, refusal: OperatingError): void {
  call.refusal = refusal;
  call.onRefused?.(refusal);
  call.asAsker?.(() => call.abort?.abort(refusal));
}

function createCall(plan: EffectPlan, state: Call['state'], sinceMs: number): Call {
  const leftMs = plan.timeoutMs ?? Infinity;
  return {
    plan,
    state,
    sinceMs,
    isOver: false,
    abort: undefined,
    asAsker: undefined,
    refusal: undefined,
    onRefused: undefined,
    end: nothing,
    leftMs,
    limitedSinceMs: 0,
    unlimit: nothing,
  };
}

const SETTLED: EffectPlan = {
  address: '',
  key: '',
  name: '',
  kind: 'pure',
  input: undefined,
  again: false,
  lane: '',
  laneLimit: 0,
  priority: 0,
  perform: () => Promise.resolve(),
};

function nothing(): void {}

function lateError(name: string): OperatingError {
  return new OperatingError('DEADLINE_EXCEEDED', `The deadline passed before ${name} was done.`);
}
