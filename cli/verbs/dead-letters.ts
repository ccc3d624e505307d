/** `troupe dead-letters`. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchAll } from '../remote.ts';
import type { VerbContext } from '../verb.ts';

interface Letter {
  readonly at: number;
  readonly reason: string;
  readonly to: string;
  readonly from?: string;
  readonly type?: string;
  readonly bytes: number;
}

/** Messages that reached nobody. */
export async function deadLetters(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
): Promise<ExitCode> {
  const reason = options['reason'] as string | undefined;
  const query = reason === undefined ? '' : `?reason=${encodeURIComponent(reason)}`;
  const limit = options['limit'] as number;
  const found = (await fetchAll(remote, `/api/v1/dead-letters${query}`, 'deadLetters', limit)) as readonly Letter[];
  if (terminal.isJson) for (const letter of found) terminal.json(letter);
  else if (found.length === 0) terminal.line('No dead letters since the node started.');
  else
    terminal.table(
      ['WHEN', 'REASON', 'TO', 'FROM', 'TYPE', 'BYTES'],
      found.map(({ at, reason: why, to, from = '', type = '', bytes }) => [
        new Date(at).toISOString(),
        ...[why, to, from, type, String(bytes)],
      ]),
    );
  return EXIT.done;
}
