/**
 * One client's WebSocket, as its session sees it: frames go out encoded and in order, at what pace the reader takes them;
 * frames that come in are read, and handed to the session or refused with a code.
 *
 * A reader that does not keep up loses chunks first. Where live output piles up all the same, the connection ends with
 * 1013, and the client goes on from the last `seq` it has. History waits for room instead (`ready`), and so do requests:
 * the socket is read no further while too many are unanswered, while their answers are not read, or while all connections
 * together bring more than the node reads at a time (intake.ts).
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { errorFrame } from '../actors/session-frames.ts';
import type { Connection } from '../actors/session.ts';
import type { SessionHandle } from '../actors/sessions.ts';
import type { ClientMessage } from '../protocol/client-messages.ts';
import { closeReason } from '../protocol/close-reason.ts';
import type { Codec } from '../protocol/codec.ts';
import { type CodeEntry, CODES, type ErrorCode, OperatingError, toErrorBody } from '../protocol/errors.ts';
import { type FrameBounds, LIMITS } from '../protocol/limits.ts';
import { messageIdOf, parseClientMessage } from '../protocol/messages.ts';
import type { Log } from '../runtime/log.ts';
import type { World } from '../runtime/world.ts';
import { type Intake, QUANTUM_MESSAGES_MAX } from './intake.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';

/** Frames in a row that are no valid messages, before the connection is ended: whoever sends them speaks something else. */
export const REFUSED_FRAMES_MAX = 1_000;

/** What a connection is made with. */
export interface ConnectionParts {
  readonly socket: WebSocket;
  /** The stream under the socket. */
  readonly stream: Duplex;
  readonly codec: Codec;
  readonly bounds: FrameBounds;
  readonly world: World;
  readonly log: Log;
  /** Shared by all connections of the node. */
  readonly intake: Intake;
}

/** A request that was read, but for which its session had no room yet. */
interface Held {
  readonly message: ClientMessage;
  readonly bytes: number;
}

