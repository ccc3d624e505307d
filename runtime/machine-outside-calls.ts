/**
 * Guesses from its source whether a function reaches for the world: a definition linter's heuristic, for warnings alone. It
 * sees neither what other functions do that are called from there, nor what a name was imported as.
 */

/** What is looked for, as people call it. */
const REACHES: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['fetch', /\bfetch\s*\(/],
  ['a socket', /\bnew\s+(?:WebSocket|EventSource|XMLHttpRequest)\b/],
  ['the file system', /\b(?:fs|fsp|fsPromises)\s*\.|\b(?:read|write|append)File(?:Sync)?\s*\(/],
  ['the network', /\b(?:https?|net|dns|tls)\s*\.\s*(?:request|get|connect|createServer|lookup|resolve)\b/],
  ['another process', /\b(?:exec|execFile|spawn)(?:Sync)\s*\(|\bchild_process\b/],
  ['a timer of its own', /\bset(?:Timeout|Interval|Immediate)\s*\(/],
  ['the clock', /\bDate\s*\.\s*now\s*\(|\bnew\s+Date\s*\(\s*\)|\bperformance\s*\.\s*now\s*\(/],
  ['chance', /\bMath\s*\.\s*random\s*\(|\brandomUUID\s*\(|\bgetRandomValues\s*\(/],
  ['the environment', /\bprocess\s*\.\s*env\b/],
];

/** Words in quotes and comments are no calls. What stands in `${}` of a template goes with it. */
const QUOTED = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
/** Longer sources are looked at up to here. */
const SOURCE_CHARACTERS_MAX = 20_000;

/** What a function seems to reach for; empty for one that does not, and for what is no function. */
export function outsideCallsOf(code: unknown): readonly string[] {
  if (typeof code !== 'function') return [];
  const source = Function.prototype.toString.call(code).slice(0, SOURCE_CHARACTERS_MAX).replace(QUOTED, "''");
  return REACHES.filter(([, pattern]) => pattern.test(source)).map(([what]) => what);
}
