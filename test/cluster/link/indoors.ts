/** Two nodes with a link between them in one world that stands still, over a network in memory. */
import { createHash } from 'node:crypto';
import { dialMesh, type DialMeshOptions, type MeshDial } from '../../../cluster/link/dial.ts';
import { MeshDoor, type MeshDoorOptions } from '../../../cluster/link/door.ts';
import { createLossyNet, type LossyNet, type Weather } from '../../support/lossy-net.ts';
import { createManualWorld, type ManualWorld } from '../../support/manual-world.ts';
import { nodeOf, SECRET } from './rig.ts';
import { type Seen, witness } from './witness.ts';

/** All of it. */
export interface Indoors {
  readonly world: ManualWorld;
  readonly net: LossyNet;
  readonly door: MeshDoor;
  readonly owner: Seen;
  readonly worker: Seen;
  readonly dialing: MeshDial;
}

/** How it begins. */
export interface IndoorsOptions {
  readonly seed?: number;
  readonly weather?: Weather;
  readonly door?: Partial<MeshDoorOptions>;
  readonly dial?: Partial<DialMeshOptions>;
  /** Whether the owner's `done` is kept, and the worker's. */
  readonly isOwnerKeeping?: boolean;
  readonly isWorkerKeeping?: boolean;
  /** By so much the owner's timers are late. */
  readonly ownerLateMs?: number;
}

/** The worker dials as soon as the world moves. */
export function indoors(options: IndoorsOptions = {}): Indoors {
  const world = createManualWorld({ seed: options.seed ?? 1 });
  const owner = witness(options.isOwnerKeeping);
  const worker = witness(options.isWorkerKeeping);
  let nonces = 0;
  const end = {
    world,
    auth: { mode: 'secret', secrets: [SECRET] },
    nonce: () => createHash('sha256').update(`${options.seed} ${++nonces}`).digest(),
  } as const;
  const self = { ...nodeOf({ role: 'owner' }), cluster: 'test' };
  const { ownerLateMs = 0 } = options;
  const late = { ...world, after: (delayMs: number, fn: () => void) => world.after(delayMs + ownerLateMs, fn) };
  const door = new MeshDoor({ ...end, world: late, self, onLink: owner.onLink, ...options.door });
  const net = createLossyNet(world, (wire) => door.accept(wire), options.weather);
  const dialing = dialMesh({
    ...{ ...end, self: nodeOf({ role: 'worker' }), onLink: worker.onLink, to: net.connect },
    onRefused: (error) => void worker.seen.refusals.push(error),
    ...options.dial,
  });
  return { world, net, door, dialing, owner: owner.seen, worker: worker.seen };
}
