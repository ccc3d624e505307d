/**
 * What one side of a session says, from the message to the piece that is sent: messages wait for credit, are cut into pieces of
 * a frame each, and pieces are kept until they have arrived. Here is no clock and no wire.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MeshEncoder } from '../../protocol/mesh-codec.ts';
import { LINK_BODY_BYTES_MAX } from '../../protocol/mesh-frames.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';

/** A piece of a message, of one frame's size at most. */
export interface Piece {
  readonly seq: number;
  readonly isLast: boolean;
  readonly body: Uint8Array;
}

/** One direction of one session. */
export class Outflow {
  readonly #encoder = new MeshEncoder();
  readonly #emit: (piece: Piece) => void;
  #queue: Uint8Array[] = [];
  #taken = 0;
  #waitingBytes = 0;
  /** Pieces that have not arrived, in order. */
  #underWay: Piece[] = [];
  #lastSeq = 0;
  #received = 0;
  #sent = 0;
  #sentBytes = 0;
  #done = 0;
  #doneBytes = 0;

  /** `emit` gets each piece once, in order; afterwards they are in `underWay` until they have arrived. */
  constructor(emit: (piece: Piece) => void) {
    this.#emit = emit;
  }

  /** Messages that wait, and their bytes. */
  get waiting(): number {
    return this.#queue.length - this.#taken;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Messages that have begun to be sent. */
  get sent(): number {
    return this.#sent;
  }

  /** The last piece there is, and the last that has arrived with all before it. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get received(): number {
    return this.#received;
  }

  get underWay(): readonly Piece[] {
    return this.#underWay;
  }

  get hasCredit(): boolean {
    return this.waiting === 0 && this.#hasCreditFor(0);
  }

  /** Errors: BUSY, PROTOCOL_TOO_BIG, PROTOCOL_MALFORMED; nothing was taken on then. */
  send(message: MeshMessage): void {
    if (this.waiting >= LIMITS.linkQueueMessagesMax) throw busy(`${LIMITS.linkQueueMessagesMax} messages`);
    const bytes = this.#encoder.encode(message);
    if (this.waiting === 0 && this.#hasCreditFor(bytes.length)) {
      this.#cut(bytes);
      return;
    }
    if (this.#waitingBytes + bytes.length > LIMITS.linkQueueBytesMax) {
      this.#encoder.forget();
      throw busy(`${LIMITS.linkQueueBytesMax} bytes`);
    }
    this.#queue.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /**
   * The other side has all pieces up to `received`, and has dealt with so many messages. Gives whether there is credit now where
   * there was none. What is older than what it said before changes nothing. Errors: PROTOCOL_MALFORMED for more than was sent.
   */
  heard(received: number, done: number, doneBytes: number): boolean {
    if (received > this.#lastSeq || done > this.#sent || doneBytes > this.#sentBytes) {
      throw new OperatingError('PROTOCOL_MALFORMED', 'The other side says that more has arrived than was sent.');
    }
    if (received > this.#received) {
      // Sequence numbers have no holes.
      this.#underWay.splice(0, received - this.#received);
      this.#received = received;
    }
    const hadCredit = this.hasCredit;
    this.#done = Math.max(this.#done, done);
    this.#doneBytes = Math.max(this.#doneBytes, doneBytes);
    this.#pump();
    return !hadCredit && this.hasCredit;
  }

  /** Nothing more is sent. */
  end(): void {
    this.#queue = [];
    this.#taken = 0;
    this.#waitingBytes = 0;
    this.#underWay = [];
  }

  #pump(): void {
    while (this.waiting > 0) {
      const bytes = this.#queue[this.#taken] as Uint8Array;
      if (!this.#hasCreditFor(bytes.length)) break;
      this.#taken++;
      this.#waitingBytes -= bytes.length;
      this.#cut(bytes);
    }
    // Not for each message, so that a long queue is not moved again and again.
    if (this.#taken * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
  }

  /** A message that is larger than all of the credit goes when nothing else is out. */
  #hasCreditFor(bytes: number): boolean {
    const out = this.#sent - this.#done;
    if (out === 0) return true;
    if (out >= LIMITS.linkCreditMessages) return false;
    return this.#sentBytes - this.#doneBytes + bytes <= LIMITS.linkCreditBytes;
  }

  #cut(bytes: Uint8Array): void {
    this.#sent++;
    this.#sentBytes += bytes.length;
    for (let from = 0; from < bytes.length; from += LINK_BODY_BYTES_MAX) {
      const to = Math.min(from + LINK_BODY_BYTES_MAX, bytes.length);
      const piece = { seq: ++this.#lastSeq, isLast: to === bytes.length, body: bytes.subarray(from, to) };
      this.#underWay.push(piece);
      this.#emit(piece);
    }
  }
}

function busy(bound: string): OperatingError {
  const message = `${bound} wait for the node at the other end of the link already; it takes no more now.`;
  return new OperatingError('BUSY', message, { retryAfterMs: LIMITS.meshHeartbeatMs });
}
