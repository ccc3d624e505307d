/** Wires over WebSockets, which is where the errors of `ws` end. */
import type { TLSSocket } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { closeReason } from '../../protocol/close-reason.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MESH_SUBPROTOCOL } from '../../protocol/mesh-versions.ts';
import type { Connect, Wire, WireEars, WireSecurity } from './wire.ts';

const BINDING_BYTES = 32;
/** RFC 9266. */
const BINDING_LABEL = 'EXPORTER-Channel-Binding';
/** How long the other side has to answer a close. */
const CLOSE_MS_MAX = 1_000;

/** Options that both ends have. Some are missing from the types of the library. */
export const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: LIMITS.meshFrameBytesMax,
  maxFragments: LIMITS.frameFragmentsMax,
  maxBufferedChunks: LIMITS.frameBufferedChunksMax,
  closeTimeout: CLOSE_MS_MAX,
  // Links have beats of their own.
  autoPong: false,
} as const;

/** TLS, as files of PEM hold it. */
export interface MeshTls {
  /** Of whom the other side's certificate is. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** A wire over a WebSocket that is open. */
export function socketWire(socket: WebSocket, remoteAddress: string, security: WireSecurity): Wire {
  let ears: WireEars | undefined;
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) ears?.onFrame(data);
    else socket.close(1003, 'Links have binary frames only.');
  });
  socket.once('close', (code, reason) => ears?.onClose(`${code} ${reason.toString('utf8')}`.trim()));
  // A close follows, which says it.
  socket.on('error', () => undefined);
  return {
    ...{ security, remoteAddress, isReliable: true },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    hear: (given) => void (ears = given),
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    close: (code, reason) => socket.close(code, closeReason(reason)),
    cut: () => socket.terminate(),
  };
}

/** What TLS gives on this connection. `isChecked`: whether the other side's certificate was checked against the CA. */
export function tlsSecurity(socket: TLSSocket, isChecked: boolean): WireSecurity {
  const binding = socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0));
  const names = isChecked && socket.authorized ? namesOf(socket.getPeerCertificate().subjectaltname ?? '') : [];
  return { isTls: true, binding, certifiedNames: names };
}

/**
 * Connects to `ws://…` or `wss://…`. With `wss` and a CA the other side's certificate must be of it. Without one no certificate is
 * checked, which is for secrets alone: they are proved over the binding of the connection, so one in the middle gains nothing.
 */
export function connectSocket(url: string, tls: MeshTls = {}): Connect {
  return (hopes) => {
    const { ca, cert, key } = tls;
    const options: ClientOptions = {
      ...SOCKET_OPTIONS,
      handshakeTimeout: LIMITS.handshakeMaxMs,
      followRedirects: false,
      ...(url.startsWith('wss:') && {
        minVersion: 'TLSv1.3',
        rejectUnauthorized: ca !== undefined,
        // Nodes are known by their names, not by where they are.
        checkServerIdentity: isAnywhere,
        ...{ ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
      }),
    };
    const socket = new WebSocket(url, MESH_SUBPROTOCOL, options);
    let security: WireSecurity = { isTls: false };
    let remoteAddress = '';
    let isOver = false;
    const fail = (error: OperatingError): void => {
      if (isOver) return;
      isOver = true;
      hopes.onFailed(error);
    };
    socket.once('upgrade', ({ socket: stream }) => {
      remoteAddress = stream.remoteAddress ?? '';
      if ('exportKeyingMaterial' in stream) security = tlsSecurity(stream as TLSSocket, ca !== undefined);
    });
    socket.once('open', () => {
      isOver = true;
      hopes.onOpen(socketWire(socket, remoteAddress, security));
    });
    socket.on('error', (error) => fail(unreachable(error)));
    socket.once('close', (code) => fail(unreachable(new Error(`closed with ${code}`))));
    return () => {
      isOver = true;
      socket.terminate();
    };
  };
}

/** The types of ws want a boolean here; Node.js takes undefined for a yes. */
const isAnywhere = (() => undefined) as unknown as () => boolean;

/** TLS that fails does so again: a certificate is missing, or of someone else. */
function unreachable(error: Error): OperatingError {
  const code = 'code' in error ? String(error.code) : '';
  const isTls = /^ERR_(?:SSL|TLS)_|CERT|SIGNATURE/.test(code);
  // A listener that does not take a certificate hangs up in the middle of TLS, without a word.
  const hint = code === 'ECONNRESET' ? ' (with certificates: perhaps it does not take the one of this node)' : '';
  const message = `The listener cannot be reached: ${error.message}${hint}`;
  return new OperatingError(isTls ? 'UNAUTHENTICATED' : 'UNAVAILABLE', message, { cause: error });
}

/** The DNS names among those of a certificate; what is quoted could pretend to be several. */
function namesOf(subjectAltName: string): readonly string[] {
  return subjectAltName.split(', ').flatMap((entry) => /^DNS:([A-Za-z0-9._-]+)$/.exec(entry)?.[1] ?? []);
}
