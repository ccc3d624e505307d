/**
 * What a function has done so far: each named call's result is recorded once, and given back when the function runs again
 * after a crash or a failed attempt. Occurrences of one name are counted, so that loops do not collide.
 *
 * Intent first: the record that a call is about to be made is committed before it is made. A call of kind `unsafe` whose
 * intent is recorded but not its result may or may not have happened: it is not made again until the ledger
 * (actors/ledger.ts) knows someone's word on it. Until then the function waits in its place.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { hash } from 'node:crypto';
import { OperatingError, type ErrorBody } from '../protocol/errors.ts';
import type { EffectKind } from '../runtime/host.ts';
import { packState } from '../runtime/state-codec.ts';
import { copyOutput, copyValue } from '../runtime/value-copy.ts';
import type { JournaledCall, Probe } from './doubt.ts';
import { inSpendScope } from './budget/spend-scope.ts';
import { outcomeOf } from './call-outcome.ts';
import type { CallOutcome, JournalShelf } from './journal-shelf.ts';
import { type CallRetry, pauseAfter } from './call-retry.ts';

/** How a journaled call may be treated after a crash or a failure. */
export interface JournalOptions {
  /** Default `keyed`. */
  readonly kind?: EffectKind;
  /** What the call depends on: a resumed function that comes with other arguments is refused with JOURNAL_MISMATCH. */
  readonly args?: unknown;
  /** For `unsafe`: finds out whether a call that was cut off has happened. Gets `args` as its input. */
  readonly probe?: Probe;
  /** Repeats the call when it fails with an error that may pass. Not for `unsafe`. Default: one attempt. */
  readonly retry?: Partial<CallRetry>;
}

/** The same, as those give it who make the calls of others. */
export interface CallOptions extends JournalOptions {
  /**
   * Whoever began this call when the node ran before may be at it still: what comes of it there. Undefined, where nobody is, or
   * nobody can say; an unsafe call is in doubt then.
   */
  underWay?(idempotencyKey: string): Promise<CallOutcome | undefined>;
}

/** One call as the shelf keeps it. */
export interface JournalEntry {
  readonly kind: EffectKind;
  readonly args: string | undefined;
  /** `retry`: someone said that it may be made again, and it has not been begun since. */
  readonly state: 'intended' | 'retry' | 'done' | 'failed';
  /** How often it was begun, where it is `unsafe`. */
  readonly begun?: number;
  /** Attempts that failed and were followed by another, what the last failed with, and when the next is due. */
  readonly failures?: number;
  readonly lastError?: ErrorBody;
  readonly dueAtMs?: number;
  readonly value?: unknown;
  readonly error?: ErrorBody;
}

/**
 * An entry for something that is done inside of the node: its record is written by whoever does it, in the same step and so
 * in the same epoch. Neither is there without the other, so that it is done once.
 */
export interface JournalSlot {
  /** The same over restarts and attempts. */
  readonly idempotencyKey: string;
  /** Errors: JOURNAL_MISMATCH. */
  read(): JournalEntry | undefined;
  /** `undefined` takes the record back. Errors: CANCELED where nobody waits for this work any more; LIVELOCK. */
  write(entry: Omit<JournalEntry, 'kind' | 'args'> | undefined): void;
  /** Resolves once all that was written up to now is committed. */
  committed(): Promise<void>;
}

/** Whose journal it is, and what it needs of the call that the function is run by. */
export interface JournalHost {
  /** Makes idempotency keys unique. */
  readonly owner: string;
  /** Keeps one agent's records from another's. */
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly deadlineAtMs: number | undefined;
  nowMs(): number;
  random(): number;
  /** Waits without holding the slot of a call. */
  pause(untilMs: number): Promise<void>;
  /** Gives the slot back until the returned function is called. */
  rest(): () => Promise<void>;
}

/** Named calls of one function. Over it: LIVELOCK, since a journal without bound is a loop without end. */
const ENTRIES_MAX = 10_000;

/** The key under which the other side can tell a repeat of a call from another call. */
export function idempotencyKeyOf(owner: string, entry: string): string {
  return hash('sha256', `${owner}\0${entry}`);
}

/** A call of the journal whose function is running: what is done inside of it is counted apart. */
interface Nest {
  readonly journal: Journal;
  readonly key: string;
  readonly occurrences: Map<string, number>;
}

const nests = new AsyncLocalStorage<Nest>();

/** The journal of one run of one function. */
export class Journal {
  readonly #shelf: JournalShelf;
  readonly #host: JournalHost;
  readonly #occurrences = new Map<string, number>();
  #entries = 0;

  constructor(shelf: JournalShelf, host: JournalHost) {
    this.#shelf = shelf;
    this.#host = host;
  }

