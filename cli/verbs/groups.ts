/** `troupe groups`, `troupe broadcast`. */
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchAll, fetchJson } from '../remote.ts';
import type { Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

interface View {
  readonly group: string;
  readonly members: readonly { readonly agent: string; readonly key: string }[];
  readonly via?: string;
}

interface Told {
  readonly delivered: number;
  readonly refused: readonly Readonly<Record<'agent' | 'key' | 'code' | 'message', string>>[];
}

type GroupVerb = (
  context: VerbContext,
  options: Record<string, unknown>,
  group: string,
  words: readonly string[],
) => Promise<ExitCode>;

const ROUTE = '/api/v1/groups';

/** All of them. */
export async function listGroups({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found = (await fetchAll(remote, ROUTE, 'groups')) as readonly {
    group: string;
    members: number;
    via?: string;
  }[];
  if (terminal.isJson) for (const view of found) terminal.json(view);
  else if (found.length === 0) terminal.line('No groups. `troupe groups join GROUP AGENT KEY` makes one.');
  else
    terminal.table(
      ['GROUP', 'MEMBERS', 'VIA'],
      found.map(({ group, members, via }) => [group, String(members), via ?? '']),
    );
  return EXIT.done;
}

/** Who is in one. */
export const showGroup: GroupVerb = async ({ terminal, remote }, _options, group) =>
  print(terminal, (await fetchJson(remote, routeOf(group))) as View);

/** Takes an actor in. */
export const joinGroup: GroupVerb = async ({ terminal, remote }, _options, group, [, agent, key]) =>
  print(terminal, (await fetchJson(remote, `${routeOf(group)}/members`, 'POST', { agent, key })) as View);

/** Takes an actor out. */
export const leaveGroup: GroupVerb = async ({ terminal, remote }, _options, group, [, agent = '', key = '']) => {
  const path = `${routeOf(group)}/members/${encodeURIComponent(agent)}/${encodeURIComponent(key)}`;
  return print(terminal, (await fetchJson(remote, path, 'DELETE')) as View);
};

/** Says who coordinates it. Errors: INVALID_INPUT where that is not said. */
export const setGroup: GroupVerb = async ({ terminal, remote }, options, group) => {
  const { via, direct } = options;
  if ((via === undefined) === (direct === undefined))
    throw new OperatingError('INVALID_INPUT', 'Give --via COORDINATOR or --direct, one of them.');
  return print(terminal, (await fetchJson(remote, routeOf(group), 'PUT', via === undefined ? {} : { via })) as View);
};

/** Removes one. */
export const removeGroup: GroupVerb = async ({ terminal, remote }, _options, group) => {
  const gone = await fetchJson(remote, routeOf(group), 'DELETE');
  if (terminal.isJson) terminal.json(gone);
  else terminal.line(`${group}  removed`);
  return EXIT.done;
};

/** One message to many. Ends with 1 where some could not take it. */
export async function broadcast(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  source: string,
): Promise<ExitCode> {
  const { group, capability, key } = options;
  const to = {
    ...(group !== undefined && { group }),
    ...(capability !== undefined && { capability }),
    ...(key !== undefined && { key }),
  };
  const event = await jsonArgument(source, 'The event');
  const told = (await fetchJson(remote, '/api/v1/broadcasts', 'POST', { ...to, event })) as Told;
  if (terminal.isJson) terminal.json(told);
  else {
    terminal.line(`${told.delivered} actors have it.`);
    for (const { agent, key: at, code, message } of told.refused) terminal.line(`${agent}/${at}  ${code}: ${message}`);
  }
  return told.refused.length === 0 ? EXIT.done : EXIT.failed;
}

function routeOf(group: string): string {
  return `${ROUTE}/${encodeURIComponent(group)}`;
}

function print(terminal: Terminal, view: View): ExitCode {
  if (terminal.isJson) terminal.json(view);
  else {
    const via = view.via === undefined ? '' : `, by way of ${view.via}`;
    terminal.line(`${terminal.style('bold', view.group)}  ${view.members.length} members${via}`);
    for (const { agent, key } of view.members) terminal.line(`  ${agent}/${key}`);
  }
  return EXIT.done;
}
