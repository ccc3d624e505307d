import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpression } from '../../../actors/workflow/expression.ts';
import { compilePattern } from '../../../actors/workflow/expression-pattern.ts';
import { containsText, positionOfText, replaceText, splitText } from '../../../actors/workflow/expression-text.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { evaluate } from './evaluation.ts';

const meter = { left: Number.MAX_SAFE_INTEGER };

/** A tree of arithmetic: the text of an expression over `input`, and the same computed by JavaScript. */
interface Arithmetic {
  readonly text: string;
  readonly value: number;
}

const names = ['a', 'b', 'c'] as const;
const numbers = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.integer(),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.maxSafeInteger(),
);

function arithmeticOver(input: Readonly<Record<string, number>>): fc.Arbitrary<Arithmetic> {
  const literal = fc
    .integer({ min: 0, max: 1000 })
    .chain((n) =>
      fc.constantFrom<Arithmetic>(
        { text: `${n}`, value: n },
        { text: `${n}.0`, value: n },
        { text: `${n}.5`, value: n + 0.5 },
      ),
    );
  const leaf = fc.oneof(
    literal,
    fc.constantFrom(...names).map((name): Arithmetic => ({ text: `input.${name}`, value: input[name] ?? 0 })),
  );
  return fc.letrec<{ tree: Arithmetic }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      tie('tree').map(({ text, value }) => ({ text: `-(${text})`, value: -value })),
      fc
        .tuple(fc.constantFrom('+', '-', '*', '/', '%'), tie('tree'), tie('tree'))
        .map(([op, l, r]) => ({ text: `(${l.text} ${op} ${r.text})`, value: apply(op, l.value, r.value) })),
    ),
  })).tree;
}

/** What JavaScript makes of it; NaN where an expression must refuse: no finite number, or a whole one that is not exact. */
function apply(op: string, l: number, r: number): number {
  const result = op === '+' ? l + r : op === '-' ? l - r : op === '*' ? l * r : op === '/' ? l / r : l % r;
  return Number.isFinite(result) && (!Number.isInteger(result) || Number.isSafeInteger(result)) ? result : Number.NaN;
}

describe('numbers in expressions', () => {
  it('are what they are in JavaScript, whole and fractional, or refused', () => {
    const runs = fc
      .record({ a: numbers, b: numbers, c: numbers })
      .chain((input) => arithmeticOver(input).map((tree) => ({ input, tree })));
    fc.assert(
      fc.property(runs, ({ input, tree }) => {
        let found: unknown = Number.NaN;
        try {
          found = evaluate(tree.text, { input });
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
        }
        // Zero and minus zero are one number in JSON.
        expect((found as number) + 0).toBe(tree.value + 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('compare as in JavaScript', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const scope = { input: { a, b } };
        const found = ['<', '<=', '>', '>=', '==', '!='].map((op) => evaluate(`input.a ${op} input.b`, scope));
        expect(found).toStrictEqual([a < b, a <= b, a > b, a >= b, a === b, a !== b]);
      }),
    );
  });
});

/** Expressions of the part of CEL in which the library's own evaluator and ours must agree: whole numbers, no `/`. */
const { expression: sharedExpression } = fc.letrec<{
  expression: string;
  condition: string;
  number: string;
  text: string;
  list: string;
}>((tie) => {
  const [condition, number, text, list] = [tie('condition'), tie('number'), tie('text'), tie('list')];
  return {
    expression: fc.oneof(condition, number, text, list),
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.integer({ min: 0, max: 9 }).map(String),
      fc.constantFrom(
        'input.n',
        'input.list[0]',
        'input.list[7]',
        'input.missing',
        'size(input.list)',
        'input.text.size()',
      ),
      fc.tuple(number, fc.constantFrom('+', '-', '*', '%'), number).map((parts) => `(${parts.join(' ')})`),
      fc.tuple(condition, number, number).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
      number.map((n) => `input.list[${n}]`),
      list.map((l) => `size(${l})`),
      number.map((n) => `-(${n})`),
    ),
    condition: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('true', 'false', 'input.yes', 'has(input.n)', 'has(input.missing)'),
      fc
        .tuple(number, fc.constantFrom('<', '<=', '>', '>=', '==', '!='), number)
        .map((parts) => `(${parts.join(' ')})`),
      fc.tuple(text, fc.constantFrom('<', '==', '!='), text).map((parts) => `(${parts.join(' ')})`),
      fc.tuple(condition, fc.constantFrom('&&', '||'), condition).map((parts) => `(${parts.join(' ')})`),
      condition.map((c) => `!(${c})`),
      fc
        .tuple(list, fc.constantFrom('all', 'exists', 'exists_one'), number)
        .map(([l, macro, n]) => `${l}.${macro}(x, x % 3 == ${n})`),
      fc.tuple(number, list).map(([n, l]) => `(${n} in ${l})`),
      fc.tuple(text, fc.constantFrom('contains', 'startsWith', 'endsWith'), text).map(([a, f, b]) => `${a}.${f}(${b})`),
    ),
    text: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('"a"', "'bc'", 'input.text', '""'),
      fc.tuple(text, text).map(([a, b]) => `(${a} + ${b})`),
      number.map((n) => `string(${n})`),
      text.map((t) => `${t}.upperAscii()`),
      fc.tuple(text, number).map(([t, n]) => `${t}.substring(${n})`),
    ),
    list: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('input.list', '[1, 2, 3]', '[4]'),
      fc.tuple(list, list).map(([a, b]) => `(${a} + ${b})`),
      fc.tuple(list, number).map(([l, n]) => `${l}.map(x, x + ${n})`),
      fc.tuple(list, number).map(([l, n]) => `${l}.filter(x, x > ${n})`),
    ),
  };
});

