/**
 * A client that can offer far more than a node can do: frames are made once and written in batches, answers are counted by
 * their first bytes. Runs as a process of its own; its parent says when to begin with what, and is told what came back.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { unpack, Packr } from 'msgpackr';

/** One phase: so many in flight over all sockets, or so many a second whatever comes back. */
export type FloodPhase =
  | { readonly mode: 'closed'; readonly inFlight: number; readonly ms: number }
  | { readonly mode: 'open'; readonly perSecond: number; readonly ms: number };

/** What came of a phase; `offered` is what was to be sent, `sent` what the sockets took. */
export interface FloodFigures {
  readonly ms: number;
  readonly offered: number;
  readonly sent: number;
  readonly accepted: number;
  readonly completed: number;
  readonly refused: number;
  /** Codes of the refusals that were looked into. */
  readonly codes: Readonly<Record<string, number>>;
  /** Refusals among them that did not say when to come back. */
  readonly withoutRetryAfter: number;
}

const SOCKETS = 64;
const TICK_MS = 5;
/** Unsent bytes of one socket above which nothing more is put behind them. */
const BACKLOG_BYTES_MAX = 256 * 1024;
/** Submissions of one socket that are not answered; a client that has more open gives up on new ones. */
const UNANSWERED_MAX = 2_000;
const LOOKED_INTO_EACH = 50;
const SETTLE_MAX_MS = 60_000;

const packr = new Packr({ useRecords: false });
const FRAME = maskedFrame(packr.pack({ type: 'task.submit', id: 'x', agent: 'lab.echo', input: 1, watch: 'result' }));

/** A final binary frame of a client, masked with zeros. */
function maskedFrame(payload: Buffer): Buffer {
  if (payload.length > 125) throw new RangeError('The frame is too long for a short header.');
  return Buffer.concat([Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** One socket: what was sent over it and what came back. */
class Pipe {
  readonly #socket: Socket;
  readonly #onCompleted: (pipe: Pipe, count: number) => void;
  #rest: Buffer;
  sent = 0;
  accepted = 0;
  completed = 0;
  refused = 0;
  readonly codes: Record<string, number> = {};
  withoutRetryAfter = 0;

  constructor(socket: Socket, head: Buffer, onCompleted: (pipe: Pipe, count: number) => void) {
    this.#socket = socket;
    this.#rest = head;
    this.#onCompleted = onCompleted;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', () => {});
  }

  static async open(url: string, onCompleted: (pipe: Pipe, count: number) => void): Promise<Pipe> {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.from('0123456789abcdef').toString('base64'),
      'sec-websocket-protocol': 'troupe.v1.msgpack',
    };
    const asking = request(`${url}/ws`, { headers });
    asking.end();
    const [, socket, head] = (await once(asking, 'upgrade')) as [unknown, Socket, Buffer];
    return new Pipe(socket, head, onCompleted);
  }

  get isFull(): boolean {
    return this.#socket.writableLength > BACKLOG_BYTES_MAX || this.sent - this.accepted - this.refused > UNANSWERED_MAX;
  }

  send(count: number): void {
    this.sent += count;
    this.#socket.write(Buffer.alloc(FRAME.length * count, FRAME));
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    const completed = this.completed;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (frame === undefined) break;
      this.#count(bytes.subarray(frame.from, frame.to));
      at = frame.to;
    }
    this.#rest = bytes.subarray(at);
    if (this.completed > completed) this.#onCompleted(this, this.completed - completed);
  }

  /** The type is the first thing in each of a node's frames. */
  #count(payload: Buffer): void {
    const length = (payload[6] ?? 0) & 0x1f;
    const type = payload.toString('latin1', 7, 7 + length);
    if (type === 'task.accepted') this.accepted += 1;
    else if (type === 'task.result') this.completed += 1;
    else if (type === 'error' && this.refused++ % LOOKED_INTO_EACH === 0) this.#lookInto(payload);
  }

  #lookInto(payload: Buffer): void {
    const { code, retryAfterMs } = unpack(payload) as { code: string; retryAfterMs?: number };
    this.codes[code] = (this.codes[code] ?? 0) + 1;
    if (typeof retryAfterMs !== 'number') this.withoutRetryAfter += 1;
  }
}

