import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DialHandshake } from '../../../cluster/link/dial-handshake.ts';
import { FailedProofs } from '../../../cluster/link/failed-proofs.ts';
import { MeshDoor } from '../../../cluster/link/door.ts';
import type { MeshAuth } from '../../../cluster/link/proof.ts';
import type { Wire, WireEars } from '../../../cluster/link/wire.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { handshakeKindOf, readHandshake } from '../../../protocol/mesh-handshake.ts';
import { createManualWorld } from '../../support/manual-world.ts';
import { dial, eventually, nodeOf, openDoor, SECRET } from './rig.ts';
import { hasOpenssl, makeAuthority } from './certificates.ts';

const FEW = 3;
const RIGHT: MeshAuth = { mode: 'secret', secrets: [SECRET] };
const WRONG: MeshAuth = { mode: 'none' };

/** A log whose warnings can be read. */
function notingLog() {
  const lines: string[] = [];
  const log = { debug: () => undefined, info: () => undefined, warn: (message: string) => void lines.push(message) };
  return { log, lines };
}

/** Whether TLS gets through at all. */
async function secureTo(port: number, tls: object): Promise<boolean> {
  const socket = connectTls({ port, host: '127.0.0.1', checkServerIdentity: () => undefined, ...tls });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  return await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

/** A door, and whoever knocks at it: says hello, and hears the kind of the first answer. */
function doorOf(failedProofsMax?: number) {
  const world = createManualWorld();
  const { log, lines } = notingLog();
  const self = { ...nodeOf({ role: 'owner' }), cluster: 'test' };
  const max = failedProofsMax === undefined ? {} : { failedProofsMax };
  const door = new MeshDoor({ world, auth: RIGHT, self, log, onLink: () => undefined, ...max });
  const knock = (address: string, auth: MeshAuth, isSilent = false) => {
    const frames: Buffer[] = [];
    const closes: number[] = [];
    let ears: WireEars | undefined;
    const wire: Wire = {
      ...{ security: { isTls: false }, remoteAddress: address, isReliable: true, bufferedAmount: 0 },
      hear: (given) => void (ears = given),
      send: (frame) => void frames.push(Buffer.from(frame)),
      close: (code) => {
        closes.push(code);
        ears?.onClose('closed');
      },
      cut: () => undefined,
    };
    door.accept(wire);
    const end = { world, auth, self: nodeOf({ role: 'worker' }), onLink: () => undefined };
    const known = { cluster: undefined, node: undefined };
    if (!isSilent) ears?.onFrame(new DialHandshake(end, wire, known, undefined).hello);
    const [first] = frames;
    const kind = first && handshakeKindOf(first);
    return { kind, code: kind === 'refusal' ? readHandshake(kind, first as Buffer).error.code : undefined, closes };
  };
  return { world, knock, lines, door };
}

describe('an address from which too many could not prove who they are', () => {
  it('is not heard until the minute is over, and is told so at once, whatever it would have said', () => {
    const { world, knock } = doorOf(FEW);
    for (let count = 0; count < FEW; count++) expect(knock('a', WRONG)).toMatchObject({ code: 'UNAUTHENTICATED' });
    const silent = knock('a', WRONG, true);
    expect(silent).toEqual({ kind: 'refusal', code: 'RATE_LIMITED', closes: [4429] });
    expect(knock('a', RIGHT).code).toBe('RATE_LIMITED');
    world.advance(59_000);
    expect(knock('a', RIGHT).code).toBe('RATE_LIMITED');
    world.advance(1_000);
    expect(knock('a', RIGHT).kind).toBe('challenge');
    expect(knock('a', WRONG).code).toBe('UNAUTHENTICATED');
  });

  it('keeps out nobody from elsewhere', () => {
    const { knock } = doorOf(FEW);
    for (let count = 0; count < FEW; count++) knock('a', WRONG);
    expect(knock('b', RIGHT).kind).toBe('challenge');
  });

  it('is told of once in the log, and its later attempts are not', () => {
    const { knock, lines } = doorOf(FEW);
    for (let count = 0; count < FEW + 20; count++) knock('a', WRONG);
    expect(lines).toHaveLength(FEW + 1);
    expect(lines.filter((line) => line.startsWith('Too many at this address'))).toHaveLength(1);
  });

  it('is not one whose attempts are spread over more time, nor one who is not let in for another reason', () => {
    const { world, knock, door } = doorOf(FEW);
    for (let count = 0; count < 2 * FEW; count++) {
      world.advance(30_000);
      expect(knock('a', WRONG).code).toBe('UNAUTHENTICATED');
    }
    world.advance(60_000);
    for (let count = 0; count < 2 * FEW; count++) knock('a', RIGHT, true);
    world.advance(LIMITS.handshakeMaxMs);
    expect(door.isBarred('a')).toBe(false);
  });

  it('has failed more often than all workers of a mesh do that dial again and again', () => {
    const { knock } = doorOf();
    const each = 60_000 / (LIMITS.meshRedialMaxMs / 2);
    for (let count = 0; count < (LIMITS.meshWorkersMax * each * 3) / 4; count++) knock('a', WRONG);
    expect(knock('a', RIGHT).kind).toBe('challenge');
  });
});

describe('addresses that are counted', () => {
  it('are so many at most: the one that failed first is forgotten', () => {
    const failures = new FailedProofs(createManualWorld(), 1);
    for (let count = 0; count <= LIMITS.meshFailedAddressesMax; count++) failures.add(`a${count}`);
    expect(failures.waitMs('a0')).toBe(0);
    expect(failures.waitMs('a1')).toBe(60_000);
    expect(failures.waitMs(`a${LIMITS.meshFailedAddressesMax}`)).toBe(60_000);
  });
});

describe.skipIf(!hasOpenssl)('with certificates (needs openssl on the machine)', () => {
  it('those who only look whether anybody listens, or go away, are not counted', async () => {
    const ours = makeAuthority();
    const tls = ours.issue('owner');
    const { door } = await openDoor({ auth: { mode: 'certificate' }, tls, failedProofsMax: 1 });
    const probe = connect(door.port, '127.0.0.1');
    await new Promise<void>((resolve) => void probe.once('connect', () => resolve()));
    await new Promise<void>((resolve) => void probe.destroy().once('close', () => resolve()));
    expect(await secureTo(door.port, ours.issue('worker'))).toBe(true);
    expect(await secureTo(door.port, ours.issue('worker'))).toBe(true);
    ours.remove();
  });

  it('those of another authority are counted, and then not heard at all', async () => {
    const ours = makeAuthority();
    const theirs = makeAuthority();
    const auth = { mode: 'certificate' } as const;
    const { log, lines } = notingLog();
    const { door, url, seen } = await openDoor({ auth, tls: ours.issue('owner'), log, failedProofsMax: FEW });
    dial(url, { auth, tls: { ...theirs.issue('worker'), ca: ours.ca } });
    await eventually(() => expect(lines).toHaveLength(FEW + 1));
    expect(lines.filter((line) => line.startsWith('Too many at this address'))).toHaveLength(1);
    const honest = await secureTo(door.port, ours.issue('worker'));
    expect(honest).toBe(false);
    expect(seen.links).toEqual([]);
    expect(lines).toHaveLength(FEW + 1);
    ours.remove();
    theirs.remove();
  });
});
