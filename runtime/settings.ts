/**
 * Finds the settings of a node: options from code, then flags, then the environment, then a `.env` file, then a settings
 * file, then defaults. It reads files but no `process.env`: the caller hands the environment in.
 *
 * It never stops at the first mistake: all are found and answered together, each in one sentence. It never repeats the
 * value of a secret.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { OperatingError } from '../protocol/errors.ts';
import { parseSettingsFile, SETTINGS_FILE_BYTES_MAX } from './settings-file.ts';
import type { SettingRow } from './setting-row.ts';
import type { SettingMistake, SettingSource, SettingSources, SettingWarning } from './settings-mistake.ts';
import { nearestName, showGiven } from './settings-mistake.ts';
import { findConflicts, findWarnings } from './settings-rules.ts';
import type { SettingName, Settings } from './settings-table.ts';
import { CLIENT_VARIABLES, SETTING_NAMES, SETTINGS, variableOf } from './settings-table.ts';

export type { SettingMistake, SettingWarning } from './settings-mistake.ts';
export type { SettingName, Settings } from './settings-table.ts';

/** Where to look. An absent or empty value counts as not given. */
export interface SettingsInput {
  /** The folder that relative paths of options, flags and the environment start from, and where `.env` is looked for. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By the names of flags, as `mesh-port` or `meshPort`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** From code, by the names of settings. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** A settings file; else the one that the setting `config` names. */
  readonly file?: string;
}

export type SettingsOutcome =
  | {
      readonly ok: true;
      readonly settings: Settings;
      readonly sources: SettingSources;
      readonly warnings: readonly SettingWarning[];
    }
  /** INVALID_INPUT; `details.mistakes` is a list of `SettingMistake`, and the message has one line for each. */
  | { readonly ok: false; readonly error: OperatingError };

interface Given {
  readonly value: unknown;
  readonly source: SettingSource;
  readonly folder: string;
}

/** One source: what it gives, by setting. The sources are asked in order. */
type Layer = ReadonlyMap<SettingName, Given>;

const MISTAKES_MAX = 100;
const PREFIX = 'TROUPE_';

/** Settings from all sources. Never throws; reads at most the settings file and `.env`. */
export function loadSettings(input: SettingsInput): SettingsOutcome {
  const mistakes: SettingMistake[] = [];
  const named = [
    optionLayer(input, mistakes),
    flagLayer(input, mistakes),
    variableLayer(input.env ?? {}, input.cwd, mistakes),
    dotenvLayer(input.cwd, mistakes),
  ];
  const file =
    input.file ?? named.map((layer) => layer.get('config')?.value).find((value) => typeof value === 'string');
  const layers = file === undefined ? named : [...named, fileLayer(resolve(input.cwd, file), mistakes)];
  const { settings, sources } = settle(layers, input.cwd, mistakes);
  mistakes.push(...findConflicts(settings, sources));
  if (mistakes.length > 0) return { ok: false, error: asError(mistakes) };
  return { ok: true, settings, sources, warnings: findWarnings(settings, sources) };
}

/** Every text that must never be seen in a log: the secrets, and the passwords inside of URLs. */
export function secretsOf(settings: Settings): readonly string[] {
  const secrets: string[] = [];
  for (const name of SETTING_NAMES) {
    const row: SettingRow<unknown> = SETTINGS[name];
    if (row.secret !== true) continue;
    for (const value of [settings[name]].flat()) {
      if (typeof value !== 'string') continue;
      secrets.push(value);
      const password = URL.parse(value)?.password ?? '';
      if (password !== '') secrets.push(password, decodeURIComponent(password));
    }
  }
  return [...new Set(secrets)];
}

function asError(mistakes: readonly SettingMistake[]): OperatingError {
  const shown = mistakes.slice(0, MISTAKES_MAX);
  const lines = shown.map((mistake) => `  - ${mistake.message}`);
  if (mistakes.length > shown.length) lines.push(`  - and ${mistakes.length - shown.length} more.`);
  const head = mistakes.length === 1 ? 'One setting is wrong:' : `${mistakes.length} settings are wrong:`;
  return new OperatingError('INVALID_INPUT', [head, ...lines].join('\n'), { details: { mistakes: shown } });
}

