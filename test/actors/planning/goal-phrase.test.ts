import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotsInWords, slotsOfPhrase } from '../../../actors/planning/goal-phrase.ts';
import type { PlanTemplate, SlotKind } from '../../../protocol/plan-template.ts';

const template = (kinds: Readonly<Record<string, SlotKind>>): PlanTemplate =>
  ({
    slots: Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { kind }])),
  }) as unknown as PlanTemplate;

describe('A goal that is said like a phrase', () => {
  it.each([
    ['analyse {path}', 'Analyse data/x.csv', { path: 'path' }, { path: 'data/x.csv' }],
    ['analyse {path}', 'analyse   data/x.csv.', { path: 'path' }, { path: 'data/x.csv' }],
    ['analyse {path}', 'analyse "my file.csv", please', { path: 'path' }, undefined],
    ['analyse {path}', 'analyse "my-file.csv"', { path: 'path' }, { path: 'my-file.csv' }],
    ['analyse {path}', 'analyse "my file.csv"', { path: 'path' }, { path: 'my file.csv' }],
    ['analyse {path}', 'analyse my file.csv', { path: 'path' }, undefined],
    ['analyse {path}', 'analyse Makefile', { path: 'path' }, { path: 'Makefile' }],
    ['analyse {path}', 'please analyse x.csv', { path: 'path' }, undefined],
    [
      'translate {text} into {to}',
      'Translate good morning into French',
      { text: 'text', to: 'text' },
      { text: 'good morning', to: 'French' },
    ],
    ['fetch {url} {n} times', 'fetch https://a.org/x?y=1 3 times', { url: 'url', n: 'number' }, undefined],
    [
      'fetch {url} and wait {n} seconds',
      'fetch https://a.org/x?y=1 and wait 2.5 seconds',
      { url: 'url', n: 'number' },
      { url: 'https://a.org/x?y=1', n: 2.5 },
    ],
    ['fetch {url}', 'fetch javascript:alert(1)', { url: 'url' }, undefined],
    ['compare {names}', 'compare red, green and blue', { names: 'list' }, { names: ['red', 'green', 'blue'] }],
    ['wait {n} seconds', 'wait some seconds', { n: 'number' }, undefined],
    ['say {text} twice', 'say hello', { text: 'text' }, undefined],
  ] as const)('%j: %j', (phrase, goal, kinds, slots) => {
    expect(slotsOfPhrase(goal, phrase, template(kinds))).toEqual(slots);
  });

  it('has in its slot what stood there, whatever words those are', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const text = words.join(' ');
        fc.pre(!text.includes('stop'));
        expect(slotsOfPhrase(`note ${text} stop`, 'note {text} stop', template({ text: 'text' }))).toEqual({ text });
      }),
    );
  });

  it('is looked at in bounded time and without a throw, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8_192, unit: 'binary' }), (goal) => {
        for (const kind of ['path', 'url', 'number', 'list', 'text'] as const) {
          slotsOfPhrase(goal, 'do {x} now', template({ x: kind }));
          slotsInWords(goal, template({ x: kind }));
        }
      }),
      { numRuns: 50 },
    );
    for (const hostile of [
      '/'.repeat(8_000),
      'a/'.repeat(4_000),
      'a.'.repeat(4_000),
      '"'.repeat(8_000),
      `${'a'.repeat(8_000)}!`,
    ]) {
      const startedAtMs = performance.now();
      for (const kind of ['path', 'url', 'number', 'list', 'text'] as const)
        slotsInWords(hostile, template({ x: kind }));
      // Not a measure of speed: what backtracks takes minutes.
      expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    }
  });
});

describe('The words of a goal', () => {
  it.each([
    ['have a look at "our sales/of 2026.csv" for me', { path: 'path' }, { path: 'our sales/of 2026.csv' }],
    ['have a look at the "new" sales.csv', { path: 'path' }, { path: 'sales.csv' }],
    ['have a look at sales/2026.csv for me', { path: 'path' }, { path: 'sales/2026.csv' }],
    ['read https://a.org/ and keep 5 of them', { url: 'url', n: 'number' }, { url: 'https://a.org/', n: 5 }],
    ['say "two words" to Ada', { text: 'text' }, { text: 'two words' }],
    ['compare a.csv with b.csv', { one: 'path', other: 'path' }, { one: 'a.csv', other: 'b.csv' }],
    ['nothing of the kind', { path: 'path', n: 'number' }, {}],
  ] as const)('%j hold what slots take', (goal, kinds, slots) => {
    expect(slotsInWords(goal, template(kinds))).toEqual(slots);
  });
});
