/**
 * A link: what two nodes say to each other, whatever becomes of the sockets between them. One *session* of it lasts while both
 * processes live and hear of each other often enough: in it each message arrives once, in the order of sending, over as many sockets
 * as it takes. When it ends, nobody knows which of the last messages arrived; who needs to know says it again in the next session.
 */
import type { OperatingError } from '../../protocol/errors.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';

/** The node at the other end, as it proved to be. */
export interface Peer {
  /** Its name, which outlives its process. */
  readonly node: string;
  /** Another one with each start of its process. */
  readonly incarnation: string;
  readonly cluster: string;
  readonly role: 'owner' | 'worker';
  /** Of the product. */
  readonly version: string;
  /** Of the mesh protocol, as agreed on. */
  readonly protocol: number;
  readonly remoteAddress: string;
}

/** `up`; `suspect`: no sign of life for too long, or no socket, and the session is kept still; `ended`. */
export type LinkState = 'up' | 'suspect' | 'ended';

/** One session with one node. */
export interface Link {
  readonly peer: Peer;
  readonly state: LinkState;
  /** Whether what is sent now goes out now. False: the other side is slow; what can wait should. */
  readonly hasCredit: boolean;
  /** Messages that wait for credit, or have not been dealt with. */
  readonly figures: LinkFigures;
  /** Errors: BUSY (too much waits already), PROTOCOL_TOO_BIG, UNAVAILABLE (the session has ended). */
  send(message: MeshMessage): void;
  /**
   * Of a session that has ended: the process at the other end lives on, as far as can be told. It has ended the session itself, has begun
   * another, or fell silent without closing its wire.
   */
  readonly peerLives: boolean;
  /** Ends the session for good; the other side is told why where it can be reached. `peerLives`: it has begun another. */
  end(reason: OperatingError, peerLives?: boolean): void;
}

/** How a link stands, for people and metrics. */
export interface LinkFigures {
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly sent: number;
  readonly received: number;
  /** Sockets that the session has had. */
  readonly sockets: number;
  readonly resent: number;
  /** The last round trip of a heartbeat, ms; undefined before the first. */
  readonly roundTripMs: number | undefined;
}

/** Who hears what comes over a link. Given when it stands for the first time. */
export interface LinkEars {
  /**
   * `done` is called once it has been dealt with, and for what must not be lost once that is committed: it gives the sender its
   * credit back. Errors that are thrown end the session.
   */
  onMessage(message: MeshMessage, done: () => void): void;
  onState?(state: LinkState): void;
  /** There is credit again. */
  onCredit?(): void;
  /** Once: the session has ended. */
  onEnd(reason: OperatingError): void;
}
