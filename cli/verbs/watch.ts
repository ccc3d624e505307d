/** `troupe watch`. */
import type { ExitCode } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import type { VerbContext } from '../verb.ts';
import { withClient } from '../remote.ts';

/** Follows a task to its end; comes back by itself when the node is started again. */
export async function watch(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  return await withClient(remote, (client) =>
    follow(terminal, client.watch(task, options['after'] as number), { quiet: false }),
  );
}
