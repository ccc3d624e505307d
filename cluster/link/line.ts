/**
 * The wire that a session has just now, or none: frames are stamped, marked and sealed on their way out, and on their way in they
 * are opened, or the wire is dropped. The session outlives it.
 */
import { createHash } from 'node:crypto';
import type { OperatingError } from '../../protocol/errors.ts';
import {
  LINK_HEAD_BYTES,
  type LinkFrameKind,
  type LinkHead,
  readLinkHead,
  writeLinkFrame,
} from '../../protocol/mesh-frames.ts';
import { NO_SEAL, type Seal } from './seal.ts';
import type { Wire } from './wire.ts';

const MARK_BYTES = 6;

/** Counts that every frame carries. */
export interface Counts {
  readonly received: number;
  readonly done: number;
  readonly doneBytes: number;
}

/** A frame of the other side. `isNew`: sent after all others that came; an old one is no sign of life. */
export interface Opened {
  readonly head: LinkHead;
  readonly body: Buffer;
  readonly isNew: boolean;
}

/** The line of one session. */
export class Line {
  readonly #mark: number;
  readonly #counts: () => Counts;
  #wire: Wire | undefined;
  #seal: Seal = NO_SEAL;
  #stamp = 0;
  #heardStamp = 0;
  #told: Counts = { received: 0, done: 0, doneBytes: 0 };

  constructor(session: string, counts: () => Counts) {
    this.#mark = createHash('sha256').update(session).digest().readUIntBE(0, MARK_BYTES);
    this.#counts = counts;
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** The counts that the last frame carried. */
  get told(): Counts {
    return this.#told;
  }

  /** This wire is the one from now on. */
  attach(wire: Wire, seal: Seal): void {
    this.drop(1000, 'The link goes on over another connection.');
    this.#wire = wire;
    this.#seal = seal;
  }

  /** Whether this was the wire; there is none then. */
  detach(wire: Wire): boolean {
    if (this.#wire !== wire) return false;
    this.#wire = undefined;
    return true;
  }

  /** Closes the wire, where there is one. */
  drop(code: number, why: string): void {
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.close(code, why);
  }

  /** Gives up a wire over which nothing comes. */
  cut(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.cut();
  }

  /** Where there is no wire, nothing happens. */
  send(kind: LinkFrameKind, seq: number, body: Uint8Array, isLast = false): void {
    if (this.#wire === undefined) return;
    const counts = this.#counts();
    this.#told = counts;
    const head: LinkHead = { kind, isLast, session: this.#mark, stamp: ++this.#stamp, seq, ...counts };
    this.#wire.send(this.#seal.close(writeLinkFrame(head, body, this.#seal.bytes)));
  }

  /** What came over the wire; undefined for what cannot be of the other side, after which the wire is dropped. */
  open(frame: Buffer): Opened | undefined {
    const opened = this.#seal.open(frame);
    if (opened === undefined) {
      this.drop(4401, 'A frame is not sealed as it should be.');
      return undefined;
    }
    try {
      const head = readLinkHead(opened);
      if (head.session === this.#mark) {
        const isNew = head.stamp > this.#heardStamp;
        if (isNew) this.#heardStamp = head.stamp;
        return { head, body: opened.subarray(LINK_HEAD_BYTES), isNew };
      }
      this.drop(1002, 'A frame is of another session.');
    } catch (error) {
      this.drop(1002, (error as OperatingError).message);
    }
    return undefined;
  }
}
