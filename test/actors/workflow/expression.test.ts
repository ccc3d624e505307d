import { describe, expect, it } from 'vitest';
import { compileExpression } from '../../../actors/workflow/expression.ts';
import { evaluate, refusal } from './evaluation.ts';

const scope = {
  input: {
    x: 3,
    half: 2.5,
    list: [1, 2, 3],
    name: 'José 😀',
    nothing: null,
    deep: { a: { b: null, c: 'd' } },
    words: ['b', 'a'],
    mixed: [1, 'a', null, { k: [2.5] }],
  },
  steps: { find: { output: { hits: [{ url: 'u1' }, { url: 'u2' }] } }, 'two-words': { output: 7 } },
  item: { url: 'u3' },
  index: 4,
};

describe('the values of expressions', () => {
  it.each<[string, unknown]>([
    ['input.x + 1', 4],
    ['1 + input.x', 4],
    ['input.x % 2', 1],
    ['input.half % 2', 0.5],
    ['input.x * 1.5', 4.5],
    ['input.x / 2', 1.5],
    ['7 / 2', 3.5],
    ['int(7 / 2)', 3],
    ['-input.x', -3],
    ['-(0)', 0],
    ['input.x == 3.0', true],
    ['input.x > 2.5 && input.x < 4', true],
    ['input.list[0]', 1],
    ['input.list[input.x - 1]', 3],
    ['input.list[size(input.list) - 1.0]', 3],
    ['size(input.list) / 2', 1.5],
    ['input.list.size() + 1', 4],
    ['steps.find.output.hits[0].url', 'u1'],
    ['steps["find"].output["hits"][1]["url"]', 'u2'],
    ['steps["two-words"].output', 7],
    ['steps.find.output.hits.map(h, h.url)', ['u1', 'u2']],
    ['item.url + string(index)', 'u34'],
    ['input.list.filter(i, i > 1)', [2, 3]],
    ['input.list.map(i, i != 2, i * 10)', [10, 30]],
    ['input.list.all(i, i > 0)', true],
    ['input.list.exists(i, i == 2)', true],
    ['input.list.exists_one(i, i > 2)', true],
    ['input.list.exists_one(i, i > 1)', false],
    ['input.deep.map(k, k)', ['a']],
    ['input.list.map(i, input.words.map(w, w + string(i)))[2][0]', 'b3'],
    ['input.list.map(steps, steps * 2)', [2, 4, 6]],
    ['cel.bind(t, input.x + 1, t * t)', 16],
    ['cel.bind(item, input.x, item) + size(item)', 4],
    ['input.nothing == null', true],
    ['input.x == null', false],
    ['input.nothing == 0', false],
    ['input.x == "3"', false],
    ['input.mixed == [1, "a", null, {"k": [2.5]}]', true],
    ['input.mixed != [1, "a", null, {"k": [2.6]}]', true],
    ['{"k": [2.5]} in input.mixed', true],
    ['"x" in input && !("y" in input)', true],
    ['[1, 2] + [3]', [1, 2, 3]],
    ['{"a": input.x, "b": [true, null]}', { a: 3, b: [true, null] }],
    ['input.x > 2 ? "big" : 0', 'big'],
    ['has(input.x) && has(input.nothing) && has(input.deep.a.b)', true],
    ['has(input.nope)', false],
    ['has(input.nope.at.all)', false],
    ['has(input.deep.a.b.c)', false],
    ['has(input.mixed[3].k) && !has(input.mixed[9].k)', true],
    ['has(steps["two-words"].output)', true],
    ['size(input.name)', 6],
    ['input.name.substring(5, 6)', '😀'],
    ['input.name.indexOf("😀")', 5],
    ['input.name.lastIndexOf("é", 4)', 3],
    ['input.name.contains("sé") && input.name.startsWith("Jos") && input.name.endsWith("😀")', true],
    ['"A-b-É".lowerAscii() + "é-b".upperAscii()', 'a-b-Éé-B'],
    ['" a ".trim()', 'a'],
    ['"a,b,,c".split(",")', ['a', 'b', '', 'c']],
    ['"a,b,,c".split(",", 2)', ['a', 'b,,c']],
    ['"😀b".split("")', ['😀', 'b']],
    ['input.words.join("-") + input.words.join()', 'b-aba'],
    ['"aaa".replace("aa", "b")', 'ba'],
    ['input.name.matches("^J.s[é]") && matches("ab", "^a")', true],
    ['input.words.exists(w, "xa".matches(w))', true],
    ['int("42") + int(-1.7) + double("0.5")', 41.5],
    ['string(1.0) + string(2.5) + string(true)', '12.5true'],
    ['bool("false") || bool(true)', true],
    ['"\\u00e9" + r"\\n" + """x"""', 'é\\nx'],
    ['input.nope == 1 || input.x == 3', true],
    ['input.x == 3 || input.nope == 1', true],
    ['input.nope == 1 && input.x == 4', false],
    ['input.mixed.exists(m, m.k[0] > 2)', true],
    ['dyn(input.x)', 3],
    ['size({"a": 1}) + size("é")', 2],
    ['1e3 + 0x10', 1016],
    ['input.x == 3 // and a comment', true],
  ])('%s', (text, expected) => {
    expect(evaluate(text, scope)).toStrictEqual(expected);
  });

  it('takes a BigInt that came over the wire for a number, and refuses one that is none', () => {
    const input = { small: 5n, big: 2n ** 60n, list: [1n, 2n] };
    expect(evaluate('input.small + input.list[1]', { input })).toBe(7);
    expect(evaluate('input.list.map(i, i + 1)', { input })).toStrictEqual([2, 3]);
    expect(evaluate('input.small == 5 && 2 in input.list', { input })).toBe(true);
    expect(refusal('input.big', { input }).message).toContain('outside ±(2^53 - 1)');
  });

  it('hands on what it does not look into, whatever it is', () => {
    const when = new Date(0);
    expect(evaluate('input.when', { input: { when } })).toBe(when);
    expect(evaluate('input.huge', { input: { huge: 1e300 } })).toBe(1e300);
    expect(refusal('input.when + 1', { input: { when } }).message).toContain('does not take other and number');
  });

  it('takes a missing input for null', () => {
    expect(evaluate('input == null', {})).toBe(true);
    expect(refusal('input.x', {}).message).toContain('`input` is null and has no field `x`');
  });
});

