/**
 * A file that a verb writes: there whole or not at all, for its owner alone, and never over another one unasked.
 * What is no regular file, such as /dev/stdout, is written to as it is.
 */
import { createWriteStream } from 'node:fs';
import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getSystemErrorMessage } from 'node:util';
import { OperatingError } from '../protocol/errors.ts';

/** What the system was asked for when it refused a file; other errors are those of whoever gives the content. */
const FILE_CALLS: ReadonlySet<unknown> = new Set(['access', 'stat', 'open', 'write', 'fsync', 'rename']);

/**
 * To be asked before the content is fetched. Errors: INVALID_INPUT where nothing can be written there; STATE_CONFLICT where
 * a file is there and `force` does not say that it may go.
 */
export async function assertWritable(file: string, force: boolean): Promise<void> {
  try {
    const kind = await kindOf(file);
    if (kind === 'folder') throw new OperatingError('INVALID_INPUT', `${file} is a folder. Name a file in it.`);
    if (kind === 'file' && !force)
      throw new OperatingError(
        'STATE_CONFLICT',
        `${file} is there already. Name another file, or write over it with --force.`,
      );
    if (kind !== 'device') await access(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw refusalOf(file, error);
  }
}

/** Writes it, in place of what is there. Errors: INVALID_INPUT with why it cannot be written; those of `chunks`. */
export async function writeWhole(
  file: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  try {
    if ((await kindOf(file)) === 'device') return await pipeline(Readable.from(chunks), createWriteStream(file));
    await writeByPart(file, chunks);
  } catch (error) {
    throw refusalOf(file, error);
  }
}

/** Writes a value as JSON for people. Errors: as of `writeWhole`. */
export async function writeJsonFile(file: string, value: unknown): Promise<void> {
  await writeWhole(file, [Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`)]);
}

async function writeByPart(file: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const part = `${resolve(file)}.part`;
  try {
    const content = Readable.from(chunks, { objectMode: false });
    await pipeline(content, createWriteStream(part, { mode: 0o600, flush: true }));
    await rename(part, file);
  } catch (error) {
    // Why it went wrong matters more than what is left of it.
    await rm(part, { force: true }).catch(() => {});
    throw error;
  }
}

async function kindOf(file: string): Promise<'none' | 'file' | 'folder' | 'device'> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) return 'folder';
    return found.isFile() ? 'file' : 'device';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
}

function refusalOf(file: string, error: unknown): unknown {
  const { syscall, errno } = error as NodeJS.ErrnoException;
  if (error instanceof OperatingError || errno === undefined || !FILE_CALLS.has(syscall)) return error;
  return new OperatingError('INVALID_INPUT', `${file} cannot be written: ${getSystemErrorMessage(errno)}.`, {
    cause: error,
  });
}
