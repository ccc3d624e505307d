/**
 * A client without any code of the product: ws and msgpackr (or JSON), and a record of all that came. What it is told is
 * what any client in any language is told.
 */
import { Packr } from 'msgpackr';
import WebSocket from 'ws';

/** A frame of the node. */
export interface Frame {
  readonly type: string;
  readonly re?: string;
  readonly task?: string;
  readonly seq?: number;
  readonly at?: number;
  readonly kind?: string;
  readonly status?: string;
  readonly code?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
  readonly [field: string]: unknown;
}

type Codec = 'troupe.v1.msgpack' | 'troupe.v1.json';

const packr = new Packr({ useRecords: false });
let nextId = 0;

/** One connection. */
export class Wire {
  readonly #socket: WebSocket;
  readonly #codec: Codec;
  readonly #watchers = new Set<(frame: Frame) => void>();
  /** All frames, in the order they came. */
  readonly frames: Frame[] = [];
  /** How it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(socket: WebSocket, codec: Codec) {
    this.#socket = socket;
    this.#codec = codec;
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      const frame = (codec === 'troupe.v1.json' ? JSON.parse(data.toString()) : packr.unpack(data)) as Frame;
      this.frames.push(frame);
      for (const watcher of this.#watchers) watcher(frame);
    });
  }

  /** Resolves when the node has said hello. */
  static async open(url: string, codec: Codec = 'troupe.v1.msgpack'): Promise<Wire> {
    const socket = new WebSocket(url, codec, { perMessageDeflate: false });
    const wire = new Wire(socket, codec);
    await wire.until(({ type }) => type === 'hello');
    return wire;
  }

  send(message: object): void {
    this.#socket.send(this.#codec === 'troupe.v1.json' ? JSON.stringify(message) : packr.pack(message));
  }

  sendRaw(data: Buffer | string): void {
    this.#socket.send(data);
  }

  /** Calls `fn` with each frame from now on; gives what ends that. */
  listen(fn: (frame: Frame) => void): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  /** Resolves with the first frame, of those that came and those to come, that fits. Rejects when the connection ends before. */
  async until(fits: (frame: Frame) => boolean): Promise<Frame> {
    const there = this.frames.find(fits);
    if (there !== undefined) return there;
    return await new Promise<Frame>((resolve, reject) => {
      const end = this.listen((frame) => {
        if (!fits(frame)) return;
        end();
        resolve(frame);
      });
      void this.closed.then(({ code, reason }) => reject(new TypeError(`The connection ended: ${code} ${reason}`)));
    });
  }

  /** Sends with an id of its own, and resolves with what answers it. */
  async request(message: object): Promise<Frame> {
    const id = `r${nextId++}`;
    const answer = this.#answer(id);
    this.send({ ...message, id });
    return await answer;
  }

  /** Submits and resolves with the task's id. Fails on any other answer. */
  async submit(body: object): Promise<string> {
    const answer = await this.request({ type: 'task.submit', ...body });
    if (answer.type !== 'task.accepted') throw new TypeError(JSON.stringify(answer));
    return String(answer.task);
  }

  /** Resolves with the end of a task that is watched on this connection. */
  async result(task: string): Promise<Frame> {
    return await this.until((frame) => frame.type === 'task.result' && frame.task === task);
  }

  /** The task's events that came, in the order they came. */
  events(task: string): Frame[] {
    return this.frames.filter((frame) => frame.type === 'task.event' && frame.task === task);
  }

  /** Ends the connection without a word. */
  drop(): void {
    this.#socket.terminate();
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    await this.closed;
  }

  #answer(id: string): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const end = this.listen((frame) => {
        if (frame.re !== id) return;
        end();
        resolve(frame);
      });
      void this.closed.then(({ code, reason }) => reject(new TypeError(`No answer: ${code} ${reason}`)));
    });
  }
}
