/**
 * What of the settings a worker has no use for. Pure.
 *
 * A flag is said to one node: there it is a mistake, since whoever gives it expects something of it. The environment, a file and the
 * options of a program may be for an owner and its workers alike: there a worker says once what it does not go by.
 */
import type { SettingRow } from './setting-row.ts';
import type { SettingMistake, SettingSource, SettingSources, SettingWarning } from './settings-mistake.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings-table.ts';

const WHY = 'a node that joins another keeps nothing and takes on no tasks; its owner does';
/** Places that settings come from, the first one that has a setting counts. */
const NEAREST_FIRST: readonly SettingSource['kind'][] = ['option', 'flag', 'environment', 'dotenv', 'file', 'default'];

/** Flags that a worker has no use for; of `meshPort` more is said in `mesh-rules.ts`. */
export function findWorkerConflicts(settings: Settings, sources: SettingSources): readonly SettingMistake[] {
  const given = uselessOf(settings, sources).filter((name) => sources[name].kind === 'flag' && name !== 'meshPort');
  return given.map((setting) => {
    const source = sources[setting];
    const message = `${setting} (${source.at}) would have no effect: ${WHY}. Take it away.`;
    return { setting, code: 'INVALID_INPUT', source, message };
  });
}

/** What else was given that a worker has no use for, in one warning. */
export function findWorkerWarnings(settings: Settings, sources: SettingSources): readonly SettingWarning[] {
  const given = uselessOf(settings, sources).filter((name) => sources[name].kind !== 'flag');
  const [first] = given;
  if (first === undefined) return [];
  const names = given.map((name) => `${name} (${sources[name].at})`).join(', ');
  return [{ setting: first, message: `${names} ${given.length === 1 ? 'has' : 'have'} no effect: ${WHY}.` }];
}

/** Whether a node is told to join another nearer by than that others join it: by its command line, say, over a file that both have. */
export function isJoiningOverruling({ join, meshPort }: SettingSources): boolean {
  return NEAREST_FIRST.indexOf(join.kind) < NEAREST_FIRST.indexOf(meshPort.kind);
}

function uselessOf(settings: Settings, sources: SettingSources): readonly SettingName[] {
  if (settings.join === undefined) return [];
  return SETTING_NAMES.filter((name) => {
    const { ofOwner }: SettingRow<unknown> = SETTINGS[name];
    // The lab's agents write into the folder wherever they run.
    const isOfLab = name === 'dataDir' && settings.lab;
    return ofOwner === true && !isOfLab && sources[name].kind !== 'default';
  });
}
