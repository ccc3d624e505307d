/** How messages get from one actor to another, and out of the node: into a mailbox, to a sink, back to their sender, or nowhere. */
import type { Cell } from './cell.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { ActorEvent } from './host.ts';
import type { Sink } from './kernel-options.ts';
import { mailboxFull, type MailCause, mailOf, noActor } from './mail.ts';
import type { Delivery } from './mailbox.ts';
import { pushJoined } from './patience.ts';

/** What it needs of the kernel. */
export interface PostDesk {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly deadLetters: DeadLetters;
  /** Loads a cell that is stored but not in memory. */
  readonly wake: ((address: string) => Cell | undefined) | undefined;
  /** Runs `fn` after the next commit. */
  release(fn: () => void): void;
  /** A cell has something to handle, and is part of the next epoch with it. */
  mailArrived(cell: Cell): void;
  /** The same, of what it can wait for until the cut. */
  newsArrived(cell: Cell): void;
}

/** The turn in which messages are sent now. */
interface SendingTurn extends MailCause {
  hops: number;
}

/** The post of one kernel. */
export class PostOffice {
  readonly #desk: PostDesk;
  readonly #turn: SendingTurn;
  readonly #sinks = new Map<string, Sink>();

  constructor(desk: PostDesk, turn: SendingTurn) {
    this.#desk = desk;
    this.#turn = turn;
  }

  /** Messages to addresses that begin with `prefix/` go to `sink`, once their turn is committed. */
  installSink(prefix: string, sink: Sink): void {
    this.#sinks.set(prefix, sink);
  }

  /** What an actor is owed, or one of the product's own has to say: never refused. */
  post(to: string, event: ActorEvent): void {
    const desk = this.#desk;
    // Most that is written to is in memory, and no sink has an address of an actor.
    const loaded = desk.cells.get(to);
    const sink = loaded === undefined ? this.#sinkOf(to) : undefined;
    if (sink !== undefined) {
      // Something comes of it: no circle.
      this.#turn.hops = 0;
      return desk.release(() => sink(to, event));
    }
    // One lane for all of it, also while the cell wakes: what one actor writes to another arrives in order.
    const cell = loaded ?? desk.wake?.(to);
    if (cell === undefined) return desk.deadLetters.add({ reason: 'no_actor', to, event });
    const mail = mailOf(event, this.#turn);
    const { patience } = cell.logic;
    if (patience?.allows(event) === true) {
      pushJoined(cell.mailbox, mail, patience);
      return desk.newsArrived(cell);
    }
    cell.mailbox.push(mail);
    desk.mailArrived(cell);
  }

  /** As `post`, but bounded: a message that finds the mailbox full bounces, or is a dead letter. */
  tell(to: string, event: ActorEvent, how: Delivery): void {
    const desk = this.#desk;
    const cell = desk.cells.get(to) ?? desk.wake?.(to);
    if (cell !== undefined && cell.mailbox.offer(mailOf(event, this.#turn, how))) return desk.mailArrived(cell);
    if (cell === undefined && this.#sinkOf(to) !== undefined) return this.post(to, event);
    const { from, bounce } = how;
    if (bounce === undefined) {
      desk.deadLetters.add({ reason: cell === undefined ? 'no_actor' : 'mailbox_full', to, from, event });
      return;
    }
    const error = cell === undefined ? noActor(to) : mailboxFull(to);
    this.post(bounce.to, { type: 'bounced', ref: bounce.ref, event, error: error.toBody() });
  }

  #sinkOf(to: string): Sink | undefined {
    return this.#sinks.get(to.slice(0, to.indexOf('/')));
  }
}
