/** `troupe cancel`. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { askNode } from '../remote.ts';

/** Cancels a task; done when its end is on disk. */
export async function cancel(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  await askNode(remote, (client) => client.cancel(task, options['reason'] as string | undefined));
  if (terminal.isJson) terminal.json({ task, status: 'canceled' });
  else terminal.line(`${task}  canceled`);
  return EXIT.done;
}
