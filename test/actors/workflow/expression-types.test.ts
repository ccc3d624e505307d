import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compileExpression } from '../../../actors/workflow/expression.ts';
import { ANY, eitherShape, type Shape, shapeOfSchema } from '../../../actors/workflow/expression-shapes.ts';
import { checkExpression } from '../../../actors/workflow/expression-types.ts';
import { kindOf } from '../../../actors/workflow/expression-values.ts';
import { OperatingError } from '../../../protocol/errors.ts';

const found = z.object({
  hits: z.array(z.object({ url: z.string(), rank: z.int(), note: z.string().nullable() })),
  total: z.number(),
  done: z.boolean(),
  kind: z.enum(['a', 'b']),
  fixed: z.literal(3),
  tags: z.record(z.string(), z.number()),
  free: z.any(),
  loose: z.looseObject({ known: z.string() }),
  pair: z.tuple([z.string(), z.number()]),
  either: z.union([z.object({ k: z.string() }), z.object({ k: z.string(), l: z.number() })]),
  none: z.null(),
});

const roots = {
  input: ANY,
  item: ANY,
  step: () =>
    shapeOfSchema({ type: 'object', properties: { output: z.toJSONSchema(found) }, additionalProperties: false }),
};

/** `o` stands for the output of a step that has the schema above. */
function check(text: string): { kind: Shape['kind']; faults: string[] } {
  const faults: string[] = [];
  const shape = checkExpression(compileExpression(text.replaceAll(/\bo\./g, 'steps.s.output.')).ast, roots, (fault) =>
    faults.push(fault),
  );
  return { kind: shape.kind, faults };
}

