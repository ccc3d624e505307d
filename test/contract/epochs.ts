/** Short ways to say what an epoch holds. */
import type { Epoch } from '../../runtime/stores/store.ts';

/** An epoch with nothing but these parts. */
export function epochOf(parts: Partial<Epoch>): Epoch {
  return { cells: [], attachments: [], tasks: [], keys: [], definitions: [], quarantine: [], ...parts };
}

/** Bytes that spell a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
