/** JSON given on the command line: as it is, `@FILE`, or `-` for the standard input. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { OperatingError } from '../protocol/errors.ts';

/** The value. `what` names the option. Errors: INVALID_INPUT. */
export async function jsonArgument(source: string, what: string): Promise<unknown> {
  return parseJson(await readSource(source), what);
}

async function readSource(source: string): Promise<string> {
  if (source === '-') return await text(process.stdin);
  if (!source.startsWith('@')) return source;
  try {
    return await readFile(source.slice(1), 'utf8');
  } catch (error) {
    throw new OperatingError('INVALID_INPUT', `${source.slice(1)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function parseJson(source: string, what: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new OperatingError(
      'INVALID_INPUT',
      `${what} is not JSON: ${(error as Error).message}. Words need quotes: '"like this"'.`,
      { cause: error },
    );
  }
}
