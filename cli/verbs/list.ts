/** `troupe list`. */
import { LIMITS } from '../../protocol/limits.ts';
import type { TaskView } from '../../protocol/node-messages.ts';
import type { TaskStatus } from '../../protocol/tasks.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { labelsOf } from '../labels.ts';
import type { VerbContext } from '../verb.ts';
import { askNode } from '../remote.ts';

/** Tasks, the newest first. */
export async function list({ terminal, remote }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const labels = labelsOf(options['label']);
  const wanted = options['limit'] as number;
  const status = options['status'] as TaskStatus | undefined;
  const tasks: TaskView[] = [];
  await askNode(remote, async (client) => {
    let cursor: string | null = null;
    do {
      const limit = Math.min(wanted - tasks.length, LIMITS.listMax);
      const page = await client.list({
        limit,
        ...(status !== undefined && { status }),
        ...(labels !== undefined && { labels }),
        ...(cursor !== null && { cursor }),
      });
      tasks.push(...page.tasks);
      ({ cursor } = page);
    } while (cursor !== null && tasks.length < wanted);
  });
  if (terminal.isJson) for (const task of tasks) terminal.json(task);
  else if (tasks.length === 0) terminal.line('No tasks.');
  else
    terminal.table(
      ['TASK', 'STATUS', 'SEQ', 'NOTE'],
      tasks.map((task) => [
        task.task,
        task.status,
        String(task.seq),
        task.result?.error?.message ?? task.waiting ?? '',
      ]),
    );
  return EXIT.done;
}
