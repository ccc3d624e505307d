/** `troupe quarantine`: what was set aside, and what is to become of it. */
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { assertWritable, writeJsonFile } from '../output-file.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';
import type { Terminal } from '../terminal.ts';

interface CapsuleLine {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly agent: string;
  readonly cause: string;
  readonly message: string;
  readonly error: { readonly code: string; readonly message: string };
  readonly edited: boolean;
}

interface CapsulePage {
  readonly quarantine: readonly CapsuleLine[];
  readonly cursor: string | null;
}

type CapsuleView = Readonly<Record<string, unknown>> & { readonly id: string };

const ROUTE = '/api/v1/quarantine';
const PAGE_MAX = 200;

/** What is set aside, the newest first. */
export async function listCapsules(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
): Promise<ExitCode> {
  const wanted = options['limit'] as number;
  const rows: CapsuleLine[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(wanted - rows.length, PAGE_MAX);
    const after: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = (await fetchJson(remote, `${ROUTE}?limit=${limit}${after}`)) as CapsulePage;
    rows.push(...page.quarantine);
    ({ cursor } = page);
  } while (cursor !== null && rows.length < wanted);
  if (terminal.isJson) for (const row of rows) terminal.json(row);
  else if (rows.length === 0) terminal.line('Nothing is set aside.');
  else
    terminal.table(
      ['CAPSULE', 'CAUSE', 'ACTOR', 'MESSAGE', 'ERROR'],
      rows.map(({ id, cause, actor, message, error, edited }) => [
        id,
        cause,
        actor,
        edited ? `${message} (edited)` : message,
        `${error.code}: ${error.message}`,
      ]),
    );
  return EXIT.done;
}

/** All that is known of one. */
export async function showCapsule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  const view = (await fetchJson(remote, routeOf(id))) as CapsuleView;
  if (terminal.isJson) terminal.json(view);
  else printCapsule(terminal, view);
  return EXIT.done;
}

/** Changes the event or the input. Errors: INVALID_INPUT; those of the node. */
export async function editCapsule(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  if ((options['event'] === undefined) === (options['input'] === undefined))
    throw new OperatingError('INVALID_INPUT', 'Give --event (an object with a `type`) or --input, one of them.');
  const body: Record<string, unknown> = {};
  for (const name of ['event', 'input'] as const) {
    const text = options[name];
    if (typeof text === 'string') body[name] = await jsonArgument(text, `--${name}`);
  }
  const view = (await fetchJson(remote, routeOf(id), 'PUT', body)) as CapsuleView;
  if (terminal.isJson) terminal.json(view);
  else terminal.line(`${id}  edited. \`troupe quarantine replay ${id}\` gives it again.`);
  return EXIT.done;
}

/** Gives it again. */
export async function replayCapsule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  const done = (await fetchJson(remote, `${routeOf(id)}/replay`, 'POST')) as Readonly<Record<string, string>>;
  if (terminal.isJson) terminal.json(done);
  else if (done['did'] === 'delivered') terminal.line(`${id}  delivered again to ${done['actor']}`);
  else terminal.line(`${id}  submitted again as task ${done['task']}, in place of ${done['replayOf']}`);
  return EXIT.done;
}

/** Lets it go. */
export async function discardCapsule(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  await fetchJson(remote, routeOf(id), 'DELETE');
  if (terminal.isJson) terminal.json({ id, discarded: true });
  else terminal.line(`${id}  discarded`);
  return EXIT.done;
}

/** Writes it into a file. Errors: those of the node; INVALID_INPUT, STATE_CONFLICT of the file. */
export async function exportCapsule(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  id: string,
  words: readonly string[],
): Promise<ExitCode> {
  const file = words[1] ?? `${id}.capsule.json`;
  await assertWritable(file, options['force'] === true);
  await writeJsonFile(file, await fetchJson(remote, routeOf(id)));
  if (terminal.isJson) terminal.json({ id, file });
  else terminal.line(`${id}  written to ${file}. \`troupe replay ${file} --agents GLOB\` replays it.`);
  return EXIT.done;
}

function routeOf(id: string): string {
  return `${ROUTE}/${encodeURIComponent(id)}`;
}

function printCapsule(terminal: Terminal, view: CapsuleView): void {
  const { packed: _packed, kind: _kind, ...shown } = view;
  for (const [name, value] of Object.entries(shown)) {
    const isText = typeof value === 'string';
    const text = isText ? value : JSON.stringify(name === 'at' ? new Date(value as number) : value, undefined, 2);
    const lines = text.split('\n');
    terminal.line(`${terminal.style('bold', name)}  ${lines[0] ?? ''}`);
    for (const line of lines.slice(1)) terminal.line(`  ${line}`);
  }
}
