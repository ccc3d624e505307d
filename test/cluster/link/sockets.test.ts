import { describe, expect, it, onTestFinished } from 'vitest';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';
import { relayTo } from '../../support/relay.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';
import { dial, eventually, nodeOf, openDoor } from './rig.ts';

describe('a link over sockets', () => {
  it('carries what each side says, in order, once both have proved that they know the secret', async () => {
    const { seen: owner, url } = await openDoor();
    const { seen: worker } = dial(url);
    const link = await eventually(() => worker.links[0] ?? expect.fail('no link yet'));
    expect(link.peer).toMatchObject({ node: 'owner', role: 'owner', cluster: 'test', protocol: 1, version: '0.9.0' });
    for (const index of upTo(1_000))
      link.send(numbered(index, { index, at: new Date(index), bytes: Buffer.of(index) }));
    const back: MeshMessage = { type: 'call.settled', call: 'run/task agent', token: 't7' };
    await eventually(() => owner.links[0] ?? expect.fail('no link yet'));
    owner.links[0]?.send(back);
    await eventually(() => expect(owner.messages).toHaveLength(1_000));
    await eventually(() => expect(worker.messages).toEqual([back]));
    expect(numbersOf(owner.messages)).toEqual(upTo(1_000));
    expect(owner.messages[999]).toMatchObject({ value: { index: 999, at: new Date(999) } });
    expect(owner.links[0]?.peer).toMatchObject({ node: 'worker', incarnation: 'worker-1', role: 'worker' });
    expect(worker.refusals).toEqual([]);
  });

  it('carries a message of many frames, and refuses one that is over the bound without harm to the others', async () => {
    const { seen: owner, url } = await openDoor();
    const { seen: worker } = dial(url);
    const link = await eventually(() => worker.links[0] ?? expect.fail('no link yet'));
    const large = 'x'.repeat(9 * 1024 * 1024);
    link.send(numbered(0, large));
    expect(() => link.send(numbered(1, 'x'.repeat(LIMITS.meshMessageBytesMax)))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_TOO_BIG' }),
    );
    link.send(numbered(2));
    await eventually(() => expect(numbersOf(owner.messages)).toEqual([0, 2]));
    expect(owner.messages[0]).toEqual(numbered(0, large));
  });

  it('goes on over another socket where one is cut, and loses and repeats nothing', async () => {
    const { seen: owner, door } = await openDoor();
    const relay = await relayTo(door.port);
    onTestFinished(() => relay.close());
    const { seen: worker } = dial(relay.url.replace('/ws', '/mesh'));
    const link = await eventually(() => worker.links[0] ?? expect.fail('no link yet'));
    for (const round of upTo(5)) {
      for (const index of upTo(100)) link.send(numbered(round * 100 + index, 'x'.repeat(2_000)));
      relay.drop();
      await eventually(() => expect(link.figures.sockets).toBe(round + 2));
    }
    await eventually(() => expect(owner.messages).toHaveLength(500));
    expect(numbersOf(owner.messages)).toEqual(upTo(500));
    expect(owner.links).toHaveLength(1);
    expect(worker.ends).toEqual([]);
    expect(worker.states).toContain('suspect');
    expect(link.state).toBe('up');
  });

  it('tells the other side why it ends, and another session begins', async () => {
    const { seen: owner, url } = await openDoor();
    const { seen: worker } = dial(url);
    await eventually(() => expect(owner.links).toHaveLength(1));
    owner.links[0]?.end(new OperatingError('BUSY', 'Too much of everything.'));
    await eventually(() => expect(worker.ends).toHaveLength(1));
    expect(worker.ends[0]).toMatchObject({ code: 'BUSY', message: 'Too much of everything.' });
    expect(worker.states.at(-1)).toBe('ended');
    await eventually(() => expect(worker.links).toHaveLength(2));
    expect(() => worker.links[0]?.send(numbered(0))).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    worker.links[1]?.send(numbered(1));
    await eventually(() => expect(numbersOf(owner.messages)).toEqual([1]));
  });

  it('ends the session when a process of the same name has begun anew', async () => {
    const { seen: owner, url } = await openDoor();
    const first = dial(url);
    await eventually(() => expect(owner.links).toHaveLength(1));
    first.seen.links[0]?.send(numbered(0));
    await eventually(() => expect(owner.messages).toHaveLength(1));
    const second = dial(url, { self: nodeOf({ role: 'worker', incarnation: 'worker-2' }) });
    await eventually(() => expect(second.seen.links).toHaveLength(1));
    expect(owner.ends[0]).toMatchObject({ code: 'UNAVAILABLE' });
    expect(owner.links[1]?.peer.incarnation).toBe('worker-2');
  });
});
