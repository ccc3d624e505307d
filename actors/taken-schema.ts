/** What an agent takes, as a JSON Schema that refuses nothing that its own schema would make fit. */
import { z } from 'zod';

/**
 * The JSON Schema of what a zod schema takes; undefined for what JSON Schema cannot say. What converts its input (`z.coerce`,
 * `z.preprocess`) or makes do with any (`.catch`) is left open.
 */
export function takenSchemaOf(schema: z.ZodType | undefined): unknown {
  if (schema === undefined) return undefined;
  try {
    return z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      reused: 'inline',
      override: ({ zodSchema, jsonSchema }) => {
        if (takesAnything(zodSchema)) for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      },
    });
  } catch {
    return undefined;
  }
}

/** Of zod's own description of a schema. */
interface Described {
  readonly _zod: {
    readonly def: { readonly type: string; readonly coerce?: boolean; readonly in?: Described };
  };
}

function takesAnything(schema: unknown): boolean {
  const { type, coerce, in: first } = (schema as Described)._zod.def;
  return coerce === true || type === 'catch' || (type === 'pipe' && first?._zod.def.type === 'transform');
}
