/**
 * What a function has done so far: each named call's result is recorded once, and given back when the function runs again
 * after a crash or a failed attempt. Occurrences of one name are counted, so that loops do not collide.
 *
 * Intent first: the record that a call is about to be made is committed before it is made. A call of kind `unsafe` whose
 * intent is recorded but not its result may or may not have happened: it is not made again (EFFECT_UNKNOWN).
 */
import { hash } from 'node:crypto';
import { OperatingError, toErrorBody, type ErrorBody } from '../protocol/errors.ts';
import type { EffectKind } from '../runtime/host.ts';
import { packState } from '../runtime/state-codec.ts';

/** Where the records are kept. */
export interface JournalShelf {
  recorded(): ReadonlyMap<string, unknown>;
  record(key: string, value: unknown): void;
  /** Resolves once all that was recorded up to now is committed. */
  committed(): Promise<void>;
}

/** How a journaled call may be treated after a crash. */
export interface JournalOptions {
  /** Default `keyed`. */
  readonly kind?: EffectKind;
  /** What the call depends on: a resumed function that comes with other arguments is refused with JOURNAL_MISMATCH. */
  readonly args?: unknown;
}

interface Entry {
  readonly kind: EffectKind;
  readonly args: string | undefined;
  readonly state: 'intended' | 'done' | 'failed';
  readonly value?: unknown;
  readonly error?: ErrorBody;
}

/** Named calls of one function. Over it: LIVELOCK, since a journal without bound is a loop without end. */
const ENTRIES_MAX = 10_000;

/** The journal of one run of one function. */
export class Journal {
  readonly #shelf: JournalShelf;
  readonly #owner: string;
  readonly #prefix: string;
  readonly #occurrences = new Map<string, number>();
  #entries = 0;

  /**
   * `owner` makes idempotency keys unique, `prefix` keeps one agent's records from another's, `life` those of an actor that
   * begins again from those that it has left behind.
   */
  constructor(shelf: JournalShelf, owner: string, prefix: string, life = 0) {
    this.#shelf = shelf;
    this.#owner = owner;
    this.#prefix = life === 0 ? prefix : `${prefix}~${life}`;
  }

  /**
   * Makes a call once. `fn` gets an idempotency key that stays the same over restarts and attempts.
   * Errors: JOURNAL_MISMATCH, EFFECT_UNKNOWN, LIVELOCK; what `fn` throws.
   */
  async call<T>(
    name: string,
    fn: (idempotencyKey: string) => T | Promise<T>,
    options: JournalOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const key = this.#next(name);
    const kind = options.kind ?? 'keyed';
    const args = options.args === undefined ? undefined : hash('sha256', packState(options.args));
    const entry = this.#shelf.recorded().get(key) as Entry | undefined;
    if (entry !== undefined) {
      if (entry.args !== args || entry.kind !== kind) {
        throw new OperatingError(
          'JOURNAL_MISMATCH',
          `The journal entry ${key} was recorded with other arguments or as another kind. ` +
            'A function that resumes must make the same calls in the same order; change its version when it does not.',
          { details: { entry: key } },
        );
      }
      if (entry.state === 'done') return entry.value as T;
      if (entry.state === 'failed') throw OperatingError.fromBody(entry.error as ErrorBody);
      if (kind === 'unsafe')
        throw new OperatingError(
          'EFFECT_UNKNOWN',
          `${key} was under way when the node stopped: it may or may not have happened.`,
          { details: { entry: key } },
        );
    } else if (kind !== 'pure') this.#shelf.record(key, { kind, args, state: 'intended' } satisfies Entry);
    if (kind !== 'pure') await this.#shelf.committed();
    signal.throwIfAborted();
    return await this.#make(key, kind, args, () => fn(hash('sha256', `${this.#owner}\0${key}`)));
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

  async #make<T>(key: string, kind: EffectKind, args: string | undefined, fn: () => T | Promise<T>): Promise<T> {
    try {
      const value = await fn();
      this.#shelf.record(key, { kind, args, state: 'done', value } satisfies Entry);
      return value;
    } catch (error) {
      // An unsafe call that threw may still have happened: no attempt may make it again.
      if (kind === 'unsafe') {
        const body = { ...toErrorBody(error, 'AGENT_FAILED'), retryable: false };
        this.#shelf.record(key, { kind, args, state: 'failed', error: body } satisfies Entry);
        throw OperatingError.fromBody(body);
      }
      throw error;
    }
  }

  #next(name: string): string {
    if (++this.#entries > ENTRIES_MAX)
      throw new OperatingError('LIVELOCK', `A function made more than ${ENTRIES_MAX} journal entries.`);
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1;
    this.#occurrences.set(name, occurrence);
    return `${this.#prefix}/${name}#${occurrence}`;
  }
}
