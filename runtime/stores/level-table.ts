/**
 * LevelDB's table format, as far as it takes to check one: blocks, each with a type byte and a checksum behind it, and a
 * footer that says where the last two of them are.
 */
import { blockEnd, TRAILER_BYTES } from './crc32c.ts';

/** Handles of metaindex and index, padded to 40; magic. */
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;

/** The first place that fails its checksum or is not as the footer says; undefined for a table that is whole. */
export function tableDamage(bytes: Uint8Array): number | undefined {
  const footerAt = bytes.length - FOOTER_BYTES;
  if (footerAt < 0) return 0;
  const blocks: { readonly offset: number; readonly bytes: number }[] = [];
  for (let at = 0; at < footerAt; ) {
    const end = blockEnd(bytes, at, footerAt);
    if (end === undefined) return at;
    blocks.push({ offset: at, bytes: end - at - TRAILER_BYTES });
    at = end;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const handles = blocks.slice(-2).flatMap(({ offset, bytes: length }) => [offset, length]);
  const expected = handles.flatMap(varintBytes);
  const whole =
    view.getBigUint64(bytes.length - 8, true) === MAGIC && expected.every((byte, i) => bytes[footerAt + i] === byte);
  return whole ? undefined : footerAt;
}

function varintBytes(number: number): number[] {
  const bytes: number[] = [];
  for (let left = number; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 0x80);
  }
}
