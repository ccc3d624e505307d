/**
 * Sees to it that what was sent arrives, and that the other side hears what has arrived: pieces are sent again when nothing of
 * them arrives for a while, and counts travel by themselves where no other frame takes them along.
 */
import { LIMITS } from '../../protocol/limits.ts';
import { LINK_FRAME } from '../../protocol/mesh-frames.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import type { Counts, Line } from './line.ts';
import type { Outflow } from './outflow.ts';

/** What the other side is told of at once, and not a moment later. */
const UNTOLD_PIECES_MAX = 32;
const UNTOLD_DONE_MAX = LIMITS.linkCreditMessages / 4;
const UNTOLD_BYTES_MAX = LIMITS.linkCreditBytes / 4;

/** What it works with. */
export interface ArrivalParts {
  readonly world: World;
  readonly line: Line;
  readonly outflow: Outflow;
  readonly counts: () => Counts;
  /** Sends a frame that carries the counts. */
  readonly tell: () => void;
}

/** For one session. */
export class Arrival {
  readonly #parts: ArrivalParts;
  #resent = 0;
  #resendMs = 0;
  #stopResending: Cancel | undefined;
  #stopTelling: Cancel | undefined;

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
    this.progress();
  }

  /** Pieces that were sent again. */
  get resent(): number {
    return this.#resent;
  }

  /** Something has arrived at the other side, or there is another wire: the next wait is short again. */
  progress(): void {
    // What is late on a connection that loses nothing is not lost, so there is no hurry there.
    const isReliable = this.#parts.line.wire?.isReliable === true;
    this.#resendMs = isReliable ? LIMITS.meshResendMaxMs : LIMITS.meshResendMinMs;
  }

  /** Something was sent. */
  watch(): void {
    const { world, line, outflow } = this.#parts;
    if (this.#stopResending !== undefined || line.wire === undefined || outflow.underWay.length === 0) return;
    const before = outflow.received;
    this.#stopResending = world.after(this.#resendMs, () => {
      this.#stopResending = undefined;
      if (outflow.received === before && line.wire?.bufferedAmount === 0) {
        this.#resendMs = Math.min(this.#resendMs * 2, LIMITS.meshResendMaxMs);
        this.resend();
      } else this.watch();
    });
  }

  /** Sends all that has not arrived, in order. */
  resend(): void {
    const { line, outflow } = this.#parts;
    this.#resent += outflow.underWay.length;
    for (const { seq, isLast, body } of outflow.underWay) line.send(LINK_FRAME.data, seq, body, isLast);
    this.watch();
  }

  /** The counts have changed. */
  tellSoon(): void {
    const { world, line, counts, tell } = this.#parts;
    if (line.wire === undefined) return;
    const { received, done, doneBytes } = counts();
    const { told } = line;
    const isMuch =
      received - told.received >= UNTOLD_PIECES_MAX ||
      done - told.done >= UNTOLD_DONE_MAX ||
      doneBytes - told.doneBytes >= UNTOLD_BYTES_MAX;
    if (isMuch) tell();
    else {
      this.#stopTelling ??= world.after(LIMITS.meshAckMs, () => {
        this.#stopTelling = undefined;
        this.#tellWhatIsNew();
      });
    }
  }

  /** The session has ended. */
  stop(): void {
    this.#stopResending?.();
    this.#stopTelling?.();
  }

  #tellWhatIsNew(): void {
    const { line, counts, tell } = this.#parts;
    const { received, done } = counts();
    // A frame that went in the meantime has taken them along. What came twice is told again: the last telling may be lost.
    if (this.#isAskedAgain || received !== line.told.received || done !== line.told.done) tell();
    this.#isAskedAgain = false;
  }

  /** The other side has sent again what is here already. */
  askedAgain(): void {
    this.#isAskedAgain = true;
    this.tellSoon();
  }

  #isAskedAgain = false;
}