/** Where the payload of the frame at `at` is, if all of it is there. */
function frameAt(bytes: Buffer, at: number): { readonly from: number; readonly to: number } | undefined {
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  const header = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < at + header) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  const to = at + header + length;
  return bytes.length < to ? undefined : { from: at + header, to };
}

class Flood {
  readonly #pipes: readonly Pipe[];
  #refill = false;

  private constructor(pipes: Pipe[]) {
    this.#pipes = pipes;
  }

  static async open(url: string): Promise<Flood> {
    const pipes: Pipe[] = [];
    const flood = new Flood(pipes);
    const refill = (pipe: Pipe, count: number): void => {
      if (flood.#refill) pipe.send(count);
    };
    for (let index = 0; index < SOCKETS; index++) pipes.push(await Pipe.open(url, refill));
    return flood;
  }

  async run(phase: FloodPhase): Promise<FloodFigures> {
    const before = this.#figures();
    const fromMs = performance.now();
    const offered = phase.mode === 'closed' ? await this.#closed(phase) : await this.#open(phase);
    const ms = performance.now() - fromMs;
    const after = this.#figures();
    const count = (name: 'sent' | 'accepted' | 'completed' | 'refused'): number => after[name] - before[name];
    const counts = {
      sent: count('sent'),
      accepted: count('accepted'),
      completed: count('completed'),
      refused: count('refused'),
    };
    return {
      ms,
      offered: offered ?? counts.sent,
      ...counts,
      codes: after.codes,
      withoutRetryAfter: after.withoutRetryAfter,
    };
  }

  /** Resolves when everything that was taken on has ended, or too late; answers what has not. */
  async settle(): Promise<number> {
    this.#refill = false;
    const endMs = performance.now() + SETTLE_MAX_MS;
    const open = (): number => {
      const { sent, accepted, completed, refused } = this.#figures();
      return sent === accepted + refused && accepted === completed ? 0 : Math.max(1, accepted - completed);
    };
    while (open() > 0 && performance.now() < endMs) await tick(TICK_MS * 4);
    return open();
  }

  async #closed({ inFlight, ms }: Extract<FloodPhase, { mode: 'closed' }>): Promise<undefined> {
    this.#refill = true;
    for (const pipe of this.#pipes) pipe.send(Math.ceil(inFlight / SOCKETS));
    await tick(ms);
    this.#refill = false;
  }

  async #open({ perSecond, ms }: Extract<FloodPhase, { mode: 'open' }>): Promise<number> {
    const fromMs = performance.now();
    let offered = 0;
    while (performance.now() - fromMs < ms) {
      const due = ((performance.now() - fromMs) / 1000) * perSecond;
      const each = Math.floor((due - offered) / SOCKETS);
      if (each > 0) {
        offered += each * SOCKETS;
        for (const pipe of this.#pipes) if (!pipe.isFull) pipe.send(each);
      }
      await tick(TICK_MS);
    }
    return offered;
  }

  #figures(): Omit<FloodFigures, 'ms' | 'offered'> {
    const sum = (of: (pipe: Pipe) => number): number => this.#pipes.reduce((all, pipe) => all + of(pipe), 0);
    const codes: Record<string, number> = {};
    for (const pipe of this.#pipes)
      for (const [code, count] of Object.entries(pipe.codes)) codes[code] = (codes[code] ?? 0) + count;
    return {
      sent: sum(({ sent }) => sent),
      accepted: sum(({ accepted }) => accepted),
      completed: sum(({ completed }) => completed),
      refused: sum(({ refused }) => refused),
      codes,
      withoutRetryAfter: sum(({ withoutRetryAfter }) => withoutRetryAfter),
    };
  }
}

/** What a generator of load does between two batches. */
async function tick(ms: number): Promise<void> {
  const timer = Promise.withResolvers<void>();
  setTimeout(timer.resolve, ms);
  await timer.promise;
}

const [url] = process.argv.slice(2);
if (import.meta.main && url !== undefined) {
  const flood = await Flood.open(url);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (phase: FloodPhase | 'settle') => {
    const run = phase === 'settle' ? flood.settle() : flood.run(phase);
    void run.then((figures) => process.send?.({ figures }));
  });
  process.send?.({ ready: true });
}
