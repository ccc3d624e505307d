import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { listenMesh } from '../../../cluster/link/listen.ts';
import { dialMesh } from '../../../cluster/link/dial.ts';
import { createWorld } from '../../../runtime/world.ts';
import { hasOpenssl, makeAuthority } from './certificates.ts';
import { numbered, numbersOf } from './numbered.ts';
import { dial, eventually, nodeOf, openDoor } from './rig.ts';

const CERTIFICATE = { mode: 'certificate' } as const;
const made: ReturnType<typeof makeAuthority>[] = [];
const authority = (): ReturnType<typeof makeAuthority> => {
  const one = makeAuthority();
  made.push(one);
  return one;
};

/** A log whose warnings can be read. */
function notingLog() {
  const lines: string[] = [];
  const log = { debug: () => undefined, info: () => undefined, warn: (message: string) => void lines.push(message) };
  return { log, lines };
}

afterAll(() => made.forEach(({ remove }) => remove()));

describe.skipIf(!hasOpenssl)('a mesh over TLS (needs openssl on the machine)', () => {
  let ours: ReturnType<typeof makeAuthority>;
  let theirs: ReturnType<typeof makeAuthority>;
  beforeAll(() => {
    ours = authority();
    theirs = authority();
  });

  it('lets in a node whose certificate is of the CA and names it, without any secret', async () => {
    const { seen: owner, url } = await openDoor({ auth: CERTIFICATE, tls: ours.issue('owner') });
    const { seen: worker } = dial(url, { auth: CERTIFICATE, tls: ours.issue('other', 'worker') });
    await eventually(() => expect(worker.links).toHaveLength(1));
    worker.links[0]?.send(numbered(7));
    await eventually(() => expect(numbersOf(owner.messages)).toEqual([7]));
    expect(owner.links[0]?.peer.node).toBe('worker');
  });

  it('does not let in one whose certificate names another node', async () => {
    const { seen: owner, url } = await openDoor({ auth: CERTIFICATE, tls: ours.issue('owner') });
    const { seen } = dial(url, { auth: CERTIFICATE, tls: ours.issue('worker-2', 'xworker', 'worker.example') });
    await eventually(() => expect(seen.refusals[0]).toMatchObject({ code: 'FORBIDDEN' }));
    expect(owner.links).toEqual([]);
  });

  it('does not let in one whose certificate is of another CA, or who has none', async () => {
    const { log, lines } = notingLog();
    const { door, seen: owner, url } = await openDoor({ auth: CERTIFICATE, tls: ours.issue('owner'), log });
    dial(url, { auth: CERTIFICATE, tls: { ...theirs.issue('worker'), ca: ours.ca } });
    await eventually(() => expect(lines.filter((line) => line.includes('refused by TLS'))).toHaveLength(3));
    const bare = connectTls({ port: door.port, host: '127.0.0.1', rejectUnauthorized: false });
    bare.on('error', () => undefined);
    await new Promise<void>((resolve) => void bare.once('close', () => resolve()));
    expect(owner.links).toEqual([]);
  });

  it('is not entered by one who dials a listener of another CA, or one that is not named as it says', async () => {
    const foreign = await openDoor({ auth: CERTIFICATE, tls: { ...theirs.issue('owner'), ca: ours.ca } });
    const first = dial(foreign.url, { auth: CERTIFICATE, tls: ours.issue('worker') });
    await eventually(() => expect(first.seen.refusals[0]).toMatchObject({ code: 'UNAUTHENTICATED' }));
    const misnamed = await openDoor({ auth: CERTIFICATE, tls: ours.issue('worker-9') });
    const second = dial(misnamed.url, { auth: CERTIFICATE, tls: ours.issue('worker') });
    await eventually(() => expect(second.seen.refusals[0]).toMatchObject({ code: 'FORBIDDEN' }));
  });

  it('takes a secret as proof too, whoever the certificate is of, since the proof is bound to the connection', async () => {
    const { seen: owner, url } = await openDoor({ tls: theirs.issue('anything') });
    const { seen: worker } = dial(url);
    await eventually(() => expect(worker.links).toHaveLength(1));
    worker.links[0]?.send(numbered(7));
    await eventually(() => expect(numbersOf(owner.messages)).toEqual([7]));
  });

  it('does not fall for one who sits between two connections of TLS and passes the proofs on', async () => {
    const { door, seen: owner } = await openDoor({ tls: theirs.issue('owner') });
    const middle = createTlsServer(theirs.issue('owner'), (socket) => {
      const onwards = connectTls({ port: door.port, host: '127.0.0.1', rejectUnauthorized: false });
      for (const one of [socket, onwards]) one.on('error', () => undefined);
      socket.pipe(onwards).pipe(socket);
      socket.once('close', () => onwards.destroy());
      onwards.once('close', () => socket.destroy());
    });
    await new Promise<void>((resolve) => void middle.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => void middle.close(() => resolve())));
    const { seen: worker } = dial(`wss://127.0.0.1:${(middle.address() as AddressInfo).port}/mesh`);
    await eventually(() => expect(worker.refusals[0]).toMatchObject({ code: 'UNAUTHENTICATED' }));
    expect([...owner.links, ...worker.links]).toEqual([]);
  });

  it('is refused at the start where something is missing for it', async () => {
    const end = { world: createWorld(), auth: CERTIFICATE, onLink: () => undefined };
    const { ca, cert, key } = ours.issue('owner');
    const self = { ...nodeOf({ role: 'owner' }), cluster: 'test' };
    for (const tls of [undefined, { ca }, { cert, key }]) {
      const wrong = tls === undefined ? {} : { tls };
      await expect(listenMesh({ ...end, self, ...wrong })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
      expect(() => dialMesh({ ...end, self, ...wrong, to: 'wss://127.0.0.1:1/mesh' })).toThrow(/Certificates as proof/);
    }
  });
});
