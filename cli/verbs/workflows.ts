/** `troupe workflows`, `troupe workflows add|remove|migrate`. */
import type { WorkflowRemoval, WorkflowView } from '../../actors/workflow/workflow-desk.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchJson } from '../remote.ts';
import type { VerbContext } from '../verb.ts';

/** The versions of workflows of a node, and how many of each run. */
export async function workflows({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found: WorkflowView[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = (await fetchJson(remote, `/api/v1/workflows${query}`)) as {
      readonly workflows: readonly WorkflowView[];
      readonly cursor: string | null;
    };
    found.push(...page.workflows);
    ({ cursor } = page);
  } while (cursor !== null);
  if (terminal.isJson) for (const workflow of found) terminal.json(workflow);
  else if (found.length === 0)
    terminal.line(
      'No workflows. Register one with `troupe workflows add FILE`, or send it along with `troupe submit --graph FILE`.',
    );
  else
    terminal.table(
      ['WORKFLOW', 'VERSION', 'STEPS', 'STATE', 'RUNNING', 'WHAT IT DOES'],
      found.map((one) => [
        one.name,
        one.version,
        String(one.steps.length),
        one.successor === undefined ? one.state : `${one.state} for ${one.successor}`,
        String(one.running),
        one.description ?? '',
      ]),
    );
  return EXIT.done;
}

/** Registers one. */
export async function addWorkflow(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  file: string,
): Promise<ExitCode> {
  const graph = await jsonArgument(`@${file}`, file);
  const { name, version } = (await fetchJson(remote, '/api/v1/workflows', 'POST', graph)) as WorkflowView;
  if (terminal.isJson) terminal.json({ workflow: `${name}@${version}` });
  else terminal.line(`${name}@${version} is registered.`);
  return EXIT.done;
}

/** Takes one version away. */
export async function removeWorkflow(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  reference: string,
): Promise<ExitCode> {
  const path = `/api/v1/workflows/${encodeURIComponent(reference)}`;
  const removal = (await fetchJson(remote, path, 'DELETE')) as WorkflowRemoval;
  if (terminal.isJson) {
    terminal.json(removal);
    return EXIT.done;
  }
  const { workflow, running, callers } = removal;
  const runs = running === 0 ? '' : ` ${running} of it run, and go on to their ends.`;
  terminal.line(`${workflow} is not registered any more.${runs}`);
  if (callers.length > 0) terminal.line(`It is called by ${callers.join(', ')}.`);
  return EXIT.done;
}

/** Moves a task to another version of its workflow. */
export async function migrateTask(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const path = `/api/v1/tasks/${encodeURIComponent(task)}/migrate`;
  const moved = (await fetchJson(remote, path, 'POST', { workflow: options['to'] })) as {
    readonly from: string;
    readonly to: string;
  };
  if (terminal.isJson) terminal.json(moved);
  else if (moved.from === moved.to) terminal.line(`${task} runs ${moved.to} already.`);
  else terminal.line(`${task} has gone from ${moved.from} to ${moved.to}.`);
  return EXIT.done;
}
