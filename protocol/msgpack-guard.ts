/**
 * Looks through a MessagePack frame before anything is built from it. What it lets pass, the decoder reads to the end
 * without an error, without deep recursion and without allocating more than the frame is worth.
 *
 * It refuses: frames over their bounds; cut frames and trailing bytes; headers that promise more than the bytes left;
 * extensions other than timestamps (records, regular expressions and pointers among them) and timestamps outside of what
 * a Date can hold; the never-used tag 0xc1; text that is not UTF-8; map keys that are not strings, come twice or are
 * `__proto__`. It builds nothing and does not recurse.
 *
 * Between nodes there are records too: what is defined and used is then followed in a book of them (mesh-records.ts), and
 * what is 0x40 to 0x7f is never an integer.
 */
import { isUtf8 } from 'node:buffer';
import { OperatingError } from './errors.ts';
import type { FrameBounds } from './limits.ts';
import { KeyLedger } from './msgpack-keys.ts';

/** The record structures of one direction of a link, as they are while a frame is looked through. */
export interface RecordBook {
  /**
   * Reads a definition of which `offset` is at the record's id; gives the offset behind it. Errors: PROTOCOL_MALFORMED,
   * PROTOCOL_TOO_BIG.
   */
  define(frame: Uint8Array, offset: number): number;
  /** The fields of the record with this id; 0 where none is defined. */
  fieldsOf(id: number): number;
}

const SCALAR = 0;
const TEXT = 1;
const BINARY = 2;
const ARRAY = 3;
const MAP = 4;
const EXTENSION = 5;
const NEVER = 6;
/** An integer, or where there are records the use of one. */
const RECORD = 7;

/** What a tag begins, how many bytes of length follow it, and the length where the tag itself holds it. */
const KIND = new Uint8Array(256);
const LENGTH_BYTES = new Uint8Array(256);
const FIXED_LENGTH = new Uint8Array(256);

function describeTags(from: number, kind: number, lengthBytes: readonly number[], fixedLength = 0): void {
  for (const [index, bytes] of lengthBytes.entries()) {
    KIND[from + index] = kind;
    LENGTH_BYTES[from + index] = bytes;
    FIXED_LENGTH[from + index] = fixedLength;
  }
}

for (let id = 0x40; id < 0x80; id++) describeTags(id, RECORD, [0]);
for (let size = 0; size < 16; size++) {
  describeTags(0x80 + size, MAP, [0], size);
  describeTags(0x90 + size, ARRAY, [0], size);
}
for (let size = 0; size < 32; size++) describeTags(0xa0 + size, TEXT, [0], size);
describeTags(0xc1, NEVER, [0]);
describeTags(0xc4, BINARY, [1, 2, 4]);
describeTags(0xc7, EXTENSION, [1, 2, 4]);
for (const [index, bytes] of [4, 8, 1, 2, 4, 8, 1, 2, 4, 8].entries()) describeTags(0xca + index, SCALAR, [0], bytes);
for (const [index, bytes] of [1, 2, 4, 8, 16].entries()) describeTags(0xd4 + index, EXTENSION, [0], bytes);
describeTags(0xd9, TEXT, [1, 2, 4]);
describeTags(0xdc, ARRAY, [2, 4]);
describeTags(0xde, MAP, [2, 4]);

/** The deepest that `FrameBounds.depthMax` may ask for: the size of the stacks below. */
const DEPTH_CEILING = 64;
/** Shorter text is looked at here, byte by byte; longer text is worth a call into the platform. */
const SHORT_TEXT_BYTES = 48;
const TIMESTAMP = 0xff;
const FIXEXT_1 = 0xd4;
const RECORD_DEFINITION = 0x72;
const NANOSECONDS_MAX = 999_999_999;
/** The furthest a Date reaches from 1970, either way. */
const DATE_MAX_S = 8_640_000_000_000;

// One frame is looked at at a time, so one set of stacks serves them all.
const left = new Int32Array(DEPTH_CEILING);
const isMap = new Uint8Array(DEPTH_CEILING);
const keys = new KeyLedger(DEPTH_CEILING);

/**
 * Throws what is wrong with a frame; returns for a good one. Errors: PROTOCOL_TOO_BIG for bytes, depth or elements over
 * the bounds (`details` has `limit` and `max`), PROTOCOL_MALFORMED for the rest (`details.offset` says where). With a book
 * of records these are let pass too, and what the frame defines is noted in it: after an error it is of no more use.
 */