describe('what expressions refuse', () => {
  it.each<[string, string]>([
    ['input.nope', '`input` has no field `nope`; it has `x`, `half`, `list`'],
    ['input.lst', '`input` has no field `lst`; did you mean `list`?'],
    ['input.deep.a.b.c', '`input.deep.a.b` is null and has no field `c`'],
    ['input.name.first', '`input.name` is a string and has no field `first`'],
    ['input.list[3]', '`input.list` has 3 elements and none at 3'],
    ['input.list[-1]', 'none at -1'],
    ['input.list[0.5]', 'none at 0.5'],
    ['input.list["0"]', '`input.list` is a list and has no field `0`'],
    ['input.x[0]', 'a number is not indexed by a number'],
    ['steps.later.output', 'step `later` has no result yet'],
    ['steps', '`steps` is followed by the id of a step'],
    ['steps[input.name].output', '`steps` is followed by the id of a step'],
    [
      'inptu.x',
      '`inptu` is unknown; an expression reads `input`, `steps`, `item`, `index`, `round`, `acc`, `output`; did you mean `input`?',
    ],
    ['input.list.map(i, j)', '`j` is unknown'],
    ['sise(input.list)', 'the function `sise()` is unknown; did you mean `size()`?'],
    ['input.name.strip()', 'the method `.strip()` is unknown'],
    ['size(1, 2)', 'the function `size()` takes another number of arguments'],
    ['size(input.x)', 'size() does not take number'],
    ['"a" + 1', '`+` does not take string and number; use string()'],
    ['input.nothing + 1', '`+` does not take null and number'],
    ['input.name - 1', '`-` does not take string and number'],
    ['input.x < "4"', '`<` does not take number and string'],
    ['input.nothing < 1', '`<` does not take null and number'],
    ['input.x && true', '`&&` does not take a number'],
    ['input.nope || false', '`input` has no field `nope`'],
    ['!input.x', '`!` does not take a number'],
    ['-input.name', '`-` does not take a string'],
    ['input.x ? 1 : 2', 'the condition before `?` is a number, not a bool'],
    ['input.list.all(i, i)', 'the condition of all() is a number, not a bool'],
    ['input.list.all(i, i < 3 || i.x)', '`i` is a number and has no field `x`'],
    ['input.x.map(i, i)', 'map() goes through a list or map, not a number'],
    ['1 in input.x', 'the right side of `in` is a number'],
    ['1 in input', 'the left side of `in` is a number; field names are strings'],
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'remainder of a division by zero'],
    ['9007199254740991 + 1', 'outside ±(2^53 - 1)'],
    ['input.x * 9007199254740991', 'outside ±(2^53 - 1)'],
    ['-9007199254740991 - input.x', 'outside ±(2^53 - 1)'],
    ['9007199254740992', 'the number 9007199254740992 is outside ±(2^53 - 1)'],
    ['1e308 * 10.0', 'not a finite number'],
    ['int("1.5")', 'int() takes a text of digits only'],
    ['double("x")', 'double() takes a text that is a finite number'],
    ['bool("yes")', 'bool() takes the text'],
    ['string(input.list)', 'string() does not take list'],
    ['input.list.join()', 'join() takes a list of strings'],
    ['input.name.substring(4, 9)', 'substring(4, 9) is outside of a text of 6 characters'],
    ['input.name.indexOf("a", 99)', 'position 99 is outside'],
    ['"a".matches("(")', 'the pattern is wrong'],
    ['b"bytes"', 'bytes and unsigned numbers are not JSON values'],
    ['3u', 'bytes and unsigned numbers'],
    ['timestamp("2026-01-01T00:00:00Z")', 'the function `timestamp()` is unknown'],
    ['has(input)', 'has() takes a field'],
    ['{1: 2}', 'a field name is a string, not a number'],
    ['{input.x: 2}', 'a field name is a string, not a number'],
    ['input.list.map(1 + 1, 2)', 'invalid predicate iteration variable'],
    ['1 +', 'unexpected token: EOF'],
    ['input.x input.y', "unexpected character: 't'"],
    ['"open', 'unterminated string'],
    ['', 'it is empty'],
    ['  ', 'it is empty'],
  ])('%s', (text, message) => {
    const error = refusal(text, scope);
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toContain(message);
  });

  it.each(['constructor', '__proto__', 'prototype'])(
    'reads nothing that is called %s, even where the data has it',
    (name) => {
      const input = JSON.parse(`{"${name}": 1, "o": {"${name}": 1}}`) as Record<string, unknown>;
      const forms = [
        name,
        `input.${name}`,
        `input["${name}"]`,
        `input["${name.slice(0, 3)}" + "${name.slice(3)}"]`,
        `input.o.${name}.x`,
      ];
      const more = [
        `has(input.${name})`,
        `has(input.${name}.x)`,
        `has(input["${name}"].x)`,
        `"${name}" in input`,
        `{"${name}": 1}`,
        `steps.${name}`,
      ];
      for (const text of [...forms, ...more])
        expect(refusal(text, { ...scope, input }).code, text).toBe('INVALID_INPUT');
      expect(refusal('input.toString', { input: {} }).message).toContain('has no field `toString`');
      expect(evaluate('has(input.toString) || "valueOf" in input', { input: {} })).toBe(false);
    },
  );

  it('names the place and the expression, and says where in it', () => {
    const error = refusal('1 + input.nope', { input: {} }, '/steps/2/when');
    expect(error.message).toBe(
      '`1 + input.nope` at /steps/2/when cannot be evaluated: `input` has no field `nope`; it is empty.',
    );
    expect(error.details).toStrictEqual({ expression: '1 + input.nope', at: '/steps/2/when', start: 4, end: 14 });
  });

  it('refuses texts, trees and nests over their bounds', () => {
    const tooLong = `1 + ${' '.repeat(5000)}1`;
    const tooMany = Array.from({ length: 600 }, () => '1').join('+');
    const tooDeep = `${'('.repeat(70)}1${')'.repeat(70)}`;
    expect(refusal(tooLong).message).toContain('it is longer than 4096 characters');
    expect(refusal(tooMany).message).toContain('maxAstNodes');
    expect(refusal(tooDeep).message).toContain('maxDepth');
    expect(refusal(`${'!'.repeat(4000)}true`).code).toBe('INVALID_INPUT');
    expect(refusal(tooLong).message.length).toBeLessThan(400);
  });
});

