/** CRC32C (Castagnoli), the checksum inside LevelDB's files; Node's own crc32 is another polynomial. */

const POLYNOMIAL = 0x82f63b78;

/** The step of each byte value. */
const CRC32C_TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The checksum of `bytes` from `from` up to `to`, masked as LevelDB stores it. */
export function maskedCrc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  for (let at = from; at < to; at++) crc = (CRC32C_TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return mask(~crc);
}

/**
 * The end of the block of a LevelDB table that begins at `from`: the place behind its type byte and checksum. Tables do not
 * say how long a block is outside of their index, but its checksum fits at one place only. Undefined if it fits nowhere
 * below `to`: the block is damaged.
 */
export function blockEnd(bytes: Uint8Array, from: number, to: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  for (let at = from; at + TRAILER_BYTES <= to; at++) {
    const byte = bytes[at] as number;
    crc = (CRC32C_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
    if (byte <= BLOCK_TYPE_MAX && mask(~crc) === view.getUint32(at + 1, true)) return at + TRAILER_BYTES;
  }
  return undefined;
}

/** The type byte and the checksum behind a block. */
export const TRAILER_BYTES = 5;
/** Uncompressed is 0, Snappy 1. */
const BLOCK_TYPE_MAX = 1;

function mask(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
