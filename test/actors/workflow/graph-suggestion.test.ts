import { expect, it } from 'vitest';
import { closestName } from '../../../actors/workflow/graph-suggestion.ts';

it.each<[string, string[], string | undefined]>([
  ['fnid', ['read', 'find', 'check'], 'find'],
  ['Find', ['find'], 'find'],
  ['reserch.search', ['research.search', 'research.read'], 'research.search'],
  ['a', ['b', 'c'], 'b'],
  ['find', ['find'], undefined],
  ['xyz', ['find', 'read'], undefined],
  ['', ['find'], undefined],
  ['x'.repeat(65), ['x'.repeat(64)], undefined],
])('for %s among %j suggests %s', (word, names, expected) => {
  expect(closestName(word, names)).toBe(expected);
});
