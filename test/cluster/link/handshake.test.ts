import { describe, expect, it } from 'vitest';
import { DialHandshake } from '../../../cluster/link/dial-handshake.ts';
import { DoorHandshake } from '../../../cluster/link/door-handshake.ts';
import { MeshDoor } from '../../../cluster/link/door.ts';
import { dialMesh } from '../../../cluster/link/dial.ts';
import type { MeshEnd } from '../../../cluster/link/mesh-node.ts';
import { type MeshAuth, proofOf, transcriptOf } from '../../../cluster/link/proof.ts';
import type { WireSecurity } from '../../../cluster/link/wire.ts';
import { readSaid, readHandshake, type Said, writeHandshake, writeSaid } from '../../../protocol/mesh-handshake.ts';
import { createManualWorld } from '../../support/manual-world.ts';
import { nodeOf, OTHER_SECRET, SECRET } from './rig.ts';

const PLAIN: WireSecurity = { isTls: false };
const secret = (...secrets: readonly string[]): MeshAuth => ({ mode: 'secret', secrets });
const endOf = (role: 'owner' | 'worker', fields: Partial<MeshEnd> = {}): MeshEnd => ({
  world: createManualWorld(),
  auth: secret(SECRET),
  self: nodeOf({ role }),
  onLink: () => undefined,
  ...fields,
});
const wire = (security: WireSecurity) => ({ security, remoteAddress: 'memory' });
const ANYONE = { cluster: undefined, node: undefined };

/** What the dialer says to a listener that proves itself, and says this in place of what it should. */
function answerTo(said: Partial<Said>, known = ANYONE, auth = secret(SECRET), fields: Partial<MeshEnd> = {}): unknown {
  const dialer = new DialHandshake(endOf('worker', fields), wire(PLAIN), known, undefined);
  const door = new DoorHandshake(endOf('owner'), 'test', wire(PLAIN));
  const step = door.take(new DialHandshake(endOf('worker'), wire(PLAIN), ANYONE, undefined).hello);
  const honest = readSaid(readHandshake('challenge', (step as { readonly answer: Buffer }).answer).said);
  const bytes = writeSaid({ ...honest, ...said });
  const proof = proofOf(auth, 'listener', transcriptOf(dialer.hello, bytes, PLAIN));
  return dialer.take(writeHandshake('challenge', { said: bytes, proof }));
}

describe('the one who dials', () => {
  it('answers a listener that proves itself, with any secret of its own', () => {
    expect(answerTo({})).toHaveProperty('answer');
    expect(answerTo({}, ANYONE, secret(OTHER_SECRET), { auth: secret(SECRET, OTHER_SECRET) })).toHaveProperty('answer');
    expect(answerTo({}, { cluster: 'test', node: 'owner' } as never)).toHaveProperty('answer');
  });

  const wrong: Readonly<Record<string, readonly [Partial<Said>, string]>> = {
    'wants no proof': [{ auth: 'none' }, 'UNAUTHENTICATED'],
    'wants another kind of proof': [{ auth: 'certificate' }, 'UNAUTHENTICATED'],
    'wants another version than the highest of both': [
      { protocols: { min: 1, max: 2 }, protocol: 2 },
      'PROTOCOL_VERSION',
    ],
    'has its role': [{ role: 'worker' }, 'FORBIDDEN'],
    'is of another cluster': [{ cluster: 'elsewhere' }, 'FORBIDDEN'],
    'is not the one that is expected': [{ node: 'someone' }, 'FORBIDDEN'],
  };
  for (const [what, [said, code]] of Object.entries(wrong)) {
    it(`does not answer one that ${what}`, () => {
      const known = { cluster: 'test', node: 'owner' } as never;
      expect(() => answerTo(said, known)).toThrow(expect.objectContaining({ code }));
    });
  }

  it('does not answer one that proves another secret, or none', () => {
    expect(() => answerTo({}, ANYONE, secret(OTHER_SECRET))).toThrow(/another meshSecret/);
    expect(() => answerTo({}, ANYONE, { mode: 'none' })).toThrow(/another meshSecret/);
  });
});

describe('the one who listens', () => {
  const takes = (fields: Partial<MeshEnd>, cluster?: string): unknown =>
    new DoorHandshake(endOf('owner'), 'test', wire(PLAIN)).take(
      new DialHandshake(endOf('worker', fields), wire(PLAIN), { cluster, node: undefined }, undefined).hello,
    );

  it('challenges who could be of the mesh, and nobody else', () => {
    expect(takes({})).toHaveProperty('answer');
    expect(takes({}, 'test')).toHaveProperty('answer');
    expect(() => takes({}, 'elsewhere')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(() => takes({ self: nodeOf({ role: 'owner', node: 'two' }) })).toThrow(/Both nodes are owners/);
    expect(() => takes({ self: nodeOf({ role: 'worker', node: 'owner' }) })).toThrow(/named owner/);
    expect(() => takes({ auth: { mode: 'none' } })).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    expect(() => takes({ protocols: { min: 2, max: 3 } })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_VERSION' }),
    );
  });

  it('does not take the proof of a listener for that of a dialer', () => {
    const door = new DoorHandshake(endOf('owner'), 'test', wire(PLAIN));
    const { hello } = new DialHandshake(endOf('worker'), wire(PLAIN), ANYONE, undefined);
    const { answer } = door.take(hello) as { readonly answer: Buffer };
    const { proof } = readHandshake('challenge', answer);
    expect(() => door.take(writeHandshake('proof', { proof }))).toThrow(/not the one of this mesh/);
  });
});

describe('a node', () => {
  it('has a name that can stand in a certificate', () => {
    for (const node of ['', 'a b', '-a', 'a,DNS:b', 'x'.repeat(129)]) {
      const self = { ...nodeOf({ role: 'worker', node }), cluster: 'test' };
      expect(() => new MeshDoor({ ...endOf('owner'), self })).toThrow(/cannot be the name of a node/);
      expect(() => dialMesh({ ...endOf('worker'), self, to: 'ws://127.0.0.1:1/mesh' })).toThrow(/name of a node/);
    }
  });
});
