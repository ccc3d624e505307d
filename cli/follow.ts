/** Follows a task to its end, with progress for people. */
import type { TaskHandle, TaskNews } from '../client/index.ts';
import { EXIT, type ExitCode, exitCodeOfTask } from './exit-codes.ts';
import { durationText, type Terminal } from './terminal.ts';
import { type Budget, usageText } from './usage-text.ts';

/** How a task's end is shown. */
export type TaskEnd = Extract<TaskNews, { readonly type: 'task.result' }>;

/**
 * Follows a task to its end. `quiet`: only the end is printed (progress is shown on a terminal), and people are not waited for:
 * `stillWaits` says whether one does that its log said to. Otherwise every line of the log. Gives the exit code for how it ended.
 */
export async function follow(
  terminal: Terminal,
  handle: TaskHandle,
  options: { readonly quiet: boolean; readonly stillWaits?: () => Promise<boolean> },
): Promise<ExitCode> {
  let started = 0;
  let ended = 0;
  for await (const news of handle) {
    if (news.type === 'task.result') {
      terminal.clearProgress();
      if (terminal.isJson) terminal.json(news);
      else printEnd(terminal, news);
      return exitCodeOfTask(news.status, news.error?.code);
    }
    if (news.type === 'task.chunk') continue;
    if (news.kind === 'step.started' && news.data['attempt'] !== undefined) started++;
    if (news.kind === 'step.completed' && news.data['cached'] === true) started++;
    if (news.kind === 'step.completed' || news.kind === 'step.failed') ended++;
    const wait = waitOf(news);
    if (wait !== undefined) {
      terminal.note(`It waits: ${wait}`);
      if (options.quiet && (await options.stillWaits?.()) !== false) return EXIT.waiting;
    }
    if (options.quiet) terminal.progress(`${ended} of ${started} steps done; last: ${lineOf(news)}`);
    else if (terminal.isJson) terminal.json(news);
    else
      terminal.line(
        `${String(news.seq).padStart(5)}  ${new Date(news.at).toISOString().slice(11, 23)}  ${lineOf(news)}`,
      );
  }
  return exitCodeOfTask('working');
}

/** The end of a task, for people: its output as JSON on standard output, everything else beside it. */
export function printEnd(
  terminal: Terminal,
  end: Pick<TaskEnd, 'status' | 'output' | 'error' | 'degraded' | 'usage' | 'durationMs'>,
  budget?: Budget,
): void {
  if (end.output !== undefined)
    terminal.line(typeof end.output === 'string' ? end.output : JSON.stringify(end.output, undefined, 2));
  for (const { step, code, message } of end.degraded ?? [])
    terminal.note(terminal.style('yellow', `degraded: ${step}: ${code}: ${message}`));
  const word = terminal.style(end.status === 'completed' ? 'green' : 'red', end.status);
  const why = end.error === undefined ? '' : `: ${end.error.code}: ${end.error.message}`;
  const used = usageText(end.usage, budget);
  terminal.note(`${word} after ${durationText(end.durationMs)}${used === '' ? '' : `, ${used}`}${why}`);
}

/** What a line says that a person must do, where it does. */
function waitOf({ kind, data }: Extract<TaskNews, { readonly type: 'task.event' }>): string | undefined {
  if (kind === 'effect.unknown') return String(data['message']);
  if (kind !== 'approval.requested') return undefined;
  const { approval, step, role, message } = data as Readonly<Record<string, string | undefined>>;
  const whom = role === undefined ? '' : ` of ${role}`;
  const what = message === undefined ? '' : `: ${message}`;
  return `step ${step} asks for an approval${whom}${what}\n  troupe approve ${approval}, or troupe reject ${approval}`;
}

function lineOf(news: Extract<TaskNews, { readonly type: 'task.event' }>): string {
  const facts = Object.entries(news.data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${news.kind}${facts.length === 0 ? '' : `  ${facts.join(' ')}`}`;
}
