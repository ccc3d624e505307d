import { describe, expect, it } from 'vitest';
import { Liveness } from '../../../cluster/link/liveness.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { indoors } from './indoors.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';

const BEAT_MS = LIMITS.meshHeartbeatMs;
const SUSPECT_MS = BEAT_MS * LIMITS.meshHeartbeatMissesMax;

describe('the judgement of silence', () => {
  it('is suspicion after three beats, and loss after the time that was given', () => {
    const liveness = new Liveness(6_000, 0);
    liveness.heard(100);
    expect(liveness.judge(100 + SUSPECT_MS - 1)).toBe('alive');
    expect(liveness.judge(100 + SUSPECT_MS)).toBe('suspect');
    expect(liveness.judge(6_099)).toBe('suspect');
    expect(liveness.judge(6_100)).toBe('lost');
    liveness.heard(6_100);
    expect(liveness.judge(6_100)).toBe('alive');
  });

  it('gives others as much more time as the own beat was late, and less of it with each beat that is not', () => {
    const liveness = new Liveness(6_000, 0);
    expect(liveness.nextBeatMs(0)).toBe(BEAT_MS);
    liveness.beat(BEAT_MS + 4_000);
    expect(liveness.judge(BEAT_MS + 4_000)).toBe('alive');
    expect(liveness.judge(SUSPECT_MS + 3_999)).toBe('alive');
    expect(liveness.judge(SUSPECT_MS + 4_000)).toBe('suspect');
    liveness.nextBeatMs(5_000);
    liveness.beat(6_000);
    expect(liveness.lateMs).toBe(2_000);
    expect(liveness.judge(6_000)).toBe('suspect');
  });

  it('has the next beat no later than the moment of loss', () => {
    const liveness = new Liveness(6_000, 0);
    expect(liveness.nextBeatMs(5_400)).toBe(600);
    expect(liveness.nextBeatMs(7_000)).toBe(1);
  });
});

describe('a link over which nothing comes', () => {
  it('is suspected on both sides after three beats, and ended by each after the time that was given', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(2_500);
    expect([owner, worker].map(({ links }) => links[0]?.state)).toEqual(['up', 'up']);
    net.isDown = true;
    net.swallow();
    world.advance(SUSPECT_MS - BEAT_MS);
    expect([owner, worker].map(({ links }) => links[0]?.state)).toEqual(['up', 'up']);
    world.advance(2 * BEAT_MS);
    expect([owner, worker].map(({ links }) => links[0]?.state)).toEqual(['suspect', 'suspect']);
    expect([...owner.ends, ...worker.ends]).toEqual([]);
    world.advance(LIMITS.meshLostMs);
    for (const { states, ends } of [owner, worker]) {
      expect(states).toEqual(['up', 'suspect', 'ended'].slice(-states.length));
      expect(ends).toMatchObject([{ code: 'UNAVAILABLE', retryable: true }]);
    }
  });

  it('is given up by the one who dials, who goes on over another connection before it is lost', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(2_500);
    worker.links[0]?.send(numbered(0));
    net.swallow();
    worker.links[0]?.send(numbered(1));
    world.advance(LIMITS.meshLostMs * 2);
    worker.links[0]?.send(numbered(2));
    world.advance(100);
    expect(numbersOf(owner.messages)).toEqual(upTo(3));
    expect([...owner.ends, ...worker.ends]).toEqual([]);
    expect(worker.links[0]?.figures).toMatchObject({ sockets: 2 });
    expect(owner.states).toContain('suspect');
    expect(owner.links[0]?.state).toBe('up');
  });

  it('is suspected later by a node whose own loop is late', () => {
    const states = [0, 2_000].map((lateMs) => {
      const rooms = indoors({ door: { lostMs: 60_000 }, dial: { lostMs: 60_000 }, ownerLateMs: lateMs });
      rooms.world.advance(10_000);
      rooms.net.isDown = true;
      rooms.net.swallow();
      rooms.world.advance(SUSPECT_MS + 1_500);
      return rooms.owner.links[0]?.state;
    });
    expect(states).toEqual(['suspect', 'up']);
  });

  it('tells how long a way there and back takes', () => {
    const { world, worker } = indoors({ weather: { loss: 0, duplication: 0, delayMaxMs: 80 } });
    world.advance(20_000);
    const { roundTripMs = 0 } = worker.links[0]?.figures ?? {};
    expect(roundTripMs).toBeGreaterThan(1);
    expect(roundTripMs).toBeLessThanOrEqual(160);
  });
});

describe('a link that ends before anyone listens to it', () => {
  it('is said to have ended to whoever listens then', () => {
    const ends: OperatingError[] = [];
    const later: (() => void)[] = [];
    const { world, dialing } = indoors({
      door: {
        onLink: (_, setEars) => {
          later.push(() => setEars({ onMessage: () => undefined, onEnd: (reason) => void ends.push(reason) }));
        },
      },
    });
    world.advance(100);
    dialing.stop(new OperatingError('CANCELED', 'Never mind.'));
    world.advance(100);
    expect(ends).toEqual([]);
    later[0]?.();
    world.run();
    expect(ends).toMatchObject([{ code: 'CANCELED' }]);
  });

  it('ends where nobody takes it on', () => {
    const { world, worker } = indoors({
      door: {
        onLink: () => {
          throw new RangeError('no room');
        },
      },
    });
    world.advance(100);
    expect(worker.ends[0]).toMatchObject({ code: 'INTERNAL' });
  });
});

