/**
 * What settings say about each other: what one needs, what one forbids, and what this version does not do yet. Pure.
 *
 * The rule that matters most: a node never listens beyond loopback with neither credentials nor TLS in front of it.
 */
import { isLoopback } from './loopback.ts';
import { findMeshConflicts, findMeshWarnings } from './mesh-rules.ts';
import type { SettingRow } from './setting-row.ts';
import type { SettingMistake, SettingSources, SettingWarning } from './settings-mistake.ts';
import type { SettingName, Settings } from './settings-table.ts';
import { SETTING_NAMES, SETTINGS, variableOf } from './settings-table.ts';
import { findWorkerConflicts, findWorkerWarnings } from './worker-rules.ts';

/** Mistakes that show only when settings are seen together. */
export function findConflicts(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  return [
    ...exposure(settings, sources),
    ...tlsPair(settings, sources),
    ...storeNeeds(settings, sources),
    ...findMeshConflicts(settings, sources),
    ...findWorkerConflicts(settings, sources),
    ...refusals(sources),
  ];
}

/** What was accepted but may not do what its owner expects. */
export function findWarnings(settings: Settings, sources: SettingSources): readonly SettingWarning[] {
  const warnings: SettingWarning[] = [];
  for (const name of SETTING_NAMES) {
    if (standingOf(name) !== 'unused' || sources[name].kind === 'default') continue;
    warnings.push({
      setting: name,
      message: `${name} (${sources[name].at}) is accepted, but this version does not use it yet.`,
    });
  }
  // A worker has no store at all, and a warning of its own.
  if (settings.store === 'memory' && settings.join === undefined) {
    warnings.push({
      setting: 'store',
      message: 'store "memory" keeps nothing: every task is lost when the node stops.',
    });
  }
  if (settings.durability === 'os' && settings.store !== 'memory' && settings.join === undefined) {
    warnings.push({
      setting: 'durability',
      message: 'durability "os" survives a kill of the node; a power failure can lose acknowledged tasks.',
    });
  }
  if (settings.behindProxy === 'tls-and-auth' && !isLoopback(settings.host)) {
    const message =
      `The node trusts everyone who reaches ${settings.host}:${settings.port} (behindProxy "tls-and-auth"): ` +
      'see to it that only the proxy can.';
    warnings.push({ setting: 'behindProxy', message });
  }
  warnings.push(...findMeshWarnings(settings, sources), ...findWorkerWarnings(settings, sources));
  return warnings;
}

function standingOf(name: SettingName): SettingRow<unknown>['standing'] {
  const row: SettingRow<unknown> = SETTINGS[name];
  return row.standing;
}

function exposure(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  if (isLoopback(settings.host) || settings.behindProxy === 'tls-and-auth') return [];
  const hasCredentials = settings.apiKeysFile !== undefined || settings.jwtIssuers.length > 0;
  const hasTls = settings.behindProxy === 'tls' || (settings.tlsCert !== undefined && settings.tlsKey !== undefined);
  const missing: string[] = [];
  if (!hasCredentials) missing.push(`credentials for its clients (${either(['apiKeysFile', 'jwtIssuers'], ' or ')})`);
  if (!hasTls) missing.push(`TLS (${either(['tlsCert', 'tlsKey'], ' and ')})`);
  if (missing.length === 0) return [];
  const message =
    `host: ${JSON.stringify(settings.host)} (${sources.host.at}) can be reached from other machines, ` +
    `so the node needs ${missing.join(' and ')}. ` +
    `Listen on 127.0.0.1 instead, or say with ${variableOf('behindProxy')}=tls or tls-and-auth what a proxy in front of it does.`;
  return [{ setting: 'host', code: 'INVALID_INPUT', source: sources.host, message }];
}

/** Names of variables, and whether this version has what they ask for. */
function either(names: readonly SettingName[], word: string): string {
  const isRefused = names.every((name) => standingOf(name) === 'refused');
  return `${names.map(variableOf).join(word)}${isRefused ? '; not available in this version' : ''}`;
}

function tlsPair(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  if ((settings.tlsCert === undefined) === (settings.tlsKey === undefined)) return [];
  const [has, lacks] =
    settings.tlsCert === undefined ? (['tlsKey', 'tlsCert'] as const) : (['tlsCert', 'tlsKey'] as const);
  const message = `${has} (${sources[has].at}) is given without ${lacks}: TLS needs both; set ${variableOf(lacks)} too.`;
  return [{ setting: has, code: 'INVALID_INPUT', source: sources[has], message }];
}

function storeNeeds(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  if (settings.store !== 'postgres') return [];
  const source = sources.store;
  const mistakes: SettingMistake[] = [
    {
      setting: 'store',
      code: 'NOT_AVAILABLE',
      source,
      message: `store: "postgres" (${source.at}) is not available in this version; use "level" or "memory".`,
    },
  ];
  if (settings.databaseUrl === undefined) {
    const message = `databaseUrl: store "postgres" needs it; set ${variableOf('databaseUrl')} to a URL that starts with postgres://.`;
    mistakes.push({ setting: 'databaseUrl', code: 'INVALID_INPUT', message });
  }
  return mistakes;
}

/** Settings that a node must not leave out of account in silence. */
function refusals(sources: SettingSources): readonly SettingMistake[] {
  return SETTING_NAMES.filter((name) => standingOf(name) === 'refused' && sources[name].kind !== 'default').map(
    (name) => ({
      setting: name,
      code: 'NOT_AVAILABLE',
      source: sources[name],
      message:
        `${name} (${sources[name].at}) is not available in this version, ` +
        'and starting without it would not be what was asked for; take it away.',
    }),
  );
}