  /**
   * Makes a call once. `fn` gets an idempotency key that stays the same over restarts and attempts; one of its own, unless
   * the caller has one for it.
   * Errors: JOURNAL_MISMATCH, DEADLINE_EXCEEDED, LIVELOCK; what `fn` throws.
   */
  async call<T>(
    name: string,
    fn: (idempotencyKey: string) => T | Promise<T>,
    options: CallOptions,
    idempotencyKey?: string,
  ): Promise<T> {
    const key = this.#next(name);
    const kind = options.kind ?? 'keyed';
    const args = options.args === undefined ? undefined : hash('sha256', packState(options.args));
    const call: JournaledCall = {
      entry: key,
      name,
      kind,
      idempotencyKey: idempotencyKey ?? idempotencyKeyOf(this.#host.owner, key),
      input: options.args,
    };
    for (;;) {
      const entry = this.#entryOf(key, kind, args);
      if (entry?.state === 'done') return copyValue(entry.value as T);
      if (entry?.state === 'failed') throw OperatingError.fromBody(entry.error as ErrorBody);
      if (entry?.state === 'intended' && kind === 'unsafe') await this.#learn(call, entry, options);
      else {
        const made = await this.#make(call, args, entry, fn, options.retry);
        if (made !== undefined) return made.value;
        // What it brought is not this function's any more: it must not be made again for want of a record.
        this.#host.signal.throwIfAborted();
      }
    }
  }

  /**
   * The next entry of a name, which counts within the call that it is made in, where it is made in one.
   * Errors: DEADLINE_EXCEEDED; the reason of the signal.
   */
  slot(name: string, given: unknown): JournalSlot {
    const nest = nests.getStore();
    const key = nest?.journal === this ? `${nest.key}/${count(nest.occurrences, name)}` : this.#next(name);
    this.#host.signal.throwIfAborted();
    this.#refuseLate(key);
    const kind = 'keyed';
    const args = hash('sha256', packState(given));
    return {
      idempotencyKey: idempotencyKeyOf(this.#host.owner, key),
      read: () => this.#entryOf(key, kind, args),
      write: (entry) => this.#shelf.record(key, entry && ({ ...entry, kind, args } satisfies JournalEntry)),
      committed: () => this.#shelf.committed(),
    };
  }

  /** The moment a durable wait ends: recorded when it first begins. */
  dueAt(nowMs: number, delayMs: number): number {
    const key = this.#next('sleep');
    const recorded = this.#shelf.recorded().get(key) as { readonly dueAtMs: number } | undefined;
    if (recorded !== undefined) return recorded.dueAtMs;
    const dueAtMs = nowMs + delayMs;
    this.#shelf.record(key, { dueAtMs });
    return dueAtMs;
  }

  /** The entry of the next question to a person, and whether it is the first of that name. Errors: LIVELOCK. */
  question(name: string): { readonly entry: string; readonly isFirst: boolean } {
    const entry = this.#next(`approval:${name}`);
    return { entry, isFirst: this.#occurrences.get(`approval:${name}`) === 1 };
  }

  #entryOf(key: string, kind: EffectKind, args: string | undefined): JournalEntry | undefined {
    const entry = this.#shelf.recorded().get(key) as JournalEntry | undefined;
    if (entry === undefined || (entry.args === args && entry.kind === kind)) return entry;
    throw new OperatingError(
      'JOURNAL_MISMATCH',
      `The journal entry ${key} was recorded with other arguments or as another kind. ` +
        'A function that resumes must make the same calls in the same order; change its version when it does not.',
      { details: { entry: key } },
    );
  }

  /** A call that was begun before: whoever is at it still knows what comes of it, else someone must say. */
  async #learn(call: JournaledCall, entry: JournalEntry, { underWay, probe }: CallOptions): Promise<void> {
    const { entry: key, idempotencyKey } = call;
    const nest: Nest = { journal: this, key, occurrences: new Map() };
    // What is done inside of it has the names that it has there.
    const ask = () => nests.run(nest, async () => await underWay?.(idempotencyKey));
    const outcome = underWay === undefined ? undefined : await inSpendScope(key, entry.begun ?? 0, ask);
    if (outcome === undefined) return await this.#wait(call, probe);
    this.#host.signal.throwIfAborted();
    this.#came(call, entry, outcome.ok ? outcome : { ok: false, error: { ...outcome.error, retryable: false } });
  }

  /** Someone must say what came of the call. The function holds nothing meanwhile. */
  async #wait(call: JournaledCall, probe: Probe | undefined): Promise<void> {
    const back = this.#host.rest();
    await this.#shelf.decided({ ...call, ...(probe !== undefined && { probe }) }, this.#host.signal);
    await back();
    this.#host.signal.throwIfAborted();
  }

