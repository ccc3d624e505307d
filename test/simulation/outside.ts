/**
 * The services that agents call: they fail, hang, answer late, do it and do not say so; and they keep a history of every
 * call, which no crash of the node takes back. A service that gets the same idempotency key again gives the receipt it gave.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { EffectKind } from '../../runtime/host.ts';
import type { Judge } from './judge.ts';
import { Rng } from './rng.ts';
import type { Owner, SimulatedWorld } from './simulated-world.ts';

/** One call as the service sees it. */
export interface OutsideCall {
  readonly kind: EffectKind;
  /** The same for each repeat. */
  readonly key: string;
  /** What the caller wants of it; unique for each wanted call. */
  readonly token: string;
  /** The cell that must hold the wish for it, and what of the wish must be there. */
  readonly holder: string;
  readonly wish: string;
  /** The step it is for; a step that has ended makes no calls. */
  readonly step?: string;
  /** The actor that makes it: a run may be given up. */
  readonly run?: string;
}

/** A process that makes calls. */
export interface Caller extends Owner {
  /** Whether what it does for a run is still wanted; always, where it is not said. */
  readonly works?: (run: string) => boolean;
}

/** What is wrong with the services, as probabilities. */
export interface OutsideFaults {
  fails: number;
  hangs: number;
  late: number;
}

/** A new one each time: whoever waits for one that is shared is kept by it, with all that it knows. */
const never = (): Promise<never> => new Promise(() => undefined);
const ANSWER_MS = 40;
const LATE_MS = 8_000;

/** All services together. */
export class Outside {
  readonly faults: OutsideFaults = { fails: 0, hangs: 0, late: 0 };
  readonly #world: SimulatedWorld;
  readonly #judge: Judge;
  readonly #rng: Rng;
  readonly #trace: (line: string) => void;
  /** What each key did: how often it was asked for, and the receipt of the first time. */
  readonly #keys = new Map<string, { calls: number; receipt: string }>();
  /** Of each message that crashes its actor: how often it was delivered, and by which runs of the process. */
  readonly deliveries = new Map<string, { count: number; readonly boots: Set<Owner> }>();
  #receipts = 0;
  /** A call has arrived: the process that made it may die here. */
  onCall: (caller: Caller) => void = () => undefined;

  constructor(world: SimulatedWorld, judge: Judge, seed: number, trace: (line: string) => void) {
    this.#world = world;
    this.#judge = judge;
    this.#rng = new Rng(seed, 'outside');
    this.#trace = trace;
  }

  /** The receipt that was given under a key; undefined where it was never asked for. */
  receiptOf(key: string): string | undefined {
    return this.#keys.get(key)?.receipt;
  }

  /** Makes a call. Errors: what the service answers, retryable. */
  async call(process: Caller, call: OutsideCall): Promise<string> {
    if (!process.alive) return await never();
    this.#check(process, call);
    const isBefore = this.#rng.chance(0.5);
    if (isBefore) this.onCall(process);
    if (!process.alive) return await never();
    const fails = this.#rng.chance(this.faults.fails);
    if (fails && this.#rng.chance(0.5)) return await this.#refuse(process, 'The service refused it.');
    const receipt = this.#perform(call);
    if (!isBefore) this.onCall(process);
    if (!process.alive || this.#rng.chance(this.faults.hangs)) return await never();
    if (fails) return await this.#refuse(process, 'The service did it, and lost the answer.');
    await this.#pass(
      process,
      this.#rng.chance(this.faults.late) ? this.#rng.skewed(0, LATE_MS) : this.#rng.skewed(0, ANSWER_MS),
    );
    return receipt;
  }

  /** An actor is about to handle a message. @returns how often it has told so */
  delivered(process: Owner, op: string): number {
    if (!process.alive) return 0;
    const known = this.deliveries.get(op) ?? { count: 0, boots: new Set<Owner>() };
    this.deliveries.set(op, known);
    known.boots.add(process);
    const count = ++known.count;
    this.#trace(`delivered ${op} ${count}`);
    return count;
  }

  #check(process: Caller, { kind, key, token, holder, wish, step, run }: OutsideCall): void {
    const earlier = this.#keys.get(key);
    this.#trace(`called ${kind} ${token} ${(earlier?.calls ?? 0) + 1}`);
    this.#judge.expect(
      kind !== 'unsafe' || earlier === undefined,
      'unsafe-twice',
      () => `the unsafe call ${token} of ${holder} was made twice`,
    );
    // Who has been given up does not know it, and goes on for a while: beside those who do the same now.
    if (run !== undefined && process.works?.(run) === false) return this.#trace(`stray ${token}`);
    if (kind !== 'pure') this.#judge.called(holder, wish, token);
    if (earlier !== undefined && kind !== 'pure') this.#judge.calledAgain(holder, token, earlier.receipt);
    if (step === undefined) return;
    const task = step.split('/')[1] ?? '';
    const done = this.#judge.tasks.get(task)?.stepsDone.has(step) ?? false;
    this.#judge.expect(!done, 'effect-rerun', () => `${step} has completed, and makes the call ${token}`);
  }

  #perform({ key, token }: OutsideCall): string {
    const known = this.#keys.get(key);
    if (known !== undefined) {
      known.calls++;
      return known.receipt;
    }
    const receipt = `receipt-${++this.#receipts}-${token}`;
    this.#keys.set(key, { calls: 1, receipt });
    return receipt;
  }

  async #refuse(process: Owner, why: string): Promise<never> {
    await this.#pass(process, this.#rng.skewed(0, ANSWER_MS));
    throw new OperatingError('AGENT_FAILED', why);
  }

  #pass(process: Owner, ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.at(ms, process, resolve));
  }
}
