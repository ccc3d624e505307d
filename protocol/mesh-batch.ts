/**
 * Several pieces in the body of one frame. For each of them:
 *
 *   flags 1 | bytes 3 | piece
 */
import { OperatingError } from './errors.ts';

const LAST_PIECE = 1;

/** A piece of a message, as a frame has it. */
export interface FramePiece {
  /** Whether a message ends with it. */
  readonly isLast: boolean;
  readonly body: Uint8Array;
}

/** Bytes in front of a piece in a batch. */
export const BATCH_HEAD_BYTES = 4;
/** Pieces in one batch. */
export const BATCH_PIECES_MAX = 256;

/** The body of a batch. */
export function writeBatch(pieces: readonly FramePiece[]): Buffer {
  const bytes = pieces.reduce((sum, { body }) => sum + BATCH_HEAD_BYTES + body.length, 0);
  const batch = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { isLast, body } of pieces) {
    at = batch.writeUInt8(isLast ? LAST_PIECE : 0, at);
    at = batch.writeUIntBE(body.length, at, 3);
    batch.set(body, at);
    at += body.length;
  }
  return batch;
}

/** The pieces of a batch. They share its bytes. Errors: PROTOCOL_MALFORMED. */
export function readBatch(batch: Buffer): readonly FramePiece[] {
  const pieces: FramePiece[] = [];
  for (let at = 0; at < batch.length; ) {
    if (pieces.length === BATCH_PIECES_MAX) throw malformed('its batch has too many pieces');
    if (batch.length - at < BATCH_HEAD_BYTES) throw malformed('its batch ends too early');
    const flags = batch.readUInt8(at);
    const bytes = batch.readUIntBE(at + 1, 3);
    at += BATCH_HEAD_BYTES;
    if (flags > LAST_PIECE || bytes === 0 || bytes > batch.length - at) throw malformed('its batch has no such piece');
    pieces.push({ isLast: flags === LAST_PIECE, body: batch.subarray(at, at + bytes) });
    at += bytes;
  }
  if (pieces.length === 0) throw malformed('its batch is empty');
  return pieces;
}

function malformed(why: string): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `The frame of a link cannot be read: ${why}.`);
}
