/**
 * What a link needs of a connection: frames, in whatever way they travel. The session above it counts on nothing: frames may be
 * lost, come twice, or out of order. Over WebSockets it is socket-wire.ts; tests have one that loses frames.
 */
import type { OperatingError } from '../../protocol/errors.ts';

/** How the connection itself is protected. */
export interface WireSecurity {
  /** TLS: nobody in between can read or change frames, so they carry no MAC. */
  readonly isTls: boolean;
  /** Of TLS: the same bytes at both ends of this one connection and nowhere else. */
  readonly binding?: Uint8Array;
  /** The names in the certificate of the other side, where it was checked against the CA. */
  readonly certifiedNames?: readonly string[];
}

/** Who hears what comes over a wire. */
export interface WireEars {
  /** The bytes are the hearer's own. */
  onFrame(frame: Buffer): void;
  /** Once, whoever closed it. */
  onClose(why: string): void;
}

/** One connection. */
export interface Wire {
  readonly security: WireSecurity;
  /** The address of the other side, as far as it can be known. */
  readonly remoteAddress: string;
  /** Whether all that is sent arrives, and in order, for as long as it stands. */
  readonly isReliable: boolean;
  /** Bytes that were sent here and have not left this process. */
  readonly bufferedAmount: number;
  /** Given once, in the turn in which the wire was made. */
  hear(ears: WireEars): void;
  /** Nothing happens where it is closed. */
  send(frame: Uint8Array): void;
  /** Says goodbye with a WebSocket close code. `onClose` comes later. */
  close(code: number, reason: string): void;
  /** Cuts it without a word, when a goodbye would wait for someone who is not there. */
  cut(): void;
}

/** A wire that is wanted. */
export interface Connecting {
  onOpen(wire: Wire): void;
  /** UNAVAILABLE; UNAUTHENTICATED where TLS has failed, which time alone will not mend. */
  onFailed(error: OperatingError): void;
}

/** Makes a wire to the other side, or fails, once. What it returns gives it up. */
export type Connect = (hopes: Connecting) => () => void;
