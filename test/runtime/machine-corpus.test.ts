/**
 * Every machine of the corpus behaves as in plain XState, and the same when it is killed and restored: at every turn, and
 * once at each single turn, at all moments at which a life can end. machine-corpus/differences.ts says what may differ.
 *
 * This is the contract that an upgrade of XState must keep, with both of its builds: machine-production.test.ts runs this
 * file once more with the one that a node runs on.
 */
import { beforeAll, expect, it, vi } from 'vitest';
import { KILL_TIMES } from './machine-corpus/bench.ts';
import { assertSameLife } from './machine-corpus/differences.ts';
import { CORPUS } from './machine-corpus/index.ts';
import { killsOf, runHosted, runPlain } from './machine-corpus/script.ts';

const BUILD = process.env['NODE_ENV'] === 'production' ? /\/xstate\.cjs\.mjs$/ : /\/xstate\.development\.cjs\.mjs$/;

beforeAll(() => {
  // XState's development build tells of what is sent to actors that have ended: many cases do.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

it('runs on the build of XState that is meant', () => {
  expect(import.meta.resolve('xstate')).toMatch(BUILD);
});

it.each(CORPUS)('$name: goes the same way when it is killed at every turn', async (one) => {
  const straight = await runHosted(one, 'never');
  for (const time of KILL_TIMES) assertSameLife(await runHosted(one, time), straight, time);
});

it.each(CORPUS)('$name: goes the same way when it is killed once, at any turn', async (one) => {
  const straight = await runHosted(one, 'never');
  for (const kill of killsOf(straight.bench))
    assertSameLife(await runHosted(one, kill), straight, `${kill.time} of turn ${kill.turn}`);
});

it.each(CORPUS.filter(({ plain }) => plain ?? true))('$name: goes the same way as in plain XState', async (one) => {
  const { steps } = await runHosted(one, 'never');
  expect(steps).toEqual(await runPlain(one));
});

it('has at least 150 machines, each with a name of its own', () => {
  expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
  expect(CORPUS.length).toBeGreaterThanOrEqual(150);
});
