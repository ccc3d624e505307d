/** `troupe agents`. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { withClient } from '../remote.ts';

/** The agents of a node. */
export async function agents({ terminal, remote }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const found = await withClient(remote, (client) => client.agents(options['capability'] as string | undefined));
  if (terminal.isJson) for (const agent of found) terminal.json(agent);
  else if (found.length === 0)
    terminal.line('No agents. Load some with `troupe start --agents FILE`, or `--lab` for the lab.');
  else
    terminal.table(
      ['AGENT', 'VERSION', 'CAPABILITIES', 'WHAT IT DOES'],
      found.map((agent) => [
        agent.name,
        agent.version,
        agent.capabilities.join(', '),
        typeof agent['description'] === 'string' ? agent['description'] : '',
      ]),
    );
  return EXIT.done;
}
