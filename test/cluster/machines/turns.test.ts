import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CORPUS } from '../../runtime/machine-corpus/index.ts';
import { localTurns, remoteTurns, walk } from './turn-walk.ts';

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

  it('can be made of most machines', () => {
    expect(MADE_APART.length).toBeGreaterThan(CORPUS.length / 2);
  });
});
