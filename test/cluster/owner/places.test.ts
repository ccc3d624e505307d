import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { Member } from '../../../cluster/owner/member.ts';
import { NodeBreakers } from '../../../cluster/owner/node-breakers.ts';
import { type Place, Places } from '../../../cluster/owner/places.ts';
import { remoteAgent } from '../../../cluster/owner/remote-agent.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { createManualWorld } from '../../support/manual-world.ts';
import { linkPair } from '../../support/link-pair.ts';
import { offerOf } from './scripted-worker.ts';

const REFERENCE = 'far@1.0.0';
const far = remoteAgent(offerOf('far'), {});

type Scene = ReturnType<typeof scene>;

function scene() {
  const world = createManualWorld();
  const breakers = new NodeBreakers(world);
  const members: Member[] = [];
  const places = new Places(() => members, breakers, world);
  const member = (name: string, concurrency = 2, labels: Record<string, string> = {}, isHealthy = true) => {
    const pair = linkPair(world, name);
    const made = new Member(pair.owner, 0);
    made.isReady = true;
    made.labels = labels;
    made.offers = new Map([[REFERENCE, offerOf('far', { concurrency, isHealthy })]]);
    members.push(made);
    return { made, pair };
  };
  const take = async (prefer?: Record<string, string>, definition = far): Promise<string> => {
    const call = { refusal: undefined, onRefused: () => undefined, unbegun: () => () => undefined };
    const place: Place = await places.take({ definition, reference: REFERENCE, call, ...(prefer && { prefer }) });
    return place === 'here' ? place : place.node;
  };
  return { world, breakers, members, places, member, take };
}

describe('The place of a call', () => {
  it('is on the node with the most room for it, by what each takes', async () => {
    const { member, take } = scene();
    member('small', 1);
    member('large', 3);
    const taken = [await take(), await take(), await take(), await take()];
    expect(taken.filter((node) => node === 'large')).toHaveLength(3);
    expect(taken.filter((node) => node === 'small')).toHaveLength(1);
  });

  it('is this node too, where it has the code', async () => {
    const { member, take } = scene();
    member('w', 1);
    const both = defineAgent({ name: 'far', version: '1.0.0', concurrency: 1, run: () => 1 });
    expect([await take(undefined, both), await take(undefined, both)].toSorted()).toEqual(['here', 'w']);
  });

  it('is rather on a node with the labels that are preferred, as long as that has room', async () => {
    const { member, take } = scene();
    member('a', 1, { zone: 'a', gpu: 'yes' });
    member('b', 4, { zone: 'b' });
    expect([await take({ zone: 'a' }), await take({ zone: 'a' })]).toEqual(['a', 'b']);
  });

  it.each<[string, (made: Scene) => void]>([
    ['is suspect', ({ member }) => member('bad').pair.suspect()],
    ['drains', ({ member }) => void (member('bad').made.isDraining = true)],
    ['is not well', ({ member }) => void member('bad', 9, {}, false)],
    ['has not said what it offers', ({ member }) => void (member('bad').made.isReady = false)],
    [
      'was lost again and again',
      ({ member, breakers }) => {
        member('bad', 9);
        for (let times = 0; times < 3; times++) breakers.lost('bad', 'gone', []);
      },
    ],
  ])('is on no node that %s', async (_what, make) => {
    const made = scene();
    make(made);
    made.member('good', 2);
    expect([await made.take(), await made.take()]).toEqual(['good', 'good']);
  });

  it('is waited for in order where nobody has room, and given to the next when one is free', async () => {
    const { member, take, places } = scene();
    const { made } = member('w', 1);
    await take();
    const order: number[] = [];
    const waiting = [1, 2].map((n) => take().then(() => order.push(n)));
    expect(places.waiting).toBe(2);
    places.free(made, REFERENCE);
    await waiting[0];
    expect([order, places.waiting]).toEqual([[1], 1]);
    places.resting(made, REFERENCE, true);
    await waiting[1];
    expect([order, places.waiting]).toEqual([[1, 2], 0]);
  });

  it('is not kept for a call that nobody wants any more', async () => {
    const { member, places } = scene();
    const { made } = member('w', 1);
    let refuse = (_why: OperatingError): void => undefined;
    const call = {
      refusal: undefined,
      unbegun: () => () => undefined,
      onRefused: (fn: ((why: OperatingError) => void) | undefined) => void (refuse = fn ?? refuse),
    };
    const wish = { definition: far, reference: REFERENCE, call };
    await places.take(wish);
    const second = places.take(wish);
    refuse(new OperatingError('CANCELED', 'no more'));
    await expect(second).rejects.toMatchObject({ code: 'CANCELED' });
    expect(places.waiting).toBe(0);
    places.free(made, REFERENCE);
    expect(made.running(REFERENCE)).toBe(0);
  });
});

describe('The breaker of a node', () => {
  it('opens when it is lost for the third time in a minute, lets one call in when it has rested, and closes with that', () => {
    const world = createManualWorld();
    const breakers = new NodeBreakers(world);
    for (const times of [1, 2]) {
      breakers.lost('w', `loss ${times}`, []);
      expect(breakers.view('w')).toEqual({ state: 'closed' });
    }
    breakers.lost('w', 'loss 3', []);
    expect(breakers.view('w').state).toBe('open');
    expect(breakers.waitMs('w')).toBeGreaterThan(0);
    world.advance(breakers.waitMs('w'));
    expect([breakers.view('w').state, breakers.waitMs('w')]).toEqual(['half-open', 0]);
    const era = breakers.entered('w', 'probe');
    expect(breakers.waitMs('w')).toBeGreaterThan(0);
    breakers.passed('w', 'probe', era);
    expect(breakers.view('w')).toEqual({ state: 'closed' });
  });

  it('opens for longer when its probe is lost, and lets another try where the probe came to nothing', () => {
    const world = createManualWorld();
    const breakers = new NodeBreakers(world);
    for (let times = 0; times < 3; times++) breakers.lost('w', 'gone', []);
    const first = breakers.waitMs('w');
    world.advance(first);
    breakers.entered('w', 'probe');
    breakers.freed('w', 'probe');
    expect(breakers.waitMs('w')).toBe(0);
    breakers.entered('w', 'second');
    breakers.lost('w', 'gone again', ['second']);
    expect(breakers.waitMs('w')).toBeGreaterThan(first);
  });
});
