/**
 * Calls that workers hold for an owner that has started anew. Until each worker that was there before has said what it holds, or has
 * been waited for long enough, a call that may be under way somewhere is not made again. One that several hold (their links were lost, one
 * after another, and it was made elsewhere each time) is joined where it was sent to last.
 */
import { LIMITS } from '../../protocol/limits.ts';
import type { RefusableCall } from '../../runtime/effects.ts';
import type { Cancel, World } from '../../runtime/world.ts';

/** A call that a worker holds. */
export interface Held<M> {
  readonly member: M;
  readonly token: string;
}

/**
 * Workers are waited for in stretches of so long, and a stretch counts as no more than that, however late its timer: what stood still
 * or was busy has not listened.
 */
const STRETCH_MS = 250;
/** More than any run of an owner sends. */
const COUNTS_MAX = 2 ** 32;

/**
 * How long an owner that has started anew waits for workers that it would take for lost after `lostMs`: they have dialed in vain
 * while it was away, and dial as seldom as they may by now.
 */
export function rejoinMs(lostMs: number): number {
  return Math.max(lostMs, LIMITS.meshRedialMaxMs + LIMITS.meshHeartbeatMs);
}

/** The holders of one owner. `M`: a worker. */
export class Holders<M> {
  /** Workers that were there when the node ran last, and have not come back. */
  readonly #expected: Set<string>;
  readonly #held = new Map<string, readonly Held<M>[]>();
  /** Calls that were taken out to be joined, with the tokens that their workers know them by. */
  readonly #joining = new Map<string, string>();
  readonly #waiting = new Map<string, (held: Held<M> | undefined) => void>();
  #stopWaiting: Cancel = () => undefined;

  /** Waits for `expected` for at most `graceMs` of its own time. */
  constructor(expected: Iterable<string>, graceMs: number, world: Pick<World, 'after'>) {
    this.#expected = new Set(expected);
    if (this.isWaiting) this.#wait(graceMs, world);
  }

  /** Whether anyone is waited for still. */
  get isWaiting(): boolean {
    return this.#expected.size > 0;
  }

  /** Whether a call is held under this token, or being joined. */
  has(call: string, token: string): boolean {
    const isHeld = this.#held.get(call)?.some((held) => held.token === token) === true;
    return isHeld || this.#joining.get(call) === token;
  }

  /** A call was joined, or could not be. */
  joined(call: string): void {
    this.#joining.delete(call);
  }

  /** Who holds a call, which is taken out; undefined where nobody does. Rejects with why, where it is no longer wanted. */
  async find(call: string, wanted: Pick<RefusableCall, 'onRefused'>): Promise<Held<M> | undefined> {
    const [held, ...others] = (this.#held.get(call) ?? []).toSorted((a, b) => orderOf(b.token) - orderOf(a.token));
    // Those wait for the word that nobody wants them: `unclaimed` has them.
    if (others.length > 0) this.#held.set(call, others);
    else this.#held.delete(call);
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
        this.#held.set(call, [...(this.#held.get(call) ?? []), { member, token }]);
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
    const left: { readonly call: string; readonly token: string }[] = [];
    for (const [call, all] of [...this.#held]) {
      const others = all.filter((held) => held.member !== member);
      if (others.length === all.length) continue;
      for (const { member: whose, token } of all) if (whose === member) left.push({ call, token });
      if (others.length > 0) this.#held.set(call, others);
      else this.#held.delete(call);
    }
    return left;
  }

  stop(): void {
    this.#stopWaiting();
  }

  #wait(leftMs: number, world: Pick<World, 'after'>): void {
    const stretchMs = Math.min(leftMs, STRETCH_MS);
    this.#stopWaiting = world.after(stretchMs, () => {
      if (leftMs > stretchMs) this.#wait(leftMs - stretchMs, world);
      else this.#settle();
    });
  }

  #settle(): void {
    this.#stopWaiting();
    this.#expected.clear();
    for (const resolve of [...this.#waiting.values()]) resolve(undefined);
  }
}

/** Tokens begin with the run of the owner that sent the call, and count from there. */
function orderOf(token: string): number {
  const [boot = 0, count = 0] = token.split('.', 2).map(Number);
  return boot * COUNTS_MAX + count;
}
