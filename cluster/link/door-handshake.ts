/** The handshake as the side that listens goes through it, once for each wire. It holds no wire: frames in, frames out. */
import { OperatingError } from '../../protocol/errors.ts';
import {
  handshakeKindOf,
  type Hello,
  readHandshake,
  writeHandshake,
  writeSaid,
} from '../../protocol/mesh-handshake.ts';
import { agreedProtocol, MESH_PROTOCOLS } from '../../protocol/mesh-versions.ts';
import type { Peer } from './link.ts';
import { type MeshEnd, nonceOf } from './mesh-node.ts';
import { keyOf, proofOf, provenSecret, transcriptOf } from './proof.ts';
import { createSeal, NO_SEAL, type Seal } from './seal.ts';
import type { Wire } from './wire.ts';

/** Someone who has proved who they are. */
export interface Guest {
  readonly peer: Peer;
  readonly seal: Seal;
  /** The session that they would go on with. */
  readonly resume: Hello['session'];
}

/** What a frame led to: an answer, or the end of it. */
export type DoorStep = { readonly answer: Buffer } | { readonly guest: Guest } | undefined;

interface Heard {
  readonly hello: Hello;
  readonly protocol: number;
  readonly transcript: Buffer;
}

/** One handshake. */
export class DoorHandshake {
  readonly #end: MeshEnd;
  readonly #cluster: string;
  readonly #wire: Pick<Wire, 'security' | 'remoteAddress'>;
  #heard: Heard | undefined;
  #isOver = false;

  constructor(end: MeshEnd, cluster: string, wire: Pick<Wire, 'security' | 'remoteAddress'>) {
    this.#end = end;
    this.#cluster = cluster;
    this.#wire = wire;
  }

  /**
   * Takes a frame. What comes twice is passed over. Errors: UNAUTHENTICATED, FORBIDDEN, PROTOCOL_VERSION for who is not let in;
   * PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG.
   */
  take(frame: Buffer): DoorStep {
    const kind = handshakeKindOf(frame);
    if (kind === undefined) throw new OperatingError('PROTOCOL_MALFORMED', 'A link begins with a handshake.');
    if (kind === 'hello' && this.#heard === undefined) return this.#challenge(frame);
    if (kind === 'proof' && this.#heard !== undefined && !this.#isOver) return this.#check(frame, this.#heard);
    return undefined;
  }

  #challenge(frame: Buffer): DoorStep {
    const { auth, self, protocols = MESH_PROTOCOLS } = this.#end;
    const hello = readHandshake('hello', frame);
    const protocol = this.#judge(hello);
    const { node, incarnation, role, version } = self;
    const said = writeSaid({
      ...{ protocols: { ...protocols }, auth: auth.mode, node, incarnation, role, version, nonce: nonceOf(this.#end) },
      ...{ cluster: this.#cluster, protocol },
    });
    const transcript = transcriptOf(frame, said, this.#wire.security);
    this.#heard = { hello, protocol, transcript };
    return { answer: writeHandshake('challenge', { said, proof: proofOf(auth, 'listener', transcript) }) };
  }

  /** Whether the dialer is one to talk to, apart from its proof; the version to speak. */
  #judge(hello: Hello): number {
    const { auth, self, protocols = MESH_PROTOCOLS } = this.#end;
    const protocol = agreedProtocol(protocols, hello.protocols);
    if (protocol === undefined) {
      const [own, theirs] = [protocols, hello.protocols].map(({ min, max }) =>
        min === max ? `${max}` : `${min} to ${max}`,
      );
      const message =
        `This node (Troupe ${self.version}) speaks version ${own} of the mesh protocol, ` +
        `yours (Troupe ${hello.version}) ${theirs}: bring both to the same release, or to two that follow each other.`;
      throw new OperatingError('PROTOCOL_VERSION', message, { details: { protocols: { ...protocols } } });
    }
    if (hello.auth !== auth.mode) {
      throw new OperatingError('UNAUTHENTICATED', `Nodes prove themselves by ${auth.mode} here, not by ${hello.auth}.`);
    }
    if (auth.mode === 'certificate' && this.#wire.security.certifiedNames?.includes(hello.node) !== true) {
      throw new OperatingError('FORBIDDEN', `The certificate does not name the node ${hello.node}.`);
    }
    if (hello.role === self.role) throw new OperatingError('FORBIDDEN', `Both nodes are ${self.role}s.`);
    if (hello.node === self.node) throw new OperatingError('FORBIDDEN', `Both nodes are named ${self.node}.`);
    if (hello.cluster !== undefined && hello.cluster !== this.#cluster) {
      throw new OperatingError('FORBIDDEN', `This is another cluster than ${hello.cluster}.`);
    }
    return protocol;
  }

  #check(frame: Buffer, { hello, protocol, transcript }: Heard): DoorStep {
    this.#isOver = true;
    const { auth } = this.#end;
    const { proof } = readHandshake('proof', frame);
    let seal = NO_SEAL;
    if (auth.mode === 'secret') {
      const secret = provenSecret(auth.secrets, 'dialer', transcript, proof);
      if (secret === undefined) throw new OperatingError('UNAUTHENTICATED', 'The secret is not the one of this mesh.');
      if (!this.#wire.security.isTls) {
        seal = createSeal(keyOf(secret, 'listener', transcript), keyOf(secret, 'dialer', transcript));
      }
    }
    const { node, incarnation, role, version } = hello;
    const { remoteAddress } = this.#wire;
    const peer: Peer = { node, incarnation, cluster: this.#cluster, role, version, protocol, remoteAddress };
    return { guest: { peer, seal, resume: hello.session } };
  }
}

/** The last frame of a handshake that has gone well. */
export function writeWelcome(seal: Seal, session: string, isResumed: boolean, received: number): Buffer {
  const frame = writeHandshake('welcome', { session, isResumed, received });
  return seal.close(Buffer.concat([frame, Buffer.alloc(seal.bytes)]));
}

/** The last frame of one that has not. */
export function writeRefusal(error: OperatingError): Buffer {
  const { code, message, retryable } = error;
  return writeHandshake('refusal', { error: { code, message, retryable } });
}
