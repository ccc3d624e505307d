/**
 * The door of the mesh on a socket: WebSockets at MESH_PATH, on a port of its own, apart from that of clients. Whoever is not
 * through the handshake costs little: a bounded number for each address, for a bounded time.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MESH_PATH, MESH_SUBPROTOCOL } from '../../protocol/mesh-versions.ts';
import { isLoopback } from '../../runtime/loopback.ts';
import type { World } from '../../runtime/world.ts';
import { MeshDoor, type MeshDoorOptions } from './door.ts';
import { Knocking } from './knocking.ts';
import { type MeshTls, SOCKET_OPTIONS, socketWire, tlsSecurity } from './socket-wire.ts';

/** How long those that are told goodbye have to answer. */
const STOP_MS_MAX = 1_000;

/** Where to listen. */
export type ListenMeshOptions = MeshDoorOptions & {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: any that is free. */
  readonly port?: number;
  /** With it, TLS; certificates as proof need all three, a secret `cert` and `key`. */
  readonly tls?: MeshTls;
};

/** A door that is open. */
export interface MeshListener {
  readonly host: string;
  readonly port: number;
  /** Sessions that stand. */
  readonly size: number;
  /** No new session from here on. */
  drain(): void;
  /** Ends all sessions, tells the others why, and closes the port. Default reason: DRAINING. */
  close(reason?: OperatingError): Promise<void>;
}

/**
 * Opens the door. A proxy may stand before it only where it passes TLS on unopened: proofs are bound to the connection.
 *
 *     const listener = await listenMesh({ world, auth, self, host, port, tls, onLink: (link, setEars) => setEars({ … }) });
 *
 * Errors: INVALID_INPUT for a secret that is too short, a name that no node can have, and a mode that does not fit (`none` off
 * loopback, `certificate` without TLS and a CA); UNAVAILABLE where the port cannot be listened on.
 */
export async function listenMesh(options: ListenMeshOptions): Promise<MeshListener> {
  const { host = '127.0.0.1', port = 0, world } = options;
  check(options, host);
  const door = new MeshDoor(options);
  const server = serverOf(options);
  server.maxConnections = LIMITS.meshConnectionsMax;
  const arrivals = arrivalsAt(
    server,
    world,
    (address) => options.auth.mode === 'certificate' && door.isBarred(address),
  );
  if (options.tls !== undefined) hearTls(options, server, door);
  const sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => MESH_SUBPROTOCOL,
  });
  server.on('upgrade', (request, stream, head) => {
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      refuse(stream, refusal);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const address = request.socket.remoteAddress ?? '';
      const isChecked = options.auth.mode === 'certificate';
      const security =
        options.tls === undefined ? { isTls: false } : tlsSecurity(request.socket as TLSSocket, isChecked);
      const { remotePort } = request.socket;
      door.accept(socketWire(socket, address, security), () => arrivals.isIn(address, remotePort));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const message = `The mesh cannot listen on ${host}:${port}: ${error.message}`;
      reject(new OperatingError('UNAVAILABLE', message, { retryable: false, cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : port,
    get size() {
      return door.size;
    },
    drain: () => door.drain(),
    close: async (reason = new OperatingError('DRAINING', 'The node is stopping.')) => {
      door.close(reason);
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeIdleConnections();
      const cancel = world.after(STOP_MS_MAX, () => arrivals.cut());
      await closed;
      cancel();
    },
  };
}

/** Those who have connected, from the first byte of TCP on. */
interface Arrivals {
  /** This one has proved who it is. */
  isIn(address: string, port: number | undefined): void;
  cut(): void;
}

/**
 * Who is not let in by TLS: the certificate is of another authority, or there is none. Those that go away without a word have not
 * failed, such as those that only look whether the port is open.
 */
function hearTls({ log }: ListenMeshOptions, server: Server, door: MeshDoor): void {
  const through = new Set<string>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '', remotePort } = socket;
    socket.once('close', () => {
      const isThrough = through.delete(endOf(remoteAddress, remotePort));
      if (!isThrough && socket.bytesRead > 0) door.unproven(remoteAddress);
    });
  });
  server.on('secureConnection', ({ remoteAddress = '', remotePort }: TLSSocket) => {
    through.add(endOf(remoteAddress, remotePort));
  });
  server.on('tlsClientError', ({ code, message }: NodeJS.ErrnoException, socket: TLSSocket) => {
    const { remoteAddress: address, authorizationError } = socket;
    if (code === 'ECONNRESET' && !authorizationError) return;
    const why = authorizationError ? String(authorizationError) : message;
    log?.warn('A connection to the mesh was refused by TLS.', { address, why });
  });
}

