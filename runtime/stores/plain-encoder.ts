/**
 * Writes plain values as MessagePack: null, booleans, numbers, strings, `undefined`, and arrays and plain objects of these.
 * It looks whether a value is plain while it writes, and is for that alone more than twice as fast as a look and msgpackr's
 * packer after it. Anything else is msgpackr's, which reads both; but for Buffers that stand in the outermost array, as the
 * state of a cell does in its record: those are bytes as they are.
 */
import { OperatingError } from '../../protocol/errors.ts';

/** How deeply a value may be nested. */
export const VALUE_DEPTH_MAX = 256;
/** The largest body of one record. */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;

const SCRATCH_BYTES = 64 * 1024;
/** A larger one, which a large value has needed, is not kept. */
const SCRATCH_KEPT_MAX_BYTES = 1024 * 1024;
/** The largest thing that is written without asking for room: a number, or the head of a string, array or object. */
export const STEP_BYTES = 16;
/** A string as long is written by character: a call into the platform costs more. */
const SHORT_STRING_MAX = 31;
const UTF8_BYTES_MAX = 3;

let scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
let view = new DataView(scratch.buffer);
let at = 0;
/** Up to here a step may be written. */
let limit = SCRATCH_BYTES - STEP_BYTES;

/**
 * The bytes of a value, with room for the caller's own in front and behind; the next call overwrites them. Undefined for a
 * value that is not plain, or deeper than VALUE_DEPTH_MAX. Errors: PROTOCOL_TOO_BIG (beyond RECORD_BYTES_MAX).
 * @param tailBytes at most STEP_BYTES
 */
export function encodePlain(value: unknown, headBytes: number, tailBytes: number): Buffer | undefined {
  if (scratch.length > SCRATCH_KEPT_MAX_BYTES) resize(SCRATCH_BYTES, 0);
  at = 0;
  makeRoom(headBytes);
  at = headBytes;
  if (!write(value, VALUE_DEPTH_MAX)) return undefined;
  makeRoom(tailBytes);
  return scratch.subarray(0, at + tailBytes);
}

function write(value: unknown, depthLeft: number): boolean {
  if (at > limit) makeRoom(STEP_BYTES);
  switch (typeof value) {
    case 'string':
      writeString(value);
      return true;
    case 'number':
      writeNumber(value);
      return true;
    case 'boolean':
      scratch[at++] = value ? 0xc3 : 0xc2;
      return true;
    case 'undefined':
      scratch[at] = 0xd4;
      scratch[at + 1] = 0;
      scratch[at + 2] = 0;
      at += 3;
      return true;
    case 'object':
      if (value === null) {
        scratch[at++] = 0xc0;
        return true;
      }
      if (depthLeft === 0) return false;
      return Array.isArray(value) ? writeArray(value, depthLeft - 1) : writeObject(value, depthLeft - 1);
    default:
      return false;
  }
}

function writeArray(array: readonly unknown[], depthLeft: number): boolean {
  const { length } = array;
  const isOutermost = depthLeft === VALUE_DEPTH_MAX - 1;
  writeHead(length, 15, 0x90, 0xdc);
  for (let i = 0; i < length; i++) {
    const element = array[i];
    if (isOutermost && element instanceof Buffer) writeBytes(element);
    else if (!write(element, depthLeft)) return false;
  }
  return true;
}

function writeBytes(bytes: Buffer): void {
  const { length } = bytes;
  makeRoom(length + STEP_BYTES);
  if (length < 0x100) {
    scratch[at] = 0xc4;
    scratch[at + 1] = length;
    at += 2;
  } else if (length < 0x10000) {
    scratch[at] = 0xc5;
    view.setUint16(at + 1, length);
    at += 3;
  } else {
    scratch[at] = 0xc6;
    view.setUint32(at + 1, length);
    at += 5;
  }
  scratch.set(bytes, at);
  at += length;
}

function writeObject(object: object, depthLeft: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const headAt = at++;
  let size = 0;
  for (const key in object) {
    size++;
    if (at > limit) makeRoom(STEP_BYTES);
    writeString(key);
    if (!write((object as Record<string, unknown>)[key], depthLeft)) return false;
  }
  if (size <= 15) scratch[headAt] = 0x80 | size;
  else widenHead(headAt, size);
  return true;
}

