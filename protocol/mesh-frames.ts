/**
 * Frames of a link whose session stands. Numbers are big-endian; counts have 48 bits.
 *
 *   kind 1 | flags 1 | session 6 | stamp 6 | seq 6 | received 6 | done 6 | doneBytes 6 | body | MAC 16, where there is one
 *
 * `session` is a mark of the session's id, `stamp` another one for each frame that is sent, so that an old frame is told from a
 * new one. A frame of data is a piece of a message: `seq` counts those, from 1; one that is sent again has its `seq` and body
 * again, and the rest anew. In a beat, `seq` is that of the last piece there is.
 */
import { OperatingError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What a frame of a link is. Those below 0x10 are of the handshake. */
export const LINK_FRAME = { data: 0x11, beat: 0x12, end: 0x13 } as const;
export type LinkFrameKind = (typeof LINK_FRAME)[keyof typeof LINK_FRAME];

/** Bytes before the body. */
export const LINK_HEAD_BYTES = 38;
/** Bytes of a MAC, behind the body. */
export const MAC_BYTES = 16;
/** The most that the body of one frame holds. */
export const LINK_BODY_BYTES_MAX = LIMITS.meshFrameBytesMax - LINK_HEAD_BYTES - MAC_BYTES;

const LAST_PIECE = 1;
const KINDS: ReadonlySet<number> = new Set(Object.values(LINK_FRAME));

/** The head of a frame. */
export interface LinkHead {
  readonly kind: LinkFrameKind;
  /** Whether a message ends with this piece. */
  readonly isLast: boolean;
  readonly session: number;
  readonly stamp: number;
  readonly seq: number;
  /** Pieces that have arrived, all of them up to this one. */
  readonly received: number;
  /** Messages that have been dealt with, in whatever order, and their bytes. */
  readonly done: number;
  readonly doneBytes: number;
}

/** A frame, without a MAC, with `room` bytes left behind it. */
export function writeLinkFrame(head: LinkHead, body: Uint8Array, room: number): Buffer {
  const frame = Buffer.allocUnsafe(LINK_HEAD_BYTES + body.length + room);
  frame[0] = head.kind;
  frame[1] = head.isLast ? LAST_PIECE : 0;
  let at = 2;
  for (const count of [head.session, head.stamp, head.seq, head.received, head.done, head.doneBytes]) {
    at = frame.writeUIntBE(count, at, 6);
  }
  frame.set(body, LINK_HEAD_BYTES);
  return frame;
}

/** The head of a frame. Errors: PROTOCOL_MALFORMED. */
export function readLinkHead(frame: Buffer): LinkHead {
  const kind = frame[0] as LinkFrameKind;
  if (frame.length < LINK_HEAD_BYTES || !KINDS.has(kind)) throw malformed('it has no head');
  const flags = frame[1] as number;
  if (flags > LAST_PIECE) throw malformed('it has flags that nobody knows');
  const count = (index: number): number => frame.readUIntBE(2 + 6 * index, 6);
  return {
    ...{ kind, isLast: flags === LAST_PIECE, session: count(0), stamp: count(1) },
    ...{ seq: count(2), received: count(3), done: count(4), doneBytes: count(5) },
  };
}

function malformed(why: string): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `The frame of a link cannot be read: ${why}.`);
}
