/** Values as one text each, so that equal ones can be told by their hash: the order of an object's keys does not matter. */
import { hash } from 'node:crypto';

/** The hash of a value, the same for equal ones. Instances of classes of one's own are taken as the store keeps them: as JSON. */
export function canonicalHash(value: unknown): string {
  return hash('sha256', canonical(value));
}

function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `!${value}`;
  if (typeof value === 'object' && value !== null) return canonicalObject(value);
  return JSON.stringify(value) ?? 'undefined';
}

/** What is no plain object begins with a sign of its own: nothing else is written like it. */
function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`;
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    return `v${value.constructor.name}:${bytes}`;
  }
  if (value instanceof Map) return `m${canonical([...value])}`;
  if (value instanceof Set) return `s${canonical([...value])}`;
  if (value instanceof RegExp) return `r${String(value)}`;
  if (value instanceof Error) return `e${canonical([value.name, value.message, value.cause])}`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical(value.toJSON());
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
