/**
 * Intermediate results and reports on disk: written beside their place and renamed, so that a reader sees all of a file
 * or none, and a step that is repeated only writes the same again. Writes nowhere but below the folder it is given.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { threadId } from 'node:worker_threads';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from './limits.ts';
import { fileSize, translateFileError } from './text-file.ts';

/** A short name for what some parameters stand for: the same parameters, the same name. */
export function nameFor(parameters: unknown): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('hex').slice(0, 16);
}

/**
 * Writes a file below `folder` (made where it is missing) at once or not at all. Returns its path.
 * Errors: FORBIDDEN (also where a link leads out of the folder), UNAVAILABLE (disk full).
 */
export async function writeWhole(folder: string, name: string, content: string): Promise<string> {
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true });
    const root = await realpath(folder);
    await mkdir(dirname(path), { recursive: true });
    const parent = await realpath(dirname(path));
    if (parent !== root && !parent.startsWith(root + sep)) {
      throw new OperatingError('FORBIDDEN', `${path} leads out of ${folder}.`);
    }
    await replaceFile(path, content);
    return path;
  } catch (error) {
    throw translateFileError(error, path);
  }
}

/** Reads back a JSON file. Errors: NOT_FOUND, FORBIDDEN, INVALID_INPUT (too big, or not JSON). */
export async function readJson(path: string): Promise<unknown> {
  if ((await fileSize(path)) > LIMITS.workFileBytesMax) {
    throw new OperatingError(
      'INVALID_INPUT',
      `${path} is larger than ${LIMITS.workFileBytesMax} bytes: it is no intermediate result.`,
    );
  }
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new OperatingError('INVALID_INPUT', `${path} is not JSON.`, { cause: error });
    throw translateFileError(error, path);
  }
}

let written = 0;

async function replaceFile(path: string, content: string): Promise<void> {
  // Two runs of one step may write at the same time: each needs a name of its own. What a killed process left is overwritten.
  written += 1;
  const beside = `${path}.${process.pid}-${threadId}-${written}.tmp`;
  try {
    await writeFile(beside, content);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
