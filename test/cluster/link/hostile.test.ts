import { describe, expect, it } from 'vitest';
import { MeshDoor } from '../../../cluster/link/door.ts';
import { DoorHandshake } from '../../../cluster/link/door-handshake.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { MeshEncoder } from '../../../protocol/mesh-codec.ts';
import { LINK_FRAME, writeLinkFrame } from '../../../protocol/mesh-frames.ts';
import { handshakeKindOf, readHandshake, writeHandshake } from '../../../protocol/mesh-handshake.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';
import { impostor } from './impostor.ts';
import { type Indoors, indoors } from './indoors.ts';
import { numbered, numbersOf, upTo } from './numbered.ts';
import { nodeOf, SECRET } from './rig.ts';

const BYE = new OperatingError('DRAINING', 'It is over.');
const OWNER = nodeOf({ role: 'owner' });
const END = { auth: { mode: 'secret', secrets: [SECRET] }, self: OWNER, onLink: () => undefined } as const;

/** A door, and nobody at it. */
const quiet = (): Indoors => {
  const rooms = indoors();
  rooms.dialing.stop(BYE);
  rooms.world.run();
  return rooms;
};
const packed = (message: unknown): Uint8Array => new MeshEncoder().encode(message as MeshMessage);

describe('someone who listens in between and sends again what he heard', () => {
  it('is not let in with a handshake of before', () => {
    const rooms = quiet();
    const { said } = impostor(rooms);
    expect(rooms.owner.links).toHaveLength(1);
    const closes: string[] = [];
    const frames: Buffer[] = [];
    rooms.net.connect({
      onFailed: () => undefined,
      onOpen: (wire) => {
        wire.hear({ onFrame: (frame) => void frames.push(frame), onClose: (why) => void closes.push(why) });
        for (const frame of said) wire.send(frame);
      },
    });
    rooms.world.advance(10);
    expect(rooms.owner.links).toHaveLength(1);
    expect(rooms.owner.ends).toEqual([]);
    expect(frames.map((frame) => handshakeKindOf(frame))).toEqual(['challenge', 'refusal']);
    expect(closes[0]).toMatch(/^4401/);
  });

  it('does not have messages delivered twice, nor does he keep a dead link alive', () => {
    const { world, net, owner, worker } = indoors();
    const heard: Buffer[] = [];
    net.tamper = (frame, from) => {
      if (from === 'dialer') heard.push(Buffer.from(frame));
      return frame;
    };
    world.advance(100);
    for (const index of upTo(5)) worker.links[0]?.send(numbered(index));
    world.advance(2_000);
    // The worker falls silent, and someone repeats what it has said.
    net.tamper = (frame, from) => (from === 'dialer' ? (heard.at(-1 - (net.frames % 3)) ?? frame) : frame);
    expect(owner.links[0]?.state).toBe('up');
    world.advance(LIMITS.meshHeartbeatMs * (LIMITS.meshHeartbeatMissesMax + 2));
    expect(numbersOf(owner.messages)).toEqual(upTo(5));
    expect(owner.links[0]?.state).toBe('suspect');
  });
});

describe('someone who changes what he passes on', () => {
  it('breaks the connection with each byte he changes, and harms nothing else', () => {
    const { world, net, owner, worker } = indoors({ door: { lostMs: 600_000 }, dial: { lostMs: 600_000 } });
    world.advance(100);
    let left = 40;
    let seen = 0;
    net.tamper = (frame) => {
      if (handshakeKindOf(frame) !== undefined || left === 0 || ++seen % 3 !== 0) return frame;
      left--;
      const at = (seen * 7) % frame.length;
      frame[at] = (frame[at] as number) ^ 0x20;
      return frame;
    };
    for (const index of upTo(200)) {
      worker.links[0]?.send(numbered(index));
      world.advance(500);
    }
    world.advance(120_000);
    expect(left).toBe(0);
    expect(numbersOf(owner.messages)).toEqual(upTo(200));
    expect(owner.ends).toEqual([]);
    expect(worker.links[0]?.figures.sockets).toBeGreaterThan(10);
  });

  it('cannot make two nodes speak an older version than both could', () => {
    const { world, net, owner, worker } = indoors({
      door: { protocols: { min: 1, max: 2 } },
      dial: { protocols: { min: 1, max: 2 } },
    });
    net.tamper = (frame) => {
      if (handshakeKindOf(frame) !== 'hello') return frame;
      return writeHandshake('hello', { ...readHandshake('hello', frame), protocols: { min: 1, max: 1 } });
    };
    world.advance(1_000);
    expect(owner.links).toEqual([]);
    expect(worker.links).toEqual([]);
    expect(worker.refusals[0]?.code).toMatch(/UNAUTHENTICATED|PROTOCOL_VERSION/);
    net.tamper = undefined;
    world.advance(LIMITS.meshRefusedRedialMs);
    expect(worker.links[0]?.peer.protocol).toBe(2);
  });

  it('cannot pretend to be another node, nor pass a challenge on to someone else', () => {
    const { world, net, owner, worker } = indoors();
    net.tamper = (frame) => {
      if (handshakeKindOf(frame) !== 'hello') return frame;
      return writeHandshake('hello', { ...readHandshake('hello', frame), node: 'someone' });
    };
    world.advance(1_000);
    expect(owner.links).toEqual([]);
    expect(worker.refusals[0]?.code).toBe('UNAUTHENTICATED');
  });
});

