/**
 * What waits for one cell. Two lanes: the control lane is for what the cell itself has asked for or is owed (replies,
 * timers, ends of children) and is never refused, since each of its entries was bounded where it was asked for; the user
 * lane is for what others send unasked and is bounded in count and bytes. Control goes first; each lane is FIFO.
 */
import { LIMITS } from '../protocol/limits.ts';
import type { AskChain } from './ask-chain.ts';
import type { ActorEvent, EffectOutcome, Reentry } from './host.ts';

/** Who hears `bounced` {`ref`, `event`, `error`} where a message can not be handed to its actor, in the same epoch. */
export interface Bounce {
  readonly to: string;
  readonly ref?: number;
}

/** What may be said of a message that is given to a bounded lane. */
export interface Delivery {
  /** Who sends it. */
  readonly from?: string;
  /** What it weighs, where it is more than an envelope. */
  readonly bytes?: number;
  /** Who waits for what comes of it. */
  readonly asked?: AskChain;
  readonly bounce?: Bounce;
}

/** What an envelope may carry beside its message. */
interface Stamps {
  /** The messages that led to it, where code of users is among those who sent them (runtime/circles.ts). */
  readonly hops?: number;
  readonly asked?: AskChain;
  readonly bounce?: Bounce;
}

/** One thing to handle in one turn. `deliveries` counts the turns that already crashed over it. */
export type Envelope = { deliveries: number; readonly bytes: number } & Stamps &
  (
    | { readonly kind: 'start' }
    | { readonly kind: 'event'; readonly event: ActorEvent }
    | { readonly kind: 'relay'; readonly reentry: Reentry }
    | { readonly kind: 'settle'; readonly key: string; readonly outcome: EffectOutcome }
    | { readonly kind: 'timer'; readonly id: string; readonly dueAtMs: number }
  );

/**
 * An empty lane: most cells use one of two and are idle most of the time, and there are many cells. An array that was emptied
 * would keep room for 17 entries from its next push on. Never written to.
 */
const NONE: Envelope[] = [];

/** The mailbox of one cell. */
export class Mailbox {
  #control = NONE;
  #controlHead = 0;
  #user = NONE;
  #userHead = 0;
  #userBytes = 0;

  get size(): number {
    return this.#control.length - this.#controlHead + this.#user.length - this.#userHead;
  }

  /** Whether the user lane has room for so many messages with so many bytes together. */
  hasRoom(messages: number, bytes: number): boolean {
    const waiting = this.#user.length - this.#userHead;
    return waiting + messages <= LIMITS.mailboxMessagesMax && this.#userBytes + bytes <= LIMITS.mailboxBytesMax;
  }

  /** Into the user lane; false when it is full and nothing was taken. */
  offer(envelope: Envelope): boolean {
    if (!this.hasRoom(1, envelope.bytes)) return false;
    if (this.#user === NONE) this.#user = [envelope];
    else this.#user.push(envelope);
    this.#userBytes += envelope.bytes;
    return true;
  }

  /** Into the user lane, whether it is full or not: it had been let in before. */
  readmit(envelope: Envelope): void {
    if (this.#user === NONE) this.#user = [envelope];
    else this.#user.push(envelope);
    this.#userBytes += envelope.bytes;
  }

  /** Into the control lane. */
  push(envelope: Envelope): void {
    if (this.#control === NONE) this.#control = [envelope];
    else this.#control.push(envelope);
  }

  /** What was put into the control lane last, where it still waits there. */
  get lastPushed(): Envelope | undefined {
    return this.#control.at(-1);
  }

  /** Puts another in the place of what was put into the control lane last. */
  replaceLast(envelope: Envelope): void {
    if (this.#control !== NONE) this.#control[this.#control.length - 1] = envelope;
  }

  /** To the front, for another delivery. */
  putBack(envelope: Envelope): void {
    if (this.#controlHead > 0) this.#control[--this.#controlHead] = envelope;
    else if (this.#control === NONE) this.#control = [envelope];
    else this.#control.unshift(envelope);
  }

  /** What would be taken now. */
  get next(): Envelope | undefined {
    return this.#control[this.#controlHead] ?? this.#user[this.#userHead];
  }

  /** Takes this one out, wherever it waits. False where it does not wait here. */
  remove(envelope: Envelope): boolean {
    if (this.next === envelope) return this.take() !== undefined;
    const control = this.#control.indexOf(envelope, this.#controlHead);
    if (control >= 0) {
      this.#control.splice(control, 1);
      return true;
    }
    const user = this.#user.indexOf(envelope, this.#userHead);
    if (user < 0) return false;
    this.#userBytes -= envelope.bytes;
    this.#user.splice(user, 1);
    if (this.#userHead === this.#user.length) {
      this.#user = NONE;
      this.#userHead = 0;
    }
    return true;
  }

  take(): Envelope | undefined {
    if (this.#controlHead < this.#control.length) {
      const envelope = this.#control[this.#controlHead++];
      if (this.#controlHead === this.#control.length) {
        this.#control = NONE;
        this.#controlHead = 0;
      }
      return envelope;
    }
    if (this.#userHead < this.#user.length) {
      const envelope = this.#user[this.#userHead++] as Envelope;
      this.#userBytes -= envelope.bytes;
      if (this.#userHead === this.#user.length) {
        this.#user = NONE;
        this.#userHead = 0;
      }
      return envelope;
    }
    return undefined;
  }

  /** Takes out of the control lane what `matches`. */
  discard(matches: (envelope: Envelope) => boolean): void {
    if (this.#control === NONE) return;
    this.#control = this.#control.slice(this.#controlHead).filter((envelope) => !matches(envelope));
    this.#controlHead = 0;
  }

  /** All that waits, in the order it would be taken: first those of the control lane. */
  waiting(): { readonly control: readonly Envelope[]; readonly user: readonly Envelope[] } {
    return { control: this.#control.slice(this.#controlHead), user: this.#user.slice(this.#userHead) };
  }
}
