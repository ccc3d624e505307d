/** The name of the cluster that an owner's store is the state of: made once, and kept with it. */
import { z } from 'zod';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Store } from '../../runtime/stores/store.ts';

/** Another shape of the row needs another number. */
const FORMAT = 1;
const NAME = 'cluster';
const VERSION = '1';

const bodySchema = z.object({ format: z.literal(FORMAT), id: z.string() });

/** The name; a new one where there is none. It is on disk before anybody hears of it. */
export async function clusterOf(
  store: Pick<Store, 'readDefinition'>,
  kernel: Pick<Kernel, 'define' | 'committer' | 'world'>,
): Promise<string> {
  const row = await store.readDefinition('cluster', NAME, VERSION);
  const kept = bodySchema.safeParse(row?.body);
  if (kept.success) return kept.data.id;
  const id = kernel.world.id();
  kernel.define({ kind: 'cluster', name: NAME, version: VERSION, body: { format: FORMAT, id } });
  await kernel.committer.committed();
  return id;
}
