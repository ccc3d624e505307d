/**
 * What the settings of the mesh say about each other. Pure.
 *
 * The rule that matters most: no node beyond this machine is let in, or trusted, without a secret or certificates on both sides.
 */
import { isLoopback, isLoopbackUrl } from './loopback.ts';
import { MESH_PORT } from './mesh-settings.ts';
import type { SettingMistake, SettingSources, SettingWarning } from './settings-mistake.ts';
import type { SettingName, Settings } from './settings-table.ts';
import { variableOf } from './settings-table.ts';
import { isJoiningOverruling } from './worker-rules.ts';

const TLS = ['meshTlsCert', 'meshTlsKey', 'meshTlsCa'] as const;
const PROOF = `${variableOf('meshSecret')}, or all of ${TLS.map(variableOf).join(', ')}`;

/** Where a node listens for others; undefined where it does not. */
export function meshDoorOf(settings: Settings): { readonly host: string; readonly port: number } | undefined {
  const { join, meshHost: host, meshPort, meshSecret } = settings;
  if (join !== undefined) return undefined;
  if (meshPort !== undefined) return { host, port: meshPort };
  return meshSecret.length > 0 || hasSomeTls(settings) ? { host, port: MESH_PORT } : undefined;
}

/** What nodes prove to each other who they are with. A secret goes before certificates, which then only hide what is said. */
export function meshProofOf(settings: Settings): 'secret' | 'certificate' | 'none' {
  if (settings.meshSecret.length > 0) return 'secret';
  return hasSomeTls(settings) ? 'certificate' : 'none';
}

/** Mistakes in them that show only when they are seen together. */
export function findMeshConflicts(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  const mistake = (setting: SettingName, message: string): SettingMistake => ({
    ...{ setting, code: 'INVALID_INPUT', source: sources[setting], message },
  });
  return [
    ...roles(settings, sources, mistake),
    ...tlsTriple(settings, sources, mistake),
    ...exposedDoor(settings, sources, mistake),
    ...exposedJoin(settings, sources, mistake),
  ];
}

/** What was accepted of them but may not do what its owner expects. */
export function findMeshWarnings(settings: Settings, sources: SettingSources): readonly SettingWarning[] {
  const warnings: SettingWarning[] = [];
  const { join, meshHost } = settings;
  const door = meshDoorOf(settings);
  const open =
    'Its content is not encrypted: whoever is on the way can read it. Encrypt with meshTlsCert, meshTlsKey and meshTlsCa.';
  if (door !== undefined && !isLoopback(meshHost) && !hasSomeTls(settings)) {
    const message = `What passes through ${meshHost}:${door.port} is authenticated by meshSecret. ${open}`;
    warnings.push({ setting: 'meshHost', message });
  }
  if (join !== undefined && isPlain(join) && !isLoopbackUrl(join)) {
    warnings.push({
      setting: 'join',
      message: `What passes to and from ${join} is authenticated by meshSecret. ${open}`,
    });
  }
  if (join === undefined && door === undefined && sources.meshHost.kind !== 'default') {
    const message = `meshHost (${sources.meshHost.at}) has no effect: the node has no door for other nodes (meshPort).`;
    warnings.push({ setting: 'meshHost', message });
  }
  return warnings;
}

type Mistake = (setting: SettingName, message: string) => SettingMistake;

function hasSomeTls(settings: Settings): boolean {
  return TLS.some((name) => settings[name] !== undefined);
}

/** Where certificates are given but not all, that is the mistake, and told by `tlsTriple`. */
function isProven(settings: Settings): boolean {
  return meshProofOf(settings) !== 'none';
}

function isPlain(url: string): boolean {
  return URL.parse(url)?.protocol === 'ws:';
}

/** A node owns, or works for an owner. */
function roles(settings: Settings, sources: SettingSources, mistake: Mistake): readonly SettingMistake[] {
  const { join, host, port, meshHost, meshPort } = settings;
  if (join !== undefined && meshPort !== undefined && !isJoiningOverruling(sources)) {
    const message =
      `join (${sources.join.at}) and meshPort (${sources.meshPort.at}) are both given, but a node that joins another is a worker: ` +
      'nobody joins it. Take one of them away.';
    return [mistake('meshPort', message)];
  }
  const door = meshDoorOf(settings);
  if (door === undefined || door.port === 0 || door.port !== port || host !== meshHost) return [];
  const message = `meshPort: ${port} (${sources.meshPort.at}) is the port for clients too; other nodes need one of their own.`;
  return [mistake('meshPort', message)];
}

function tlsTriple(settings: Settings, sources: SettingSources, mistake: Mistake): readonly SettingMistake[] {
  const [first, ...others] = TLS.filter((name) => settings[name] !== undefined);
  if (first === undefined) return [];
  const missing = TLS.filter((name) => settings[name] === undefined);
  const mistakes: SettingMistake[] = [];
  if (missing.length > 0) {
    const given = [first, ...others].map((name) => `${name} (${sources[name].at})`).join(' and ');
    const message =
      `${given} ${others.length === 0 ? 'is' : 'are'} given without ${missing.join(' and ')}: ` +
      `nodes prove themselves to each other with all three; set ${missing.map(variableOf).join(' and ')} too.`;
    mistakes.push(mistake(first, message));
  }
  const { join, nodeName } = settings;
  if (nodeName === undefined && meshProofOf(settings) === 'certificate') {
    const message =
      `nodeName: a node that proves itself with a certificate (${sources[first].at}) needs a name, which is one of the names ` +
      `in that certificate; set ${variableOf('nodeName')}.`;
    mistakes.push(mistake('nodeName', message));
  }
  if (join !== undefined && isPlain(join)) {
    const message =
      `join: ${JSON.stringify(join)} (${sources.join.at}) is without TLS, but ${first} is given; ` +
      'an owner with TLS is reached by wss://.';
    mistakes.push(mistake('join', message));
  }
  return mistakes;
}

function exposedDoor(settings: Settings, sources: SettingSources, mistake: Mistake): readonly SettingMistake[] {
  const { meshHost } = settings;
  if (meshDoorOf(settings) === undefined || isLoopback(meshHost) || isProven(settings)) return [];
  const message =
    `meshHost: ${JSON.stringify(meshHost)} (${sources.meshHost.at}) can be reached from other machines, ` +
    `so nodes must prove who they are: set ${PROOF}. Or listen on 127.0.0.1.`;
  return [mistake('meshHost', message)];
}

function exposedJoin(settings: Settings, sources: SettingSources, mistake: Mistake): readonly SettingMistake[] {
  const { join } = settings;
  if (join === undefined || isLoopbackUrl(join) || isProven(settings)) return [];
  const message =
    `join: ${JSON.stringify(join)} (${sources.join.at}) is another machine, ` +
    `so that both nodes must prove who they are: set ${PROOF}.`;
  return [mistake('join', message)];
}