describe('compiled expressions', () => {
  it('are the same for the same text, and are evaluated again and again', () => {
    const expression = compileExpression('input.n + 1');
    expect(compileExpression('input.n + 1')).toBe(expression);
    expect([1, 2].map((n) => expression.evaluate({ input: { n } }))).toStrictEqual([2, 3]);
  });

  it('are kept up to a bound, the most recently used ones', () => {
    const kept = compileExpression('input.kept');
    const dropped = compileExpression('input.dropped');
    for (let i = 0; i < 100; i++) {
      compileExpression(`input.filling == "${'x'.repeat(2000)}${i}"`);
      compileExpression('input.kept');
    }
    expect(compileExpression('input.kept')).toBe(kept);
    expect(compileExpression('input.dropped')).not.toBe(dropped);
  });

  it.each<[string, string[], string[]]>([
    ['steps.a.output + steps["b"].output.c', ['a', 'b'], []],
    ['input.list.map(item, item.x + steps.a.y)', ['a'], ['input']],
    ['item.list.map(x, index)', [], ['item', 'index']],
    ['"steps.a" + "input"', [], []],
    ['input.steps.a == {"item": 1}.item', [], ['input']],
    ['cel.bind(input, item, input.x)', [], ['item']],
    ['cel.bind(item, item.list, size(item))', [], ['item']],
    ['input.list.map(steps, steps.a)', [], ['input']],
    ['has(steps.a.output.x) ? steps.b.output : steps.a.output', ['a', 'b'], []],
    ['[steps.a.x, {"k": -steps.b.x}][steps.c.x]', ['a', 'b', 'c'], []],
  ])('know what they read: %s', (text, steps, roots) => {
    const { references } = compileExpression(text);
    expect(references.steps).toStrictEqual(steps);
    expect((['input', 'item', 'index'] as const).filter((root) => references[root])).toStrictEqual(roots);
  });
});
