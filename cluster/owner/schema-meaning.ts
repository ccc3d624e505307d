/** What a JSON Schema accepts, without what it says about itself: two that differ in words alone take the same. */

/** Say something to people, and check nothing. */
const WORDS: ReadonlySet<string> = new Set([
  ...['$schema', '$id', '$comment', 'title', 'description', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
]);
/** Hold schemas by names that are anybody's, also `title`. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
]);
/** Hold values, in which there is nothing to leave out. */
const VALUES: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'required']);

/** The schema without its words. */
export function meaningOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(meaningOf);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.entries(schema).filter(([key]) => !WORDS.has(key));
  return Object.fromEntries(fields.map(([key, value]) => [key, NAMED.has(key) ? namedIn(value) : partOf(key, value)]));
}

function partOf(key: string, value: unknown): unknown {
  return VALUES.has(key) ? value : meaningOf(value);
}

function namedIn(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, meaningOf(schema)]));
}