describe('the evaluator', () => {
  it("agrees with the CEL library's own where both understand the numbers", () => {
    const library = new Environment({ unlistedVariablesAreDyn: true });
    const input = { n: 5, yes: true, text: 'abc', list: [3, 1, 2] };
    const theirs = { input: { n: 5n, yes: true, text: 'abc', list: [3n, 1n, 2n] } };
    let agreed = 0;
    fc.assert(
      fc.property(sharedExpression, (text) => {
        const own = outcome(() => evaluate(text, { input }));
        const other = outcome(() => plain(library.evaluate(text, theirs)));
        // Where one refuses, the library may only be the stricter one: it types what JSON does not.
        if ('value' in other && 'value' in own) agreed += 1;
        if ('value' in other) expect(own, text).toStrictEqual(other);
      }),
      { numRuns: 3000 },
    );
    expect(agreed).toBeGreaterThan(1000);
  });

  it('throws nothing but OperatingError, whatever the text and whatever the data', () => {
    const words = [
      'input',
      'steps',
      '.',
      'a',
      'b',
      '[',
      ']',
      '(',
      ')',
      '{',
      '}',
      '1',
      '2.5',
      '"s"',
      "'",
      '+',
      '-',
      '*',
      '/',
      '%',
      '==',
      '<',
      '&&',
      '||',
      '!',
      '?',
      ':',
      ',',
      ' in ',
      'has(',
      '.map(x,',
      '.all(x,',
      '.filter(x,',
      'size(',
      'x',
      'null',
      'true',
      '.matches(',
      '.split(',
      'string(',
      '__proto__',
      'constructor',
      'cel.bind(x,',
      '//',
      '\\',
      '"""',
      'r"',
      'b"',
      '😀',
    ];
    const texts = fc.oneof(
      fc.array(fc.constantFrom(...words), { maxLength: 14 }).map((parts) => parts.join('')),
      sharedExpression,
      fc.string(),
    );
    fc.assert(
      fc.property(texts, fc.jsonValue({ maxDepth: 3 }), (text, data) => {
        const scope = { input: data, steps: { a: { output: data }, b: { output: null } }, item: data, index: 0 };
        try {
          const value = compileExpression(text).evaluate(scope);
          expect(value).not.toBe(undefined);
          expect(typeof value).not.toBe('bigint');
        } catch (error) {
          expect(error, text).toBeInstanceOf(OperatingError);
          expect((error as OperatingError).code).toBe('INVALID_INPUT');
        }
      }),
      { numRuns: 5000 },
    );
  });
});