/** The first value given for each setting, checked; the default where none is given or the given one is a mistake. */
function settle(
  layers: readonly Layer[],
  cwd: string,
  mistakes: SettingMistake[],
): { settings: Settings; sources: SettingSources } {
  const settings: Record<string, unknown> = {};
  const sources: Record<string, SettingSource> = {};
  for (const name of SETTING_NAMES) {
    const row: SettingRow<unknown> = SETTINGS[name];
    const given = layers.map((layer) => layer.get(name)).find((entry) => entry !== undefined);
    settings[name] = resolvePaths(row, row.fallback, cwd);
    sources[name] = { kind: 'default', at: 'default' };
    if (given === undefined) continue;
    sources[name] = given.source;
    const checked = row.kind.schema.safeParse(given.value);
    if (checked.success) {
      settings[name] = resolvePaths(row, checked.data, given.folder);
      continue;
    }
    const message = `${name}: ${showGiven(given.value, row.secret === true)} (${given.source.at}) is not ${row.kind.allowed}.`;
    mistakes.push({ setting: name, code: 'INVALID_INPUT', source: given.source, message });
  }
  // Both records have exactly the names of the table, and each value passed the schema its type comes from.
  return { settings: settings as Settings, sources: sources as SettingSources };
}

function resolvePaths(row: SettingRow<unknown>, value: unknown, folder: string): unknown {
  if (row.kind.isPath !== true) return value;
  if (typeof value === 'string') return resolve(folder, value);
  return Array.isArray(value) ? value.map((item) => resolve(folder, String(item))) : value;
}

function optionLayer(input: SettingsInput, mistakes: SettingMistake[]): Layer {
  const layer = new Map<SettingName, Given>();
  for (const [key, value] of Object.entries(input.options ?? {})) {
    const source: SettingSource = { kind: 'option', at: `option ${key}` };
    if (isSetting(key)) give(layer, key, { value, source, folder: input.cwd });
    else mistakes.push(unknownName(`option ${key}`, source, key, SETTING_NAMES));
  }
  return layer;
}

function flagLayer(input: SettingsInput, mistakes: SettingMistake[]): Layer {
  const layer = new Map<SettingName, Given>();
  const byFlag = new Map<string, SettingName>();
  for (const name of SETTING_NAMES) {
    const flag = SETTINGS[name].flag;
    if (flag !== null) byFlag.set(flag, name);
  }
  for (const [key, value] of Object.entries(input.flags ?? {})) {
    const flag = flagFor(key);
    const source: SettingSource = { kind: 'flag', at: `flag --${flag}` };
    const name = byFlag.get(flag);
    if (name !== undefined) give(layer, name, { value, source, folder: input.cwd });
    else
      mistakes.push(hiddenFlag(flag, source) ?? unknownName(`flag --${flag}`, source, flag, [...byFlag.keys()], '--'));
  }
  return layer;
}

function variableLayer(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  mistakes: SettingMistake[],
): Layer {
  return readVariables(env, cwd, (variable) => ({ kind: 'environment', at: `environment ${variable}` }), mistakes);
}

function dotenvLayer(cwd: string, mistakes: SettingMistake[]): Layer {
  const path = join(cwd, '.env');
  const text =
    statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readText(path, '.env', mistakes) : undefined;
  if (text === undefined) return new Map();
  const names = text.split('\n').map((line) =>
    line
      .replace(/^\s*(export\s+)?/, '')
      .split('=', 1)[0]
      ?.trim(),
  );
  const lineOf = (variable: string): number => names.lastIndexOf(variable) + 1;
  return readVariables(
    parseEnv(text),
    cwd,
    (variable) => ({ kind: 'dotenv', at: `.env line ${lineOf(variable)}, ${variable}` }),
    mistakes,
  );
}

