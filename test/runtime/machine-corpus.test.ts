/** Every machine of the corpus behaves as in plain XState, and the same when it is killed and restored after every turn. */
import { expect, it } from 'vitest';
import { CORPUS } from './machine-corpus/index.ts';
import { runHosted, runPlain } from './machine-corpus/script.ts';

it.each(CORPUS)('$name: goes the same way when it is killed after every turn', async (one) => {
  const straight = await runHosted(one, 'never');
  expect(await runHosted(one, 'before release')).toEqual(straight);
  expect(await runHosted(one, 'after release')).toEqual(straight);
});

it.each(CORPUS.filter(({ plain }) => plain ?? true))('$name: goes the same way as in plain XState', async (one) => {
  const { steps } = await runHosted(one, 'never');
  expect(steps).toEqual(await runPlain(one));
});

it('has at least fifty machines, each with a name of its own', () => {
  expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
  expect(CORPUS.length).toBeGreaterThanOrEqual(50);
});
