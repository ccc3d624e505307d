/**
 * A client at the frame seam: it opens a real session of whatever process is up, speaks the protocol over a wire that takes
 * time and is cut, comes back, watches on from the last seq it has, and holds what it is told against what it knows.
 */
import type { Connection } from '../../actors/session.ts';
import type { SessionHandle } from '../../actors/sessions.ts';
import { errorFrame } from '../../actors/session-frames.ts';
import { jsonCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { NODE_FRAME } from '../../protocol/limits.ts';
import { parseClientMessage } from '../../protocol/messages.ts';
import { parseNodeMessage } from '../../protocol/node-messages.ts';
import type { Frame, Judge } from './judge.ts';
import type { Rng } from './rng.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { NOBODY, type SimulatedWorld } from './simulated-world.ts';

/** What a client is made with. */
export interface ClientParts {
  readonly name: string;
  readonly world: SimulatedWorld;
  readonly judge: Judge;
  readonly rng: Rng;
  readonly trace: (line: string) => void;
  /** The process that is up, if one is. */
  readonly process: () => SimulatedProcess | undefined;
  /** A frame leaves the process: it may die here. */
  readonly onFrame: () => void;
}

/** What became of a request: an answer, or none, since the connection was lost. */
export type Answer = Frame | undefined;

interface Link {
  readonly process: SimulatedProcess;
  readonly requests: Map<string, { readonly message: Frame; readonly answered: (answer: Answer) => void }>;
  handle: SessionHandle | undefined;
  alive: boolean;
  toNodeMs: number;
  toClientMs: number;
}

const WIRE_MS = 8;
const REDIAL_MS = 400;
const PRINCIPAL = 'loopback';

/** One client. */
export class SimulatedClient {
  readonly name: string;
  readonly #parts: ClientParts;
  #link: Link | undefined;
  #ids = 0;
  #dialing = false;
  /** The last seq it has of each task that it watches. */
  readonly #watched = new Map<string, { after: number; readonly onEnd: (frame: Frame) => void }>();
  readonly #waiting: (() => void)[] = [];

  constructor(parts: ClientParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#dial();
  }

  /** Asks, as soon as there is a connection. */
  async ask(message: Frame): Promise<Answer> {
    const link = this.#link ?? (await this.#connected());
    const id = `${this.name}-${this.#ids++}`;
    return await new Promise((answered) => {
      link.requests.set(id, { message, answered });
      this.#say(link, { ...message, id });
    });
  }

  async #connected(): Promise<Link> {
    for (;;) {
      if (this.#link !== undefined) return this.#link;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  /** Takes over what comes of a task whose submission said that it is watched. */
  follow(task: string, onEnd: (frame: Frame) => void): void {
    if (!this.#watched.has(task)) this.#watched.set(task, { after: 0, onEnd });
  }

  /** Watches a task from its first line on, over all connections, until its end. */
  async watch(task: string, onEnd: (frame: Frame) => void): Promise<Answer> {
    await this.#connected();
    // Without a wait in between: a connection that is made meanwhile watches it by itself.
    this.#watched.set(task, { after: 0, onEnd });
    return await this.#watchOn(task);
  }

  async #watchOn(task: string): Promise<Answer> {
    const answer = await this.ask({ type: 'task.watch', task, after: this.#watched.get(task)?.after ?? 0 });
    if (answer?.type === 'error' && answer['retryable'] === true) this.#watchLater(task);
    return answer;
  }

  #watchLater(task: string): void {
    const { world, rng } = this.#parts;
    const link = this.#link;
    world.at(REDIAL_MS * rng.next(), NOBODY, () => {
      // A connection that is made later watches it by itself.
      if (link?.alive === true && this.#watched.has(task)) void this.#watchOn(task);
    });
  }

  /** The connection is cut. */
  cut(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#lose(link);
    const { handle } = link;
    if (handle !== undefined)
      this.#parts.world.at(WIRE_MS * this.#parts.rng.next(), link.process, () => handle.closed());
  }

  /** The process has died: it will be noticed. */
  processDied(): void {
    const link = this.#link;
    if (link !== undefined) this.#parts.world.at(REDIAL_MS * this.#parts.rng.next(), NOBODY, () => this.#lose(link));
  }

  #dial(): void {
    if (this.#dialing) return;
    this.#dialing = true;
    const { world, rng } = this.#parts;
    world.at(REDIAL_MS * rng.next(), NOBODY, () => {
      this.#dialing = false;
      const process = this.#parts.process();
      if (process?.node === undefined) this.#dial();
      else this.#open(process);
    });
  }

  #open(process: SimulatedProcess): void {
    const { node } = process;
    const link: Link = { process, requests: new Map(), handle: undefined, alive: true, toNodeMs: 0, toClientMs: 0 };
    const connection: Connection = {
      send: (frame) => this.#sent(link, frame as Frame),
      lost: false,
      ready: async () => undefined,
      close: () => this.#parts.world.at(WIRE_MS, NOBODY, () => this.#lose(link)),
    };
    link.handle = node?.staff.sessions.open(connection, PRINCIPAL, 'troupe.v1.json');
    this.#parts.trace(`${this.name} connected ${process.boot}`);
    this.#link = link;
    for (const task of this.#watched.keys()) void this.#watchOn(task);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #lose(link: Link): void {
    if (!link.alive) return;
    link.alive = false;
    this.#parts.trace(`${this.name} disconnected`);
    if (this.#link === link) this.#link = undefined;
    for (const { answered } of link.requests.values()) answered(undefined);
    this.#dial();
  }

  /** To the node: in order, after a while. */
  #say(link: Link, message: Frame): void {
    const { world, rng } = this.#parts;
    const bytes = Buffer.from(JSON.stringify(message));
    link.toNodeMs = Math.max(link.toNodeMs + 1e-6, world.nowMs + WIRE_MS * rng.next());
    world.at(link.toNodeMs - world.nowMs, link.process, () => {
      if (!link.alive) return;
      this.#parts.trace(`${this.name} > ${bytes.toString()}`);
      try {
        link.handle?.message(parseClientMessage(jsonCodec.decode(bytes)), bytes.length);
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.#sent(link, errorFrame(error, String(message['id'])) as Frame);
      }
    });
  }

  /** From the node. What its process says after its death was never said. */
  #sent(link: Link, frame: Frame): void {
    const { world, rng, judge } = this.#parts;
    if (!link.process.alive) return;
    const text = String(jsonCodec.encode(frame, NODE_FRAME));
    const sent = JSON.parse(text) as Frame;
    this.#parts.trace(`${this.name} < ${text}`);
    judge.sent(sent, link.requests.get(String(sent['re']))?.message);
    this.#parts.onFrame();
    link.toClientMs = Math.max(link.toClientMs + 1e-6, world.nowMs + WIRE_MS * rng.next());
    // What is on the wire arrives, also when the process dies meanwhile; unless the wire is cut.
    world.at(link.toClientMs - world.nowMs, NOBODY, () => {
      if (link.alive) this.#received(link, sent);
    });
  }

  #received(link: Link, frame: Frame): void {
    const { judge } = this.#parts;
    try {
      parseNodeMessage(frame);
    } catch (error) {
      judge.accuse('frame', `${this.name} got ${JSON.stringify(frame)}: ${String(error)}`);
    }
    const re = frame['re'];
    const request = link.requests.get(String(re));
    if (request !== undefined) {
      link.requests.delete(String(re));
      // The history that follows an acceptance must find its reader.
      return request.answered(frame);
    }
    judge.expect(re === undefined, 'frame', () => `${this.name} got an answer to nothing: ${JSON.stringify(frame)}`);
    this.#news(frame);
  }

  /** The store was away while a log was read: a client watches on, later. */
  #watchAgain(frame: Frame): void {
    const { judge } = this.#parts;
    const task = String((frame['details'] as { readonly task?: unknown } | undefined)?.task);
    const watch = this.#watched.get(task);
    if (judge.isDamaged(task) || watch === undefined) return;
    judge.expect(frame['retryable'] === true, 'frame', () => `${this.name} was told ${JSON.stringify(frame)}`);
    this.#watchLater(task);
  }

  #news(frame: Frame): void {
    const { judge } = this.#parts;
    const task = String(frame['task']);
    const watch = this.#watched.get(task);
    const seq = Number(frame['seq']);
    if (frame.type === 'gap')
      judge.expect(judge.isDamaged(task), 'events', () => `${this.name} was told of a gap: ${JSON.stringify(frame)}`);
    if (frame.type === 'error') return this.#watchAgain(frame);
    if (watch === undefined) return;
    if (frame.type === 'task.event') {
      if (seq !== watch.after + 1 && !judge.isDamaged(task))
        judge.accuse('events', `${this.name} has ${watch.after} lines of ${task}, and got line ${seq}`);
      watch.after = seq;
    } else if (frame.type === 'task.result') {
      if (seq > watch.after + 1 && !judge.isDamaged(task) && watch.after > 0)
        judge.accuse('events', `${this.name} has ${watch.after} lines of ${task}, and got its end at ${seq}`);
      this.#watched.delete(task);
      watch.onEnd(frame);
    }
  }
}
