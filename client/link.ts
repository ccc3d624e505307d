/**
 * One connection to a node that comes back by itself: after a loss it connects again with growing, jittered pauses. It moves
 * frames; what they mean, and what to say again after a reconnect, is the client's business.
 */
import WebSocket from 'ws';
import { type Codec, codecFor, type Subprotocol } from '../protocol/codec.ts';
import { LIMITS, NODE_FRAME } from '../protocol/limits.ts';
import { OperatingError } from '../protocol/errors.ts';
import { type NodeMessage, parseNodeMessage } from '../protocol/node-messages.ts';

/** Where to and how. */
export interface LinkOptions {
  readonly url: string;
  readonly codec: Subprotocol;
  readonly token: string | undefined;
  readonly reconnect: boolean;
  readonly connectTimeoutMs: number;
}

/** What a link tells its client. */
export interface LinkEvents {
  /** A connection stands, and the node has said hello. */
  onUp(): void;
  onMessage(message: NodeMessage): void;
  /** The connection is gone. `final`: it will not come back. */
  onDown(error: OperatingError, final: boolean): void;
}

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** Close codes after which trying again would end the same way. */
const FINAL_CODES: ReadonlySet<number> = new Set([4401, 4403, 4406]);

/** One link; it connects at once. */
export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #codec: Codec;
  #socket: WebSocket | undefined;
  #isUp = false;
  #frameBytesMax: number = LIMITS.clientFrameBytesMax;
  #closed = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#codec = codecFor(options.codec) as Codec;
    this.#connect();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * False when there is no connection now: say it again after `onUp`. Errors: PROTOCOL_TOO_BIG for more than this node takes, which
   * would end the connection; PROTOCOL_MALFORMED for what no message can hold.
   */
  send(message: object): boolean {
    if (!this.#isUp || this.#socket === undefined) return false;
    const frame = this.#codec.encode(message);
    const bytes = Buffer.byteLength(frame);
    if (bytes > this.#frameBytesMax) throw tooLarge(bytes, this.#frameBytesMax);
    this.#socket.send(frame);
    return true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.close(1000);
  }

  #connect(): void {
    const { url, token, codec, connectTimeoutMs } = this.#options;
    const socket = new WebSocket(url, codec, {
      perMessageDeflate: false,
      handshakeTimeout: connectTimeoutMs,
      maxPayload: NODE_FRAME.bytesMax,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    });
    this.#socket = socket;
    let failure: Error | undefined;
    socket.on('message', (data: Buffer) => this.#received(socket, data));
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', (code, reason) => this.#lost(code, reason.toString(), failure));
  }

  #received(socket: WebSocket, data: Buffer): void {
    let message: NodeMessage;
    try {
      message = parseNodeMessage(this.#codec.decode(data, NODE_FRAME));
    } catch (error) {
      // A type of a later version is not for us; anything else means that we do not understand each other.
      if (error instanceof OperatingError && error.code === 'UNKNOWN_TYPE') return;
      socket.close(1002, 'not a message of this protocol');
      return;
    }
    if (message.type === 'hello') {
      this.#frameBytesMax = message.limits['frameBytesMax'] ?? LIMITS.clientFrameBytesMax;
      this.#isUp = true;
      this.#failures = 0;
      this.#events.onUp();
    } else this.#events.onMessage(message);
  }

  #lost(code: number, reason: string, failure: Error | undefined): void {
    this.#isUp = false;
    this.#socket = undefined;
    const final = this.#closed || !this.#options.reconnect || FINAL_CODES.has(code);
    const why =
      failure === undefined ? `the node closed it (${code}${reason === '' ? '' : `: ${reason}`})` : failure.message;
    const error = new OperatingError(
      'UNAVAILABLE',
      `No connection to ${this.#options.url}: ${why}.`,
      failure === undefined ? {} : { cause: failure },
    );
    this.#events.onDown(error, final);
    if (final) return;
    const fullMs = Math.min(PAUSE_FIRST_MS * 2 ** this.#failures++, PAUSE_MAX_MS);
    const pauseMs = fullMs * (1 - Math.random() / 2); // tidy-allow random: a client has no world of its own
    this.#retry = setTimeout(() => this.#connect(), pauseMs); // tidy-allow timer: a client has no world of its own
  }
}

function tooLarge(bytes: number, max: number): OperatingError {
  const message =
    `The message takes ${bytes} bytes, and the node takes ${max} in one (its setting frameBytesMax). Put large data where its agents ` +
    'can read it, and send the path or an id; or submit over HTTP, which takes more.';
  return new OperatingError('PROTOCOL_TOO_BIG', message, { details: { limit: 'bytes', max } });
}
