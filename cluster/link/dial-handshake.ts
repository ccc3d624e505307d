/** The handshake as the side that has dialed goes through it, once for each wire. It holds no wire: frames in, frames out. */
import { OperatingError } from '../../protocol/errors.ts';
import { handshakeKindOf, readHandshake, readSaid, type Said, writeHandshake } from '../../protocol/mesh-handshake.ts';
import { agreedProtocol, MESH_PROTOCOLS } from '../../protocol/mesh-versions.ts';
import type { Peer } from './link.ts';
import { type MeshEnd, nonceOf } from './mesh-node.ts';
import { keyOf, proofOf, provenSecret, transcriptOf } from './proof.ts';
import { createSeal, NO_SEAL, type Seal } from './seal.ts';
import type { Wire } from './wire.ts';

/** A handshake that has gone well. */
export interface Greeting {
  readonly peer: Peer;
  readonly seal: Seal;
  /** The session's id, and whether it is the one that was asked for. */
  readonly session: string;
  readonly isResumed: boolean;
  /** Pieces of it that the other side has. */
  readonly received: number;
}

/** What a frame led to: an answer, or the end of it. */
export type DialStep = { readonly answer: Buffer } | { readonly greeting: Greeting } | undefined;

/** The session that the dialer would go on with. */
export interface Resume {
  readonly id: string;
  readonly received: number;
}

/** What is known of the listener beforehand; undefined where anyone of the mesh will do. */
export interface Known {
  readonly cluster: string | undefined;
  readonly node: string | undefined;
}

/** One handshake. */
export class DialHandshake {
  /** The first frame, to be sent at once. */
  readonly hello: Buffer;
  readonly #end: MeshEnd;
  readonly #wire: Pick<Wire, 'security' | 'remoteAddress'>;
  readonly #known: Known;
  #challenged: { readonly said: Said; readonly seal: Seal } | undefined;

  constructor(end: MeshEnd, wire: Pick<Wire, 'security' | 'remoteAddress'>, known: Known, resume: Resume | undefined) {
    this.#end = end;
    this.#wire = wire;
    this.#known = known;
    const { node, incarnation, role, version } = end.self;
    this.hello = writeHandshake('hello', {
      ...{ protocols: { ...(end.protocols ?? MESH_PROTOCOLS) }, auth: end.auth.mode, node, incarnation, role, version },
      nonce: nonceOf(end),
      ...(known.cluster !== undefined && { cluster: known.cluster }),
      ...(resume !== undefined && { session: { id: resume.id, received: resume.received } }),
    });
  }

  /**
   * Takes a frame. What comes twice or too late is passed over. Errors: what the other side refuses with; UNAUTHENTICATED,
   * FORBIDDEN, PROTOCOL_VERSION for what this side refuses; PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG.
   */
  take(frame: Buffer): DialStep {
    const kind = handshakeKindOf(frame);
    if (kind === 'refusal') throw OperatingError.fromBody(readHandshake(kind, frame).error);
    if (kind === 'challenge' && this.#challenged === undefined) return this.#prove(frame);
    if (kind === 'welcome' && this.#challenged !== undefined) return this.#enter(frame, this.#challenged);
    return undefined;
  }

  #prove(frame: Buffer): DialStep {
    const { auth } = this.#end;
    const challenge = readHandshake('challenge', frame);
    const said = readSaid(challenge.said);
    this.#judge(said);
    const { security } = this.#wire;
    const transcript = transcriptOf(this.hello, challenge.said, security);
    let seal = NO_SEAL;
    if (auth.mode === 'secret') {
      if (provenSecret(auth.secrets, 'listener', transcript, challenge.proof) === undefined) {
        throw new OperatingError(
          'UNAUTHENTICATED',
          `The secret of this node is not that of ${said.node}: one of the two has another meshSecret.`,
        );
      }
      const [secret] = auth.secrets as readonly [string];
      if (!security.isTls) {
        seal = createSeal(keyOf(secret, 'dialer', transcript), keyOf(secret, 'listener', transcript));
      }
    }
    this.#challenged = { said, seal };
    return { answer: writeHandshake('proof', { proof: proofOf(auth, 'dialer', transcript) }) };
  }

  /** Whether the listener is one to talk to, apart from its proof. */
  #judge(said: Said): void {
    const { auth, self, protocols = MESH_PROTOCOLS } = this.#end;
    if (said.protocol !== agreedProtocol(protocols, said.protocols)) {
      throw new OperatingError('PROTOCOL_VERSION', `The node ${said.node} wants a version that is not the agreed one.`);
    }
    if (said.auth !== auth.mode) {
      throw new OperatingError(
        'UNAUTHENTICATED',
        `This node proves itself by ${auth.mode}, the other by ${said.auth}.`,
      );
    }
    if (auth.mode === 'certificate' && this.#wire.security.certifiedNames?.includes(said.node) !== true) {
      throw new OperatingError('FORBIDDEN', `The certificate of the node ${said.node} does not name it.`);
    }
    if (said.role === self.role) throw new OperatingError('FORBIDDEN', `Both nodes are ${self.role}s.`);
    const { cluster = said.cluster, node = said.node } = this.#known;
    if (node !== said.node) {
      throw new OperatingError('FORBIDDEN', `The node is ${said.node}, and ${node} is expected there.`);
    }
    if (cluster !== said.cluster) {
      throw new OperatingError('FORBIDDEN', `The node ${said.node} belongs to another cluster, ${said.cluster}.`);
    }
  }

  #enter(frame: Buffer, { said, seal }: { readonly said: Said; readonly seal: Seal }): DialStep {
    const opened = seal.open(frame);
    if (opened === undefined) throw new OperatingError('UNAUTHENTICATED', 'The welcome is not sealed as it should be.');
    const { session, isResumed, received } = readHandshake('welcome', opened);
    const { node, incarnation, cluster, role, version, protocol } = said;
    const { remoteAddress } = this.#wire;
    const peer: Peer = { node, incarnation, cluster, role, version, protocol, remoteAddress };
    return { greeting: { peer, seal, session, isResumed, received } };
  }
}
