import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { meaningOf } from '../../../cluster/owner/schema-meaning.ts';

const schemaOf = (type: z.ZodType): unknown => z.toJSONSchema(type);

describe('What a schema means', () => {
  it('is the same whatever it says of itself, at any depth', () => {
    const said = z.object({ list: z.array(z.string().describe('a word')).describe('words') }).describe('all of it');
    const plain = z.object({ list: z.array(z.string()) });
    expect(meaningOf(schemaOf(said))).toEqual(meaningOf({ ...(schemaOf(plain) as object), $schema: 'another draft' }));
    expect(schemaOf(said)).not.toEqual(schemaOf(plain));
  });

  it('has all that is checked, also what goes by a name that elsewhere is a word', () => {
    for (const [one, other] of [
      [z.object({ title: z.string() }), z.object({ title: z.number() })],
      [z.object({ title: z.string() }), z.object({})],
      [z.object({ description: z.object({ title: z.string() }) }), z.object({ description: z.object({}) })],
      [z.enum(['title', 'description']), z.enum(['title'])],
      [z.literal('a'), z.literal('b')],
      [z.string().min(1), z.string()],
      [z.union([z.string(), z.number()]), z.string()],
    ] as const)
      expect(meaningOf(schemaOf(one))).not.toEqual(meaningOf(schemaOf(other)));
    const value = { const: { title: 'kept' } };
    expect(meaningOf(value)).toEqual(value);
  });
});
