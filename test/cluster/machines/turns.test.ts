import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CORPUS } from '../../runtime/machine-corpus/index.ts';
import { randomCase } from '../../runtime/machine-corpus/random-machine.ts';
import { localTurns, remoteTurns, walk } from './turn-walk.ts';

const RUNS = process.env['TROUPE_TEST_FULL'] === '1' ? 4_000 : 100;
const MADE_APART = CORPUS.filter((one) => remoteTurns(one) !== undefined);

beforeAll(() => {
  // XState's development build tells of what is sent to actors that have ended: many cases do.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

describe('Turns that are made one by one, each from the bytes of the one before', () => {
  it.each(MADE_APART)('$name: come to the same as in an actor that stays', (one) => {
    const remote = remoteTurns(one);
    if (remote !== undefined) expect(walk(one, remote)).toEqual(walk(one, localTurns(one)));
  });

  it('come to the same for machines that nobody wrote by hand', () => {
    let turns = 0;
    fc.assert(
      fc.property(randomCase, (one) => {
        const remote = remoteTurns(one);
        if (remote === undefined) return;
        const seen = walk(one, remote);
        turns += seen.length;
        expect(seen).toEqual(walk(one, localTurns(one)));
      }),
      { numRuns: RUNS },
    );
    expect(turns).toBeGreaterThan(RUNS);
  });

  it('can be made of most machines', () => {
    expect(MADE_APART.length).toBeGreaterThan(CORPUS.length / 2);
  });
});
