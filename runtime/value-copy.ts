/**
 * Values that come from code of users, or go to it. Whoever has made one may go on changing it, and a getter may give something
 * else each time: what the product holds is a copy, and so is what it hands out. Otherwise a step could change what another has
 * put out, a retry would see another input than the first attempt, and a restart another than a retry.
 */
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import { VALUE_DEPTH_MAX } from './stores/plain-encoder.ts';
import { packValue, unpackValue } from './stores/records.ts';

const NOT_PLAIN = Symbol('not plain');
/**
 * Parts of a value that are copied one by one. A value of more is copied by way of its bytes, which are bounded: one that holds the
 * same part again and again has few objects, and parts without end.
 */
const PARTS_MAX = 200_000;
let partsLeft = 0;

/**
 * The value as it would come back from the store: plain data as it is, and of the rest what runtime/stores/values.ts keeps. Shares
 * nothing with the value. Errors: PROTOCOL_TOO_BIG for what is too deep, or holds itself; what a getter or a `toJSON` throws.
 */
export function copyValue<T>(value: T): T {
  const copy = quickCopy(value);
  return (copy === NOT_PLAIN ? unpackValue(packValue(value)) : copy) as T;
}

/**
 * The same for what code has returned. Errors: INVALID_OUTPUT, saying why it cannot be kept. `whose`: an agent. `refusal` is asked before
 * anything is copied the long way: what it says is thrown.
 */
export function copyOutput(
  value: unknown,
  whose: string,
  refusal?: (value: unknown) => OperatingError | undefined,
): unknown {
  try {
    const copy = quickCopy(value);
    if (copy !== NOT_PLAIN) return copy;
    const refused = refusal?.(value);
    if (refused !== undefined) throw refused;
    return unpackValue(packValue(value));
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'INVALID_OUTPUT') throw error;
    const message = `What ${whose} returned cannot be kept as an output: ${toErrorBody(error).message}`;
    throw new OperatingError('INVALID_OUTPUT', message, { cause: error });
  }
}

function quickCopy(value: unknown): unknown {
  partsLeft = PARTS_MAX;
  return plainCopy(value, VALUE_DEPTH_MAX);
}

function plainCopy(value: unknown, depthLeft: number): unknown {
  switch (typeof value) {
    case 'object':
      break;
    case 'function':
    case 'symbol':
      return NOT_PLAIN;
    default:
      return value;
  }
  if (value === null) return null;
  if (depthLeft === 0) return NOT_PLAIN;
  if (Array.isArray(value)) return arrayCopy(value, depthLeft - 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return NOT_PLAIN;
  const copy: Record<string, unknown> = {};
  for (const key in value) {
    if (key === '__proto__' || --partsLeft < 0) return NOT_PLAIN;
    const part = plainCopy((value as Readonly<Record<string, unknown>>)[key], depthLeft - 1);
    if (part === NOT_PLAIN) return NOT_PLAIN;
    copy[key] = part;
  }
  return copy;
}

function arrayCopy(value: readonly unknown[], depthLeft: number): unknown {
  // Also of one that is mostly holes.
  if ((partsLeft -= value.length) < 0) return NOT_PLAIN;
  const copy: unknown[] = [];
  for (let at = 0; at < value.length; at++) {
    const part = plainCopy(value[at], depthLeft);
    if (part === NOT_PLAIN) return NOT_PLAIN;
    copy.push(part);
  }
  return copy;
}
