/** Data files for tests, in a folder that is removed afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { OperatingError } from '../../../protocol/errors.ts';

/** A folder of the test file, and a way to put files into it. */
export interface Files {
  readonly folder: string;
  /** Writes a file; returns its path. */
  write(name: string, content: string | Uint8Array): string;
}

/** Makes the folder and has it removed after the tests of the file. */
export function makeFiles(): Files {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-analyst-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    write(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
  };
}

/** The coded error that some work must end with; fails the test where it ends well. */
export async function errorOf(work: Promise<unknown>): Promise<OperatingError> {
  const outcome = await work.then(
    (value: unknown) => value,
    (error: unknown) => error,
  );
  if (outcome instanceof OperatingError) return outcome;
  throw new Error(`expected a coded error, got ${JSON.stringify(outcome)} ${String(outcome)}`);
}

/** Numbers in [0, 1) that are the same each time. */
export function repeatable(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
