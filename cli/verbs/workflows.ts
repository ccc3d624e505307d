/** `troupe workflows`. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';

interface WorkflowRow {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly steps: readonly unknown[];
}

/** The workflows of a node. */
export async function workflows({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const { workflows: found } = (await fetchJson(remote, '/api/v1/workflows')) as {
    readonly workflows: readonly WorkflowRow[];
  };
  if (terminal.isJson) for (const workflow of found) terminal.json(workflow);
  else if (found.length === 0)
    terminal.line(
      'No workflows. Register one with POST /api/v1/workflows, or send it along with `troupe submit --graph FILE`.',
    );
  else
    terminal.table(
      ['WORKFLOW', 'VERSION', 'STEPS', 'WHAT IT DOES'],
      found.map((one) => [one.name, one.version, String(one.steps.length), one.description ?? '']),
    );
  return EXIT.done;
}
