/** The folder of a node's store, for verbs that open it themselves: opening makes a store where there is none. */
import { access } from 'node:fs/promises';
import { OperatingError } from '../protocol/errors.ts';

/** Makes nothing. Errors: NOT_FOUND. */
export async function assertStore(dir: string): Promise<void> {
  try {
    await access(dir);
  } catch (error) {
    throw new OperatingError('NOT_FOUND', `There is no store in ${dir}. Name the node's folder with --data.`, {
      cause: error,
    });
  }
}
