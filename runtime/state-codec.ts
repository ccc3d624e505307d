/**
 * Packs the product's own states and messages for the store: plain values, dates, maps, sets, typed arrays, bigints and
 * errors come back as they were. What users' machines hold goes through runtime/machine-values.ts, which also refuses what
 * cannot be kept.
 */
import { packValue, unpackValue } from './stores/records.ts';

/** The bytes are the caller's own. Errors: PROTOCOL_TOO_BIG for what is too deep, too large, or holds itself. */
export function packState(value: unknown): Uint8Array {
  return packValue(value);
}

/** The inverse. Throws what msgpackr throws on bytes that are not its own: the store has checked their checksum before. */
export function unpackState(bytes: Uint8Array): unknown {
  return unpackValue(bytes);
}
