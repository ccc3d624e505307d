/** Values of actors as people may read them in JSON: what that has no form for is shown in the nearest one. It cannot be read back. */

const TEXT_CHARACTERS_MAX = 20_000;

/** A copy that is plain JSON. Long texts are cut, and say so. */
export function readable(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, inner: unknown) => shown(inner));
  return text === undefined ? null : (JSON.parse(text) as unknown);
}

function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX)
    return `${value.slice(0, TEXT_CHARACTERS_MAX)}… (${value.length} characters)`;
  if (value instanceof Map) return { map: [...(value as Map<unknown, unknown>)] };
  if (value instanceof Set) return { set: [...(value as Set<unknown>)] };
  if (value instanceof Error) return { error: value.name, message: value.message };
  if (value instanceof Uint8Array) return { bytes: value.length };
  return value;
}
