/**
 * LevelDB's log format, which its manifests have too: blocks of 32 KiB, in them records of checksum, length, type and
 * payload; one that does not fit into a block goes on in the next.
 *
 * The end of a log may be a write that a crash cut off; it was never acknowledged, and is told apart from damage: it runs
 * past the end of the file, or a page of it is still zero.
 */
import { maskedCrc32c } from './crc32c.ts';

const BLOCK_BYTES = 32_768;
/** Checksum 4, length 2, type 1. */
const HEADER_BYTES = 7;
const TYPE_FULL = 1;
const TYPE_FIRST = 2;
const TYPE_LAST = 4;
const PAGE_BYTES = 4_096;

/** The first place of a log that is not a whole record. */
export interface LogDamage {
  readonly offset: number;
  /** A write that a crash cut off, rather than damage. */
  readonly unfinished: boolean;
}

/** Undefined for a log that is whole. */
export function logDamage(bytes: Uint8Array): LogDamage | undefined {
  for (let at = firstHeader(0); at < bytes.length; ) {
    const end = recordEnd(bytes, at);
    if (end === undefined) return { offset: at, unfinished: !isFollowed(bytes, at) && isCutOff(bytes, at) };
    at = firstHeader(end);
  }
  return undefined;
}

/** The payloads, put together, up to the first place that is not a whole record. */
export function logPayloads(bytes: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  for (let at = firstHeader(0); at < bytes.length; ) {
    const end = recordEnd(bytes, at);
    if (end === undefined) break;
    const type = bytes[at + HEADER_BYTES - 1];
    if (type === TYPE_FULL || type === TYPE_FIRST) parts = [];
    parts.push(bytes.subarray(at + HEADER_BYTES, end));
    if (type === TYPE_FULL || type === TYPE_LAST) payloads.push(Buffer.concat(parts));
    at = firstHeader(end);
  }
  return payloads;
}

/** From here on, the place of the first header: the end of a block that is too short for one is left empty. */
function firstHeader(at: number): number {
  const left = BLOCK_BYTES - (at % BLOCK_BYTES);
  return left < HEADER_BYTES ? at + left : at;
}

/** The end of the record that begins here; undefined if there is no whole one. */
function recordEnd(bytes: Uint8Array, at: number): number | undefined {
  const limit = Math.min(bytes.length, blockAfter(at));
  if (at + HEADER_BYTES > limit) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const end = at + HEADER_BYTES + view.getUint16(4, true);
  const type = view.getUint8(6);
  if (end > limit || type === 0 || type > TYPE_LAST) return undefined;
  return view.getUint32(0, true) === maskedCrc32c(bytes, at + 6, end) ? end : undefined;
}

/** Whether a whole record stands behind a broken one: in its block at any place, or at the beginning of a later block. */
function isFollowed(bytes: Uint8Array, brokenAt: number): boolean {
  const blockAt = blockAfter(brokenAt);
  for (let at = blockAt; at < bytes.length; at += BLOCK_BYTES) if (recordEnd(bytes, at) !== undefined) return true;
  for (let at = brokenAt + 1; at < Math.min(blockAt, bytes.length); at++)
    if (recordEnd(bytes, at) !== undefined) return true;
  return false;
}

/** Whether the broken record at the end of a log looks as a crash leaves it. */
function isCutOff(bytes: Uint8Array, at: number): boolean {
  for (let page = Math.ceil(at / PAGE_BYTES) * PAGE_BYTES; page + PAGE_BYTES <= bytes.length; page += PAGE_BYTES) {
    if (bytes.subarray(page, page + PAGE_BYTES).every((byte) => byte === 0)) return true;
  }
  if (at + HEADER_BYTES > bytes.length) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  if (at + HEADER_BYTES + view.getUint16(4, true) <= bytes.length) return false;
  // A damaged length can point past the end, too: then the checksum fits what is there.
  return view.getUint32(0, true) !== maskedCrc32c(bytes, at + 6, bytes.length);
}

function blockAfter(at: number): number {
  return at - (at % BLOCK_BYTES) + BLOCK_BYTES;
}
