/** Two nodes with a link between them, over real sockets, and what each of them has heard. */
import { onTestFinished, vi } from 'vitest';
import { dialMesh, type DialMeshOptions, type MeshDial } from '../../../cluster/link/dial.ts';
import { listenMesh, type ListenMeshOptions, type MeshListener } from '../../../cluster/link/listen.ts';
import type { MeshNode } from '../../../cluster/link/mesh-node.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { createWorld, type World } from '../../../runtime/world.ts';
import { type Seen, witness } from './witness.ts';

export const SECRET = 'a secret of thirty-two characters';
export const OTHER_SECRET = 'another one, as long as the first';
const BYE = new OperatingError('DRAINING', 'The test is over.');

/** Some node. */
export function nodeOf(fields: Partial<MeshNode> & Pick<MeshNode, 'role'>): MeshNode {
  const { role } = fields;
  return { node: role, incarnation: `${role}-1`, version: '0.9.0', cluster: undefined, ...fields };
}

/** An open door, closed with the test. */
export async function openDoor(
  options: Partial<ListenMeshOptions> = {},
  isKeeping = false,
): Promise<{ readonly door: MeshListener; readonly seen: Seen; readonly url: string }> {
  const { seen, onLink } = witness(isKeeping);
  const door = await listenMesh({
    world: createWorld(),
    auth: { mode: 'secret', secrets: [SECRET] },
    self: { ...nodeOf({ role: 'owner' }), cluster: 'test' },
    onLink,
    ...options,
  });
  onTestFinished(() => door.close(BYE));
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  return { door, seen, url: `${scheme}://127.0.0.1:${door.port}/mesh` };
}

/** Someone who dials, until the test ends. */
export function dial(
  to: DialMeshOptions['to'],
  options: Partial<DialMeshOptions> = {},
  isKeeping = false,
): { readonly dialing: MeshDial; readonly seen: Seen } {
  const { seen, onLink } = witness(isKeeping);
  const dialing = dialMesh({
    ...{
      world: createWorld(),
      auth: { mode: 'secret', secrets: [SECRET] },
      self: nodeOf({ role: 'worker' }),
      onLink,
      to,
    },
    onRefused: (error) => void seen.refusals.push(error),
    ...options,
  });
  onTestFinished(() => dialing.stop(BYE));
  return { dialing, seen };
}

/** A world in which nobody has to wait: its timers fire this many times as fast. */
export function hasty(times: number): World {
  const world = createWorld();
  return { ...world, after: (delayMs, fn) => world.after(delayMs / times, fn) };
}

/** Waits for as long as it may take. */
export function eventually<T>(check: () => T): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 5 });
}
