import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanText } from '../../../actors/workflow/expression-scanner.ts';
import { compileTemplate } from '../../../actors/workflow/template.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { refusalOf } from './evaluation.ts';

const scope = {
  input: { n: 3, text: 'hi', list: [1, 2], map: { a: null }, nothing: null, yes: true, when: new Date(0), big: 9n },
  steps: { find: { output: { hits: ['u'] } } },
  item: 'it',
  index: 1,
};

describe('a template', () => {
  it.each<[unknown, unknown]>([
    ['${input.n}', 3],
    ['${ input.list }', [1, 2]],
    ['${input.nothing}', null],
    ['n=${input.n}', 'n=3'],
    ['${input.n}${input.text}', '3hi'],
    ['${input.list} ${input.map} ${input.nothing} ${input.yes}', '[1,2] {"a":null} null true'],
    ['$${input.n}', '${input.n}'],
    ['a $${b} ${input.n} $$${c}', 'a ${b} 3 $${c}'],
    ['${input.n}$${input.n}', '3${input.n}'],
    ['costs $5 {x} $', 'costs $5 {x} $'],
    ['${{"a": {"b": input.n}}}', { a: { b: 3 } }],
    ['${{"a": {"b": input.n}}.a.b}!', '3!'],
    ['${"}" + "{"}', '}{'],
    ['${"\\"}" + \'}\'}', '"}}'],
    ['${"""a"}b"""}', 'a"}b'],
    ['${r"\\}"}', '\\}'],
    ['${input.n // }\n + 1}', 4],
    [
      { a: ['${input.n}', { b: 'x${item}${index}' }], c: 1 },
      { a: [3, { b: 'xit1' }], c: 1 },
    ],
    [{ '${input.n}': '${input.n}' }, { '${input.n}': 3 }],
    [[], []],
    ['at ${input.when}', 'at 1970-01-01T00:00:00.000Z'],
    ['${input.big} ${[input.big]}', '9 [9]'],
    [null, null],
    ['', ''],
  ])('%j gives %j', (template, expected) => {
    expect(compileTemplate(template).evaluate(scope)).toStrictEqual(expected);
  });

  it('without placeholders is itself', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        fc.pre(!JSON.stringify(value).includes('${'));
        const template = compileTemplate(value);
        expect(template.evaluate(scope)).toBe(value);
        expect(template.placeholders).toStrictEqual([]);
      }),
    );
  });

  it('whose `${` are all escaped is the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', '"') }), (text) => {
        const escaped = text.replaceAll('${', () => '$${');
        fc.pre(!/\$\$\{/.test(text));
        expect(compileTemplate(escaped).evaluate(scope)).toBe(text);
      }),
    );
  });

  it('puts values where they stand, in any JSON around them', () => {
    const holes = fc.constantFrom<[string, unknown]>(
      ['${input.n}', 3],
      ['${input.list}', [1, 2]],
      ['<${input.text}>', '<hi>'],
      ['plain', 'plain'],
    );
    const { tree } = fc.letrec<{ tree: [unknown, unknown] }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        holes,
        fc
          .array(tie('tree'), { maxLength: 3 })
          .map((parts): [unknown, unknown] => [parts.map(([t]) => t), parts.map(([, v]) => v)]),
        fc
          .dictionary(fc.constantFrom('a', 'b', '__proto__', 'toString'), tie('tree'))
          .map((parts): [unknown, unknown] => {
            const entries = Object.entries(parts);
            return [
              Object.fromEntries(entries.map(([k, [t]]) => [k, t])),
              Object.fromEntries(entries.map(([k, [, v]]) => [k, v])),
            ];
          }),
      ),
    }));
    fc.assert(
      fc.property(tree, ([template, expected]) => {
        expect(compileTemplate(template).evaluate(scope)).toEqual(expected);
      }),
    );
  });

  it('does not change what it was made of', () => {
    const value = Object.freeze({ a: Object.freeze(['${input.n}', Object.freeze({ b: 1 })]) });
    expect(compileTemplate(value).evaluate(scope)).toStrictEqual({ a: [3, { b: 1 }] });
    expect(value).toStrictEqual({ a: ['${input.n}', { b: 1 }] });
  });

  it('knows what all its expressions read, and where they stand', () => {
    const template = compileTemplate(
      { 'a/b': ['${steps.x.output}', 'of ${input.n} and ${steps["y"].output + item}'] },
      '/steps/1/input',
    );
    expect(template.references).toMatchObject({
      steps: ['x', 'y'],
      input: true,
      item: true,
      index: false,
      round: false,
    });
    expect(template.placeholders.map(({ at, isWhole }) => [at, isWhole])).toStrictEqual([
      ['/steps/1/input/a~1b/0', true],
      ['/steps/1/input/a~1b/1', false],
      ['/steps/1/input/a~1b/1', false],
    ]);
  });

  it('names the place of an error', () => {
    const template = compileTemplate({ query: ['${input.topic}'] }, '/steps/0/input');
    const error = refusalOf(() => template.evaluate(scope));
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toContain(
      '`input.topic` at /steps/0/input/query/0 cannot be evaluated: `input` has no field `topic`',
    );
    expect(error.details).toMatchObject({ at: '/steps/0/input/query/0' });
  });

  it('reports all its faults, or throws the first', () => {
    const value = { a: '${1 +}', b: '${open', c: '${}', d: ['x ${nope}'] };
    const faults: string[] = [];
    compileTemplate(value, '/t', (error, at) => faults.push(`${at} ${error.code}`));
    expect(faults).toStrictEqual([
      '/t/a INVALID_INPUT',
      '/t/b INVALID_INPUT',
      '/t/c INVALID_INPUT',
      '/t/d/0 INVALID_INPUT',
    ]);
    expect(refusalOf(() => compileTemplate(value)).message).toContain('unexpected token: EOF');
    expect(refusalOf(() => compileTemplate('a ${open')).message).toContain(
      'the `${` at character 3 has no closing `}`; write `$${`',
    );
  });

  it('shares one budget among its expressions', () => {
    const input = { ids: Array.from({ length: 200 }, (_, i) => i) };
    const heavy = '${input.ids.all(a, input.ids.all(b, a + b >= 0))}';
    expect(compileTemplate([heavy]).evaluate({ input })).toStrictEqual([true]);
    expect(refusalOf(() => compileTemplate([heavy, heavy, heavy]).evaluate({ input })).message).toContain(
      'more than 500,000 operations',
    );
  });

  it('bounds the text it makes, and its depth', () => {
    const input = { page: 'x'.repeat(100_000) };
    expect(refusalOf(() => compileTemplate('${input.page}-'.repeat(60)).evaluate({ input })).message).toContain(
      'longer than 4194304 characters',
    );
    let deep: unknown = '${input.n}';
    for (let i = 0; i < 65; i++) deep = [deep];
    expect(refusalOf(() => compileTemplate(deep)).message).toContain('nested deeper than 64');
  });

  it('never throws anything but OperatingError', () => {
    const piece = fc.constantFrom(
      '${',
      '}',
      '$',
      '{',
      '"',
      "'",
      'input',
      '.n',
      '+',
      '//',
      '\n',
      '\\',
      'r"',
      '"""',
      'steps.find.output',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          compileTemplate(pieces.join('')).evaluate(scope);
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the scanner', () => {
  it('gives back every character, in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', '"', "'", '/', '\n', '\\') }), (text) => {
        const scanned = scanText(text);
        if ('openAt' in scanned) {
          expect(text.startsWith('${', scanned.openAt)).toBe(true);
          return;
        }
        const written = scanned.parts.map((part) =>
          part.type === 'text' ? part.text.replaceAll('${', () => '$${') : `\${${part.text}}`,
        );
        expect(written.join('')).toBe(text);
      }),
    );
  });
});
