/** The key of a stored thing in the layout of runtime/stores/keys.ts. */
import { eventsKey, keyOf } from '../../runtime/stores/keys.ts';
import type { StoredThing } from './store-medium.ts';

/** For drivers that keep ordered keys. */
export function keyOfThing(thing: StoredThing): string {
  if ('task' in thing) return keyOf('t', thing.task);
  if ('progressOf' in thing) return keyOf('u', thing.progressOf);
  if ('eventsOf' in thing) return eventsKey(thing.eventsOf, thing.lastSeq);
  if ('indexed' in thing) return keyOf('i', thing.status, thing.indexed);
  if ('cell' in thing) return keyOf(thing.awake ? 'c' : 'r', thing.cell);
  if ('attachmentOf' in thing) return keyOf('a', thing.attachmentOf, thing.key);
  if ('idempotencyKey' in thing) return keyOf('k', thing.principal, thing.idempotencyKey);
  if ('definition' in thing) return keyOf('d', 'agent', thing.definition, thing.version);
  if ('effect' in thing) return keyOf('x', 'unknown', thing.effect);
  return keyOf('q', thing.quarantined);
}
