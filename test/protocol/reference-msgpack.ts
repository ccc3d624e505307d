/**
 * A strict MessagePack reader, written from the specification alone, slow and recursive: the yardstick that the guard and
 * the decoder are held to. It gives the value, or throws a string that says why the frame is refused.
 */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const DATE_MAX_NS = 8_640_000_000_000_000_000_000n;

interface Cursor {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  offset: number;
}

/** Reads a whole frame. */
export function readReference(bytes: Uint8Array): unknown {
  const cursor = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes, offset: 0 };
  const value = readValue(cursor);
  if (cursor.offset !== bytes.length) refuse('trailing bytes');
  return value;
}

function refuse(why: string): never {
  throw new SyntaxError(why);
}

function take(cursor: Cursor, length: number): number {
  const { offset } = cursor;
  if (offset + length > cursor.bytes.length) refuse('too short');
  cursor.offset += length;
  return offset;
}

function readUint(cursor: Cursor, bytes: number): number {
  const offset = take(cursor, bytes);
  if (bytes === 1) return cursor.view.getUint8(offset);
  return bytes === 2 ? cursor.view.getUint16(offset) : cursor.view.getUint32(offset);
}

function readValue(cursor: Cursor): unknown {
  const tag = readUint(cursor, 1);
  if (tag < 0x80) return tag;
  if (tag < 0x90) return readMap(cursor, tag - 0x80);
  if (tag < 0xa0) return readArray(cursor, tag - 0x90);
  if (tag < 0xc0) return readText(cursor, tag - 0xa0);
  if (tag >= 0xe0) return tag - 0x100;
  if (tag >= 0xca && tag <= 0xd3) return readNumber(cursor, tag);
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(cursor, readUint(cursor, 2 ** (tag - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readTimestamp(cursor, readUint(cursor, 2 ** (tag - 0xc7)));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readTimestamp(cursor, 2 ** (tag - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(cursor, readUint(cursor, 2 ** (tag - 0xd9)));
    case 0xdc:
    case 0xdd:
      return readArray(cursor, readUint(cursor, 2 ** (tag - 0xdb)));
    case 0xde:
    case 0xdf:
      return readMap(cursor, readUint(cursor, 2 ** (tag - 0xdd)));
    default:
      return refuse('never used');
  }
}

function readNumber(cursor: Cursor, tag: number): number | bigint {
  const { view } = cursor;
  switch (tag) {
    case 0xca:
      return view.getFloat32(take(cursor, 4));
    case 0xcb:
      return view.getFloat64(take(cursor, 8));
    case 0xcc:
    case 0xcd:
    case 0xce:
      return readUint(cursor, 2 ** (tag - 0xcc));
    case 0xcf:
      return narrow(view.getBigUint64(take(cursor, 8)));
    case 0xd0:
      return view.getInt8(take(cursor, 1));
    case 0xd1:
      return view.getInt16(take(cursor, 2));
    case 0xd2:
      return view.getInt32(take(cursor, 4));
    default:
      return narrow(view.getBigInt64(take(cursor, 8)));
  }
}

function narrow(value: bigint): number | bigint {
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
}

function readBytes(cursor: Cursor, length: number): Buffer {
  const offset = take(cursor, length);
  return Buffer.from(cursor.bytes.slice(offset, offset + length));
}

function readText(cursor: Cursor, length: number): string {
  const offset = take(cursor, length);
  return utf8.decode(cursor.bytes.subarray(offset, offset + length));
}

function readArray(cursor: Cursor, length: number): unknown[] {
  if (length > cursor.bytes.length) refuse('too short');
  return Array.from({ length }, () => readValue(cursor));
}

function readMap(cursor: Cursor, length: number): Record<string, unknown> {
  if (length > cursor.bytes.length) refuse('too short');
  const map: Record<string, unknown> = {};
  for (let index = 0; index < length; index++) {
    const key = readValue(cursor);
    if (typeof key !== 'string' || key === '__proto__' || Object.hasOwn(map, key)) refuse('key');
    map[key] = readValue(cursor);
  }
  return map;
}

function readTimestamp(cursor: Cursor, length: number): Date {
  if (readUint(cursor, 1) !== 0xff) refuse('extension');
  const { view } = cursor;
  const offset = take(cursor, length);
  if (length === 4) return new Date(view.getUint32(offset) * 1000);
  if (length === 8) {
    const both = view.getBigUint64(offset);
    return dateOf(Number(both & (2n ** 34n - 1n)), Number(both >> 34n));
  }
  if (length === 12) return dateOf(Number(view.getBigInt64(offset + 4)), view.getUint32(offset));
  return refuse('extension');
}

function dateOf(seconds: number, nanoseconds: number): Date {
  if (nanoseconds > 999_999_999) refuse('nanoseconds');
  // Exact: at the far ends of time a double has no room for nanoseconds.
  const exact = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  if (exact > DATE_MAX_NS || exact < -DATE_MAX_NS) refuse('date');
  return new Date(seconds * 1000 + nanoseconds / 1e6);
}
