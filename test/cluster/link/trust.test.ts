import { describe, expect, it } from 'vitest';
import { listenMesh } from '../../../cluster/link/listen.ts';
import { dialMesh } from '../../../cluster/link/dial.ts';
import { createWorld } from '../../../runtime/world.ts';
import { dial, eventually, nodeOf, OTHER_SECRET, openDoor, SECRET } from './rig.ts';
import { witness } from './witness.ts';

describe('who is let into a mesh', () => {
  it('is not one with another secret, who is told so', async () => {
    const { seen: owner, url } = await openDoor();
    const { seen } = dial(url, { auth: { mode: 'secret', secrets: [OTHER_SECRET] } });
    await eventually(() => expect(seen.refusals).toHaveLength(1));
    expect(seen.refusals[0]).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(owner.links).toEqual([]);
  });

  it('is not one without a secret', async () => {
    const { seen: owner, url } = await openDoor();
    const { seen } = dial(url, { auth: { mode: 'none' } });
    await eventually(() => expect(seen.refusals[0]).toMatchObject({ code: 'UNAUTHENTICATED' }));
    expect(owner.links).toEqual([]);
  });

  it('is not one of another cluster', async () => {
    const { url } = await openDoor();
    const { seen } = dial(url, { self: nodeOf({ role: 'worker', cluster: 'elsewhere' }) });
    await eventually(() => expect(seen.refusals[0]).toMatchObject({ code: 'FORBIDDEN' }));
  });

  it('is not one of the same role, or of the same name', async () => {
    const { url } = await openDoor();
    const same = dial(url, { self: nodeOf({ role: 'owner', node: 'second' }) });
    const named = dial(url, { self: nodeOf({ role: 'worker', node: 'owner' }) });
    await eventually(() => expect(same.seen.refusals[0]).toMatchObject({ code: 'FORBIDDEN' }));
    await eventually(() => expect(named.seen.refusals[0]).toMatchObject({ code: 'FORBIDDEN' }));
  });

  it('is one with the old secret and one with the new, while the secret is changed', async () => {
    const both = await openDoor({ auth: { mode: 'secret', secrets: [SECRET, OTHER_SECRET] } });
    const old = dial(both.url, { self: nodeOf({ role: 'worker', node: 'old' }) });
    const changed = dial(both.url, {
      auth: { mode: 'secret', secrets: [OTHER_SECRET, SECRET] },
      self: nodeOf({ role: 'worker', node: 'new' }),
    });
    await eventually(() => expect(old.seen.links).toHaveLength(1));
    await eventually(() => expect(changed.seen.links).toHaveLength(1));
  });

  it('is one who speaks the version before, in which both speak then', async () => {
    const { seen: owner, url } = await openDoor({ protocols: { min: 1, max: 2 } });
    const { seen } = dial(url, { protocols: { min: 1, max: 1 } });
    await eventually(() => expect(seen.links[0]?.peer.protocol).toBe(1));
    await eventually(() => expect(owner.links[0]?.peer.protocol).toBe(1));
  });

  it('is not one who speaks no version in common, and the refusal says which there are', async () => {
    const { url } = await openDoor({ protocols: { min: 2, max: 3 } });
    const { seen } = dial(url, { protocols: { min: 1, max: 1 } });
    await eventually(() => expect(seen.refusals[0]).toMatchObject({ code: 'PROTOCOL_VERSION' }));
    expect(seen.refusals[0]?.message).toBe(
      'This node (Troupe 0.9.0) speaks version 2 to 3 of the mesh protocol, yours (Troupe 0.9.0) 1: ' +
        'bring both to the same release, or to two that follow each other.',
    );
  });

  it('is anyone on loopback where that is said, and nobody off it', async () => {
    const { url } = await openDoor({ auth: { mode: 'none' } });
    const { seen } = dial(url, { auth: { mode: 'none' } });
    await eventually(() => expect(seen.links).toHaveLength(1));
    const end = { world: createWorld(), auth: { mode: 'none' }, onLink: witness().onLink } as const;
    const self = { ...nodeOf({ role: 'owner' }), cluster: 'test' };
    await expect(listenMesh({ ...end, self, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(() => dialMesh({ ...end, self, to: 'ws://192.0.2.1:1/mesh' })).toThrow(/need.* a secret/);
  });

  it('takes secrets that cannot be guessed, and no others', () => {
    const end = {
      world: createWorld(),
      onLink: witness().onLink,
      self: nodeOf({ role: 'worker' }),
      to: 'ws://[::1]:1/mesh',
    };
    for (const secrets of [[], ['short'], [SECRET, 'short']]) {
      expect(() => dialMesh({ ...end, auth: { mode: 'secret', secrets } })).toThrow(/at least 32 characters/);
    }
  });
});
