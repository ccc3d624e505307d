/**
 * The WebSocket door: it judges upgrades, opens a session for each connection, listens for signs of life, and closes all
 * connections when the node stops. It answers a refused upgrade with an HTTP problem, in the words of the REST door.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { errorFrame } from '../actors/session-frames.ts';
import type { Sessions } from '../actors/sessions.ts';
import { type Codec, codecFor, PROTOCOL_VERSION, SUBPROTOCOLS } from '../protocol/codec.ts';
import { OperatingError } from '../protocol/errors.ts';
import { CLIENT_FRAME, type FrameBounds, LIMITS } from '../protocol/limits.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Cancel, World } from '../runtime/world.ts';
import type { Authenticate } from './authentication.ts';
import { SocketConnection } from './connection.ts';
import { Intake } from './intake.ts';
import { refusalOfHeaders } from './exposure.ts';
import { problemOf, rawProblem } from './problem.ts';
import { repeat } from './repeat.ts';

/** The one path that can be upgraded. */
export const SOCKET_PATH = '/ws';
/** How long a client may take to read what was sent before a close, and to answer it. */
const CLOSE_MS_MAX = 30_000;
/** The same when the node itself is about to end. */
const STOP_MS_MAX = 1_000;

/** What the door is made with. */
export interface SocketDoorDeps {
  readonly settings: Settings;
  readonly world: World;
  readonly log: Log;
  readonly node: { readonly id: string; readonly version: string };
  readonly sessions: Pick<Sessions, 'open'>;
  /** Whether new work is refused now because there is enough. */
  readonly isFull: () => boolean;
  readonly authenticate: Authenticate;
}

/** `closeTimeout` is missing from the types of the library. */
type SocketOptions = ServerOptions & { readonly closeTimeout: number };

/** What an upgrade comes to. `codec` is undefined where the client speaks no subprotocol of this node. */
interface Admitted {
  readonly principal: string;
  readonly codec: Codec | undefined;
}

/** The door of one listener. */
export class SocketDoor {
  readonly #deps: SocketDoorDeps;
  readonly #server: WebSocketServer;
  readonly #bounds: FrameBounds;
  readonly #connections = new Map<WebSocket, SocketConnection>();
  readonly #intake: Intake;
  readonly #stopBeats: Cancel;
  #draining = false;

