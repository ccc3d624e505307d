/** What a node says of itself on a link, and what its end of all links is made with. */
import { randomBytes } from 'node:crypto';
import type { MeshProtocols } from '../../protocol/mesh-versions.ts';
import type { Log } from '../../runtime/log.ts';
import type { World } from '../../runtime/world.ts';
import type { Link, LinkEars } from './link.ts';
import type { MeshAuth } from './proof.ts';

/** A node as it says it is. */
export interface MeshNode {
  /** Letters, digits, `.`, `_`, `-`; it outlives the process. */
  readonly node: string;
  /** Another one with each start of the process. */
  readonly incarnation: string;
  readonly role: 'owner' | 'worker';
  /** Of the product. */
  readonly version: string;
  /** Undefined for one that does not know yet what cluster it joins; it holds on to the first that it is let into. */
  readonly cluster: string | undefined;
}

/** What both ends are made with. */
export interface MeshEnd {
  readonly world: World;
  readonly self: MeshNode;
  readonly auth: MeshAuth;
  readonly log?: Pick<Log, 'debug' | 'info' | 'warn'>;
  /** How long a session is kept without a sign of life, ms. Default: LIMITS.meshLostMs. */
  readonly lostMs?: number;
  /** Default: MESH_PROTOCOLS. */
  readonly protocols?: MeshProtocols;
  /** 32 bytes that nobody can foresee; for simulations, bytes that they can. Default: those of node:crypto. */
  readonly nonce?: () => Uint8Array;
  /**
   * A new session stands. `setEars` is called once, in the same turn or later: what comes before is kept, within the credit.
   * Called again for the same node only after `onEnd` of the session before.
   */
  onLink(link: Link, setEars: (ears: LinkEars) => void): void;
}

const NONCE_BYTES = 32;

/** A nonce. */
export function nonceOf(end: Pick<MeshEnd, 'nonce'>): Uint8Array {
  return end.nonce?.() ?? randomBytes(NONCE_BYTES);
}
