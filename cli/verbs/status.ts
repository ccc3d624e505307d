/** `troupe status` and `troupe result`. */
import { OperatingError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import { EXIT, type ExitCode, exitCodeOfTask } from '../exit-codes.ts';
import { printEnd } from '../follow.ts';
import type { VerbContext } from '../verb.ts';
import { askNode } from '../remote.ts';
import { usageText } from '../usage-text.ts';

/** How a task stands, in one line. */
export async function status(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const view = await askNode(remote, (client) => client.get(task));
  if (terminal.isJson) terminal.json(view);
  else {
    const why =
      view.result?.error === undefined
        ? (view.waiting ?? '')
        : `${view.result.error.code}: ${view.result.error.message}`;
    const used = usageText(view.result?.usage ?? view.usage, view.budget);
    const facts = [view.task, view.status, `seq ${view.seq}`, used, why];
    terminal.line(facts.filter((fact) => fact !== '').join('  '));
  }
  return exitCodeOfTask(view.status, view.result?.error?.code);
}

/** The output of a task that has ended. Errors: STATE_CONFLICT when it has not. */
export async function result(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const view = await askNode(remote, (client) => client.get(task));
  if (view.status === 'input-required') {
    const why = view.waiting ?? 'it waits for a person';
    if (terminal.isJson) terminal.json(view);
    else
      terminal.note(
        `The task ${task} has no result yet: ${why} End it with \`troupe cancel ${task}\` if nobody needs it.`,
      );
    return EXIT.waiting;
  }
  if (view.result === undefined || !isTerminal(view.status)) {
    throw new OperatingError(
      'STATE_CONFLICT',
      `The task ${task} is ${view.status}; it has no result yet. Follow it with \`troupe watch ${task}\`.`,
    );
  }
  if (terminal.isJson) terminal.json({ task, ...view.result });
  else printEnd(terminal, view.result, view.budget);
  return exitCodeOfTask(view.status, view.result.error?.code);
}
