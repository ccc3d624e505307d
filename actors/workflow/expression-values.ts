/**
 * The values of expressions: JSON's, with one kind of number. How they enter from data, and how their fields are read
 * without ever reaching a prototype. Values that are only handed on are never looked into.
 */
import { ExpressionFault } from './expression-meter.ts';

/** `other`: nothing JSON has (a Date, say). It can be handed on, and nothing else. */
export type Kind = 'null' | 'bool' | 'number' | 'string' | 'list' | 'map' | 'other';

/** Names that are refused everywhere as field names, even where the data holds them. */
const REFUSED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The kind of a value, as people who write JSON say it. */
export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'bool';
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'list';
      return isMap(value) ? 'map' : 'other';
    }
    default:
      return value === undefined ? 'null' : 'other';
  }
}

/** Whether a value is a JSON object. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a field of this name may never be read or made. */
export function isRefusedName(name: string): boolean {
  return REFUSED_NAMES.has(name);
}

/**
 * A value as it enters an expression from data: a missing one is null, a BigInt (from MessagePack) is a number.
 * Throws an ExpressionFault for a BigInt beyond ±(2^53 - 1).
 */
export function entering(value: unknown): unknown {
  if (typeof value === 'bigint') return exact(Number(value));
  return value === undefined ? null : value;
}

/** The own field of a map, or undefined. Throws an ExpressionFault for a name that is refused. */
export function fieldOf(map: Readonly<Record<string, unknown>>, name: string): unknown {
  if (REFUSED_NAMES.has(name)) throw new ExpressionFault(`the field name \`${name}\` is refused`);
  const value = Object.hasOwn(map, name) ? map[name] : undefined;
  return typeof value === 'bigint' ? exact(Number(value)) : value;
}

/** A result of arithmetic, unless it is not a number or a whole one that a JSON number does not hold exactly. */
export function exact(result: number): number {
  if (Number.isSafeInteger(result)) return result === 0 ? 0 : result;
  if (!Number.isFinite(result)) throw new ExpressionFault('the result is not a finite number');
  if (!Number.isInteger(result)) return result;
  throw new ExpressionFault(`the result ${result} is outside ±(2^53 - 1), where whole JSON numbers are not exact`);
}
