/** `troupe cancel`. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { askNode } from '../remote.ts';

/** Cancels a task; done when its end is on disk, or it undoes first what it has done. */
export async function cancel(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const { status, waiting } = await askNode(remote, async (client) => {
    await client.cancel(task, options['reason'] as string | undefined);
    return await client.get(task);
  });
  if (terminal.isJson) terminal.json({ task, status, ...(waiting !== undefined && { waiting }) });
  else terminal.line(`${task}  ${waiting === undefined ? status : `${status}: ${waiting}`}`);
  return EXIT.done;
}
