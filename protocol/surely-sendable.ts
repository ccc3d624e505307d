/**
 * A look at a value that says yes to what a message can surely hold: small, and made of nothing but plain data. It costs a third
 * of writing the message; who is told no has to write it to know more.
 */
import type { FrameBounds } from './limits.ts';
import { isPlain } from './wire-values.ts';

/** Larger values are few, and what is gained with them is little beside what else is done with them. */
const BYTES_MAX = 32 * 1024;
const DEPTH_MAX = 16;
/** The head of text or of a container, and what one unit of text can take. */
const HEAD_BYTES = 5;
const CHARACTER_BYTES = 3;
const NUMBER_BYTES = 9;

/** Whether a message within these bounds can surely hold the value. False says nothing. */
export function isSurelySendable(value: unknown, bounds: FrameBounds): boolean {
  const bytesMax = Math.min(BYTES_MAX, bounds.bytesMax, bounds.elementsMax);
  return takenFrom(bytesMax, value, Math.min(DEPTH_MAX, bounds.depthMax)) >= 0;
}

/** What is left of so many bytes at least; negative where it is too large, too deep or anything but plain. */
function takenFrom(left: number, value: unknown, depthLeft: number): number {
  switch (typeof value) {
    case 'string':
      return left - HEAD_BYTES - value.length * CHARACTER_BYTES;
    case 'number':
      return left - NUMBER_BYTES;
    case 'boolean':
      return left - 1;
    case 'object':
      return value === null ? left - 1 : takenByObject(left - HEAD_BYTES, value, depthLeft - 1);
    default:
      return -1;
  }
}

function takenByObject(bytes: number, value: object, depthLeft: number): number {
  if (depthLeft < 0 || !isPlain(value)) return -1;
  let left = bytes;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left >= 0; at++) left = takenFrom(left, value[at], depthLeft);
    return left;
  }
  for (const key in value) {
    if (key === '__proto__') return -1;
    left -= HEAD_BYTES + key.length * CHARACTER_BYTES;
    left = takenFrom(left, (value as Readonly<Record<string, unknown>>)[key], depthLeft);
    if (left < 0) return left;
  }
  return left;
}
