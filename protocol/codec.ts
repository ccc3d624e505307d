/**
 * Messages as bytes or text, and back. Two codecs with one face; what travels is the same in both but for dates and
 * bytes, which JSON has no form for (wire-values.ts).
 *
 * A codec knows nothing of what messages mean: it refuses what is malformed or over its bounds, and never guesses.
 */
import { isUtf8 } from 'node:buffer';
import { Unpackr, type Options } from 'msgpackr';
import { OperatingError } from './errors.ts';
import { readJson } from './json-guard.ts';
import { writeJson } from './json-writer.ts';
import { CLIENT_FRAME, type FrameBounds, NODE_FRAME } from './limits.ts';
import { checkMsgpack } from './msgpack-guard.ts';
import { writeMsgpack } from './msgpack-writer.ts';

/** The version of the protocol that these codecs and messages belong to. */
export const PROTOCOL_VERSION = 1;

/** The WebSocket subprotocols, the preferred one first. */
export const SUBPROTOCOLS = ['troupe.v1.msgpack', 'troupe.v1.json'] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** One way to put messages on the wire. */
export interface Codec {
  readonly subprotocol: Subprotocol;
  /** Whether its frames are binary; the other kind is refused. */
  readonly isBinary: boolean;
  /**
   * The message in a frame, as plain data that shares nothing with the frame. Without bounds: those of a frame from a
   * client. Errors: PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG, and no other.
   */
  decode(frame: Uint8Array | string, bounds?: FrameBounds): unknown;
  /**
   * The frame of a message; nobody writes to it again, so it can be held until it is sent. Without bounds: those of a
   * frame to a client. Errors: PROTOCOL_TOO_BIG, PROTOCOL_MALFORMED for what cannot be put into a message.
   */
  encode(message: unknown, bounds?: FrameBounds): Uint8Array | string;
}

// 'auto' (numbers within ±2^53, BigInts beyond) is documented by msgpackr, but missing from its types.
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  structuredClone: false,
  copyBuffers: true,
  int64AsType: 'auto' as unknown as 'bigint',
} satisfies Options);

/** Binary frames of plain MessagePack. */
export const msgpackCodec: Codec = Object.freeze({
  subprotocol: 'troupe.v1.msgpack',
  isBinary: true,
  decode(frame: Uint8Array | string, bounds: FrameBounds = CLIENT_FRAME): unknown {
    if (typeof frame === 'string') throw malformed('it is a text frame, and this connection speaks MessagePack');
    checkMsgpack(frame, bounds);
    try {
      return unpackr.unpack(frame);
    } catch (error) {
      throw malformed('it cannot be read', error);
    }
  },
  encode: (message: unknown, bounds: FrameBounds = NODE_FRAME) => writeMsgpack(message, bounds),
});

/** Text frames of JSON. The bytes of a text frame are taken too, as sockets hand them over. */
export const jsonCodec: Codec = Object.freeze({
  subprotocol: 'troupe.v1.json',
  isBinary: false,
  decode(frame: Uint8Array | string, bounds: FrameBounds = CLIENT_FRAME): unknown {
    const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
    if (bytes > bounds.bytesMax) {
      const message = `The frame is over its limit of ${bounds.bytesMax} bytes.`;
      throw new OperatingError('PROTOCOL_TOO_BIG', message, { details: { limit: 'bytes', max: bounds.bytesMax } });
    }
    return readJson(typeof frame === 'string' ? frame : textOf(frame), bounds);
  },
  encode: (message: unknown, bounds: FrameBounds = NODE_FRAME) => writeJson(message, bounds),
});

/** The codec of a subprotocol; the JSON one where none was asked for; undefined for one that is not known. */
export function codecFor(subprotocol: string | undefined): Codec | undefined {
  if (subprotocol === undefined || subprotocol === '' || subprotocol === jsonCodec.subprotocol) return jsonCodec;
  return subprotocol === msgpackCodec.subprotocol ? msgpackCodec : undefined;
}

function textOf(frame: Uint8Array): string {
  if (!isUtf8(frame)) throw malformed('it is not UTF-8');
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('utf8');
}

function malformed(why: string, cause?: unknown): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `The frame cannot be read: ${why}.`, { cause });
}
