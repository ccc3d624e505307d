/**
 * The seal on frames where nothing else protects them: a MAC over the whole frame, with a key for each direction of each
 * connection. It is made for one connection, so a frame of another one does not pass.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { MAC_BYTES } from '../../protocol/mesh-frames.ts';

/** Seals what is sent, and opens what comes. */
export interface Seal {
  /** Bytes that a frame must have free at its end. */
  readonly bytes: number;
  /** Fills those bytes. */
  close(frame: Buffer): Buffer;
  /** The frame without its seal; undefined where that is not the other side's. */
  open(frame: Buffer): Buffer | undefined;
}

/** For connections that are protected otherwise, or not at all. */
export const NO_SEAL: Seal = { bytes: 0, close: (frame) => frame, open: (frame) => frame };

/** A seal with a key for what is sent and one for what comes. */
export function createSeal(own: Uint8Array, theirs: Uint8Array): Seal {
  return {
    bytes: MAC_BYTES,
    close(frame) {
      const end = frame.length - MAC_BYTES;
      frame.set(macOf(own, frame.subarray(0, end)), end);
      return frame;
    },
    open(frame) {
      const end = frame.length - MAC_BYTES;
      if (end < 1) return undefined;
      const body = frame.subarray(0, end);
      return timingSafeEqual(macOf(theirs, body), frame.subarray(end)) ? body : undefined;
    },
  };
}

function macOf(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, MAC_BYTES);
}
