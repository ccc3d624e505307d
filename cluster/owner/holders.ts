/**
 * Calls that workers hold for an owner that has started anew. Until each worker that was there before has said what it holds, or has
 * been waited for long enough, a call that may be under way somewhere is not made again.
 */
import type { RefusableCall } from '../../runtime/effects.ts';
import type { Cancel, World } from '../../runtime/world.ts';

/** A call that a worker holds. */
export interface Held<M> {
  readonly member: M;
  readonly token: string;
}

/** The holders of one owner. `M`: a worker. */
export class Holders<M> {
  /** Workers that were there when the node ran last, and have not come back. */
  readonly #expected: Set<string>;
  readonly #held = new Map<string, Held<M>>();
  /** Calls that were taken out to be joined, with the tokens that their workers know them by. */
  readonly #joining = new Map<string, string>();
  readonly #waiting = new Map<string, (held: Held<M> | undefined) => void>();
  readonly #stopWaiting: Cancel;

  /** Waits for `expected` for at most `graceMs`. */
  constructor(expected: Iterable<string>, graceMs: number, world: Pick<World, 'after'>) {
    this.#expected = new Set(expected);
    this.#stopWaiting = this.#expected.size === 0 ? () => undefined : world.after(graceMs, () => this.#settle());
  }

  /** Whether anyone is waited for still. */
  get isWaiting(): boolean {
    return this.#expected.size > 0;
  }

  /** Whether a call is held under this token, or being joined. */
  has(call: string, token: string): boolean {
    return this.#held.get(call)?.token === token || this.#joining.get(call) === token;
  }

  /** A call was joined, or could not be. */
  joined(call: string): void {
    this.#joining.delete(call);
  }

  /** Who holds a call, which is taken out; undefined where nobody does. Rejects with why, where it is no longer wanted. */
  async find(call: string, wanted: Pick<RefusableCall, 'onRefused'>): Promise<Held<M> | undefined> {
    const held = this.#held.get(call);
    this.#held.delete(call);
    if (held !== undefined) this.#joining.set(call, held.token);
    if (held !== undefined || !this.isWaiting) return held;
    return await new Promise((resolve, reject) => {
      wanted.onRefused((refusal) => {
        this.#waiting.delete(call);
        reject(refusal);
      });
      this.#waiting.set(call, (found) => {
        wanted.onRefused(undefined);
        this.#waiting.delete(call);
        resolve(found);
      });
    });
  }

  /** A worker is back and says what it holds. */
  heard(node: string, member: M, calls: readonly { readonly call: string; readonly token: string }[]): void {
    for (const { call, token } of calls) {
      const waiting = this.#waiting.get(call);
      if (waiting === undefined) {
        this.#held.set(call, { member, token });
        continue;
      }
      this.#joining.set(call, token);
      waiting({ member, token });
    }
    this.#expected.delete(node);
    if (!this.isWaiting) this.#settle();
  }

  /** What a worker holds and nobody has asked for. Taken out. */
  unclaimed(member: M): readonly { readonly call: string; readonly token: string }[] {
    const left = [...this.#held].filter(([, held]) => held.member === member);
    for (const [call] of left) this.#held.delete(call);
    return left.map(([call, { token }]) => ({ call, token }));
  }

  stop(): void {
    this.#stopWaiting();
  }

  #settle(): void {
    this.#stopWaiting();
    this.#expected.clear();
    for (const resolve of [...this.#waiting.values()]) resolve(undefined);
  }
}
