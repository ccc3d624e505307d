/**
 * What one side of a session hears, from the piece to the message: pieces are taken in order, each once, put together, and read.
 * It keeps count of what has arrived and of what has been dealt with, and holds the other side to its credit.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MeshDecoder } from '../../protocol/mesh-codec.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';

/** A message that is there. */
export interface Arrived {
  readonly message: MeshMessage;
  /** It has been dealt with; a second call changes nothing. */
  readonly done: () => void;
}

/** What a piece led to. */
export type PieceOutcome = 'taken' | 'again' | 'early' | Arrived;

/** One direction of one session. */
export class Inflow {
  readonly #decoder: MeshDecoder;
  readonly #onDone: () => void;
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #received = 0;
  #messages = 0;
  #messageBytes = 0;
  #done = 0;
  #doneBytes = 0;

  /** `role`: of the one who speaks. `onDone` is called with each message that has been dealt with. */
  constructor(role: 'owner' | 'worker', onDone: () => void) {
    this.#decoder = new MeshDecoder(role);
    this.#onDone = onDone;
  }

  /** Pieces that have arrived, all up to this one. */
  get received(): number {
    return this.#received;
  }

  get messages(): number {
    return this.#messages;
  }

  /** Messages that have been dealt with, and their bytes. */
  get done(): number {
    return this.#done;
  }

  get doneBytes(): number {
    return this.#doneBytes;
  }

  /**
   * Takes a piece: the next one, or it changes nothing. Errors: those of MeshDecoder; PROTOCOL_TOO_BIG for a message over its
   * bound; BUSY for more than there is credit for. The session is over then: what follows cannot be read.
   */
  take(seq: number, isLast: boolean, body: Uint8Array): PieceOutcome {
    if (seq <= this.#received) return 'again';
    if (seq > this.#received + 1) return 'early';
    this.#hold(body);
    this.#received = seq;
    if (!isLast) return 'taken';
    const pieces = this.#pieces;
    const bytes = this.#piecesBytes;
    this.#pieces = [];
    this.#piecesBytes = 0;
    const message = this.#decoder.decode(
      pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, bytes),
    );
    this.#messages++;
    this.#messageBytes += bytes;
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      this.#done++;
      this.#doneBytes += bytes;
      this.#onDone();
    };
    return { message, done };
  }

  #hold(body: Uint8Array): void {
    const bytes = this.#piecesBytes + body.length;
    if (body.length === 0) throw new OperatingError('PROTOCOL_MALFORMED', 'A piece of a message is empty.');
    if (bytes > LIMITS.meshMessageBytesMax) {
      const message = `A message is over its limit of ${LIMITS.meshMessageBytesMax} bytes.`;
      throw new OperatingError('PROTOCOL_TOO_BIG', message, {
        details: { limit: 'bytes', max: LIMITS.meshMessageBytesMax },
      });
    }
    const open = this.#messages - this.#done;
    const isOver = this.#messageBytes - this.#doneBytes + bytes > LIMITS.linkCreditBytes;
    if (open >= LIMITS.linkCreditMessages || (open > 0 && isOver)) {
      throw new OperatingError('BUSY', 'The other side sends more than it has credit for.');
    }
    this.#pieces.push(body);
    this.#piecesBytes = bytes;
  }
}