  /** Makes the call, several times where it may be repeated. False where what came of it is not this call's to record. */
  async #make<T>(
    call: JournaledCall,
    args: string | undefined,
    earlier: JournalEntry | undefined,
    fn: (idempotencyKey: string) => T | Promise<T>,
    retry: Partial<CallRetry> | undefined,
  ): Promise<{ readonly value: T } | undefined> {
    const { entry: key, kind } = call;
    let entry: JournalEntry = earlier ?? { kind, args, state: 'intended' };
    for (;;) {
      if (entry.dueAtMs !== undefined) await this.#host.pause(entry.dueAtMs);
      entry = await this.#intend(key, entry, earlier !== undefined);
      if (kind === 'unsafe') this.#shelf.began(call);
      const nest: Nest = { journal: this, key, occurrences: new Map() };
      const made = (kind === 'unsafe' ? entry.begun : entry.failures) ?? 0;
      const call_ = () => nests.run(nest, fn, call.idempotencyKey);
      const outcome = await outcomeOf(async () => {
        const value = await inSpendScope(key, made, call_);
        // What cannot be kept has failed, and is not made again for that.
        return { value, kept: copyOutput(value, `the call ${call.name}`) };
      });
      if (outcome.ok) {
        const { value, kept } = outcome.value as { readonly value: T; readonly kept: unknown };
        return this.#came(call, entry, { ok: true, value: kept }) ? { value } : undefined;
      }
      if (kind === 'unsafe') {
        if (outcome.error.code === 'EFFECT_UNKNOWN') return undefined;
        // One that threw may still have happened: no attempt may make it again.
        this.#came(call, entry, { ok: false, error: { ...outcome.error, retryable: false } });
        return undefined;
      }
      const dueAtMs = pauseAfter(outcome.error, entry.failures ?? 0, retry, this.#host);
      if (dueAtMs === undefined || this.#host.signal.aborted) throw outcome.thrown;
      entry = { ...entry, failures: (entry.failures ?? 0) + 1, lastError: outcome.error, dueAtMs };
      this.#shelf.record(key, entry);
      this.#shelf.repeats();
    }
  }

  /** The intent is on disk, and the call is still wanted, when this resolves. */
  async #intend(key: string, entry: JournalEntry, isRecorded: boolean): Promise<JournalEntry> {
    const { signal } = this.#host;
    this.#refuseLate(key);
    if (entry.kind === 'pure') {
      signal.throwIfAborted();
      return entry;
    }
    let intent = entry;
    if (entry.kind === 'unsafe') intent = { ...entry, state: 'intended', begun: (entry.begun ?? 0) + 1 };
    if (entry.kind === 'unsafe' || !isRecorded) this.#shelf.record(key, intent);
    await this.#shelf.committed();
    if (signal.aborted && entry.kind === 'unsafe') this.#takeBack(key, intent);
    signal.throwIfAborted();
    this.#refuseLate(key);
    return intent;
  }

  /** An unsafe call that is not made after all: it is not to be doubted. */
  #takeBack(key: string, intent: JournalEntry): void {
    try {
      this.#shelf.record(key, { ...intent, state: 'retry' } satisfies JournalEntry);
    } catch (error) {
      // Its owner is gone, and the record with it.
      if (!(error instanceof OperatingError)) throw error;
    }
  }

  #refuseLate(key: string): void {
    const { deadlineAtMs } = this.#host;
    if (deadlineAtMs === undefined || this.#host.nowMs() < deadlineAtMs) return;
    throw new OperatingError('DEADLINE_EXCEEDED', `The deadline passed before ${key} could be made.`);
  }

  /** Records an outcome once: what was recorded or decided meanwhile stays. False where it is not recorded. */
  #came(call: JournaledCall, intent: JournalEntry, outcome: CallOutcome): boolean {
    const { kind, args } = intent;
    const now = this.#shelf.recorded().get(call.entry) as JournalEntry | undefined;
    if (now === undefined && kind !== 'pure') {
      // The journal has let go of it.
      this.#shelf.ended(call, outcome, false);
      throw new OperatingError('CANCELED', `Nothing waits for ${call.entry} any more.`);
    }
    const isOurs = now === undefined || (now.state === 'intended' && now.begun === intent.begun);
    if (!isOurs) return false;
    const entry: JournalEntry = outcome.ok
      ? { kind, args, state: 'done', value: outcome.value }
      : { kind, args, state: 'failed', error: outcome.error };
    try {
      this.#shelf.record(call.entry, entry);
    } catch (error) {
      if (kind !== 'pure') this.#shelf.ended(call, outcome, false);
      throw error;
    }
    if (kind === 'unsafe') this.#shelf.ended(call, outcome, true);
    return true;
  }

  #next(name: string): string {
    if (++this.#entries > ENTRIES_MAX)
      throw new OperatingError('LIVELOCK', `A function made more than ${ENTRIES_MAX} journal entries.`);
    return `${this.#host.prefix}/${count(this.#occurrences, name)}`;
  }
}

/** `name#2` for the second of a name. */
function count(occurrences: Map<string, number>, name: string): string {
  const occurrence = (occurrences.get(name) ?? 0) + 1;
  occurrences.set(name, occurrence);
  return `${name}#${occurrence}`;
}
