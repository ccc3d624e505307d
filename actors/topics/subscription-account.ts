/**
 * What publishers know of a durable subscription: how much waits in it, before it is asked. A place and its bytes count from the
 * moment they are given to a message until the subscription says, by its committed cursor, that it is done with them.
 */
import type { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Cursor } from './subscription.ts';
import type { SubscriptionRow } from './subscription-row.ts';

/** Where the oldest go when there is no more room, publishers are held back at this many times what may wait. */
const STUCK_FACTOR = 2;

/** The account of one subscription. */
export class SubscriptionAccount {
  readonly name: string;
  row: SubscriptionRow;
  /** Whether the subscription has told where it is: it is in the store then. */
  isKnown = false;
  /** Why it could not be loaded. */
  fault: OperatingError | undefined;
  #first = 1;
  #next = 1;
  #bytes = 0;
  /** Messages that are on their way to it: place → bytes. */
  readonly #sent = new Map<number, number>();
  #sentBytes = 0;

  constructor(name: string, row: SubscriptionRow) {
    this.name = name;
    this.row = row;
  }

  /** Messages that wait, or are on their way. */
  get waiting(): number {
    return this.#next - this.#first;
  }

  /** Whether one more may be published to it. */
  hasRoom(bytes: number): boolean {
    const { backlogMax, whenFull } = this.row;
    const factor = whenFull === 'refuse' ? 1 : STUCK_FACTOR;
    const sum = this.#bytes + this.#sentBytes + bytes;
    return this.waiting < backlogMax * factor && sum <= LIMITS.backlogBytesMax * factor;
  }

  /** Takes the next place. */
  take(bytes: number): number {
    const seq = this.#next++;
    this.#sent.set(seq, bytes);
    this.#sentBytes += bytes;
    return seq;
  }

  /** The subscription is here. */
  moved({ first, next, bytes }: Cursor): void {
    this.#first = first;
    this.#next = Math.max(this.#next, next);
    this.#bytes = bytes;
    // In the order of their places.
    for (const [seq, size] of this.#sent) {
      if (seq >= next) break;
      this.#sent.delete(seq);
      this.#sentBytes -= size;
    }
  }
}
