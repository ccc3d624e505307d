/** The state of a machine for another life, under another owner: what it writes to its parent goes to that one. */
import type { CheckpointBody } from './machine-checkpoint.ts';
import { packKept, unpackKept } from './machine-values.ts';

/** The same checkpoint with another parent. */
export function withParent(bytes: Uint8Array, parent: string): Uint8Array {
  const [format, isMarked, body] = unpackKept(bytes) as readonly [number, boolean, CheckpointBody];
  const [number, , machine, timers] = body;
  return packKept([format, isMarked, [number, parent, machine, timers]]);
}