/** The head of an object of more than 15 keys, which are written already. */
function widenHead(headAt: number, size: number): void {
  const headBytes = size < 0x10000 ? 3 : 5;
  if (at > limit) makeRoom(STEP_BYTES);
  scratch.copyWithin(headAt + headBytes, headAt + 1, at);
  const end = at + headBytes - 1;
  at = headAt;
  writeHead(size, 15, 0x80, 0xde);
  at = end;
}

/** The number of elements: in the type byte up to `smallMax`, in two bytes behind `wideType`, or in four behind the next type. */
function writeHead(count: number, smallMax: number, smallType: number, wideType: number): void {
  if (count <= smallMax) {
    scratch[at++] = smallType | count;
  } else if (count < 0x10000) {
    scratch[at] = wideType;
    view.setUint16(at + 1, count);
    at += 3;
  } else {
    scratch[at] = wideType + 1;
    view.setUint32(at + 1, count);
    at += 5;
  }
}

function writeNumber(value: number): void {
  if ((value | 0) !== value || Object.is(value, -0)) {
    scratch[at] = 0xcb;
    view.setFloat64(at + 1, value);
    at += 9;
  } else if (value >= 0) {
    if (value < 0x80) {
      scratch[at++] = value;
    } else if (value < 0x10000) {
      scratch[at] = 0xcd;
      view.setUint16(at + 1, value);
      at += 3;
    } else {
      scratch[at] = 0xce;
      view.setUint32(at + 1, value);
      at += 5;
    }
  } else if (value >= -0x20) {
    scratch[at++] = value;
  } else {
    scratch[at] = 0xd2;
    view.setInt32(at + 1, value);
    at += 5;
  }
}

function writeString(text: string): void {
  const { length } = text;
  if (length <= SHORT_STRING_MAX) {
    if (at + SHORT_STRING_MAX > limit) makeRoom(SHORT_STRING_MAX + STEP_BYTES);
    const bytes = scratch;
    const textAt = at + 1;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) break;
      bytes[textAt + i] = unit;
    }
    if (i === length) {
      bytes[at] = 0xa0 | length;
      at = textAt + length;
      return;
    }
  }
  const bytesMax = length * UTF8_BYTES_MAX;
  makeRoom(bytesMax + STEP_BYTES);
  if (bytesMax < 0x100) {
    const bytes = scratch.write(text, at + 2, 'utf8');
    scratch[at] = 0xd9;
    scratch[at + 1] = bytes;
    at += 2 + bytes;
  } else if (bytesMax < 0x10000) {
    const bytes = scratch.write(text, at + 3, 'utf8');
    scratch[at] = 0xda;
    view.setUint16(at + 1, bytes);
    at += 3 + bytes;
  } else {
    const bytes = scratch.write(text, at + 5, 'utf8');
    scratch[at] = 0xdb;
    view.setUint32(at + 1, bytes);
    at += 5 + bytes;
  }
}

/** Makes sure that so many bytes, and a step, can be written. */
function makeRoom(bytes: number): void {
  const needed = at + bytes + STEP_BYTES;
  if (needed <= scratch.length) return;
  if (at > RECORD_BYTES_MAX || bytes > RECORD_BYTES_MAX * UTF8_BYTES_MAX) throw tooBig();
  resize(Math.max(2 * scratch.length, needed), at);
}

function resize(bytes: number, keepBytes: number): void {
  const old = scratch;
  scratch = Buffer.allocUnsafeSlow(bytes);
  old.copy(scratch, 0, 0, keepBytes);
  view = new DataView(scratch.buffer);
  limit = bytes - STEP_BYTES;
}

/** What a value that is too large for a record is refused with. */
export function tooBig(key?: string): OperatingError {
  return new OperatingError(
    'PROTOCOL_TOO_BIG',
    `A value takes more than ${RECORD_BYTES_MAX} bytes; that many can be kept in one record.`,
    {
      ...(key !== undefined && { details: { key } }),
    },
  );
}
