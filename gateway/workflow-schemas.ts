/** The shapes of what the routes of workflows take and answer (rest-schemas.ts has those of the others). */
import { z } from 'zod';
import { referenceField } from '../protocol/fields.ts';
import { REST_REGISTRY } from './rest-schemas.ts';

const text = z.string();
const count = z.int().min(0);

function described<Schema extends z.ZodType>(
  schema: Schema,
  words: { readonly id?: string; readonly description?: string },
): Schema {
  REST_REGISTRY.add(schema, words);
  return schema;
}

const entry = described(
  z.object({
    name: text,
    version: text,
    description: text.exactOptional(),
    steps: z.array(text),
    source: described(z.enum(['bundled', 'registered']).nullable(), {
      description: 'Whether it comes with the node or was registered; null where it is gone.',
    }),
    state: described(z.enum(['ready', 'draining', 'gone']), {
      description:
        '`draining`: a later version has taken over, and it cannot be started any more. `gone`: it is not registered, and still runs.',
    }),
    running: described(count, { description: 'Those that run now, also inside of others.' }),
    successor: described(text.exactOptional(), { description: 'The version that has taken over, as `name@version`.' }),
  }),
  { id: 'WorkflowEntry' },
);

/** What the routes of workflows answer. */
export const WORKFLOW_ANSWERS = Object.freeze({
  page: described(
    z.object({
      workflows: z.array(entry),
      cursor: described(text.nullable(), { description: 'Give it as `cursor` for the next page; null on the last.' }),
    }),
    { id: 'WorkflowPage' },
  ),
  removed: described(
    z.object({
      workflow: text,
      running: described(count, { description: 'Those that run; they go on to their ends.' }),
      callers: described(z.array(text), { description: 'Registered workflows that call it.' }),
    }),
    { id: 'WorkflowRemoved' },
  ),
  migrated: described(z.object({ task: text, from: text, to: text }), { id: 'TaskMigrated' }),
});

/** What they take. */
export const WORKFLOW_ASKS = Object.freeze({
  migration: described(
    z.object({
      workflow: described(referenceField, {
        description: 'The version to go on by: `name@version`, or the name alone for the newest.',
      }),
    }),
    { id: 'TaskMigration' },
  ),
});
