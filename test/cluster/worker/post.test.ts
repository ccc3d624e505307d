import { describe, expect, it } from 'vitest';
import type { Link } from '../../../cluster/link/link.ts';
import { Post } from '../../../cluster/worker/post.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';
import { linkPair } from '../../support/link-pair.ts';
import { createManualWorld } from '../../support/manual-world.ts';

/** A link that takes so many messages before it is full. */
function narrowLink(room: number) {
  const { worker } = linkPair(createManualWorld());
  const sent: string[] = [];
  const ends: OperatingError[] = [];
  const narrow = { room };
  const link: Link = {
    ...worker,
    send: (message) => {
      if (narrow.room-- <= 0) throw new OperatingError('BUSY', 'Full.');
      sent.push('call' in message ? message.call : message.type);
    },
    end: (reason) => void ends.push(reason),
  };
  return { link, sent, ends, narrow };
}

const handback = (call: string): MeshMessage => ({ type: 'call.handback', call, token: 't', reason: '' });

describe('What a worker sends', () => {
  it('waits for room where it must arrive, and keeps its order', () => {
    const { link, sent, narrow } = narrowLink(1);
    const post = new Post(link);
    for (const call of ['a', 'b', 'c', 'd']) post.sendSurely(handback(call));
    expect(sent).toEqual(['a']);
    narrow.room = 2;
    post.flush();
    expect(sent).toEqual(['a', 'b', 'c']);
    narrow.room = 5;
    post.flush();
    post.sendSurely(handback('e'));
    expect(sent).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is refused as BUSY where it may be, and never overtakes what waits', () => {
    const { link, sent, narrow } = narrowLink(0);
    const post = new Post(link);
    expect(() => post.send(handback('a'))).toThrow(OperatingError);
    narrow.room = 0;
    post.sendSurely(handback('b'));
    narrow.room = 5;
    expect(() => post.send(handback('c'))).toThrow('takes no more');
    post.flush();
    post.send(handback('d'));
    expect(sent).toEqual(['b', 'd']);
  });

  it('ends the session where too much waits, so that all is said anew in the next', () => {
    const { link, ends } = narrowLink(0);
    const post = new Post(link);
    for (let n = 0; n < LIMITS.linkQueueMessagesMax; n++) post.sendSurely(handback('a'));
    expect(ends).toEqual([]);
    post.sendSurely(handback('a'));
    expect(ends.map(({ code }) => code)).toEqual(['BUSY']);
  });

  it('goes nowhere, and fails nowhere, once the session has ended', () => {
    const pair = linkPair(createManualWorld());
    const post = new Post(pair.worker);
    pair.lose();
    post.send(handback('a'));
    post.close();
    post.sendSurely(handback('b'));
  });
});
