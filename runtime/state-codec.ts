/**
 * Packs the product's own states and messages for the store: plain values, dates, maps, sets, typed arrays, bigints and
 * errors come back as they were. What users' machines hold goes through runtime/machine-values.ts, which also refuses what
 * cannot be kept.
 */
import { Packr } from 'msgpackr';

const packr = new Packr({ structuredClone: true, moreTypes: true });

/** The bytes are never written to again, but share an 8 KiB slab with their neighbours: copy what is kept for long. */
export function packState(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** The inverse. Throws what msgpackr throws on bytes that are not its own: the store has checked their checksum before. */
export function unpackState(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