function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  sourceOf: (variable: string) => SettingSource,
  mistakes: SettingMistake[],
): Layer {
  const layer = new Map<SettingName, Given>();
  const byVariable = new Map(SETTING_NAMES.map((name) => [variableOf(name), name]));
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || CLIENT_VARIABLES.includes(variable)) continue;
    const name = byVariable.get(variable);
    if (name !== undefined) give(layer, name, { value, source: sourceOf(variable), folder });
    else
      mistakes.push(
        unknownName(sourceOf(variable).at, sourceOf(variable), variable, [...byVariable.keys(), ...CLIENT_VARIABLES]),
      );
  }
  return layer;
}

function fileLayer(path: string, mistakes: SettingMistake[]): Layer {
  const layer = new Map<SettingName, Given>();
  const text = readText(path, path, mistakes);
  if (text === undefined) return layer;
  const shown = basename(path);
  const sourceAt = (line: number): SettingSource => ({ kind: 'file', at: `${shown} line ${line}` });
  const reading = parseSettingsFile(text);
  if (!reading.ok) {
    const message = `${shown} line ${reading.line}: the file is not JSON (comments are allowed): ${reading.why}.`;
    mistakes.push({ code: 'INVALID_INPUT', source: sourceAt(reading.line), message });
    return layer;
  }
  for (const entry of reading.repeated) {
    const message = `${shown} line ${entry.line}: ${JSON.stringify(entry.key)} is given a second time; keep one.`;
    mistakes.push({ setting: entry.key, code: 'INVALID_INPUT', source: sourceAt(entry.line), message });
  }
  for (const { key, value, line } of reading.entries) {
    if (key === 'config') {
      const message = `${shown} line ${line}: "config" names the settings file itself and cannot stand in it.`;
      mistakes.push({ setting: key, code: 'INVALID_INPUT', source: sourceAt(line), message });
    } else if (isSetting(key)) give(layer, key, { value, source: sourceAt(line), folder: dirname(path) });
    else
      mistakes.push(unknownName(`${shown} line ${line}: ${JSON.stringify(key)}`, sourceAt(line), key, SETTING_NAMES));
  }
  return layer;
}

function readText(path: string, shown: string, mistakes: SettingMistake[]): string | undefined {
  try {
    const size = statSync(path).size;
    if (size <= SETTINGS_FILE_BYTES_MAX) return readFileSync(path, 'utf8');
    const message = `${shown} has ${size} bytes; a settings file may have ${SETTINGS_FILE_BYTES_MAX}.`;
    mistakes.push({ setting: 'config', code: 'INVALID_INPUT', message });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    mistakes.push({
      setting: 'config',
      code: 'INVALID_INPUT',
      message: `The settings file ${shown} cannot be read: ${reason}.`,
    });
  }
  return undefined;
}

function isSetting(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key);
}

/** Keeps a value unless it is absent or empty: an empty variable is how shells and compose files say "not set". */
function give(layer: Map<SettingName, Given>, name: SettingName, given: Given): void {
  const isBlank = typeof given.value === 'string' && given.value.trim() === '';
  if (given.value !== undefined && given.value !== null && !isBlank) layer.set(name, given);
}

/** Secrets have no flag; someone who tries one is told where the secret goes. */
function hiddenFlag(flag: string, source: SettingSource): SettingMistake | undefined {
  const name = SETTING_NAMES.find((candidate) => SETTINGS[candidate].flag === null && flagFor(candidate) === flag);
  if (name === undefined) return undefined;
  const message = `flag --${flag} does not exist, because other users of the machine can read command lines; set ${variableOf(name)}.`;
  return { setting: name, code: 'INVALID_INPUT', source, message };
}

function flagFor(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function unknownName(
  at: string,
  source: SettingSource,
  name: string,
  known: readonly string[],
  dashes = '',
): SettingMistake {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? 'docs/settings.md lists all settings.' : `Did you mean ${dashes}${nearest}?`;
  return { code: 'INVALID_INPUT', source, message: `${at} is not a setting. ${hint}` };
}
