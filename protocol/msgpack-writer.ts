/**
 * Writes plain MessagePack that any client can read: no extension but timestamps, arrays, numbers and text in
 * their shortest form, text that is always UTF-8. What becomes of which value stands in wire-values.ts; integers within 32 bits are
 * written as integers, other numbers as 64-bit floats, BigInts as 64-bit integers.
 *
 * It is written by hand because msgpackr's `pack` can be given none of this without a pass over the message before it,
 * which together cost twice as much (docs/protocol.md has the figures and the reasons).
 */
import type { FrameBounds } from './limits.ts';
import { checkInteger, isPlain, oversized, toPlain, unsendable } from './wire-values.ts';

/** The scratch a writer starts with and goes back to after a large message. */
const SCRATCH_BYTES = 16 * 1024;
const SCRATCH_KEPT_BYTES = 256 * 1024;
/** Longer text is worth a call into the platform. */
const SHORT_TEXT_CHARACTERS = 40;
const UINT32 = 2 ** 32;
/** Most bytes of a number, or of the head of anything. */
const HEAD_BYTES_MAX = 15;

/** Writes one message at a time. */
class MsgpackWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #position = 0;
  #elements = 0;
  #bytesMax = 0;
  #depthMax = 0;
  #elementsMax = 0;

  /** The message in a buffer of its own, which nobody writes to again. */
  write(message: unknown, bounds: FrameBounds): Buffer {
    this.#position = 0;
    this.#elements = 1;
    this.#bytesMax = bounds.bytesMax;
    this.#depthMax = bounds.depthMax;
    this.#elementsMax = bounds.elementsMax;
    this.#value(message, 0);
    if (this.#position > this.#bytesMax) throw oversized('bytes', this.#bytesMax);
    return Buffer.from(this.#bytes.subarray(0, this.#position));
  }

  /** Lets go of the room that a large message needed. */
  shrink(): void {
    if (this.#bytes.length > SCRATCH_KEPT_BYTES) this.#use(Buffer.allocUnsafeSlow(SCRATCH_BYTES));
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.#integer(value);
      case 'object':
        return value === null ? this.#byte(0xc0) : this.#object(value, depth);
      default:
        return this.#byte(0xc0);
    }
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (isPlain(value)) return this.#map(value as Record<string, unknown>, depth);
    if (value instanceof Date) return this.#date(value.getTime());
    if (value instanceof Uint8Array) return this.#binary(value);
    this.#value(toPlain(value), depth);
  }

  #array(values: readonly unknown[], depth: number): void {
    const length = values.length;
    this.#enter(length, depth);
    this.#head(0x90, 0xdc, length);
    for (let index = 0; index < length; index++) this.#value(values[index], depth + 1);
  }

  #map(object: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(object);
    const room = keys.length;
    this.#enter(room * 2, depth);
    const at = this.#position;
    this.#head(0x80, 0xde, room);
    let size = 0;
    for (let index = 0; index < room; index++) {
      const key = keys[index] as string;
      const value = object[key];
      if (value === undefined || typeof value === 'function' || typeof value === 'symbol') continue;
      if (key === '__proto__') throw unsendable('a key is __proto__');
      this.#text(key);
      this.#value(value, depth + 1);
      size++;
    }
    if (size !== room) this.#correctHead(at, room, size);
  }

  /** Fields were left out: the head has room for `room` of them, and says now that there are `size`. */
  #correctHead(at: number, room: number, size: number): void {
    if (room < 16) this.#bytes[at] = 0x80 | size;
    else if (room < 65_536) this.#view.setUint16(at + 1, size);
    else this.#view.setUint32(at + 1, size);
  }

  #enter(items: number, depth: number): void {
    if (depth >= this.#depthMax) throw oversized('depth', this.#depthMax);
    this.#elements += items;
    if (this.#elements > this.#elementsMax) throw oversized('elements', this.#elementsMax);
  }

  /** The head of a map or array: its short form, or the tag of its 16-bit form, which the 32-bit one follows. */
  #head(short: number, tag16: number, length: number): void {
    this.#room(HEAD_BYTES_MAX);
    if (length < 16) this.#bytes[this.#position++] = short | length;
    else if (length < 65_536) {
      this.#bytes[this.#position] = tag16;
      this.#view.setUint16(this.#position + 1, length);
      this.#position += 3;
    } else {
      this.#bytes[this.#position] = tag16 + 1;
      this.#view.setUint32(this.#position + 1, length);
      this.#position += 5;
    }
  }

  #text(text: string): void {
    const length = text.length;
    if (length > this.#bytesMax - this.#position) throw oversized('bytes', this.#bytesMax);
    this.#room(length * 3 + HEAD_BYTES_MAX);
    if (length < SHORT_TEXT_CHARACTERS) {
      const bytes = this.#bytes;
      const start = this.#position + (length < 32 ? 1 : 2);
      let index = 0;
      for (; index < length; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[start + index] = unit;
      }
      if (index === length) {
        this.#textHead(this.#position, length);
        this.#position = start + length;
        return;
      }
    }
    this.#longText(text, length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5);
  }

  /** Writes the text behind room for the head it probably has, and moves it if the head turns out longer. */
  #longText(text: string, guess: number): void {
    const at = this.#position;
    const length = this.#bytes.write(text, at + guess, 'utf8');
    const head = length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5;
    if (head !== guess) this.#bytes.copyWithin(at + head, at + guess, at + guess + length);
    this.#textHead(at, length);
    this.#position = at + head + length;
  }

  #textHead(at: number, length: number): void {
    if (length < 32) this.#bytes[at] = 0xa0 | length;
    else if (length < 256) {
      this.#bytes[at] = 0xd9;
      this.#bytes[at + 1] = length;
    } else if (length < 65_536) {
      this.#bytes[at] = 0xda;
      this.#view.setUint16(at + 1, length);
    } else {
      this.#bytes[at] = 0xdb;
      this.#view.setUint32(at + 1, length);
    }
  }

  #number(value: number): void {
    this.#room(HEAD_BYTES_MAX);
    const at = this.#position;
    if (value >>> 0 === value) this.#unsigned(value, at);
    else if (value >> 0 === value) this.#negative(value, at);
    else {
      this.#bytes[at] = 0xcb;
      this.#view.setFloat64(at + 1, value);
      this.#position = at + 9;
    }
  }

  #unsigned(value: number, at: number): void {
    if (value < 0x80) {
      this.#bytes[at] = value;
      this.#position = at + 1;
    } else if (value < 0x100) {
      this.#bytes[at] = 0xcc;
      this.#bytes[at + 1] = value;
      this.#position = at + 2;
    } else if (value < 0x10000) {
      this.#bytes[at] = 0xcd;
      this.#view.setUint16(at + 1, value);
      this.#position = at + 3;
    } else {
      this.#bytes[at] = 0xce;
      this.#view.setUint32(at + 1, value);
      this.#position = at + 5;
    }
  }

  #negative(value: number, at: number): void {
    if (value >= -0x20) {
      this.#bytes[at] = value + 0x100;
      this.#position = at + 1;
    } else if (value >= -0x80) {
      this.#bytes[at] = 0xd0;
      this.#view.setInt8(at + 1, value);
      this.#position = at + 2;
    } else if (value >= -0x8000) {
      this.#bytes[at] = 0xd1;
      this.#view.setInt16(at + 1, value);
      this.#position = at + 3;
    } else {
      this.#bytes[at] = 0xd2;
      this.#view.setInt32(at + 1, value);
      this.#position = at + 5;
    }
  }

  #integer(value: bigint): void {
    checkInteger(value);
    this.#room(HEAD_BYTES_MAX);
    const isSigned = value < 2n ** 63n;
    this.#bytes[this.#position] = isSigned ? 0xd3 : 0xcf;
    if (isSigned) this.#view.setBigInt64(this.#position + 1, value);
    else this.#view.setBigUint64(this.#position + 1, value);
    this.#position += 9;
  }

  /** A timestamp in the shortest of its three forms; nil for an invalid date. */
  #date(timeMs: number): void {
    if (Number.isNaN(timeMs)) return this.#byte(0xc0);
    this.#room(HEAD_BYTES_MAX);
    const at = this.#position;
    const seconds = Math.floor(timeMs / 1000);
    const nanoseconds = (timeMs - seconds * 1000) * 1_000_000;
    if (seconds >= 0 && seconds < UINT32 && nanoseconds === 0) {
      this.#view.setUint16(at, 0xd6ff);
      this.#view.setUint32(at + 2, seconds);
      this.#position = at + 6;
    } else if (seconds >= 0 && seconds < 4 * UINT32) {
      this.#view.setUint16(at, 0xd7ff);
      this.#view.setUint32(at + 2, nanoseconds * 4 + Math.floor(seconds / UINT32));
      this.#view.setUint32(at + 6, seconds % UINT32);
      this.#position = at + 10;
    } else {
      this.#bytes[at] = 0xc7;
      this.#view.setUint16(at + 1, 0x0cff);
      this.#view.setUint32(at + 3, nanoseconds);
      this.#view.setBigInt64(at + 7, BigInt(seconds));
      this.#position = at + 15;
    }
  }

  #binary(value: Uint8Array): void {
    const length = value.length;
    if (length > this.#bytesMax - this.#position) throw oversized('bytes', this.#bytesMax);
    this.#room(length + HEAD_BYTES_MAX);
    const at = this.#position;
    const head = length < 256 ? 2 : length < 65_536 ? 3 : 5;
    this.#bytes[at] = head === 2 ? 0xc4 : head === 3 ? 0xc5 : 0xc6;
    if (head === 2) this.#bytes[at + 1] = length;
    else if (head === 3) this.#view.setUint16(at + 1, length);
    else this.#view.setUint32(at + 1, length);
    this.#bytes.set(value, at + head);
    this.#position = at + head + length;
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#position++] = byte;
  }

  #room(bytes: number): void {
    if (this.#position + bytes <= this.#bytes.length) return;
    if (this.#position > this.#bytesMax) throw oversized('bytes', this.#bytesMax);
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#position + bytes));
    this.#bytes.copy(larger, 0, 0, this.#position);
    this.#use(larger);
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

const writer = new MsgpackWriter();
let isWriting = false;

/**
 * The message as MessagePack, in a buffer that nobody writes to again. Errors: PROTOCOL_TOO_BIG for what is over the
 * bounds, PROTOCOL_MALFORMED for what cannot be put into a message; what a getter or a `toJSON` throws comes through.
 */
export function writeMsgpack(message: unknown, bounds: FrameBounds): Uint8Array {
  // A toJSON may encode something itself.
  if (isWriting) return new MsgpackWriter().write(message, bounds);
  isWriting = true;
  try {
    return writer.write(message, bounds);
  } finally {
    isWriting = false;
    writer.shrink();
  }
}
