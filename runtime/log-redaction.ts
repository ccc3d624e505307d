/**
 * Turns anything into a plain value that is safe to log: secrets taken out, cut to a bounded depth and size, no cycles,
 * no getters that throw, no live references. Used for every line of the log; it refuses nothing and never throws.
 *
 * Three nets for secrets: names of fields, known secret values wherever they stand, and the look of credentials in text.
 */

import { types } from 'node:util';

/** Redacts by these rules; both functions give values that share nothing with what they were given. */
export interface Redactor {
  text(value: string): string;
  /** The fields of one line: the size bound holds for all of them together. */
  fields(value: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** What stands where a secret was. */
export const REDACTED = '[redacted]';

const DEPTH_MAX = 6;
const ENTRIES_MAX = 64;
const TEXT_CHARACTERS_MAX = 4096;
/** Of all texts and names in one line together. */
const LINE_CHARACTERS_MAX = 16_384;
/** Shorter secrets would take ordinary words out of the log. */
const SECRET_CHARACTERS_MIN = 6;
const NAMES_CACHED_MAX = 2000;

const SENSITIVE_WORDS: ReadonlySet<string> = new Set(
  (
    'authorization cookie cookies token jwt key apikey apikeys prompt prompts ' +
    'password passwd passphrase pwd secret secrets credential credentials'
  ).split(' '),
);
/** Plural keys are secrets only with one of these: `apiKeys`, but not the `keys` of an object. */
const KEY_OWNERS: ReadonlySet<string> = new Set(['api', 'access', 'private', 'secret', 'signing']);
/** A number under these names is a count, not a secret. */
const COUNTED_WORDS: ReadonlySet<string> = new Set(['token', 'key', 'prompt', 'prompts']);
/** Names of ours that end like a secret and are none. */
const OPEN_NAMES: ReadonlySet<string> = new Set(['effectKey', 'journalKey', 'storeKey']);

/** A quick look at whether a text can hold a credential at all; the patterns below run only where it says so. */
const SUSPICIOUS = new RegExp(
  'bearer|Basic|token|passw|passphrase|pwd|secret|api.?key|access.?key|cookie|authorization' +
    '|eyJ|sk-|pk-|rk-|gh[a-z]_|AKIA|xox|-----BEGIN|://',
  'i',
);
/** `name=value`, `name: "value"` and the same inside of JSON in a text. */
const NAMED_VALUE = new RegExp(
  String.raw`((?:authorization|token|passw(?:or)?d|passphrase|pwd|secret|api.?key|access.?key)\\?["']?\s*[=:]\s*)` +
    String.raw`(?:\\?"[^"\\]*\\?"?|'[^']*'?|[^\s,;&"'}]+)`,
  'gi',
);
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*-----|$)/g, REDACTED],
  [/\b(Bearer\s+)[\w.~+/=-]{4,}/gi, `$1${REDACTED}`],
  [/\b(Basic\s+)[A-Za-z0-9+/]{8,}={0,2}/g, `$1${REDACTED}`],
  [/:\/\/[^\s/@"']*@/g, `://${REDACTED}@`],
  [/\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?/g, REDACTED],
  [/\b(?:[spr]k-|gh[a-z]_|xox[a-z]-|AKIA)[\w-]{12,}/g, REDACTED],
  [/(cookie["']?\s*[=:]\s*)[^\n"]+/gi, `$1${REDACTED}`],
  [NAMED_VALUE, `$1${REDACTED}`],
];

/** Makes a redactor that also knows these secret values, in plain, URL-encoded and base64 form. */
export function createRedactor(secrets: readonly string[] = []): Redactor {
  const forms = new Set(secrets.filter((secret) => secret.length >= SECRET_CHARACTERS_MIN).flatMap(formsOf));
  const longest = Math.max(0, ...[...forms].map((form) => form.length));
  const known =
    forms.size === 0
      ? undefined
      : new RegExp(
          [...forms]
            .sort((a, b) => b.length - a.length)
            .map(escapePattern)
            .join('|'),
          'g',
        );

  const text = (value: string): string => {
    // A secret may stand across the cut: look that much further, redact, then cut.
    let shown = value.length > TEXT_CHARACTERS_MAX + longest ? value.slice(0, TEXT_CHARACTERS_MAX + longest) : value;
    if (known !== undefined) shown = shown.replaceAll(known, REDACTED);
    if (SUSPICIOUS.test(shown)) for (const [pattern, instead] of PATTERNS) shown = shown.replaceAll(pattern, instead);
    if (value.length <= TEXT_CHARACTERS_MAX && shown.length <= TEXT_CHARACTERS_MAX) return shown;
    return `${shown.slice(0, TEXT_CHARACTERS_MAX)}… (${value.length} characters)`;
  };

  return { text, fields: (value) => new Walk(text).record(value) };
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64];
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

const judged = new Map<string, 'open' | 'secret' | 'counted'>();

/** What a field's name says of its value. The answer is kept: names come from code and are few. */
function judgeName(name: string): 'open' | 'secret' | 'counted' {
  const before = judged.get(name);
  if (before !== undefined) return before;
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const sensitive = words.filter(
    (word) => SENSITIVE_WORDS.has(word) || (word === 'keys' && words.some((other) => KEY_OWNERS.has(other))),
  );
  let verdict: 'open' | 'secret' | 'counted' = 'secret';
  if (sensitive.length === 0 || OPEN_NAMES.has(name)) verdict = 'open';
  else if (sensitive.every((word) => COUNTED_WORDS.has(word))) verdict = 'counted';
  if (judged.size >= NAMES_CACHED_MAX) judged.clear();
  judged.set(name, verdict);
  return verdict;
}

/** One pass over the fields of one line. */
class Walk {
  readonly #text: (value: string) => string;
  readonly #open = new Set<object>();
  #left = LINE_CHARACTERS_MAX;

  constructor(text: (value: string) => string) {
    this.#text = text;
  }

  record(value: object, depth = 0): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const names = Object.keys(value);
    for (const name of names.slice(0, ENTRIES_MAX)) {
      const read = readProperty(value, name);
      if (read !== undefined) result[this.#spend(this.#text(name))] = this.#field(name, read, depth);
    }
    if (names.length > ENTRIES_MAX) result['…'] = `${names.length - ENTRIES_MAX} more`;
    return result;
  }

  #field(name: string, value: unknown, depth: number): unknown {
    const verdict = judgeName(name);
    if (verdict === 'open' || value === null || typeof value === 'boolean') return this.#value(value, depth);
    if (verdict === 'counted' && typeof value === 'number') return value;
    return REDACTED;
  }

  #spend(text: string): string {
    if (text.length > this.#left) return this.#left <= 0 ? '[cut]' : `${text.slice(0, this.#left)}…`;
    return text;
  }

  #take(text: string): string {
    const taken = this.#spend(text);
    this.#left = Math.max(0, this.#left - text.length);
    return taken;
  }

  #value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#take(this.#text(value));
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'bigint':
        return `${String(value).slice(0, 40)}n`;
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return `[${typeof value}]`;
    }
  }

  #object(value: object, depth: number): unknown {
    if (this.#open.has(value)) return '[circular]';
    if (types.isProxy(value)) return '[proxy]';
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[no date]' : value.toISOString();
    if (value instanceof URL || value instanceof RegExp) return this.#take(this.#text(String(value)));
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (depth >= DEPTH_MAX) return Array.isArray(value) ? '[array]' : '[object]';
    if (this.#left <= 0) return '[cut]';
    this.#open.add(value);
    try {
      if (value instanceof Error) return this.#error(value, depth);
      if (value instanceof Map)
        return this.record(Object.fromEntries(first(value, ([key, item]) => [nameOf(key), item])), depth + 1);
      if (value instanceof Set)
        return this.#list(
          first(value, (item: unknown) => item),
          depth,
        );
      return Array.isArray(value) ? this.#list(value, depth) : this.record(value, depth + 1);
    } catch {
      return '[unreadable]';
    } finally {
      this.#open.delete(value);
    }
  }

  #list(value: readonly unknown[], depth: number): unknown[] {
    const result = value.slice(0, ENTRIES_MAX).map((item) => this.#value(item, depth + 1));
    if (value.length > ENTRIES_MAX) result.push(`… ${value.length - ENTRIES_MAX} more`);
    return result;
  }

  #error(error: Error, depth: number): Record<string, unknown> {
    const { name, message, stack } = error;
    const result: Record<string, unknown> = { name: this.#value(name, depth), message: this.#value(message, depth) };
    // What an error carries besides (a code, details) before its stack, so that the size bound cuts the stack first.
    Object.assign(result, this.record(error, depth + 1));
    for (const part of ['cause', 'errors'] as const) {
      const more = readProperty(error, part);
      if (more !== undefined && !(part in result)) result[part] = this.#field(part, more, depth + 1);
    }
    if (typeof stack === 'string') result['stack'] = this.#value(stack, depth);
    return result;
  }
}

/** The first of many, and one more so that it shows that there are more. */
function first<T, R>(values: Iterable<T>, take: (value: T) => R): R[] {
  const result: R[] = [];
  for (const value of values) {
    if (result.push(take(value)) > ENTRIES_MAX) break;
  }
  return result;
}

function nameOf(key: unknown): string {
  return typeof key === 'string' || typeof key === 'number' ? String(key) : `[${typeof key}]`;
}

function readProperty(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return '[unreadable]';
  }
}
