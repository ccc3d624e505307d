import { describe, expect, it } from 'vitest';
import { Member } from '../../../cluster/owner/member.ts';
import { NodeBreakers } from '../../../cluster/owner/node-breakers.ts';
import { Places } from '../../../cluster/owner/places.ts';
import { TakenPlace } from '../../../cluster/owner/taken-place.ts';
import { createManualWorld } from '../../support/manual-world.ts';
import { linkPair } from '../../support/link-pair.ts';

function taken(): { readonly place: TakenPlace; readonly running: () => number } {
  const world = createManualWorld();
  const member = new Member(linkPair(world).owner, 0);
  const places = new Places(() => [member], new NodeBreakers(world), world);
  places.joined(member, 'a@1');
  return { place: new TakenPlace(places, member, 'a@1'), running: () => member.running('a@1') };
}

describe('The place of a dispatch', () => {
  it('is given to others while its code waits, however many things it waits for', () => {
    const { place, running } = taken();
    const seen = [true, true, false, false].map((isResting) => {
      place.resting(isResting);
      return running();
    });
    expect(seen).toEqual([0, 0, 0, 1]);
  });

  it.each([0, 1, 2])('is given back once, also where its code waits for %i things and goes on afterwards', (rests) => {
    const { place, running } = taken();
    for (let n = 0; n < rests; n++) place.resting(true);
    place.free();
    expect(running()).toBe(0);
    for (let n = 0; n < rests; n++) place.resting(false);
    place.free();
    expect(running()).toBe(0);
  });
});
