import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/limits.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';
import { indoors } from './indoors.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';

const SECOND_MS = 1_000;

describe('a receiver that is slow', () => {
  it('holds no more messages than there is credit for; the others wait at the sender, up to a bound', () => {
    const { world, net, owner, worker } = indoors({ isOwnerKeeping: true });
    world.advance(100);
    const [link] = worker.links;
    expect(link?.hasCredit).toBe(true);
    for (const index of upTo(LIMITS.linkCreditMessages + LIMITS.linkQueueMessagesMax)) link?.send(numbered(index));
    expect(() => link?.send(numbered(0))).toThrow(expect.objectContaining({ code: 'BUSY', retryable: true }));
    expect(link?.hasCredit).toBe(false);
    world.advance(10 * SECOND_MS);
    expect(owner.messages).toHaveLength(LIMITS.linkCreditMessages);
    expect(link?.figures).toMatchObject({ waiting: LIMITS.linkQueueMessagesMax, sent: LIMITS.linkCreditMessages });
    expect(net.bytesUnderWay).toBe(0);
    expect(link?.state).toBe('up');

    let total = owner.dones.length;
    while (owner.dones.length > 0) {
      // In another order than they came in, as commits may finish.
      for (const done of owner.dones.splice(0).toReversed()) done();
      world.advance(LIMITS.meshAckMs + 1);
      expect(owner.dones.length).toBeLessThanOrEqual(LIMITS.linkCreditMessages);
      total += owner.dones.length;
    }
    expect(total).toBe(LIMITS.linkCreditMessages + LIMITS.linkQueueMessagesMax);
    expect(numbersOf(owner.messages)).toEqual(upTo(total));
    expect(link?.hasCredit).toBe(true);
    expect(worker.credits).toBe(1);
    expect(link?.figures).toMatchObject({ waiting: 0, waitingBytes: 0 });
  });

  it('holds no more bytes than there is credit for, or one message that is larger', () => {
    const { world, owner, worker } = indoors({ isOwnerKeeping: true });
    world.advance(100);
    const [link] = worker.links;
    const sizes = [3, 3, 8, 1, 1, 1, 1, 1].map((mib) => mib * 1024 * 1024 - 200);
    for (const [index, size] of sizes.entries()) link?.send(numbered(index, 'x'.repeat(size)));
    const held: number[][] = [];
    for (let round = 0; round < 20 && held.flat().length < sizes.length; round++) {
      world.advance(SECOND_MS);
      held.push(numbersOf(owner.messages.splice(0)));
      for (const done of owner.dones.splice(0)) done();
    }
    expect(held.filter((round) => round.length > 0)).toEqual([[0], [1], [2], [3, 4, 5, 6], [7]]);
    expect(link?.figures).toMatchObject({ waiting: 0, waitingBytes: 0 });
  });

  it('makes the sender refuse what would take more than its queue may hold in bytes', () => {
    const { world, worker, owner } = indoors({ isOwnerKeeping: true });
    world.advance(100);
    const [link] = worker.links;
    const large = 'x'.repeat(15 * 1024 * 1024);
    const taken = upTo(10).filter((index) => {
      try {
        link?.send(numbered(index, large));
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'BUSY' });
        return false;
      }
    });
    expect(taken).toEqual([0, 1, 2, 3, 4]);
    // What was refused had been packed; what is sent after it can be read all the same.
    link?.send({ type: 'node.draining' });
    const handback = (reason: string): MeshMessage => ({
      type: 'call.handback',
      call: 'run/task agent',
      token: 't',
      reason,
    });
    expect(() => link?.send(handback(large))).toThrow(expect.objectContaining({ code: 'BUSY' }));
    link?.send(handback('small'));
    for (let round = 0; round < 10; round++) {
      world.advance(SECOND_MS);
      for (const done of owner.dones.splice(0)) done();
    }
    expect(owner.messages.map(({ type }) => type)).toEqual([
      ...taken.map(() => 'call.outcome'),
      'node.draining',
      'call.handback',
    ]);
  });

  it('is no slower for it where it keeps up: credit comes back before any timer fires', () => {
    const { world, owner, worker } = indoors();
    world.advance(100);
    for (const index of upTo(5_000)) worker.links[0]?.send(numbered(index));
    world.run();
    expect(numbersOf(owner.messages)).toEqual(upTo(5_000));
  });

  it('hears what came before it had ears, in order', () => {
    const kept: (() => void)[] = [];
    const heard: number[] = [];
    const { world, worker } = indoors({
      door: {
        onLink: (_, setEars) => {
          const ears = {
            onMessage: (message: unknown) => void heard.push(numbersOf([message as never])[0] ?? -1),
            onEnd: () => undefined,
          };
          kept.push(() => setEars(ears));
        },
      },
    });
    world.advance(100);
    for (const index of upTo(20)) worker.links[0]?.send(numbered(index));
    world.advance(100);
    expect(heard).toEqual([]);
    kept[0]?.();
    for (const index of upTo(5)) worker.links[0]?.send(numbered(20 + index));
    world.advance(100);
    expect(heard).toEqual(upTo(25));
  });

  it('that cannot deal with a message ends the session, and says why', () => {
    const { world, owner, worker } = indoors({
      door: {
        onLink: (link, setEars) => {
          owner.links.push(link);
          setEars({
            onMessage: () => {
              throw new RangeError('out of paper');
            },
            onEnd: (reason) => void owner.ends.push(reason),
          });
        },
      },
    });
    world.advance(100);
    worker.links[0]?.send(numbered(0));
    worker.links[0]?.send(numbered(1));
    world.advance(100);
    expect(owner.ends).toMatchObject([
      { code: 'INTERNAL', message: expect.stringContaining('out of paper') as string },
    ]);
    expect(worker.ends).toMatchObject([{ code: 'INTERNAL' }]);
  });
});
