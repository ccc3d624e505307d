import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { takenSchemaOf } from '../../../actors/taken-schema.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import { graphOf, lookups } from './graph-lookups.ts';

/** The faults of a step that calls the reader, behind one that searches: place and message. */
function faultsOf(input: unknown, step: object = {}): readonly (readonly [string, string])[] {
  const steps = [
    { id: 'find', agent: 'search', input: {} },
    { id: 'read', agent: 'reader', input, ...step },
  ];
  return lintGraph(graphOf(steps), lookups).faults.map(({ at, code, message }) => [at, `${code} ${message}`]);
}

describe('What a step is given', () => {
  it.each<[string, unknown]>([
    ['literals that fit', { url: 'a', pages: 3, tags: ['x'] }],
    ['a text with something in it', { url: 'page ${steps.find.output.total}' }],
    ['expressions that fit', { url: '${steps.find.output.hits[0].url}', pages: '${steps.find.output.total}' }],
    ['what is not known', { url: '${input.topicless}', pages: '${input.other}', any: '${steps.find.output}' }],
    ['what may be either', { url: '${steps.find.output.done ? steps.find.output.total : "x"}' }],
    [
      'lists and maps that fit',
      { url: 'a', tags: '${steps.find.output.hits.map(h, h.url)}', from: '${steps.find.output}' },
    ],
    ['all of the input', '${input}'],
  ])('may be %s', (_what, input) => {
    expect(faultsOf(input)).toEqual([]);
  });

  it.each<[string, unknown, string, string]>([
    ['a literal of another kind', { url: 5 }, '/url', 'reader takes a string as `url`, not a number.'],
    [
      'one inside of a list',
      { url: 'a', tags: ['x', 1] },
      '/tags/1',
      'reader takes a string as `tags[1]`, not a number.',
    ],
    [
      'a text where a number is taken',
      { url: 'a', pages: '3' },
      '/pages',
      'reader takes a number as `pages`, not a string.',
    ],
    [
      'text that is put together where a number is taken',
      { url: 'a', pages: '1${steps.find.output.total}' },
      '/pages',
      'reader takes a number as `pages`, not a string.',
    ],
    [
      'an expression of another kind',
      { url: '${steps.find.output.total}' },
      '/url',
      '`steps.find.output.total` does not fit reader: `url` is a string, not a number.',
    ],
    [
      'a list of other things',
      { url: 'a', tags: '${steps.find.output.hits}' },
      '/tags',
      '`steps.find.output.hits` does not fit reader: `tags[]` is a string, not a map.',
    ],
    ['too little', { pages: 1 }, '', 'reader needs `url` in its input.'],
    ['a field that is not taken', { url: 'a', page: 1 }, '/page', 'reader takes no `page` in its input.'],
    ['no map', 'x', '', 'reader takes a map as its input, not a string.'],
    [
      'an output that lacks something',
      '${steps.find.output}',
      '',
      '`steps.find.output` does not fit reader: there is no `url`.',
    ],
  ])('is refused where it is %s', (_what, input, at, message) => {
    expect(faultsOf(input)).toEqual([[`/steps/1/input${at}`, `TYPE ${message}`]]);
  });

  it('is judged for fallbacks and for what undoes a step as well, and all faults are told', () => {
    const call = { agent: 'reader', input: { url: '${steps.find.output.done}' } };
    const faults = faultsOf({ url: 1, tags: 2 }, { fallback: [call], compensate: call });
    expect(faults.map(([at]) => at)).toEqual([
      '/steps/1/input/url',
      '/steps/1/input/tags',
      '/steps/1/fallback/0/input/url',
      '/steps/1/compensate/input/url',
    ]);
  });

  it('is held against items of a list, whose kind is known', () => {
    const step = { forEach: '${steps.find.output.hits}' };
    expect(faultsOf({ url: '${item.url}' }, step)).toEqual([]);
    expect(faultsOf({ url: '${item.rank}' }, step)).toHaveLength(1);
    expect(faultsOf({ url: '${index}' }, step)).toHaveLength(1);
  });
});

describe('What an agent takes', () => {
  it('is open where its schema converts, or makes do with anything', () => {
    const schema = z.object({
      ...{ a: z.coerce.number(), b: z.preprocess(Number, z.number()), c: z.number().catch(1), d: z.date() },
      ...{ e: z.coerce.string().optional(), f: z.string().transform(Number), g: z.string().default('x') },
    });
    expect(takenSchemaOf(schema)).toMatchObject({
      properties: { a: {}, b: {}, c: {}, d: {}, e: {}, f: { type: 'string' }, g: { type: 'string' } },
    });
    expect((takenSchemaOf(schema) as { properties: { a: object } }).properties.a).toEqual({});
    expect(takenSchemaOf(z.preprocess((value) => value, schema))).not.toHaveProperty('type');
  });
});