export function checkMsgpack(frame: Uint8Array, bounds: FrameBounds, records?: RecordBook): void {
  const end = frame.length;
  if (end > bounds.bytesMax) throw tooBig('bytes', bounds.bytesMax);
  const depthMax = Math.min(bounds.depthMax, DEPTH_CEILING);
  const elementsMax = bounds.elementsMax;
  let elements = 1;
  let depth = 0;
  let offset = 0;
  do {
    if (offset >= end) throw malformed('it ends too early', offset);
    const tag = frame[offset] as number;
    let kind = KIND[tag];
    const at = offset++;
    const isKey = depth > 0 && isMap[depth - 1] === 1 && ((left[depth - 1] as number) & 1) === 0;
    if (isKey && kind !== TEXT) throw malformed('a map key is not a string', at);
    const lengthBytes = LENGTH_BYTES[tag] as number;
    let length = FIXED_LENGTH[tag] as number;
    if (lengthBytes > 0) {
      if (end - offset < lengthBytes) throw malformed('it ends too early', at);
      length = readLength(frame, offset, lengthBytes);
      offset += lengthBytes;
    }
    if (records !== undefined) {
      let id = kind === RECORD ? tag : 0;
      if (tag === FIXEXT_1 && frame[offset] === RECORD_DEFINITION) {
        id = frame[offset + 1] ?? 0;
        offset = records.define(frame, offset + 1);
      }
      if (id !== 0) {
        length = records.fieldsOf(id);
        if (length === 0) throw malformed('it uses a record that is not defined', at);
        kind = ARRAY;
      }
    }
    if (kind === MAP || kind === ARRAY) {
      const items = kind === MAP ? length * 2 : length;
      if (items > end - offset) throw malformed('a map or array promises more than there is', at);
      elements += items;
      if (elements > elementsMax) throw tooBig('elements', elementsMax);
      if (depth === depthMax) throw tooBig('depth', depthMax);
      if (items > 0) {
        left[depth] = items;
        isMap[depth] = kind === MAP ? 1 : 0;
        if (kind === MAP) keys.open(depth, length);
        depth++;
        continue;
      }
    } else {
      if (kind === EXTENSION) length = checkTimestamp(frame, offset, length, at);
      else if (kind === NEVER) throw malformed('the tag 0xc1 is never used', at);
      if (length > end - offset) throw malformed('it ends too early', at);
      if (isKey) checkKey(frame, depth - 1, offset, offset + length);
      else if (kind === TEXT) checkText(frame, offset, offset + length);
      offset += length;
    }
    depth = closeFinished(depth);
  } while (depth > 0);
  if (offset !== end) throw malformed('there are bytes after its end', offset);
}

/** Counts one finished value off the innermost container, and those off that it ends; gives the new depth. */
function closeFinished(from: number): number {
  let depth = from;
  while (depth > 0) {
    const items = (left[depth - 1] as number) - 1;
    left[depth - 1] = items;
    if (items > 0) break;
    depth--;
  }
  return depth;
}

function readLength(frame: Uint8Array, offset: number, bytes: number): number {
  let length = 0;
  for (let index = 0; index < bytes; index++) length = length * 256 + (frame[offset + index] as number);
  return length;
}

function checkText(frame: Uint8Array, from: number, to: number): void {
  if (to - from <= SHORT_TEXT_BYTES) {
    let offset = from;
    while (offset < to && (frame[offset] as number) < 0x80) offset++;
    if (offset === to) return;
  }
  if (!isUtf8(frame.subarray(from, to))) throw malformed('a text is not UTF-8', from);
}

function checkKey(frame: Uint8Array, depth: number, from: number, to: number): void {
  checkText(frame, from, to);
  const fault = keys.add(depth, frame, from, to);
  if (fault !== undefined) throw malformed(fault, from);
}

/** Checks an extension of which `offset` is at the type byte; gives the bytes that follow, type included. */
function checkTimestamp(frame: Uint8Array, offset: number, length: number, at: number): number {
  if (length + 1 > frame.length - offset) throw malformed('it ends too early', at);
  const isTimestamp = frame[offset] === TIMESTAMP && (length === 4 || length === 8 || length === 12);
  if (!isTimestamp) throw malformed('it holds an extension other than a timestamp', at);
  if (length > 4) {
    const first = readLength(frame, offset + 1, 4);
    const nanoseconds = length === 8 ? Math.floor(first / 4) : first;
    if (nanoseconds > NANOSECONDS_MAX) throw malformed('a timestamp has more than a second of nanoseconds', at);
    if (length === 12) checkSeconds(frame, offset + 5, nanoseconds, at);
  }
  return length + 1;
}

function checkSeconds(frame: Uint8Array, offset: number, nanoseconds: number, at: number): void {
  const high = readLength(frame, offset, 4) | 0;
  const seconds = high * 2 ** 32 + readLength(frame, offset + 4, 4);
  const inRange = seconds >= -DATE_MAX_S && (seconds < DATE_MAX_S || (seconds === DATE_MAX_S && nanoseconds === 0));
  if (!inRange) throw malformed('a timestamp is outside of what a date can be', at);
}

function malformed(why: string, offset: number): OperatingError {
  const message = `The frame is not valid MessagePack: ${why} (at byte ${offset}).`;
  return new OperatingError('PROTOCOL_MALFORMED', message, { details: { offset } });
}

function tooBig(limit: 'bytes' | 'depth' | 'elements', max: number): OperatingError {
  const message = `The frame is over its limit of ${max} ${limit === 'depth' ? 'levels of depth' : limit}.`;
  return new OperatingError('PROTOCOL_TOO_BIG', message, { details: { limit, max } });
}
