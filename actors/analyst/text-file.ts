/**
 * A file as text: opening it, finding out its character set, reading it in chunks. It opens the path it is given and
 * nothing else: whether that path may be opened is for the caller to decide.
 */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { OperatingError } from '../../protocol/errors.ts';
import type { Dialect } from './dialect.ts';
import { LIMITS } from './limits.ts';

/** The beginning of a file. `whole` says that it is all of it. */
export interface Head {
  readonly bytes: Buffer;
  readonly fileBytes: number;
  readonly whole: boolean;
}

const FOREIGN: readonly { readonly magic: readonly number[]; readonly what: string }[] = [
  { magic: [0x1f, 0x8b], what: 'a gzip archive; unpack it first' },
  { magic: [0x50, 0x4b, 0x03, 0x04], what: 'a ZIP archive or an Excel workbook; unpack it, or save it as CSV first' },
  { magic: [0x50, 0x41, 0x52, 0x31], what: 'a Parquet file; convert it to CSV or NDJSON first' },
  { magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], what: 'an Arrow file; convert it to CSV or NDJSON first' },
  { magic: [0xd0, 0xcf, 0x11, 0xe0], what: 'an old Excel workbook; save it as CSV first' },
];

/** Size of a regular file in bytes. Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT (no regular file, or over the limit). */
export async function fileSize(path: string): Promise<number> {
  const stats = await stat(path).catch((error: unknown) => {
    throw translateFileError(error, path);
  });
  if (!stats.isFile()) throw new OperatingError('INVALID_INPUT', `${path} is not a regular file.`);
  if (stats.size > LIMITS.fileBytesMax) {
    const message = `${path} has ${stats.size} bytes; at most ${LIMITS.fileBytesMax} are read.`;
    throw new OperatingError('INVALID_INPUT', message, {
      details: { limit: 'fileBytesMax', max: LIMITS.fileBytesMax },
    });
  }
  return stats.size;
}

/** The first `bytesMax` bytes. Errors: as `fileSize`; INVALID_INPUT for an empty file and for formats that are not text. */
export async function readHead(path: string, bytesMax: number): Promise<Head> {
  const fileBytes = await fileSize(path);
  const buffer = Buffer.alloc(Math.min(bytesMax, fileBytes));
  const file = await open(path, 'r').catch((error: unknown) => {
    throw translateFileError(error, path);
  });
  let filled = 0;
  try {
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } finally {
    await file.close();
  }
  const bytes = buffer.subarray(0, filled);
  refuseForeign(bytes, path);
  return { bytes, fileBytes, whole: filled >= fileBytes };
}

/** The character set, from the byte order mark or from whether the bytes are valid UTF-8. */
export function detectEncoding(bytes: Buffer): Dialect['encoding'] {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

/** The text of some bytes at the start of a file, without the byte order mark. A character cut at the end is dropped. */
export function decodeHead(bytes: Buffer, encoding: Dialect['encoding']): string {
  return createDecoder(encoding)(bytes);
}

/**
 * The whole file in chunks of text. `onBytes` sees the bytes before they are decoded. Bytes that are not valid become
 * U+FFFD. Errors: NOT_FOUND, FORBIDDEN.
 */
export async function* readText(
  path: string,
  encoding: Dialect['encoding'],
  onBytes: (bytes: Buffer) => void,
): AsyncGenerator<string> {
  const decode = createDecoder(encoding);
  const stream = createReadStream(path, { highWaterMark: LIMITS.chunkBytes });
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      onBytes(bytes);
      const text = decode(bytes);
      if (text !== '') yield text;
    }
  } catch (error) {
    throw translateFileError(error, path);
  }
}

/** An error of the file system in words of the table; others stay what they are. */
export function translateFileError(error: unknown, path: string): unknown {
  if (error instanceof OperatingError || !(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return new OperatingError('NOT_FOUND', `There is no file ${path}.`, { cause: error });
  }
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS') {
    return new OperatingError('FORBIDDEN', `${path} may not be used by this process.`, { cause: error });
  }
  if (error.code === 'ENOSPC' || error.code === 'EMFILE' || error.code === 'ENFILE') {
    return new OperatingError('UNAVAILABLE', `${path}: no room or no file handle left (${error.code}).`, {
      cause: error,
    });
  }
  return new OperatingError('AGENT_FAILED', `${path}: ${error.message}`, { cause: error });
}

function createDecoder(encoding: Dialect['encoding']): (bytes: Buffer) => string {
  let first = true;
  const decode = encoding === 'windows-1252' ? createTextDecoder() : createStringDecoder(encoding);
  return (bytes) => {
    const text = decode(bytes);
    if (!first || text === '') return text;
    first = false;
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  };
}

// StringDecoder gives one-byte strings for plain text, which TextDecoder in streaming mode does not: half the memory.
function createStringDecoder(encoding: 'utf-8' | 'utf-16le'): (bytes: Buffer) => string {
  const decoder = new StringDecoder(encoding === 'utf-8' ? 'utf8' : 'utf16le');
  return (bytes) => decoder.write(bytes);
}

function createTextDecoder(): (bytes: Buffer) => string {
  const decoder = new TextDecoder('windows-1252');
  return (bytes) => decoder.decode(bytes, { stream: true });
}

function refuseForeign(bytes: Buffer, path: string): void {
  for (const { magic, what } of FOREIGN) {
    if (magic.every((byte, index) => bytes[index] === byte)) {
      throw new OperatingError('INVALID_INPUT', `${path} is ${what}.`);
    }
  }
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  if (!isUtf16 && bytes.includes(0)) {
    throw new OperatingError('INVALID_INPUT', `${path} holds zero bytes: it is not a text file (CSV, JSON, NDJSON).`);
  }
}
