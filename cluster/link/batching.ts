/**
 * Gathers the pieces of one moment into one frame: a frame costs a call into the system, and a seal, whatever it holds. What is sent
 * alone goes alone.
 */
import { BATCH_HEAD_BYTES, BATCH_PIECES_MAX, writeBatch } from '../../protocol/mesh-batch.ts';
import { LINK_FRAME } from '../../protocol/mesh-frames.ts';
import type { World } from '../../runtime/world.ts';
import type { Line } from './line.ts';
import type { Piece } from './outflow.ts';

/** A batch grows no larger: what is larger has its cost in its bytes, and the other side should see the first of them soon. */
const BATCH_BYTES_MAX = 64 * 1024;

/** The pieces of one session that have not gone out yet. */
export class Batching {
  readonly #world: Pick<World, 'defer'>;
  readonly #line: Line;
  readonly #onSent: () => void;
  #pieces: Piece[] = [];
  #bytes = 0;
  #isDue = false;

  /** `onSent` is called when some went out. */
  constructor(world: Pick<World, 'defer'>, line: Line, onSent: () => void) {
    this.#world = world;
    this.#line = line;
    this.#onSent = onSent;
  }

  /** With what else comes in this moment. Pieces come in the order of their numbers. */
  add(piece: Piece): void {
    const bytes = BATCH_HEAD_BYTES + piece.body.length;
    if (this.#bytes + bytes > BATCH_BYTES_MAX || this.#pieces.length === BATCH_PIECES_MAX) this.flush();
    this.#pieces.push(piece);
    this.#bytes += bytes;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#world.defer(() => {
      this.#isDue = false;
      this.flush();
    });
  }

  /** Now. */
  flush(): void {
    const pieces = this.#pieces;
    const [first] = pieces;
    if (first === undefined) return;
    this.forget();
    if (pieces.length === 1) this.#line.send(LINK_FRAME.data, first.seq, first.body, first.isLast);
    else this.#line.send(LINK_FRAME.batch, first.seq, writeBatch(pieces));
    this.#onSent();
  }

  /** They are sent otherwise, or not at all. */
  forget(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