/** A frame that has arrived and is not read yet. */
interface Arrived {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** The connection of one session. `attach` gives it its session, which must happen in the turn it was made in. */
export class SocketConnection implements Connection {
  readonly #parts: ConnectionParts;
  readonly #outbox: Outbox;
  readonly #pace: Pace;
  #session: SessionHandle | undefined;
  #lost = false;
  #refusedInRow = 0;
  /** Requests that were handed over and are not answered yet. */
  #unanswered = 0;
  #held: Held | undefined;
  #frames: Arrived[] = [];
  /** Has asked the intake for a turn. */
  #queued = false;
  /** Pings in a row without a sign of life. */
  #misses = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const { socket, stream, codec, world } = parts;
    this.#outbox = new Outbox(stream, {
      isBinary: codec.isBinary,
      isOpen: () => socket.readyState === WebSocket.OPEN,
      onFlush: () => this.#flushed(),
    });
    this.#pace = new Pace(world, () => this.#outbox.backlogBytes);
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#arrived(data, isBinary));
    socket.on('pong', () => void (this.#misses = 0));
    socket.on('close', (code) => this.#gone(code));
    // What is wrong with a frame below the level of messages is answered by the library, with a close code.
    socket.on('error', (error) => parts.log.debug('A WebSocket failed.', { error: error.message }));
  }

  attach(session: SessionHandle): void {
    const { log, codec } = this.#parts;
    this.#session = session;
    log.debug('A client connected.', { session: session.id, codec: codec.subprotocol });
  }

  // ---- out

  get lost(): boolean {
    return this.#lost;
  }

  send(frame: object): void {
    if (this.#lost) return;
    const { type } = frame as { readonly type: string };
    if (!NEWS.has(type) && this.#unanswered > 0) this.#unanswered--;
    const { backlogBytes } = this.#outbox;
    if (backlogBytes > LIMITS.readerCoalesceBytes) {
      if (type === 'task.chunk') return;
      if (this.#pace.isTooSlow(backlogBytes)) {
        this.#parts.log.warn('A reader is too slow; its connection is closed.', {
          session: this.#session?.id,
          backlogBytes,
        });
        this.close(1013, 'Too slow: watch again after the last seq you have.');
        return;
      }
    }
    this.#outbox.push(this.#encode(frame));
  }

  ready(): Promise<void> {
    return this.#pace.ready();
  }

  close(code: number, reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#outbox.flush();
    this.#outbox.close();
    this.#dropRequests();
    this.#parts.socket.close(code, closeReason(reason));
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#parts.socket.terminate();
  }

  /** Asks for a sign of life. A client that gave none for two beats is gone. */
  beat(): void {
    const { socket } = this.#parts;
    if (this.#lost) return;
    // While nothing is read, nothing can be heard: that is this side's doing.
    if (socket.isPaused && this.#pace.hasRoom) this.#misses = 0;
    if (this.#misses >= LIMITS.heartbeatMissesMax) {
      this.terminate();
      return;
    }
    this.#misses++;
    socket.ping();
  }

  /** Never throws: what cannot be put into a frame becomes an error that says so. */
  #encode(frame: object): Uint8Array | string {
    const { codec, log } = this.#parts;
    try {
      return codec.encode(frame);
    } catch (error) {
      const { type, re, task, seq } = frame as { type: string; re?: string; task?: string; seq?: number };
      const body = toErrorBody(error, 'INTERNAL');
      log.error('A frame could not be sent.', { type, task, seq, code: body.code, error: body.message });
      const details = { type, ...(task !== undefined && { task }), ...(seq !== undefined && { seq }) };
      return codec.encode({ type: 'error', ...(re !== undefined && { re }), ...body, details });
    }
  }

  #flushed(): void {
    if (this.#lost) return;
    this.#pace.eased();
    if (this.#frames.length > 0 || this.#held !== undefined) this.#pump();
  }

  // ---- in

  #arrived(data: Buffer, isBinary: boolean): void {
    this.#misses = 0;
    if (this.#lost) return;
    const isNext = this.#held === undefined && this.#frames.length === 0 && this.#takesMore();
    if (isNext && this.#parts.intake.take()) this.#read(data, isBinary);
    else {
      this.#frames.push({ data, isBinary });
      if (isNext) this.#queue();
    }
    if (this.#held !== undefined || this.#frames.length > 0) this.#parts.socket.pause();
  }

  #takesMore(): boolean {
    return this.#unanswered < LIMITS.sessionRequestsMax && this.#pace.hasRoom;
  }

  /** Reads on when the node has time for it. */
  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#parts.intake.later(() => {
      this.#queued = false;
      if (!this.#lost) this.#pump();
    });
  }

  /** Reads on where reading stopped. What is queued here came in one piece with what had room, so it is bounded by that. */
  #pump(): void {
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      this.#hand(held);
    }
    let taken = 0;
    while (taken < this.#frames.length && this.#held === undefined && !this.#lost && this.#takesMore()) {
      if (taken === QUANTUM_MESSAGES_MAX || !this.#parts.intake.take()) {
        this.#queue();
        break;
      }
      const { data, isBinary } = this.#frames[taken++] as Arrived;
      this.#read(data, isBinary);
    }
    if (this.#lost) return;
    this.#frames = this.#frames.slice(taken);
    if (this.#frames.length === 0 && this.#held === undefined) this.#parts.socket.resume();
  }

  #read(data: Buffer, isBinary: boolean): void {
    const { codec, bounds } = this.#parts;
    let value: unknown;
    try {
      if (isBinary !== codec.isBinary) throw wrongKind(codec);
      value = codec.decode(data, bounds);
      const message = parseClientMessage(value);
      this.#refusedInRow = 0;
      this.#hand({ message, bytes: data.length });
    } catch (error) {
      this.#refuse(error, messageIdOf(value));
    }
  }

  #hand(request: Held): void {
    try {
      this.#session?.message(request.message, request.bytes);
      this.#unanswered++;
    } catch (error) {
      // Its session will have room once it has answered others; until then nothing more is read.
      if (error instanceof OperatingError && error.code === 'BUSY' && this.#unanswered > 0) this.#held = request;
      else this.#refuse(error, request.message.id);
    }
  }

  /** Answers what cannot be taken. Codes that end a connection end it; so does a row of nothing but such frames. */
  #refuse(error: unknown, re: string | undefined): void {
    this.#unanswered++; // The refusal is an answer, and is counted as one.
    this.send(errorFrame(error, re));
    const { code, message } = toErrorBody(error);
    if (code === 'INTERNAL') this.#parts.log.error('A message could not be handed on.', { error: String(error) });
    const closeCode = closeCodeOf(code);
    if (closeCode !== undefined) this.close(closeCode, message);
    else if (++this.#refusedInRow >= REFUSED_FRAMES_MAX)
      this.close(1002, `${REFUSED_FRAMES_MAX} frames in a row were no messages.`);
  }

  #dropRequests(): void {
    this.#frames = [];
    this.#held = undefined;
    this.#pace.end();
    this.#parts.socket.resume();
  }

  #gone(code: number): void {
    this.#lost = true;
    this.#parts.log.debug('A client is gone.', { session: this.#session?.id, code });
    this.#outbox.close();
    this.#dropRequests();
    this.#session?.closed();
  }
}

/** Frames that answer nothing. */
const NEWS: ReadonlySet<string> = new Set([
  'hello',
  'task.event',
  'task.result',
  'task.chunk',
  'gap',
  'topic.message',
  'topic.gap',
]);

function closeCodeOf(code: ErrorCode): number | undefined {
  const entry: CodeEntry = CODES[code];
  return entry.closeCode;
}

function wrongKind(codec: Codec): OperatingError {
  const [sent, wanted] = codec.isBinary ? ['text', 'binary ones'] : ['binary', 'text'];
  return new OperatingError(
    'PROTOCOL_MALFORMED',
    `This is a ${sent} frame, but ${codec.subprotocol} has ${wanted} frames only.`,
  );
}
