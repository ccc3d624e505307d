/**
 * The two ends of a job's progress: the thread's, which passes values on at a bounded rate, and the pool's, which hands them to
 * the caller. The newest value counts: one that comes too early waits, and a later one takes its place.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Cancel, World } from '../world.ts';
import { packValue, unpackValue } from './job.ts';

const PROGRESS_BYTES_MAX = 16 * 1024;
const PROGRESS_GAP_MS = 50;

/** The thread's end. `end` sends what waits and closes the port. */
export class ProgressSender {
  readonly #port: MessagePort;
  readonly #world: World;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #waiting: Uint8Array | undefined;
  #cancel: Cancel | undefined;

  constructor(port: MessagePort, world: World) {
    this.#port = port;
    this.#world = world;
  }

  /** Errors: INVALID_OUTPUT for a value that cannot cross or is too large. */
  put(value: unknown): void {
    this.#waiting = packValue(value, 'The progress', PROGRESS_BYTES_MAX, 'INVALID_OUTPUT');
    const waitMs = this.#sentAtMs + PROGRESS_GAP_MS - this.#world.monotonicMs();
    if (waitMs <= 0) this.#send();
    else this.#cancel ??= this.#world.after(waitMs, () => this.#send());
  }

  end(): void {
    this.#send();
    this.#port.close();
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#waiting === undefined) return;
    this.#port.postMessage(this.#waiting);
    this.#waiting = undefined;
    this.#sentAtMs = this.#world.monotonicMs();
  }
}

/** The pool's end. `far` goes to the thread; `end` hands on what has arrived, then closes both. */
export interface ProgressTaker {
  readonly far: MessagePort;
  end(): void;
}

/** Opens a channel. A taker that throws is told to `onFault` and stops nothing. */
export function takeProgress(onProgress: (value: unknown) => void, onFault: (error: unknown) => void): ProgressTaker {
  const { port1: near, port2: far } = new MessageChannel();
  const take = (packed: Uint8Array): void => {
    try {
      onProgress(unpackValue(packed));
    } catch (error) {
      onFault(error);
    }
  };
  near.on('message', take);
  const end = (): void => {
    // The result can overtake progress that was sent before it: take that first.
    let next = receiveMessageOnPort(near);
    for (; next !== undefined; next = receiveMessageOnPort(near)) take(next.message as Uint8Array);
    near.close();
  };
  return { far, end };
}
