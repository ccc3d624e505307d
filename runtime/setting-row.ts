/** What a row of the table of settings holds. */
import type { SettingKind } from './settings-kinds.ts';

/** Under what the settings stand in the page and the example, in this order. */
export const SETTING_GROUPS = [
  'Listening',
  'Storing',
  'Agents and work',
  'Limits',
  'Logs',
  'Models',
  'Telemetry',
  'Mesh',
] as const;

/**
 * One setting. `fallback` is its default; `fallbackText` says it in words where it depends on the machine.
 * `flag` is the name without dashes, `null` where there is none: a secret on a command line can be read by other users.
 */
export interface SettingRow<T> {
  readonly group: (typeof SETTING_GROUPS)[number];
  readonly kind: SettingKind<T>;
  readonly fallback: NoInfer<T>;
  readonly fallbackText?: string;
  readonly flag: string | null;
  readonly doc: string;
  readonly secret?: true;
  /**
   * What this version does with it: `used` (when absent); `unused`: accepted, with a warning; `refused`: leaving it out of
   * account in silence would be unsafe, so a node that is given it does not start.
   */
  readonly standing?: 'unused' | 'refused';
  /** It is about keeping state or taking on tasks: a worker has no use for it. */
  readonly ofOwner?: true;
}

/** A row, with its type. */
export function row<T>(entry: SettingRow<T>): SettingRow<T> {
  return entry;
}
