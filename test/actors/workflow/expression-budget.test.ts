import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpression, createMeter } from '../../../actors/workflow/expression.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { evaluate, refusal } from './evaluation.ts';

const ids = Array.from({ length: 200 }, (_, i) => i);
const records = Array.from({ length: 20_000 }, (_, i) => ({ name: `${'x'.repeat(50)}${i}` }));
const page = 'a'.repeat(65_536);
const names = Object.fromEntries(ids.map((id) => [`k${id}`, id]));
const numbers = records.map((_, i) => i);
const input = {
  ids,
  records,
  page,
  names,
  sameNames: { ...names },
  numbers,
  sameNumbers: [...numbers],
  half: `${page.slice(0, 20_000)}b${page.slice(0, 20_000)}`,
};

/** The size of what is doubled so many times. */
function doubled(text: string, times: number): string {
  return times === 0
    ? `size(${text})`
    : `cel.bind(v${times}, ${text}, ${doubled(`(v${times} + v${times})`, times - 1)})`;
}

/** What is spent where no expression may: well above what the budget takes, well below what the work would. */
const PATIENCE_MS = 2_000;

/** What this process has spent of a processor: other work on the machine must not look like work of the expression. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What a whole budget may take: 50 ms, or (with coverage, on slow machines) some times what the plainest way to spend it takes. */
function limitMs(): number {
  const plainest = compileExpression('input.ids.all(a, input.ids.all(b, input.ids.all(c, a + b + c >= 0)))');
  return Math.max(50, 6 * quickestMs(() => expect(() => plainest.evaluate({ input })).toThrow('operations')));
}

/** The quickest of a few runs. */
function quickestMs(act: () => void): number {
  return Math.min(
    ...[1, 2, 3, 4].map(() => {
      const start = spentMs();
      act();
      return spentMs() - start;
    }),
  );
}

