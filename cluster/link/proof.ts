/**
 * How two nodes prove to each other that they know the same secret, without saying it: each sends an HMAC-SHA-256 over what
 * both have said so far, under a label that says which side it is. What was said holds both nonces, so a recorded handshake
 * proves nothing, and the binding of TLS, so that one who sits between two TLS connections proves nothing either.
 *
 * From the same, by HKDF, come the keys that frames are sealed with where there is no TLS.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { OperatingError } from '../../protocol/errors.ts';
import type { WireSecurity } from './wire.ts';

/** Secrets shorter than this can be guessed from a recorded handshake. */
export const SECRET_CHARACTERS_MIN = 32;
const LABEL = 'troupe mesh handshake';
const KEY_BYTES = 32;

/** The two sides of a handshake. */
export type Side = 'dialer' | 'listener';

/** How nodes of a cluster know each other. */
export type MeshAuth =
  /**
   * Secrets that all nodes have. The first is proved with; any is accepted. To change it: add the new one behind the old one
   * everywhere, then put it in front everywhere, then remove the old one.
   */
  | { readonly mode: 'secret'; readonly secrets: readonly string[] }
  /** TLS with a certificate on both sides, of a CA that is given; a node's name is among the names of its certificate. */
  | { readonly mode: 'certificate' }
  /** No one is asked who they are. On loopback alone. */
  | { readonly mode: 'none' };

/** Refuses secrets that could be guessed. Errors: INVALID_INPUT. */
export function checkAuth(auth: MeshAuth): void {
  if (auth.mode !== 'secret') return;
  if (auth.secrets.length > 0 && auth.secrets.every(({ length }) => length >= SECRET_CHARACTERS_MIN)) return;
  const message = `A secret of the mesh needs at least ${SECRET_CHARACTERS_MIN} characters, such as 32 random bytes in hex.`;
  throw new OperatingError('INVALID_INPUT', message);
}

/** All that was said, in one digest. */
export function transcriptOf(hello: Uint8Array, said: Uint8Array, security: WireSecurity): Buffer {
  const digest = createHash('sha256').update(LABEL);
  for (const part of [hello, said, security.binding ?? new Uint8Array()]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    digest.update(length).update(part);
  }
  return digest.digest();
}

/** The proof of one side, with the first secret; empty where nobody proves anything in this way. */
export function proofOf(auth: MeshAuth, side: Side, transcript: Uint8Array): Buffer {
  const [secret] = auth.mode === 'secret' ? auth.secrets : [];
  return secret === undefined ? Buffer.alloc(0) : sign(secret, side, transcript);
}

/** The secret that this proof was made with; undefined where it is none of them. Takes as long whichever it is. */
export function provenSecret(
  secrets: readonly string[],
  side: Side,
  transcript: Uint8Array,
  proof: Uint8Array,
): string | undefined {
  let found: string | undefined;
  for (const secret of secrets) {
    const expected = sign(secret, side, transcript);
    if (proof.length === expected.length && timingSafeEqual(expected, proof)) found = secret;
  }
  return found;
}

/** The key for what this side sends. `secret`: the one that the dialer has proved with. */
export function keyOf(secret: string, side: Side, transcript: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, transcript, `troupe mesh frames of the ${side}`, KEY_BYTES));
}

function sign(secret: string, side: Side, transcript: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`troupe mesh proof of the ${side}`).update(transcript).digest();
}