function outcome(act: () => unknown): { value: unknown } | { refused: true } {
  try {
    return { value: act() };
  } catch {
    return { refused: true };
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('patterns', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    'c',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\s',
    '\\b',
    '^',
    '$',
    '(?:ab|c)',
    '\\.',
    '\\x61',
    '[a-c0-9]',
    '\\W',
    '[\\d-]',
  );
  const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
    pattern: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    part: fc.oneof(
      { maxDepth: 3 },
      atom,
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,1}', '{1,}', '*?'))
        .map(([p, times]) => `(${p})${times}`),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
    ),
  }));
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '1', ' ', '.', '-'), maxLength: 8 });

  it('match what the regular expressions of JavaScript match', () => {
    fc.assert(
      fc.property(pattern, texts, fc.boolean(), (source, text, ignoresCase) => {
        const own = compilePattern(ignoresCase ? `(?i)${source}` : source);
        expect(own(text, meter), `${source} on ${JSON.stringify(text)}`).toBe(
          new RegExp(source, ignoresCase ? 'i' : '').test(text),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it.each<[string, string, boolean]>([
    ['(?i)ÉA', 'éa', true],
    ['^(?i:A)b$', 'ab', true],
    ['^(?i:A)b$', 'aB', false],
    ['(?s)a.b', 'a\nb', true],
    ['a.b', 'a\nb', false],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^b$', 'a\nb\nc', false],
    ['\\Aa\\z', 'a', true],
    ['(?P<year>\\d{4})-(?<month>\\d\\d)', '2026-11', true],
    ['^.$', '😀', true],
    ['[😀-😂]', '😁', true],
    ['^\\x{1F600}$', '😀', true],
    ['[]a]', ']', true],
    ['a{,2}', 'a{,2}', true],
    ['x*', '', true],
    ['(|a)b', 'b', true],
    ['()*b', 'b', true],
  ])('%s on %j: %s', (source, text, expected) => {
    expect(compilePattern(source)(text, meter)).toBe(expected);
  });

  it.each([
    ['(a', '`(` without its `)`'],
    ['a)', '`)` without its `(`'],
    ['*a', 'nothing to repeat'],
    ['a**', 'a repetition of a repetition'],
    ['[a', 'it ends too early'],
    ['[b-a]', 'out of order'],
    ['[[:alpha:]]', 'named classes'],
    ['\\1', '`\\1` is not known here'],
    ['(?=a)', 'no look-around'],
    ['(?<=a)b', 'no look-around'],
    ['a{2,1}', 'out of order'],
    ['a{1001}', 'over 1,000'],
    ['\\x{110000}', 'hexadecimal'],
    ['((a{1000}){1000}){1000}', 'more than 2000 states'],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, 'groups deeper than 50'],
    ['a'.repeat(1001), 'longer than 1000 characters'],
  ])('refuses %s', (source, why) => {
    expect(() => compilePattern(source)).toThrow(why);
  });

  it('makes nothing of endless repetitions of nothing', () => {
    expect(compilePattern('((((){1000}){1000}){1000}){1000}a')('a', meter)).toBe(true);
  });
});

describe('searching text', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 12 });

  it('finds, splits and replaces as JavaScript does, in code points', () => {
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 3 }), (text, needle) => {
        const points = (units: number): number => (units < 0 ? -1 : Array.from(text.slice(0, units)).length);
        expect(containsText(text, needle, meter)).toBe(text.includes(needle));
        expect(positionOfText(text, needle, undefined, 'first', meter)).toBe(points(text.indexOf(needle)));
        expect(positionOfText(text, needle, undefined, 'last', meter)).toBe(points(text.lastIndexOf(needle)));
        if (needle === '') return;
        expect(splitText(text, needle, -1, meter)).toStrictEqual(text.split(needle));
        expect(replaceText(text, needle, '-', meter)).toBe(text.replaceAll(needle, '-'));
      }),
    );
  });

  it('finds the same in text that is too long for the quadratic search', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 3000 }), fc.nat(2000), fc.nat(3), (before, after, extra) => {
        const needle = `${'a'.repeat(700)}b${'a'.repeat(extra)}`;
        const text = `${'a'.repeat(before)}b${'a'.repeat(700)}b${'a'.repeat(after)}`;
        expect(text.length * needle.length).toBeGreaterThan(1 << 20);
        expect(containsText(text, needle, meter)).toBe(text.includes(needle));
        expect(positionOfText(text, needle, undefined, 'first', meter)).toBe(text.indexOf(needle));
        expect(positionOfText(text, needle, undefined, 'last', meter)).toBe(text.lastIndexOf(needle));
        expect(positionOfText(text, needle, Math.min(before, text.length), 'last', meter)).toBe(
          text.lastIndexOf(needle, before),
        );
      }),
    );
  });
});
