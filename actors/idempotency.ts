/**
 * Which task, or message to a topic, an idempotency key stands for. A key counts from the moment it is claimed, before its commit; the
 * store has it afterwards, for a day. Claims stay here for a while after their commit, so that a look-up that began before it still
 * finds them.
 */
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { TaskOptions, TaskTarget } from '../protocol/tasks.ts';
import type { KeyWrite, Store } from '../runtime/stores/store.ts';
import { canonicalHash } from './canonical.ts';

/** Claims kept in memory; far more than one look-up can be behind. */
const CLAIMS_MAX = 50_000;

/** What keys stand for. */
export type KeyedWork = 'task' | 'message';

/** The keys of one node for work of one kind. */
export class Idempotency {
  readonly #store: Store;
  readonly #kind: KeyedWork;
  readonly #claims = new Map<string, KeyWrite>();

  constructor(store: Store, kind: KeyedWork) {
    this.#store = store;
    this.#kind = kind;
  }

  /** What has the key already. Errors: IDEMPOTENCY_MISMATCH when it was claimed with another body. */
  async find(principal: string, key: string, bodyHash: string, nowMs: number): Promise<string | undefined> {
    return (
      this.claimed(principal, key, bodyHash, nowMs) ??
      this.#match(await this.#store.readKey(principal, key), bodyHash, nowMs)
    );
  }

  /** The same, of claims in memory alone: to be asked again right before a claim, after every wait. */
  claimed(principal: string, key: string, bodyHash: string, nowMs: number): string | undefined {
    return this.#match(this.#claims.get(`${principal}\0${key}`), bodyHash, nowMs);
  }

  /** Claims a key for a piece of work, by its id; the caller writes the claim in the epoch of that work's first commit. */
  claim(principal: string, key: string, bodyHash: string, id: string, nowMs: number): KeyWrite {
    const write: KeyWrite = { principal, key, task: id, bodyHash, expiresAtMs: nowMs + LIMITS.idempotencyMs };
    this.#claims.set(`${principal}\0${key}`, write);
    for (const oldest of this.#claims.keys()) {
      if (this.#claims.size <= CLAIMS_MAX) break;
      this.#claims.delete(oldest);
    }
    return write;
  }

  #match(write: KeyWrite | undefined, bodyHash: string, nowMs: number): string | undefined {
    if (write === undefined || write.expiresAtMs <= nowMs) return undefined;
    if (write.bodyHash === bodyHash) return write.task;
    const kind = this.#kind;
    const message = `This idempotency key was used for another ${kind}. Use a new key for a new ${kind}.`;
    throw new OperatingError('IDEMPOTENCY_MISMATCH', message, { details: { [kind]: write.task } });
  }
}

/** The hash of what was asked for; the order of an object's keys does not matter. */
export function bodyHashOf(target: TaskTarget, input: unknown, options: TaskOptions): string {
  return canonicalHash([target, input ?? null, options]);
}