describe('the type check', () => {
  it.each<[string, Shape['kind']]>([
    ['o.total + 1', 'number'],
    ['o.total * o.hits[0].rank', 'number'],
    ['o.hits', 'list'],
    ['o.hits[o.total]', 'map'],
    ['o.hits[0].url', 'string'],
    ['o.hits[0].note', 'any'],
    ['o.hits[0].note + "x"', 'string'],
    ['o.kind == "a"', 'bool'],
    ['o.kind + "x"', 'string'],
    ['o.fixed + o.tags.any', 'number'],
    ['o.tags["x"] > 1', 'bool'],
    ['o.free.whatever[0].deep', 'any'],
    ['o.loose.other', 'any'],
    ['o.loose.known', 'string'],
    ['o.pair[0]', 'any'],
    ['o.either.k', 'string'],
    ['o.either.l', 'any'],
    ['o.none == 1 || o.total == null', 'bool'],
    ['o.done ? 1 : 2.5', 'number'],
    ['o.done ? "a" : 1', 'any'],
    ['o.hits.map(h, h.rank)[0] + 1', 'number'],
    ['o.hits.filter(h, h.rank > 1)[0].url', 'string'],
    ['o.hits.all(h, h.url != "") && o.tags.exists(k, k == "x")', 'bool'],
    ['cel.bind(h, o.hits[0], h.url + "!")', 'string'],
    ['size(o.hits) + size(o.tags) + o.kind.size()', 'number'],
    ['has(o.nope) && !has(o.hits)', 'bool'],
    ['{"a": o.total}.a', 'number'],
    ['{"a": [1, 2]}["a"][0]', 'number'],
    ['[1, "a"][0]', 'any'],
    ['[]', 'list'],
    ['[1] + o.pair', 'list'],
    ['o.free + [1]', 'list'],
    ['-o.total', 'number'],
    ['dyn(o.total) + "x"', 'string'],
    ['input.x < item.y && index > 0', 'bool'],
    ['string(o.total).contains("1") || 1 in o.hits.map(h, h.rank) || "x" in o.tags', 'bool'],
    ['o.kind.split(",")', 'list'],
  ])('of %s: %s', (text, kind) => {
    expect(check(text)).toStrictEqual({ kind, faults: [] });
  });

  it.each<[string, string]>([
    ['o.titel', '`steps.s.output` has no field `titel`; it has `hits`, `total`'],
    ['o.totla + 1', '`steps.s.output` has no field `totla`; did you mean `total`?'],
    ['o.hits[0].link', '`steps.s.output.hits[0]` has no field `link`; it has `url`, `rank`, `note`'],
    ['steps.s.outptu', '`steps.s` has no field `outptu`; did you mean `output`?'],
    ['o.hits.url', '`steps.s.output.hits` is a list and has no field `url`'],
    ['o.hits["0"]', '`steps.s.output.hits` is a list and has no field `0`'],
    ['o.tags[0]', 'a map is not indexed by a number'],
    ['o.total[0]', 'a number is not indexed by a number'],
    ['o.free[true]', 'an unknown value is not indexed by a bool'],
    ['o.total + "x"', '`+` does not take number and string'],
    ['o.free + true', '`+` does not take an unknown value and bool'],
    ['o.kind * 2', '`*` does not take string and number'],
    ['o.kind > o.total', '`>` does not take string and number'],
    ['o.hits < o.hits', '`<` does not take list and list'],
    ['o.kind == 1', 'a string and a number are never equal'],
    ['o.total && true', '`&&` does not take number and bool'],
    ['!o.total', '`!` does not take a number'],
    ['-o.kind', '`-` does not take a string'],
    ['o.total ? 1 : 2', 'the condition before `?` does not take a number'],
    ['o.total.map(x, x)', 'map() goes through a list or map, not a number'],
    ['o.hits.all(h, h.rank)', 'the condition of all() does not take a number'],
    ['o.hits.map(h, h.rank > 1, h.link)', '`h` has no field `link`; it has `url`, `rank`, `note`'],
    ['o.tags.map(k, k + 1)', '`+` does not take string and number'],
    ['size(o.total)', 'size() does not take number'],
    ['o.kind.contains(1)', 'contains() does not take string, number'],
    ['1 in o.total', '`in` does not take number and number'],
    ['1 in o.tags', '`in` does not take number and map'],
    ['{o.kind: 1, "b": o.kind - 1}', '`-` does not take string and number'],
    ['1 + "a"', '`+` does not take number and string'],
  ])('refuses %s', (text, fault) => {
    expect(check(text).faults).toStrictEqual([expect.stringContaining(fault)]);
  });

  it('finds every fault of an expression at once', () => {
    expect(check('(o.total + "x") == o.nope && o.kind - 1 > o.hits').faults).toHaveLength(4);
  });

  it('reads schemas that refer to themselves, and says nothing of what it does not understand', () => {
    const tree = {
      $ref: '#/$defs/Node',
      $defs: {
        Node: {
          type: 'object',
          properties: { next: { $ref: '#/$defs/Node' }, value: { type: 'string' } },
          additionalProperties: false,
        },
      },
    };
    let shape: Shape | undefined = shapeOfSchema(tree);
    for (let i = 0; i < 20; i++) shape = shape?.kind === 'map' ? shape.field('next') : undefined;
    expect(shape?.kind === 'map' ? shape.field('value') : undefined).toStrictEqual({ kind: 'string' });
    const strange = [
      undefined,
      null,
      true,
      {},
      7,
      { type: 'elephant' },
      { $ref: '#' },
      { $ref: 'http://elsewhere' },
      { allOf: [] },
      { anyOf: [] },
      { not: {} },
      { type: 'string', nullable: true },
      { enum: [1, 'a'] },
      { type: ['string', 'null'] },
    ];
    for (const schema of strange) expect(shapeOfSchema(schema), JSON.stringify(schema)).toStrictEqual(ANY);
    expect(shapeOfSchema({ const: 'x' })).toStrictEqual({ kind: 'string' });
    expect(shapeOfSchema({ type: ['integer', 'number'] })).toStrictEqual({ kind: 'number' });
  });

  it('never refuses what can be evaluated, and knows what it gives', () => {
    // Without `&&`, `||` and `?:`: what they leave out is checked, but not evaluated.
    const names = ['total', 'done', 'kind', 'tags', 'hits', 'none', 'free', 'nope'];
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(...names.map((name) => `o.${name}`), '1', '"a"', 'true', 'null', 'o.hits[0].rank', 'o.tags.x'),
        fc
          .tuple(tie('expression'), fc.constantFrom('+', '-', '<', '!=', 'in'), tie('expression'))
          .map((parts) => `(${parts.join(' ')})`),
        tie('expression').map((inner) => `size(${inner})`),
        tie('expression').map((inner) => `!${inner}`),
        fc.tuple(tie('expression'), tie('expression')).map(([list, body]) => `${list}.map(x, [${body}, x])`),
        fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `[${a}, ${b}]`),
        tie('expression').map((inner) => `${inner}[0]`),
      ),
    }));
    const output = found.parse({
      hits: [{ url: 'u', rank: 1, note: null }],
      total: 1.5,
      done: true,
      kind: 'a',
      fixed: 3,
      tags: { x: 1 },
      free: [1],
      loose: { known: '' },
      pair: ['', 1],
      either: { k: '' },
      none: null,
    });
    fc.assert(
      fc.property(expression, (text) => {
        const { kind, faults } = check(text);
        try {
          const value = compileExpression(text.replaceAll('o.', 'steps.s.output.')).evaluate({
            steps: { s: { output } },
          });
          // `==` of kinds that cannot be equal gives false, and is refused all the same: nobody means it.
          if (!faults.some((fault) => fault.includes('never equal'))) expect(faults, text).toStrictEqual([]);
          if (kind !== 'any') expect(kindOf(value), text).toBe(kind);
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('joins shapes to what both are', () => {
    const list = shapeOfSchema({ type: 'array', items: { type: 'string' } });
    const other = shapeOfSchema({ type: 'array', items: { type: 'number' } });
    const joined = eitherShape(list, other);
    expect(joined.kind === 'list' ? joined.element() : undefined).toStrictEqual(ANY);
    expect(eitherShape({ kind: 'string' }, { kind: 'number' })).toStrictEqual(ANY);
  });
});
