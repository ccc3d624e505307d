/**
 * The kinds of value a setting can have. A kind turns what was given (text from the environment, a flag or a `.env`
 * file; any JSON from a settings file; a value from code) into its type, or refuses it, and says in words what it allows.
 *
 * It knows no setting by name, and it refuses to guess: `1e3`, `yes please` or `0x10` are not numbers or switches here.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { labelsField } from '../protocol/fields.ts';
import { isLabelKey } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';

/** One kind of value. `allowed` completes the sentence "X is not …"; `placeholder` stands for the value in `--flag VALUE`. */
export interface SettingKind<T> {
  readonly schema: z.ZodType<T>;
  readonly allowed: string;
  readonly placeholder: string;
  /** Relative values are resolved against the folder of their source. */
  readonly isPath?: true;
}

const TEXT_CHARACTERS_MAX = 4096;
const LIST_ITEMS_MAX = 256;
const SECRET_BITS_MIN = 256;
const SECRET_DISTINCT_MIN = 10;

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** Text of a decimal whole number becomes that number; anything else stays as it is, for the schema to refuse. */
function wholeNumber(given: unknown): unknown {
  return typeof given === 'string' && /^[+-]?\d{1,15}$/.test(given.trim()) ? Number(given) : given;
}

function withUnit(given: unknown, units: Readonly<Record<string, number>>): unknown {
  if (typeof given !== 'string') return given;
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s*([a-z]+)$/i.exec(given.trim());
  const factor = match?.[2] === undefined ? undefined : units[match[2].toLowerCase()];
  if (match?.[1] === undefined || factor === undefined) return wholeNumber(given);
  return Math.round(Number(match[1]) * factor);
}

const plainText = z
  .string()
  .transform((value) => value.trim())
  .pipe(z.string().min(1).max(TEXT_CHARACTERS_MAX));

function integer(min: number, max: number): SettingKind<number> {
  const schema = z.preprocess(wholeNumber, z.number().int().min(min).max(max));
  return { schema, allowed: `a whole number from ${min} to ${max}`, placeholder: 'N' };
}

function durationMs(min: number, max: number): SettingKind<number> {
  const schema = z.preprocess((given) => withUnit(given, DURATION_UNITS), z.number().int().min(min).max(max));
  return {
    schema,
    allowed: `a time of ${min} to ${max} ms (a whole number of milliseconds, or a number with ms, s, m or h)`,
    placeholder: 'TIME',
  };
}

function byteCount(min: number, max: number): SettingKind<number> {
  const schema = z.preprocess((given) => withUnit(given, SIZE_UNITS), z.number().int().min(min).max(max));
  return {
    schema,
    allowed: `a size of ${min} to ${max} bytes (a whole number, or a number with KiB, MiB or GiB)`,
    placeholder: 'SIZE',
  };
}

function choice<const T extends string>(words: readonly [T, ...T[]]): SettingKind<T> {
  const schema = z.preprocess(
    (given) => (typeof given === 'string' ? given.trim().toLowerCase() : given),
    z.enum(words),
  );
  return { schema, allowed: `one of ${words.join(', ')}`, placeholder: 'WORD' };
}

function toggle(): SettingKind<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    1: true,
    yes: true,
    on: true,
    false: false,
    0: false,
    no: false,
    off: false,
  };
  const schema = z.preprocess(
    (given) => (typeof given === 'string' ? (words[given.trim().toLowerCase()] ?? given) : given),
    z.boolean(),
  );
  return { schema, allowed: 'true or false', placeholder: '' };
}

function text(what = 'text', placeholder = 'TEXT'): SettingKind<string | undefined> {
  return { schema: plainText.optional(), allowed: `${what} of 1 to ${TEXT_CHARACTERS_MAX} characters`, placeholder };
}

function path(placeholder = 'FILE'): SettingKind<string | undefined> {
  return { ...text('a path', placeholder), isPath: true };
}

function folder(): SettingKind<string> {
  return {
    schema: plainText,
    allowed: `a path of 1 to ${TEXT_CHARACTERS_MAX} characters`,
    placeholder: 'DIR',
    isPath: true,
  };
}

function isUrlOf(schemes: readonly string[], value: string): boolean {
  const url = URL.parse(value);
  return url !== null && schemes.includes(url.protocol.slice(0, -1)) && value.includes('://');
}

