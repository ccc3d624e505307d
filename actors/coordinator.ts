/** The name of a coordinator: `NAME`, or `NAME/KEY` where one of its actors other than `main` is meant. */
import { isActorKey } from '../protocol/ids.ts';
import { isName } from '../protocol/names.ts';

/** The key of a coordinator's actor where none is given. */
const MAIN = 'main';

/** A keyed agent and the key of one of its actors. */
export interface Coordinator {
  readonly agent: string;
  readonly key: string;
}

/** Reads one. It must be one that `isCoordinator` takes. */
export function parseCoordinator(via: string): Coordinator {
  const slash = via.indexOf('/');
  return slash === -1 ? { agent: via, key: MAIN } : { agent: via.slice(0, slash), key: via.slice(slash + 1) };
}

/** Whether this names a coordinator. */
export function isCoordinator(via: unknown): via is string {
  if (typeof via !== 'string') return false;
  const { agent, key } = parseCoordinator(via);
  return isName(agent) && isActorKey(key);
}