  constructor(deps: SocketDoorDeps) {
    const { settings, world } = deps;
    this.#deps = deps;
    this.#bounds = { ...CLIENT_FRAME, bytesMax: settings.frameBytesMax };
    this.#intake = new Intake(world, deps.isFull);
    const options: SocketOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // The codec refuses at the limit itself and says why; twice of it is not even read.
      maxPayload: 2 * settings.frameBytesMax,
      maxFragments: LIMITS.frameFragmentsMax,
      maxBufferedChunks: LIMITS.frameBufferedChunksMax,
      closeTimeout: CLOSE_MS_MAX,
      // The codec checks the text, and answers instead of closing.
      skipUTF8Validation: true,
      handleProtocols: (asked) => knownOf(asked) ?? false,
    };
    this.#server = new WebSocketServer(options);
    this.#stopBeats = repeat(world, settings.heartbeatMs, () => {
      for (const connection of this.#connections.values()) connection.beat();
    });
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Takes an upgrade request over, or refuses it. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    let admitted: Admitted;
    try {
      admitted = this.#admit(request);
    } catch (error) {
      refuse(request, stream, error as OperatingError);
      return;
    }
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#open(socket, stream, admitted));
  }

  /** No new connection is taken from here. */
  drain(): void {
    this.#draining = true;
  }

  /** Closes what is open, and cuts what does not answer in time. */
  async close(): Promise<void> {
    this.drain();
    this.#stopBeats();
    for (const connection of this.#connections.values()) connection.close(1012, 'This node is stopping.');
    if (this.#connections.size === 0) return;
    const gone = [...this.#connections.keys()].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const cancel = this.#deps.world.after(STOP_MS_MAX, () => {
      for (const connection of this.#connections.values()) connection.terminate();
    });
    await Promise.all(gone);
    cancel();
  }

  /** Errors: UNKNOWN_TYPE, FORBIDDEN, UNAUTHENTICATED, DRAINING, BUSY. */
  #admit(request: IncomingMessage): Admitted {
    const { settings, authenticate } = this.#deps;
    const path = pathOf(request);
    if (path !== SOCKET_PATH) {
      throw new OperatingError('UNKNOWN_TYPE', `There is no WebSocket at ${path}; it is at ${SOCKET_PATH}.`);
    }
    const refusal = refusalOfHeaders(request.headers, settings);
    if (refusal !== undefined) throw refusal;
    if (this.#draining) {
      throw new OperatingError('DRAINING', 'This node is stopping; connect elsewhere or later.', {
        retryAfterMs: 1_000,
      });
    }
    const identity = authenticate(request);
    if ('refusal' in identity) throw identity.refusal;
    if (this.#connections.size >= settings.connectionsMax) {
      throw new OperatingError('BUSY', `${settings.connectionsMax} connections are open already.`, {
        retryAfterMs: 1_000,
      });
    }
    return { principal: identity.principal, codec: codecOf(askedOf(request)) };
  }

  #open(socket: WebSocket, stream: Duplex, { principal, codec }: Admitted): void {
    const { world, log, sessions, settings, node } = this.#deps;
    if (codec === undefined) {
      refuseVersion(socket);
      return;
    }
    const connection = new SocketConnection({
      socket,
      stream,
      codec,
      bounds: this.#bounds,
      world,
      log,
      intake: this.#intake,
    });
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
    connection.send({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      node: node.id,
      version: node.version,
      heartbeatMs: settings.heartbeatMs,
      limits: limitsOf(settings),
    });
    try {
      connection.attach(sessions.open(connection, principal, codec.subprotocol));
    } catch (error) {
      log.error('A session could not be opened.', { error: String(error) });
      connection.close(1011, 'The session could not be opened; connect again.');
    }
  }
}

/** The bounds a client meets, as `hello` lists them. */
function limitsOf(settings: Settings): Readonly<Record<string, number>> {
  return {
    frameBytesMax: settings.frameBytesMax,
    nodeFrameBytesMax: LIMITS.nodeFrameBytesMax,
    depthMax: LIMITS.depthMax,
    elementsMax: LIMITS.elementsMax,
    requestsMax: LIMITS.sessionRequestsMax,
    watchesMax: LIMITS.sessionWatchesMax,
    tasksInFlightMax: settings.tasksInFlightMax,
    listMax: LIMITS.listMax,
    outputBytesMax: LIMITS.outputBytesMax,
  };
}

/** The first that both sides know, in the client's order. */
function knownOf(asked: Iterable<string>): string | undefined {
  const known: readonly string[] = SUBPROTOCOLS;
  for (const name of asked) if (known.includes(name)) return name;
  return undefined;
}

/** JSON where nothing is asked for; undefined where nothing of it is known. */
function codecOf(asked: readonly string[]): Codec | undefined {
  const known = knownOf(asked);
  return known === undefined && asked.length > 0 ? undefined : codecFor(known);
}

function askedOf(request: IncomingMessage): readonly string[] {
  const header = request.headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((name) => name.trim());
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** The handshake names no subprotocol, which is how HTTP says "none of these"; the close code says the rest. */
function refuseVersion(socket: WebSocket): void {
  const message = `None of the subprotocols asked for is known here. This node speaks ${SUBPROTOCOLS.join(' and ')}.`;
  const error = new OperatingError('PROTOCOL_VERSION', message, { details: { subprotocols: SUBPROTOCOLS } });
  socket.on('error', () => socket.terminate());
  socket.send(JSON.stringify(errorFrame(error, undefined)));
  socket.close(4406, message);
}

function refuse(request: IncomingMessage, stream: Duplex, error: OperatingError): void {
  stream.on('error', () => stream.destroy());
  stream.once('finish', () => stream.destroy());
  stream.end(rawProblem(problemOf(error.toBody(), pathOf(request))));
}
