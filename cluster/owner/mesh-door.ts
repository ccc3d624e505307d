/** The door of an owner for its workers, as the settings say where and to whom it opens. */
import { OperatingError } from '../../protocol/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Settings } from '../../runtime/settings.ts';
import type { World } from '../../runtime/world.ts';
import { credentialsOf } from '../link/credentials.ts';
import { listenMesh, type MeshListener } from '../link/listen.ts';
import type { MeshNode } from '../link/mesh-node.ts';
import type { MeshOwner } from './mesh-owner.ts';

/** What the door is made with. */
export interface OwnerDoorDeps {
  readonly world: World;
  readonly settings: Settings;
  readonly log: Log;
  readonly mesh: MeshOwner;
  readonly self: MeshNode & { readonly cluster: string };
  /** Where it listens. */
  readonly address: { readonly host: string; readonly port: number };
}

/** Opens it. Errors: INVALID_INPUT (credentials that cannot be read or do not do), UNAVAILABLE (the address cannot be had). */
export async function openMeshDoor({
  world,
  settings,
  log,
  mesh,
  self,
  address,
}: OwnerDoorDeps): Promise<MeshListener> {
  return await listenMesh({
    ...{ world, log, self, ...address, ...credentialsOf(settings), lostMs: settings.meshLostMs },
    onLink: (link, setEars) => {
      try {
        setEars(mesh.attach(link));
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        link.end(error);
      }
    },
  });
}
