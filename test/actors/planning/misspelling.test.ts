import { describe, expect, it } from 'vitest';
import { fuzziness, isMisspelt } from '../../../actors/planning/misspelling.ts';

describe('A misspelt word', () => {
  it.each([
    ['chrat', 'chart', true],
    ['chrts', 'charts', true],
    ['charrt', 'chart', true],
    ['chaet', 'chart', true],
    ['crhat', 'chart', false],
    ['pln', 'plan', false],
    ['corelatoins', 'correlations', true],
    ['colatoins', 'correlations', false],
    ['outleirz', 'outliers', false],
  ])('%s may be meant to be %s: %s', (word, meant, may) => {
    expect(isMisspelt(word, meant)).toBe(may);
  });

  it('is looked up for so many words of a goal, and the rest must be right', () => {
    const fuzzy = fuzziness();
    expect(Array.from({ length: 64 }, () => fuzzy('analyse')).every((letters) => letters !== false)).toBe(true);
    expect(fuzzy('analyse')).toBe(false);
    expect(fuzziness()('abc')).toBe(false);
  });
});
