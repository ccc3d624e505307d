import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/limits.ts';
import { LINK_FRAME } from '../../../protocol/mesh-frames.ts';
import { indoors } from './indoors.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';

const isData = (frame: Buffer): boolean => frame[0] === LINK_FRAME.data;

describe('pieces of one moment', () => {
  it('go in one frame, and arrive in order', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(100);
    const kinds: number[] = [];
    net.tamper = (frame, from) => (from === 'dialer' && kinds.push(frame[0] ?? 0), frame);
    for (const index of upTo(5)) worker.links[0]?.send(numbered(index));
    world.advance(10);
    expect(kinds).toEqual([LINK_FRAME.batch]);
    expect(numbersOf(owner.messages)).toEqual(upTo(5));
    worker.links[0]?.send(numbered(5));
    world.advance(10);
    expect(kinds).toEqual([LINK_FRAME.batch, LINK_FRAME.data]);
  });

  it('are lost together, and sent again together', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(100);
    let lost = 0;
    net.tamper = (frame) => (frame[0] === LINK_FRAME.batch && lost++ === 0 ? undefined : frame);
    for (const index of upTo(5)) worker.links[0]?.send(numbered(index));
    world.advance(LIMITS.meshResendMinMs + 1);
    expect(lost).toBe(2);
    expect(numbersOf(owner.messages)).toEqual(upTo(5));
  });
});

describe('a piece that does not arrive', () => {
  it('is sent again after half a second, with all that came after it and was not taken', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(100);
    let lost = 0;
    net.tamper = (frame) => (isData(frame) && lost++ === 0 ? undefined : frame);
    for (const index of upTo(3)) {
      worker.links[0]?.send(numbered(index));
      world.run();
    }
    world.advance(LIMITS.meshResendMinMs - 1);
    expect(owner.messages).toEqual([]);
    world.advance(2);
    expect(numbersOf(owner.messages)).toEqual(upTo(3));
    expect(worker.links[0]?.figures.resent).toBe(3);
    expect(worker.links[0]?.figures.sockets).toBe(1);
  });

  it('is sent again less and less often as long as it does not arrive', () => {
    const { world, net, owner, worker } = indoors();
    world.advance(100);
    const tries: number[] = [];
    const from = world.monotonicMs();
    net.tamper = (frame) => {
      if (!isData(frame)) return frame;
      tries.push(world.monotonicMs() - from);
      return undefined;
    };
    worker.links[0]?.send(numbered(0));
    world.advance(16_000);
    expect(tries).toEqual([0, 500, 1_500, 3_500, 7_500, 11_500, 15_500]);
    net.tamper = undefined;
    world.advance(LIMITS.meshResendMaxMs);
    expect(numbersOf(owner.messages)).toEqual([0]);
  });

  it('is not sent again once it has arrived, though the word of that is lost', () => {
    const { world, net, worker, owner } = indoors();
    world.advance(100);
    net.tamper = (frame, from) => (from === 'listener' ? undefined : frame);
    worker.links[0]?.send(numbered(0));
    world.advance(1_000);
    net.tamper = undefined;
    world.advance(LIMITS.meshHeartbeatMs);
    const { resent } = worker.links[0]?.figures ?? {};
    world.advance(30_000);
    expect(worker.links[0]?.figures.resent).toBe(resent);
    expect(numbersOf(owner.messages)).toEqual([0]);
  });

  it('costs nothing where nothing is lost: what is quiet sends beats alone', () => {
    const { world, net, worker } = indoors();
    world.advance(100);
    for (const index of upTo(10)) worker.links[0]?.send(numbered(index));
    world.advance(900);
    const before = net.frames;
    world.advance(10_000);
    expect(net.frames - before).toBe(20);
    expect(worker.links[0]?.figures.resent).toBe(0);
  });
});
