/** Capabilities as they are asked for: a name, or a name and the versions that will do. Syntax only. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { isName, isVersion } from './names.ts';

/** A version without its last numbers, or with placeholders for any. */
const PARTIAL = /^(?:0|[1-9]\d*|[xX*])(?:\.(?:0|[1-9]\d*|[xX*])){0,2}$/;
const OPERATOR = /^(?:[<>]=?|[=~^])/;

/** A capability, with the versions of it that will do where only some will. */
export interface CapabilityRequest {
  readonly name: string;
  readonly range?: string;
}

/** Whether this is a range of versions as npm writes them: `^1.2`, `~1.2.3`, `1.x`, `>=1.2 <3`, `1.2 - 2`, `1 || 3`, `1.2.3`. */
export function isRange(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LIMITS.rangeCharactersMax) return false;
  return value.split(' || ').every((alternative) => {
    const words = alternative.split(' ');
    const [from = '', dash, to = ''] = words;
    if (words.length === 3 && dash === '-') return isPartial(from) && isPartial(to);
    return words.every((word) => isPartial(word.replace(OPERATOR, '')));
  });
}

/** Reads `name` or `name@range`; undefined for anything else. */
export function parseCapability(text: string): CapabilityRequest | undefined {
  const at = text.indexOf('@');
  if (at < 0) return isName(text) ? { name: text } : undefined;
  const name = text.slice(0, at);
  const range = text.slice(at + 1);
  return isName(name) && isRange(range) ? { name, range } : undefined;
}

/** `name` or `name@range`. */
export const capabilityField = z.string().refine((text) => parseCapability(text) !== undefined, {
  error: 'expected a name, or a name and a range of versions, such as text.review@^1.2',
});

/** A range of versions. */
export const rangeField = z.string().refine(isRange, { error: 'expected a range of versions, such as ^1.2 or >=1 <3' });

function isPartial(text: string): boolean {
  return PARTIAL.test(text) || isVersion(text);
}