describe('a listener that is none of the mesh', () => {
  it('is refused by the one who dials, whether it proves nothing or asks for no proof', () => {
    for (const auth of [
      { mode: 'none' },
      { mode: 'secret', secrets: ['some other secret of 32 characters'] },
    ] as const) {
      const { world, worker } = indoors({ door: { auth } });
      world.advance(1_000);
      expect(worker.links).toEqual([]);
      expect(worker.refusals[0]?.code).toBe('UNAUTHENTICATED');
    }
  });

  it('of another cluster is refused, once the dialer knows its own', () => {
    const { world, net, worker } = indoors();
    world.advance(100);
    expect(worker.links[0]?.peer.cluster).toBe('test');
    // The same dialer finds another owner at the address.
    const elsewhere = { ...OWNER, cluster: 'elsewhere' };
    const other = new MeshDoor({ ...END, world, self: elsewhere });
    net.accept = (wire) => other.accept(wire);
    net.cut();
    world.advance(LIMITS.meshLostMs * 2);
    expect(worker.links).toHaveLength(1);
    expect(worker.refusals[0]).toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a node of the mesh that says what it should not', () => {
  const frames: Readonly<Record<string, readonly [number, Uint8Array, string]>> = {
    'bytes that are no message': [1, Buffer.from('c1', 'hex'), 'PROTOCOL_MALFORMED'],
    'a record that it has not defined': [1, Buffer.from('40', 'hex'), 'PROTOCOL_MALFORMED'],
    'a record whose field is code': [1, Buffer.from('d4724091a8613a312d61282901c0', 'hex'), 'PROTOCOL_MALFORMED'],
    'arrays in arrays': [1, Buffer.alloc(10_000, 0x91), 'PROTOCOL_TOO_BIG'],
    'an empty piece': [1, new Uint8Array(), 'PROTOCOL_MALFORMED'],
    'a message of no known type': [1, packed({ type: 'node.sings' }), 'UNKNOWN_TYPE'],
    'a message of an owner': [1, packed({ type: 'call.settled', call: 'a b', token: 't' }), 'UNKNOWN_TYPE'],
    'a message that is not valid': [
      1,
      packed({ type: 'call.outcome', call: 'a b', token: 7, ok: true }),
      'INVALID_INPUT',
    ],
  };
  for (const [what, [seq, body, code]] of Object.entries(frames)) {
    it(`loses its session for ${what}, and is told why`, () => {
      const rooms = quiet();
      const one = impostor(rooms);
      one.line.send(LINK_FRAME.data, seq, body, true);
      rooms.world.advance(100);
      expect(rooms.owner.ends).toMatchObject([{ code }]);
      expect(rooms.owner.messages).toEqual([]);
      expect(Buffer.concat(one.frames).includes(code)).toBe(true);
      expect(rooms.door.size).toBe(0);
    });
  }

  it('loses its session where it says that more has arrived than was sent', () => {
    for (const counts of [{ received: 1 }, { done: 1 }, { doneBytes: 1 }]) {
      const rooms = quiet();
      const one = impostor(rooms);
      Object.assign(one.counts, counts);
      one.line.send(LINK_FRAME.beat, 0, Buffer.alloc(18));
      rooms.world.advance(100);
      expect(rooms.owner.ends).toMatchObject([{ code: 'PROTOCOL_MALFORMED' }]);
    }
  });

  it('loses its connection, and no more, for frames that have no head, no seal, or are of another session', () => {
    const wrong: readonly ((one: ReturnType<typeof impostor>) => Buffer)[] = [
      () => Buffer.alloc(10),
      () => Buffer.alloc(200),
      ({ greeting }) => greeting?.seal.close(Buffer.alloc(20)) ?? Buffer.alloc(0),
      ({ greeting }) => greeting?.seal.close(Buffer.alloc(60, 0x11)) ?? Buffer.alloc(0),
      ({ greeting }) => {
        const head = {
          kind: LINK_FRAME.beat,
          isLast: false,
          session: 1,
          stamp: 9,
          seq: 0,
          received: 0,
          done: 0,
          doneBytes: 0,
        };
        return greeting?.seal.close(writeLinkFrame(head, Buffer.alloc(18), 16)) ?? Buffer.alloc(0);
      },
    ];
    for (const frame of wrong) {
      const rooms = quiet();
      const one = impostor(rooms);
      one.wire.send(frame(one));
      rooms.world.advance(100);
      expect(one.closes).toHaveLength(1);
      expect(rooms.owner.ends).toEqual([]);
      expect(rooms.owner.links[0]?.state).toBe('suspect');
    }
  });

  it('loses its session for sending more than it has credit for', () => {
    const rooms = indoors({ isOwnerKeeping: true });
    rooms.dialing.stop(BYE);
    rooms.world.run();
    const one = impostor(rooms);
    const encoder = new MeshEncoder();
    for (const index of upTo(LIMITS.linkCreditMessages)) {
      one.line.send(LINK_FRAME.data, index + 1, encoder.encode(numbered(index)), true);
    }
    rooms.world.advance(100);
    expect(rooms.owner.messages).toHaveLength(LIMITS.linkCreditMessages);
    expect(rooms.owner.ends).toEqual([]);
    one.line.send(LINK_FRAME.data, LIMITS.linkCreditMessages + 1, encoder.encode(numbered(0)), true);
    rooms.world.advance(100);
    expect(rooms.owner.ends).toMatchObject([{ code: 'BUSY' }]);
    expect(rooms.owner.messages).toHaveLength(LIMITS.linkCreditMessages);
  });

  it('loses its session for a message that does not end, before it is kept', () => {
    const rooms = quiet();
    const one = impostor(rooms);
    const piece = Buffer.alloc(1_000_000, 0x90);
    for (const index of upTo(17)) one.line.send(LINK_FRAME.data, index + 1, piece);
    rooms.world.advance(100);
    expect(rooms.owner.ends).toMatchObject([{ code: 'PROTOCOL_TOO_BIG' }]);
  });

  it('does not go on with the session of another process of its name, or with one that has ended', () => {
    const rooms = quiet();
    const first = impostor(rooms);
    const session = first.greeting?.session ?? '';
    const stale = impostor(rooms, { incarnation: 'worker-2' }, { id: session, received: 0 });
    rooms.world.advance(10);
    expect(stale.greeting).toMatchObject({ isResumed: false });
    expect(stale.greeting?.session).not.toBe(session);
    expect(rooms.owner.ends).toHaveLength(1);
    const replaced = impostor(rooms, {}, { id: session, received: 0 });
    rooms.world.advance(10);
    expect(replaced.greeting).toBeUndefined();
    const again = impostor(rooms, { incarnation: 'worker-3' }, { id: session, received: 0 });
    rooms.world.advance(10);
    expect(again.greeting).toMatchObject({ isResumed: false });
    const mine = impostor(rooms, { incarnation: 'worker-3' }, { id: again.greeting?.session ?? '', received: 0 });
    rooms.world.advance(10);
    expect(mine.greeting).toMatchObject({ isResumed: true, session: again.greeting?.session });
  });
});

describe('frames that were changed, where nothing seals them', () => {
  it('end a session with a code, or a connection, or are taken for what they say; nothing is thrown', () => {
    const codes = new Set<string>();
    for (let seed = 1; seed <= 150; seed++) {
      const none = { mode: 'none' } as const;
      const { world, net, owner, worker } = indoors({ seed, door: { auth: none }, dial: { auth: none } });
      world.advance(100);
      net.tamper = (frame) => {
        if (handshakeKindOf(frame) !== undefined || world.random() < 0.5) return frame;
        const at = Math.floor(world.random() * frame.length);
        frame[at] = Math.floor(world.random() * 256);
        return world.random() < 0.1 ? frame.subarray(0, at) : frame;
      };
      for (const index of upTo(20)) {
        const link = worker.links.at(-1);
        if (link?.state !== 'ended') link?.send(numbered(index, { index, text: 'some text', list: [1, [2, 3]] }));
        world.advance(200);
      }
      for (const { code } of [...owner.ends, ...worker.ends]) codes.add(code);
    }
    expect([...codes]).toContain('PROTOCOL_MALFORMED');
    expect([...codes]).not.toContain('INTERNAL');
  });
});

describe('a frame of a handshake that was changed', () => {
  it('leads to a coded error, and to nothing else, whichever of its bytes it was', () => {
    const rooms = quiet();
    const { said } = impostor(rooms);
    const hello = said[0] as Buffer;
    const options = { ...END, world: rooms.world };
    const wire = { security: { isTls: false }, remoteAddress: 'memory' };
    for (let at = 0; at < hello.length; at++) {
      for (const bit of [0x01, 0x10, 0x80]) {
        const frame = Buffer.from(hello);
        frame[at] = (frame[at] as number) ^ bit;
        const handshake = new DoorHandshake(options, 'test', wire);
        try {
          handshake.take(frame);
        } catch (error) {
          expect(error).toMatchObject({ name: 'OperatingError' });
          continue;
        }
        // What still is a hello is challenged; the proof of another one does not do.
        expect(() => handshake.take(said[1] as Buffer)).toThrow(/secret|link begins/);
      }
    }
  });
});
