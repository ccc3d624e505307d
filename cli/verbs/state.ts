/** `troupe state`: values that are shared, their versions, and leases on them. */
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchJson, withClient } from '../remote.ts';
import type { VerbContext } from '../verb.ts';

type Options = Readonly<Record<string, unknown>>;
type Words = readonly string[];

interface Entry {
  readonly name: string;
  readonly version: number;
  readonly bytes: number;
  readonly at: number;
}

interface Version {
  readonly version: number;
  readonly at: number;
  readonly by: string;
  readonly removed: boolean;
  readonly value?: unknown;
}

/** The names in a scope. */
export async function listState(
  { terminal, remote }: VerbContext,
  _options: Options,
  scope: string,
): Promise<ExitCode> {
  const found: Entry[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const path = `/api/v1/state/${encodeURIComponent(scope)}${query}`;
    const page = (await fetchJson(remote, path)) as {
      readonly state: readonly Entry[];
      readonly cursor: string | null;
    };
    found.push(...page.state);
    ({ cursor } = page);
  } while (cursor !== null);
  if (terminal.isJson) for (const entry of found) terminal.json(entry);
  else if (found.length === 0) terminal.line(`Nothing is kept in ${scope}.`);
  else {
    const rows = found.map(({ name, version, bytes, at }) => [name, String(version), String(bytes), timeText(at)]);
    terminal.table(['NAME', 'VERSION', 'BYTES', 'WRITTEN'], rows);
  }
  return EXIT.done;
}

/** A value: for people the value itself, for programs with its version. */
export async function getState(
  context: VerbContext,
  _options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const { terminal, remote } = context;
  const piece = (await fetchJson(remote, pathOf(words))) as { readonly version: number; readonly value: unknown };
  if (terminal.isJson) terminal.json(piece);
  else {
    terminal.line(JSON.stringify(piece.value, undefined, 2));
    terminal.note(`version ${piece.version}`);
  }
  return EXIT.done;
}

/** Writes one; done when it is on disk. */
export async function setState(
  context: VerbContext,
  options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const value = await jsonArgument(words[2] ?? '', 'The value');
  const token = options['lease'];
  const body = { value, ...(token !== undefined && { token }) };
  return shown(context, words, await fetchJson(context.remote, pathOf(words), 'PUT', body, conditionOf(options)));
}

/** Removes one; done when that is on disk. */
export async function deleteState(
  context: VerbContext,
  options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const query = options['lease'] === undefined ? '' : `?token=${Number(options['lease'])}`;
  const path = `${pathOf(words)}${query}`;
  return shown(context, words, await fetchJson(context.remote, path, 'DELETE', undefined, conditionOf(options)));
}

/** Follows one, over reconnects, until the process is ended. */
export async function watchState(
  context: VerbContext,
  _options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const { terminal, remote } = context;
  const [scope = '', name = ''] = words;
  return await withClient(remote, async (client) => {
    await client.watchState(scope, name, (value) => {
      if (terminal.isJson) terminal.json(value);
      else terminal.line(`${value.version}  ${'value' in value ? JSON.stringify(value.value) : '(none)'}`);
    });
    return await new Promise<ExitCode>((resolve) => process.once('SIGINT', () => resolve(EXIT.done)));
  });
}

/** The versions that are kept, the newest first. */
export async function stateHistory(
  context: VerbContext,
  _options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const { terminal, remote } = context;
  const { versions } = (await fetchJson(remote, `${pathOf(words)}/history`)) as {
    readonly versions: readonly Version[];
  };
  if (terminal.isJson) for (const version of versions) terminal.json(version);
  else if (versions.length === 0) terminal.line('It never had a value.');
  else {
    const rows = versions.map(({ version, at, by, removed, value }) => [
      String(version),
      timeText(at),
      by,
      removed ? '(removed)' : JSON.stringify(value),
    ]);
    terminal.table(['VERSION', 'WRITTEN', 'BY', 'VALUE'], rows);
  }
  return EXIT.done;
}

/** Takes a lease. */
export async function lockState(
  context: VerbContext,
  options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  const { terminal, remote } = context;
  const body = { holder: options['holder'], ttlMs: options['ttl'], waitMs: options['wait'] };
  const waitMs = options['wait'] as number;
  const lease = (await fetchJson(remote, `${pathOf(words)}/lease`, 'POST', body, {}, waitMs)) as {
    readonly token: number;
    readonly expiresAt: number;
  };
  if (terminal.isJson) terminal.json(lease);
  else {
    terminal.line(String(lease.token));
    terminal.note(
      `held until ${timeText(lease.expiresAt)}; give it with --lease, let go of it with: troupe state unlock`,
    );
  }
  return EXIT.done;
}

/** Lets go of one. */
export async function unlockState(
  context: VerbContext,
  options: Options,
  _first: string,
  words: Words,
): Promise<ExitCode> {
  if (options['lease'] === undefined)
    throw new OperatingError('INVALID_INPUT', 'Say which lease: --lease TOKEN, as `troupe state lock` has printed it.');
  const path = `${pathOf(words)}/lease?token=${Number(options['lease'])}`;
  const answer = await fetchJson(context.remote, path, 'DELETE');
  if (context.terminal.isJson) context.terminal.json(answer);
  else context.terminal.line('It is free, or has passed on to who waited for it.');
  return EXIT.done;
}

function shown({ terminal }: VerbContext, [scope, name]: Words, answer: unknown): ExitCode {
  const { version } = answer as { readonly version: number };
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(`${scope}/${name} is at version ${version}.`);
  return EXIT.done;
}

function pathOf([scope = '', name = '']: Words): string {
  return `/api/v1/state/${encodeURIComponent(scope)}/${encodeURIComponent(name)}`;
}

function conditionOf(options: Options): Readonly<Record<string, string>> {
  const version = options['ifVersion'] as number | undefined;
  if (version === undefined) return {};
  return version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19);
}