describe('the budget of an evaluation', () => {
  it.each([
    ['loops in loops', 'input.ids.all(a, input.ids.all(b, input.ids.all(c, a + b + c >= 0)))'],
    ['loops in loops that build lists', 'input.ids.map(a, input.ids.map(b, input.ids.map(c, c)))'],
    ['loops over field names', 'input.names.all(a, input.names.all(b, input.names.all(c, a + b != c)))'],
    ['errors that are swallowed', 'input.records.exists(r, r.nope == 1)'],
    ['errors that are swallowed in loops', 'input.ids.exists(a, input.ids.exists(b, b.nope || a.nope))'],
    ['comparing lists in a loop', 'input.ids.all(a, input.ids.all(b, input.numbers == input.sameNumbers))'],
    ['looking through numbers in a loop', 'input.ids.all(a, input.ids.all(b, !(-1 in input.numbers)))'],
    ['comparing maps in a loop', 'input.ids.all(a, input.ids.all(b, input.names == input.sameNames))'],
    ['looking through a list in a loop', 'input.records.all(r, r in input.records)'],
    [
      'doubling lists',
      'cel.bind(a, input.records + input.records, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, size(d + d)))))',
    ],
    ['doubling texts', doubled('input.page', 8)],
    ['searching text in a loop', 'input.ids.all(i, input.ids.all(j, !input.page.contains("b" + string(i))))'],
    ['counting letters in a loop', 'input.ids.all(i, input.ids.all(j, size(input.page) > 0))'],
    ['patterns in a loop', 'input.ids.map(i, input.page.matches("(a|b|c)*d"))'],
    ['patterns from data in a loop', 'input.records.map(r, "x".matches(r.name))'],
    ['splitting in a loop', 'input.ids.map(i, input.page.split(""))'],
    ['changing letters in a loop', 'input.ids.map(i, input.page.upperAscii())'],
    ['an exhausted budget that nothing swallows', 'input.ids.all(a, input.ids.all(b, input.ids.all(c, true))) || true'],
  ])('stops %s', (_what, text) => {
    const expression = compileExpression(text);
    const elapsedMs = quickestMs(() => {
      let error: unknown;
      try {
        expression.evaluate({ input });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(OperatingError);
      expect(error).toMatchObject({
        code: 'INVALID_INPUT',
        retryable: false,
        message: expect.stringContaining('more than 500,000 operations') as string,
      });
    });
    expect(elapsedMs).toBeLessThan(limitMs());
  });

  it('is enough for what workflows do', () => {
    expect(
      evaluate('input.records.filter(r, r.name.endsWith("7") && size(r.name) > 3).map(r, r.name)', { input }),
    ).toHaveLength(2_000);
    expect(
      evaluate('size(input.records.filter(r, r.name != "x").map(r, {"name": r.name, "kept": true}))', { input }),
    ).toBe(20_000);
    expect(evaluate('input.ids.all(a, input.ids.all(b, a * b >= 0))', { input })).toBe(true);
    expect(evaluate('input.page.matches("^a*$") && !input.page.matches("b")', { input })).toBe(true);
    expect(evaluate('input.page.split("").join("-").size()', { input })).toBe(131_071);
  });

  it('is for one evaluation, unless several share one', () => {
    const expression = compileExpression('input.ids.all(a, input.ids.all(b, a + b >= 0))');
    for (let i = 0; i < 5; i++) expect(expression.evaluate({ input })).toBe(true);
    const meter = createMeter();
    expect(() => {
      for (let i = 0; i < 5; i++) expression.evaluate({ input }, '', meter);
    }).toThrow('more than 500,000 operations');
  });

  it('costs the same whatever was evaluated before', () => {
    const left = ['input.records.map(r, "x".matches(r.name.substring(50)))', 'input.records.map(r, r.name)'].map(
      (text) => {
        const meters = [createMeter(), createMeter()];
        for (const meter of meters) {
          try {
            compileExpression(text).evaluate({ input }, '', meter);
          } catch {
            // How much was left is what counts.
          }
        }
        return meters.map((meter) => meter.left);
      },
    );
    for (const [first, second] of left) expect(first).toBe(second);
  });

  it('ends unlucky patterns and unlucky searches, which take others for ever', () => {
    const texts = [
      '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("^(a+)+$")',
      'input.page.matches("a*a*a*a*a*b")',
      'input.page.contains(input.half)',
    ];
    for (const text of texts) {
      const elapsedMs = quickestMs(() => {
        try {
          expect(compileExpression(text).evaluate({ input })).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
        }
      });
      expect(elapsedMs, text).toBeLessThan(limitMs());
    }
  });

  it('holds for any nest of loops over data of any size', () => {
    const bodies = fc.constantFrom(
      'size(string(x0)) >= 0',
      'x0 == input.ids',
      'x0 in input.ids',
      'input.page.contains("b")',
      'input.ids + input.ids != []',
      'x0.nope == 1 || true',
      'has(input.names.k1)',
    );
    const macros = fc.array(fc.constantFrom('all', 'exists', 'map', 'filter', 'exists_one'), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(macros, bodies, fc.constantFrom('ids', 'records', 'names'), (names, body, list) => {
        const nest = names.reduceRight<string>((inner, name, depth) => {
          const condition =
            name === 'map'
              ? inner
              : inner.startsWith('input.') && /\.(map|filter)\(/.test(inner)
                ? `size(${inner}) >= 0`
                : inner;
          return `input.${depth === 0 ? list : 'ids'}.${name}(x${depth}, ${condition})`;
        }, body);
        const start = spentMs();
        try {
          evaluate(nest, { input });
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
        }
        expect(spentMs() - start, nest).toBeLessThan(PATIENCE_MS);
      }),
      { numRuns: 150 },
    );
  });

  it('says so in words', () => {
    expect(refusal('input.ids.all(a, input.ids.all(b, input.ids.all(c, true)))', { input }).message).toMatch(
      /cannot be evaluated: it takes more than 500,000 operations\.$/,
    );
  });
});