describe('a session of which one side knows no more', () => {
  it('begins anew: the listener has lost it, the one who dials has not', () => {
    const { world, net, owner, worker } = indoors({ dial: { lostMs: 600_000 } });
    world.advance(100);
    worker.links[0]?.send(numbered(0));
    net.isDown = true;
    net.cut();
    worker.links[0]?.send(numbered(1));
    world.advance(LIMITS.meshLostMs + 2_000);
    expect(owner.ends).toHaveLength(1);
    expect(worker.ends).toEqual([]);
    net.isDown = false;
    world.advance(LIMITS.meshRedialMaxMs);
    expect(worker.ends).toMatchObject([{ code: 'UNAVAILABLE' }]);
    expect(worker.links).toHaveLength(2);
    worker.links[1]?.send(numbered(2));
    world.advance(100);
    // Nothing of the old session comes over the new one.
    expect(numbersOf(owner.messages).at(-1)).toBe(2);
    expect(numbersOf(owner.messages)).not.toContain(1);
  });

  it('begins anew: the one who dials has ended it while he could not say so', () => {
    const { world, net, owner, worker } = indoors({ door: { lostMs: 600_000 } });
    world.advance(100);
    net.isDown = true;
    net.cut();
    worker.links[0]?.end(new OperatingError('CANCELED', 'Enough.'));
    net.isDown = false;
    world.advance(LIMITS.meshRedialMaxMs);
    expect(owner.ends).toMatchObject([{ code: 'UNAVAILABLE', message: 'The node worker has begun anew.' }]);
    expect(owner.links).toHaveLength(2);
  });
});

describe('the one who dials', () => {
  it('tries again after 0.1 s at most, then less and less often, and every 5 s or so in the end', () => {
    const { world, net } = indoors();
    net.isDown = true;
    const tries: number[] = [];
    for (let second = 0; second < 60; second++) {
      const before = net.tried;
      world.advance(1_000);
      tries.push(net.tried - before);
    }
    expect(tries[0]).toBeGreaterThanOrEqual(3);
    expect(tries[0]).toBeLessThanOrEqual(6);
    const later = tries.slice(20).reduce((sum, count) => sum + count, 0);
    expect(later).toBeGreaterThanOrEqual(8);
    expect(later).toBeLessThanOrEqual(16);
    net.isDown = false;
    world.advance(LIMITS.meshRedialMaxMs);
    expect(net.made).toBe(1);
  });

  it('tries again at once where the link has stood for a while, however long it took to make it', () => {
    const { world, net } = indoors();
    net.isDown = true;
    world.advance(60_000);
    net.isDown = false;
    world.advance(30_000);
    expect(net.made).toBe(1);
    net.cut();
    world.advance(LIMITS.meshRedialMinMs);
    expect(net.made).toBe(2);
  });

  it('tries far less often where it is refused for good, and says so each time', () => {
    const { world, net, worker } = indoors({ dial: { auth: { mode: 'secret', secrets: ['x'.repeat(32)] } } });
    world.advance(5 * 60_000);
    expect(worker.refusals.length).toBe(net.made);
    expect(net.made).toBeGreaterThanOrEqual(10);
    expect(net.made).toBeLessThanOrEqual(21);
  });

  it('says once that nobody answers, and not for a listener that is away for a moment', () => {
    const warned: string[] = [];
    const quiet = (): void => undefined;
    const log = { debug: quiet, info: quiet, error: quiet, warn: (message: string) => void warned.push(message) };
    const { world, net } = indoors({ dial: { log } });
    world.advance(LIMITS.meshRedialMaxMs);
    net.isDown = true;
    net.cut();
    world.advance(LIMITS.meshRedialMinMs);
    expect(warned).toEqual([]);
    world.advance(5 * 60_000);
    expect(warned).toEqual(['No link can be made; it is tried again until there is one.']);
  });

  it('says goodbye when it stops, and dials no more', () => {
    const { world, net, owner, dialing } = indoors();
    world.advance(100);
    dialing.stop(new OperatingError('DRAINING', 'The worker stops.'));
    world.advance(60_000);
    expect(owner.ends).toMatchObject([{ code: 'DRAINING', message: 'The worker stops.' }]);
    expect(dialing.link).toBeUndefined();
    expect(net.made).toBe(1);
    expect(world.timersPending).toBe(0);
  });

  it('is let in again where a session stands, and not anew, by a door that drains', () => {
    const { world, net, door, worker } = indoors();
    world.advance(100);
    door.drain();
    net.cut();
    world.advance(1_000);
    expect(worker.links[0]?.figures.sockets).toBe(2);
    worker.links[0]?.end(new OperatingError('CANCELED', 'Enough.'));
    world.advance(10_000);
    expect(worker.links).toHaveLength(1);
    expect(worker.refusals).toEqual([]);
    expect(net.made).toBeGreaterThan(3);
  });
});
