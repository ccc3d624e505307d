/**
 * What is wrong with a setting, in one sentence that says what was given, where, why it is wrong and what is allowed.
 * Values of secrets are never repeated.
 */
import type { SettingName } from './settings-table.ts';

/** Where a value came from. `at` is the place in words: a variable, a flag, a file with its line. */
export interface SettingSource {
  readonly kind: 'option' | 'flag' | 'environment' | 'dotenv' | 'file' | 'default';
  readonly at: string;
}

/** Where the value of each setting came from. */
export type SettingSources = { readonly [K in SettingName]: SettingSource };

/** One mistake. `setting` is absent where the name itself is the mistake. `code` is INVALID_INPUT or NOT_AVAILABLE. */
export interface SettingMistake {
  readonly setting?: string;
  readonly code: 'INVALID_INPUT' | 'NOT_AVAILABLE';
  readonly source?: SettingSource;
  readonly message: string;
}

/** A setting that was accepted but will not do what its owner may expect. */
export interface SettingWarning {
  readonly setting: string;
  readonly message: string;
}

const SHOWN_CHARACTERS_MAX = 80;
const NAME_CHARACTERS_MAX = 64;

/** A given value for a message: quoted, cut, and hidden where it is a secret. */
export function showGiven(given: unknown, isSecret: boolean): string {
  if (isSecret) return typeof given === 'string' ? `(hidden, ${given.length} characters)` : `(hidden, ${typeof given})`;
  const text = typeof given === 'string' ? JSON.stringify(given) : (safeJson(given) ?? String(given));
  const shown = text.replaceAll(/\/\/[^/@\s]*@/g, '//(hidden)@');
  return shown.length > SHOWN_CHARACTERS_MAX ? `${shown.slice(0, SHOWN_CHARACTERS_MAX)}…` : shown;
}

function safeJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/**
 * The known name nearest to an unknown one, or undefined where none is near. Case, separators and the prefix do not count.
 * Bounds: names are compared over their first 64 characters.
 */
export function nearestName(unknown: string, known: readonly string[]): string | undefined {
  const flatten = (name: string): string => {
    const bare = name.replace(/^TROUPE_/, '').toLowerCase();
    return bare.replaceAll(/[^a-z0-9]/g, '').slice(0, NAME_CHARACTERS_MAX);
  };
  const wanted = flatten(unknown);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(wanted, flatten(name));
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (restricted Damerau–Levenshtein). */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, (older[j - 2] ?? 0) + 1);
      current.push(least);
    }
    older = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
