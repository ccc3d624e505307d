/** How the schemas of REST routes name and describe what they are made of, and the fields that all lists have. */
import { z } from 'zod';
import { LIMITS } from '../protocol/limits.ts';

/** The names that shapes have in the OpenAPI document. */
export const REST_REGISTRY = z.registry<{ readonly id?: string; readonly description?: string }>();

/** A shape with a name of its own in the OpenAPI document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  REST_REGISTRY.add(schema, { id });
  return schema;
}

/** With words for people. A registry of its own: they must not show up in the schemas of messages and agents. */
export function said<Schema extends z.ZodType>(description: string, schema: Schema): Schema {
  REST_REGISTRY.add(schema, { description });
  return schema;
}

/** Where a list goes on. */
export const pageEnd = said('Give it as `cursor` for the next page; null on the last.', z.string().nullable());

/** What every list takes. */
export const pageFields = {
  cursor: said('From an earlier page.', z.string().min(1).max(LIMITS.cursorCharactersMax).exactOptional()),
  limit: z.coerce.number().int().min(1).max(LIMITS.listMax).exactOptional(),
};
