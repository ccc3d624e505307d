/** `troupe schedules` and what stands behind it. */
import type { ScheduleView } from '../../actors/schedules/schedule-desk.ts';
import type { ScheduleListing } from '../../actors/schedules/schedule-listing.ts';
import type { RunLine } from '../../actors/schedules/schedule-run.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { labelsOf } from '../labels.ts';
import { fetchJson, type RemoteOptions } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { Verb, VerbContext } from '../verb.ts';

const PATH = '/api/v1/schedules';

/** All of them. */
export async function listSchedules({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found = await fetchAll(remote);
  if (terminal.isJson) for (const schedule of found) terminal.json(schedule);
  else if (found.length === 0) terminal.line('No schedules. Make one: troupe schedules add --help');
  else
    terminal.table(
      ['SCHEDULE', 'STATE', 'WHEN', 'NEXT', 'TARGET', 'LAST RUN'],
      found.map((one) => [
        one.schedule,
        one.state,
        whenText(one),
        momentText(one.nextAt),
        Object.values(one.target).map(String).join(' '),
        runText(one.runs[0]),
      ]),
    );
  return EXIT.done;
}

/** Makes one. */
export async function addSchedule(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const spec = await specOf(options);
  const view = (await (options['replace'] === true
    ? fetchJson(remote, pathOf(name), 'PUT', spec)
    : fetchJson(remote, PATH, 'POST', { ...spec, name }))) as ScheduleView;
  if (terminal.isJson) terminal.json(view);
  else
    terminal.line(
      `${view.schedule}  ${view.state}${view.nextAt === undefined ? '' : `, next ${momentText(view.nextAt)}`}`,
    );
  return EXIT.done;
}

/** All that is known of one. */
export async function showSchedule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const view = (await fetchJson(remote, pathOf(name))) as ScheduleView;
  if (terminal.isJson) terminal.json(view);
  else print(terminal, view);
  return EXIT.done;
}

/** Holds it. */
export const pauseSchedule: Verb = (context, _options, name) => order(context, name, 'pause');

/** Lets it go on. */
export const resumeSchedule: Verb = (context, _options, name) => order(context, name, 'resume');

/** Runs it now. */
export async function triggerSchedule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const answer = (await fetchJson(remote, `${pathOf(name)}/trigger`, 'POST')) as { readonly run?: RunLine };
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(answer.run?.task ?? 'It waits for an earlier run to end, or for room.');
  return EXIT.done;
}

/** Lets it go. */
export async function removeSchedule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const answer = await fetchJson(remote, pathOf(name), 'DELETE');
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(`${name} is gone.`);
  return EXIT.done;
}

async function order({ terminal, remote }: VerbContext, name: string, what: 'pause' | 'resume'): Promise<ExitCode> {
  const view = (await fetchJson(remote, `${pathOf(name)}/${what}`, 'POST')) as ScheduleView;
  if (terminal.isJson) terminal.json(view);
  else
    terminal.line(
      `${view.schedule}  ${view.state}${view.nextAt === undefined ? '' : `, next ${momentText(view.nextAt)}`}`,
    );
  return EXIT.done;
}

/** What a schedule is asked for with; a file is the ground, and what is given beside it goes before. */
async function specOf(options: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { file, input, label, deadline, priority } = options as Readonly<Record<string, string | undefined>>;
  const ground = file === undefined ? {} : objectOf(await jsonArgument(`@${file}`, `--file ${file}`), file);
  const { name: _name, task: groundTask, ...rest } = ground;
  const target = await targetOf(options);
  const labels = labelsOf(label);
  const taskOptions = pruned({ deadlineMs: deadline, priority, labels });
  const task = {
    ...(groundTask as object | undefined),
    ...target,
    ...(input !== undefined && { input: await jsonArgument(input, '--input') }),
    ...(Object.keys(taskOptions).length > 0 && { options: taskOptions }),
  };
  const { cron, timeZone, every, at, startAt, endAt, jitter, missed, missedMax, overlap, queueMax, paused } = options;
  const when = pruned({ cron, timeZone, everyMs: every, at, startAt, endAt, jitterMs: jitter });
  return { ...rest, ...when, ...pruned({ missed, missedMax, overlap, queueMax, paused }), task };
}

async function targetOf(options: Record<string, unknown>): Promise<Record<string, unknown>> {
  const names = ['agent', 'capability', 'workflow', 'graph', 'goal'].filter((name) => options[name] !== undefined);
  const [name] = names;
  if (name === undefined && options['file'] !== undefined) return {};
  if (name === undefined || names.length > 1) {
    const message = 'Name exactly one of --agent, --capability, --workflow, --graph and --goal, or give it in --file.';
    throw new OperatingError('INVALID_INPUT', message);
  }
  const value = options[name] as string;
  return { [name]: name === 'graph' ? await jsonArgument(`@${value}`, `--graph ${value}`) : value };
}

function objectOf(value: unknown, file: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new OperatingError('INVALID_INPUT', `${file} is not a JSON object.`);
}

function pruned(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

type Entry = Omit<ScheduleListing, 'principal'>;

async function fetchAll(remote: RemoteOptions): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = (await fetchJson(remote, `${PATH}${query}`)) as {
      readonly schedules: readonly Entry[];
      readonly cursor: string | null;
    };
    found.push(...page.schedules);
    ({ cursor } = page);
  } while (cursor !== null);
  return found;
}

function print(terminal: Terminal, view: ScheduleView): void {
  terminal.line(`${view.schedule}  ${view.state}  ${whenText(view)}`);
  terminal.line(`missed: ${view.missed ?? 'once'}  overlap: ${view.overlap ?? 'skip'}`);
  terminal.line(`task: ${JSON.stringify(view.task)}`);
  for (const at of view.upcoming) terminal.line(`next ${momentText(at)}`);
  if (view.queued > 0) terminal.line(`${view.queued} runs wait`);
  if (view.runs.length === 0) return terminal.line('No run yet.');
  terminal.table(
    ['FOR', 'BY', 'WHAT', 'TASK', 'STATUS', 'NOTE'],
    view.runs.map((run) => [
      run.until === undefined ? momentText(run.at) : `${momentText(run.at)} to ${momentText(run.until)}`,
      run.by,
      run.count === undefined || run.count === 1 ? run.state : `${run.state} ${run.count}`,
      run.task ?? '',
      run.status ?? '',
      run.error?.message ?? run.message ?? '',
    ]),
  );
}

function whenText({ cron, timeZone, everyMs, at }: Pick<Entry, 'cron' | 'timeZone' | 'everyMs' | 'at'>): string {
  if (cron !== undefined) return `${cron} (${timeZone ?? 'UTC'})`;
  return everyMs === undefined ? `once, ${momentText(at)}` : `every ${durationText(everyMs)}`;
}

function runText(run: RunLine | undefined): string {
  return run === undefined ? '' : `${run.state} ${momentText(run.startedAt ?? run.at)}`;
}

function momentText(ms: number | undefined): string {
  return ms === undefined ? '' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function pathOf(name: string): string {
  return `${PATH}/${encodeURIComponent(name)}`;
}