function url(schemes: readonly string[]): SettingKind<string | undefined> {
  const schema = plainText.refine((value) => isUrlOf(schemes, value)).optional();
  const starts = schemes.map((scheme) => `${scheme}://`);
  return { schema, allowed: `a URL that starts with ${starts.join(' or ')}`, placeholder: 'URL' };
}

/** A kind of which there may be no value. */
function optional<T>(kind: SettingKind<T>): SettingKind<T | undefined> {
  return { ...kind, schema: kind.schema.optional() };
}

/** Ports are 16 bits; 0 asks the system for a free one. */
function port(): SettingKind<number> {
  return integer(0, 65_535);
}

/** The items of a text that are separated by commas; anything else stays as it is. */
function itemsOf(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  return given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Items from JSON as an array of texts, from anywhere else separated by commas. */
function list(what: string, placeholder: string, isPath?: true): SettingKind<readonly string[]> {
  const schema = z.preprocess(itemsOf, z.array(plainText).max(LIST_ITEMS_MAX));
  const kind = { schema, allowed: `${what}, separated by commas (at most ${LIST_ITEMS_MAX})`, placeholder };
  return isPath ? { ...kind, isPath } : kind;
}

function isHost(value: string): boolean {
  if (isIP(value) !== 0) return true;
  if (/^[\d.]+$/.test(value) || value.length > 253) return false;
  return value.split('.').every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}

function host(): SettingKind<string> {
  return {
    schema: plainText.refine(isHost),
    allowed: 'an IP address or a host name (without scheme or port)',
    placeholder: 'HOST',
  };
}

/** Bits that a secret of this length can hold at most, by the smallest alphabet it fits. */
function secretBits(value: string): number {
  if (/^[0-9a-f]+$/i.test(value)) return value.length * 4;
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) return value.replace(/=+$/, '').length * 6;
  return Buffer.byteLength(value) * 6;
}

function isStrong(value: string): boolean {
  return secretBits(value) >= SECRET_BITS_MIN && new Set(value).size >= SECRET_DISTINCT_MIN;
}

/** Up to `countMax` secrets, from JSON also as an array. */
function strongSecrets(countMax: number): SettingKind<readonly string[]> {
  return {
    schema: z.preprocess(itemsOf, z.array(plainText.refine(isStrong)).max(countMax)),
    allowed:
      `a secret of ${SECRET_BITS_MIN} random bits or more (64 hexadecimal or 43 base64 characters; ` +
      `make one with: openssl rand -base64 32), or ${countMax} of them with a comma between`,
    placeholder: 'SECRET',
  };
}

const NODE_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const NODE_NAME_CHARACTERS_MAX = 64;

function nodeName(): SettingKind<string | undefined> {
  const isName = (value: string): boolean => value.length <= NODE_NAME_CHARACTERS_MAX && NODE_NAME.test(value);
  return {
    schema: plainText.refine(isName).optional(),
    allowed: `a name of 1 to ${NODE_NAME_CHARACTERS_MAX} letters, digits, dots, dashes and underscores, with a letter or digit at each end`,
    placeholder: 'NAME',
  };
}

/** `key=value` pairs; one key twice is a mistake. */
function pairsOf(given: unknown): unknown {
  const items = itemsOf(given);
  if (!Array.isArray(items)) return given;
  const pairs = items.map((item) => String(item).split(/=(.*)/s, 2));
  // A key such as __proto__ would be left out in silence.
  const isWhole = pairs.every(([key, value]) => isLabelKey(key) && value !== undefined);
  return isWhole && new Set(pairs.map(([key]) => key)).size === pairs.length ? Object.fromEntries(pairs) : given;
}

function labels(): SettingKind<Readonly<Record<string, string>>> {
  return {
    schema: z.preprocess(pairsOf, labelsField),
    allowed: `labels such as zone=a,gpu=yes (at most ${LIMITS.labelsMax}, each key once)`,
    placeholder: 'LABELS',
  };
}

/** Makers of kinds, by name. Bounds are inclusive; sizes in bytes, times in ms. */
export const kinds = {
  integer,
  durationMs,
  byteCount,
  choice,
  toggle,
  text,
  path,
  folder,
  url,
  list,
  host,
  optional,
  port,
  strongSecrets,
  nodeName,
  labels,
} as const;