/** The other end of a connection, which TLS does not change. */
function endOf(address: string, port: number | undefined): string {
  return `${address} ${port}`;
}

/** `isBarred`: whether nobody from this address is heard; of those, no byte is read. */
function arrivalsAt(server: Server, world: World, isBarred: (address: string) => boolean): Arrivals {
  const knocking = new Knocking();
  const sockets = new Set<Socket>();
  const knocks = new Map<string, () => void>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const isOver = isBarred(address) ? undefined : knocking.knock(address);
    if (isOver === undefined) {
      socket.destroy();
      return;
    }
    const key = endOf(address, socket.remotePort);
    // Whatever it is that does not come: bytes, TLS, a request, or the rest of the handshake.
    const cancel = world.after(LIMITS.handshakeMaxMs + STOP_MS_MAX, () => socket.destroy());
    sockets.add(socket);
    knocks.set(key, () => {
      cancel();
      isOver();
    });
    socket.once('close', () => {
      cancel();
      sockets.delete(socket);
      knocks.delete(key);
      isOver();
    });
  });
  return {
    isIn: (address, port) => knocks.get(endOf(address, port))?.(),
    cut: () => sockets.forEach((socket) => socket.destroy()),
  };
}

function serverOf({ tls, auth }: ListenMeshOptions): Server {
  const bounds = { keepAliveTimeout: 1, headersTimeout: LIMITS.handshakeMaxMs, requestTimeout: LIMITS.handshakeMaxMs };
  const answer = (_: IncomingMessage, response: { writeHead(status: number): { end(): void } }): void => {
    response.writeHead(426).end();
  };
  if (tls === undefined) return createServer(bounds, answer);
  const { ca, cert, key } = tls;
  const isAsked = auth.mode === 'certificate';
  return createTlsServer(
    {
      ...bounds,
      ...{ ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
      ...{ minVersion: 'TLSv1.3', handshakeTimeout: LIMITS.handshakeMaxMs },
      ...{ requestCert: isAsked, rejectUnauthorized: isAsked },
    },
    answer,
  );
}

/** The status that an upgrade is refused with; undefined for one that is let in. */
function refusalOf({ url, headers }: IncomingMessage): number | undefined {
  if (url !== MESH_PATH) return 404;
  // Nodes send none; a page in a browser cannot help it.
  if (headers.origin !== undefined) return 403;
  const asked = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  return asked.includes(MESH_SUBPROTOCOL) ? undefined : 400;
}

function refuse(stream: Duplex, status: number): void {
  stream.on('error', () => stream.destroy());
  stream.once('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function check({ auth, tls }: ListenMeshOptions, host: string): void {
  if (auth.mode === 'none' && !isLoopback(host)) {
    const message = `The mesh listens on ${host}, where others can reach it: nodes must prove who they are (a secret, or certificates).`;
    throw new OperatingError('INVALID_INPUT', message);
  }
  if (tls !== undefined && (tls.cert === undefined || tls.key === undefined)) {
    throw new OperatingError('INVALID_INPUT', 'TLS needs a certificate and its key.');
  }
  if (auth.mode === 'certificate' && tls?.ca === undefined) {
    throw new OperatingError('INVALID_INPUT', 'Certificates as proof need TLS, and the CA that they are of.');
  }
}
