/**
 * Records: what a driver writes under a key, and the check of every byte that comes back.
 *
 *   0  magic 'TR'
 *   2  format version
 *   3  codec: 0 bytes as given, 1 MessagePack
 *   4  length of the body
 *   8  the body
 *  -4  CRC32 of the key and of all of the above
 *
 * Every format keeps magic, checksum and the place of the version, so that damage and a newer format can be told apart. The
 * key is part of the checksum: a record that turns up under another key is damage too. MessagePack is written without
 * msgpackr's record extension: its table of key sequences breaks when a user's object has the key `__keys__`.
 */
import { crc32 } from 'node:zlib';
import { Packr, Unpackr } from 'msgpackr';
import { OperatingError } from '../../protocol/errors.ts';
import { encodePlain, RECORD_BYTES_MAX, tooBig } from './plain-encoder.ts';
import { corrupt } from './record-damage.ts';
import { keepableCopy } from './values.ts';

/** Of the frame and of the rows in it, together. */
export const RECORD_FORMAT = 1;

const HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;
const MAGIC = 0x5452;
const CODEC_BYTES = 0;
const CODEC_VALUE = 1;

const OPTIONS = { useRecords: false, structuredClone: true, moreTypes: true } as const;
const packr = new Packr({ ...OPTIONS, variableMapSize: true, useToJSON: false });
const unpackr = new Unpackr({ ...OPTIONS, mapsAsObjects: true, copyBuffers: true });

/**
 * The record of a value. The bytes are valid until the next call: copy them at once.
 * Errors: PROTOCOL_TOO_BIG with `details.key` (more than RECORD_BYTES_MAX, or deeper than VALUE_DEPTH_MAX).
 */
export function frameValue(key: string, value: unknown): Uint8Array {
  try {
    const frame =
      encodePlain(value, key.length + HEADER_BYTES, CHECKSUM_BYTES) ?? frameOf(key, packr.pack(keepableCopy(value)));
    return seal(key, frame, CODEC_VALUE);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    throw new OperatingError(error.code, error.message, { details: { key }, cause: error });
  }
}

/** The record of bytes that have a format of their own. Errors: PROTOCOL_TOO_BIG. */
export function frameBytes(key: string, bytes: Uint8Array): Uint8Array {
  return seal(key, frameOf(key, bytes), CODEC_BYTES);
}

/** The value of a record, shared with nobody. Errors: STORE_CORRUPT, VERSION_MISMATCH, both with `details.key`. */
export function readValue(key: string, record: Uint8Array): unknown {
  const body = openFrame(key, record, CODEC_VALUE);
  try {
    return unpackr.unpack(body);
  } catch (cause) {
    throw corrupt(key, 'its body cannot be unpacked', cause);
  }
}

/** The bytes of a record, shared with nobody. Errors as for `readValue`. */
export function readBytes(key: string, record: Uint8Array): Uint8Array {
  return new Uint8Array(openFrame(key, record, CODEC_BYTES));
}

/** Packs a value as records do, for bytes that go into one later. They are the caller's own. Errors: PROTOCOL_TOO_BIG. */
export function packValue(value: unknown): Uint8Array {
  const plain = encodePlain(value, 0, 0);
  return plain === undefined ? packr.pack(keepableCopy(value)) : Buffer.from(plain);
}

/** Throws what a commit of this value would throw: call it where a value comes in, so that no epoch meets it. Errors: PROTOCOL_TOO_BIG. */
export function assertKeepable(value: unknown): void {
  if (encodePlain(value, 0, 0) === undefined) keepableCopy(value);
}

/** The inverse; shares nothing with the bytes. Throws what msgpackr throws: the bytes come from a checked record. */
export function unpackValue(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes);
}

/** Room for a key and its record, with the body in its place. */
function frameOf(key: string, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(key.length + HEADER_BYTES + body.length + CHECKSUM_BYTES);
  frame.set(body, key.length + HEADER_BYTES);
  return frame;
}

/** Fills what is around the body. The key (ASCII) is put in front, so that one pass sums up both, and is not part of the result. */
function seal(key: string, frame: Buffer, codec: number): Buffer {
  const keyBytes = key.length;
  const checksumAt = frame.length - CHECKSUM_BYTES;
  const bodyBytes = checksumAt - keyBytes - HEADER_BYTES;
  if (bodyBytes > RECORD_BYTES_MAX) throw tooBig(key);
  for (let i = 0; i < keyBytes; i++) frame[i] = key.charCodeAt(i);
  frame.writeUInt16BE(MAGIC, keyBytes);
  frame[keyBytes + 2] = RECORD_FORMAT;
  frame[keyBytes + 3] = codec;
  frame.writeUInt32BE(bodyBytes, keyBytes + 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, checksumAt)), checksumAt);
  return frame.subarray(keyBytes);
}

function openFrame(key: string, record: Uint8Array, codec: number): Uint8Array {
  const checksumAt = record.length - CHECKSUM_BYTES;
  if (checksumAt < HEADER_BYTES) throw corrupt(key, 'it is cut short');
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (view.getUint16(0) !== MAGIC) throw corrupt(key, 'it does not begin as a record');
  if (view.getUint32(checksumAt) !== crc32(record.subarray(0, checksumAt), crc32(key)))
    throw corrupt(key, 'its checksum does not fit');
  const version = view.getUint8(2);
  if (version !== RECORD_FORMAT) {
    throw new OperatingError(
      'VERSION_MISMATCH',
      `The stored record ${JSON.stringify(key)} has format ${version}; this version reads format ${RECORD_FORMAT}. ` +
        'Start the version that wrote it, or a newer one.',
      { details: { key } },
    );
  }
  if (view.getUint32(4) !== checksumAt - HEADER_BYTES || view.getUint8(3) !== codec)
    throw corrupt(key, 'it is of another kind or length');
  // The same class from every driver, since binary parts of the value take it over.
  return Buffer.from(record.buffer, record.byteOffset + HEADER_BYTES, checksumAt - HEADER_BYTES);
}
