/**
 * One stream of server-sent events: the log of one task for one reader. `id` is the seq, `event` the kind (`task.result` for
 * the end), `data` what the WebSocket sends for the same line. It goes by the same pace as a WebSocket; a reader that is
 * too slow loses its stream, and a reader of the standard comes back by itself with the last id it has.
 */
import type { ServerResponse } from 'node:http';
import { resultView } from '../actors/session-frames.ts';
import type { WatchReader } from '../actors/watch.ts';
import { type ErrorBody, toErrorBody } from '../protocol/errors.ts';
import { writeJson } from '../protocol/json-writer.ts';
import { NODE_FRAME } from '../protocol/limits.ts';
import type { TaskEvent, TaskResult } from '../protocol/tasks.ts';
import type { World } from '../runtime/world.ts';
import { Pace } from './pace.ts';

/** What a reader waits before it comes back. */
const RETRY_MS = 2_000;

/** The reader of one watch, and the response it writes to. It ends by itself after the result. */
export class EventStream implements WatchReader {
  readonly #response: ServerResponse;
  readonly #pace: Pace;
  readonly #written = (): void => this.#pace.eased();
  readonly #uncork = (): void => {
    if (!this.#corked) return;
    this.#corked = false;
    this.#response.uncork();
  };
  #corked = false;
  #over = false;

  constructor(response: ServerResponse, world: World) {
    this.#response = response;
    this.#pace = new Pace(world, () => response.writableLength);
    response.on('close', () => this.#leave());
    this.#write(`retry: ${RETRY_MS}\n\n`);
  }

  event(task: string, event: TaskEvent): void {
    const { seq, at, kind, data } = event;
    this.#line(seq, kind, { task, seq, at, kind, data });
  }

  result(task: string, seq: number, result: TaskResult): void {
    this.#line(seq, 'task.result', { task, seq, ...resultView(result) });
    this.end();
  }

  gap(task: string, from: number, to: number): void {
    this.#line(to, 'gap', { task, from, to });
  }

  failed(task: string, error: ErrorBody): void {
    this.#write(`event: error\ndata: ${writeJson({ task, ...error }, NODE_FRAME)}\n\n`);
    this.end();
  }

  ready(): Promise<void> {
    return this.#pace.ready();
  }

  /** A comment, so that whatever stands in between does not take a quiet stream for a dead one. */
  beat(): void {
    this.#write(':\n\n');
  }

  end(): void {
    if (this.#over) return;
    this.#leave();
    // A response that ends while it is corked drops what it holds.
    this.#uncork();
    this.#response.end();
  }

  #line(seq: number, event: string, data: object): void {
    if (this.#over) return;
    if (this.#pace.isTooSlow(this.#response.writableLength)) {
      this.end();
      return;
    }
    this.#write(`id: ${seq}\nevent: ${event}\ndata: ${textOf(data)}\n\n`);
  }

  /** What is written in one turn of the event loop leaves together. */
  #write(text: string): void {
    if (this.#over) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#response.cork();
      process.nextTick(this.#uncork);
    }
    this.#response.write(text, this.#written);
  }

  #leave(): void {
    this.#over = true;
    this.#pace.end();
  }
}

/** JSON has no line breaks of its own. What cannot be written becomes the error that says so. */
function textOf(data: object): string {
  try {
    return writeJson(data, NODE_FRAME);
  } catch (error) {
    return writeJson({ error: toErrorBody(error) }, NODE_FRAME);
  }
}
