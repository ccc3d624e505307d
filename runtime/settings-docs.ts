/**
 * Writes what people read about settings from the table: `.env.example`, `docs/settings.md`, and the flags of the command.
 * Pure; a test compares the files in the repository with what is written here, and rewrites them on demand
 * (`npx vitest run test/runtime/settings-docs.test.ts -u`).
 */
import { SETTING_GROUPS, type SettingRow } from './setting-row.ts';
import type { SettingName } from './settings-table.ts';
import { SETTING_NAMES, SETTINGS, variableOf } from './settings-table.ts';

/** A flag of `troupe start`: `flags` as commander takes it (`--port <N>`, `--lab`). */
export interface SettingFlag {
  readonly name: SettingName;
  readonly flags: string;
  readonly doc: string;
}

/** The flags of all settings that have one, in the order of the table. */
export function settingFlags(): readonly SettingFlag[] {
  return rows().flatMap(([name, row]) => {
    if (row.flag === null) return [];
    const value = row.kind.placeholder === '' ? '' : ` <${row.kind.placeholder}>`;
    return [{ name, flags: `--${row.flag}${value}`, doc: row.doc }];
  });
}

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  const lines = [
    '# Settings of a node. Copy this file to `.env` and take the `#` away from what you want to change.',
    '# docs/settings.md explains each.',
  ];
  for (const group of SETTING_GROUPS) {
    lines.push('', `# --- ${group} ---`);
    for (const [name, row] of rows(group)) {
      lines.push(
        '',
        `# ${row.doc}`,
        ...standingLines(row).map((line) => `# ${line}`),
        `# ${capital(row.kind.allowed)}.`,
      );
      lines.push(`#${variableOf(name)}=${plainFallback(row)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The text of `docs/settings.md`. */
export function renderSettingsPage(): string {
  const lines = ['# Settings', '', ...INTRODUCTION];
  for (const group of SETTING_GROUPS) {
    lines.push('', `## ${group}`);
    for (const [name, row] of rows(group)) lines.push('', ...section(name, row));
  }
  return `${lines.join('\n')}\n`;
}

const INTRODUCTION = [
  'A setting is looked for in this order, and the first place that has it counts: options of `startNode`, flags of',
  '`troupe start`, the environment, a file `.env` in the current folder, the settings file (`--config FILE`), the default.',
  'An empty value counts as not given. A relative path starts from the current folder, in a settings file from its folder.',
  '',
  'The settings file is one JSON object by the names of the settings; comments and trailing commas are allowed:',
  '',
  '```jsonc',
  '{',
  '  "port": 7700, // a number, or text as in the environment',
  '  "dataDir": "./data",',
  '  "agents": ["./agents/*.ts"],',
  '}',
  '```',
  '',
  'A node that is given something wrong does not start. It names every mistake at once: what was given, where, and what is',
  'allowed; unknown `TROUPE_*` variables, keys and flags are mistakes too. Secrets have no flag, because other users of the',
  'machine can read command lines, and are never repeated in messages or logs.',
  '',
  'Beyond loopback a node starts only with credentials (`apiKeysFile` or `jwtIssuers`) and TLS (`tlsCert` and `tlsKey`), unless',
  '`behindProxy` says that a proxy in front of it does TLS, or TLS and the checking of credentials.',
  '',
  'Other nodes come through a door of their own (`meshPort`; [cluster.md](cluster.md)). Beyond loopback a node listens for others,',
  'or joins one, only with a secret that both have (`meshSecret`) or with certificates on both sides (`meshTlsCert`, `meshTlsKey`,',
  '`meshTlsCa`). A secret proves who is there and that nothing was changed on the way; it hides nothing. Certificates do both.',
];

function rows(group?: SettingRow<unknown>['group']): readonly (readonly [SettingName, SettingRow<unknown>])[] {
  return SETTING_NAMES.map((name) => [name, SETTINGS[name] as SettingRow<unknown>] as const).filter(
    ([, row]) => group === undefined || row.group === group,
  );
}

function section(name: SettingName, row: SettingRow<unknown>): string[] {
  const flag =
    row.flag === null
      ? 'none (secret)'
      : `\`--${row.flag}${row.kind.placeholder === '' ? '' : ` ${row.kind.placeholder}`}\``;
  return [
    `### \`${name}\``,
    '',
    row.doc,
    ...standingLines(row).flatMap((line) => ['', line]),
    '',
    `- Variable: \`${variableOf(name)}\` · flag: ${flag}`,
    `- Allowed: ${row.kind.allowed}`,
    `- Default: ${pageFallback(row)}`,
  ];
}

function standingLines(row: SettingRow<unknown>): string[] {
  if (row.standing === 'unused') return ['Not used by this version yet: it is checked and accepted with a warning.'];
  if (row.standing === 'refused') return ['Not available in this version: a node that is given it does not start.'];
  if (row.ofOwner === true) return ['Not of a worker, which keeps nothing and takes on no tasks.'];
  return [];
}

/** No list and no record of the table has anything in it where nobody gives it. */
function plainFallback(row: SettingRow<unknown>): string {
  if (row.fallbackText !== undefined || row.fallback === undefined) return '';
  if (typeof row.fallback === 'object') return '';
  return `${row.fallback as string | number | boolean}`;
}

function pageFallback(row: SettingRow<unknown>): string {
  const plain = plainFallback(row);
  if (row.fallbackText !== undefined) return row.fallbackText;
  return plain === '' ? 'none' : `\`${plain}\``;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
