/** `troupe why ID`: what a task waits for. */
import type { WaitView } from '../../supervisors/why.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchJson } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

interface Answer {
  readonly status: string;
  readonly summary: string;
  readonly waits: readonly WaitView[];
  readonly leftOut: number;
}

/** Those that only a person can end. */
const PEOPLES: ReadonlySet<string> = new Set(['decision', 'approval']);

/** Exit code 3 where it waits for a person. */
export async function why(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const answer = (await fetchJson(remote, `/api/v1/tasks/${encodeURIComponent(task)}/why`)) as Answer;
  if (terminal.isJson) terminal.json(answer);
  else {
    terminal.line(`${task} is ${answer.status}. ${answer.waits.length === 0 ? answer.summary : ''}`.trimEnd());
    for (const wait of answer.waits) print(terminal, wait);
    if (answer.leftOut > 0) terminal.line(`… and ${answer.leftOut} more`);
  }
  return answer.waits.some(({ kind }) => PEOPLES.has(kind)) ? EXIT.waiting : EXIT.done;
}

function print(terminal: Terminal, { kind, actor, step, item, what, next, since, until }: WaitView): void {
  const place = step === null ? actor : `step ${step}${item === null ? '' : `[${item}]`}`;
  const nowMs = Date.now(); // tidy-allow clock: the command is no part of a node
  const times = [
    ...(since === null ? [] : [`since ${durationText(Math.max(0, nowMs - since))}`]),
    ...(until === null ? [] : [until > nowMs ? `for ${durationText(until - nowMs)} more` : 'due now']),
  ];
  terminal.line();
  terminal.line(`${terminal.style('bold', place)}  ${kind}${times.length === 0 ? '' : `, ${times.join(', ')}`}`);
  terminal.line(`  ${what}`);
  terminal.line(`  ${terminal.style('dim', next)}`);
}
