/** How much room outputs take, so that what a workflow keeps can be bounded without packing it once more. */

const VALUE_BYTES = 8;

/** About the bytes of a JSON value in memory. Values that messages can hold are not deep: no stack is needed. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  let weight = 2 * VALUE_BYTES;
  if (Array.isArray(value)) for (const element of value) weight += weightOf(element);
  else if (ArrayBuffer.isView(value)) weight += value.byteLength;
  else for (const name in value) weight += name.length + weightOf((value as Readonly<Record<string, unknown>>)[name]);
  return weight;
}
