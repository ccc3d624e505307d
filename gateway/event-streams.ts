/** All open streams of server-sent events: their number is bounded, they get signs of life, and they end with the node. */
import type { ServerResponse } from 'node:http';
import { OperatingError } from '../protocol/errors.ts';
import type { Cancel, World } from '../runtime/world.ts';
import { EventStream } from './event-stream.ts';
import { repeat } from './repeat.ts';

/** The streams of one door. */
export class EventStreams {
  readonly #world: World;
  readonly #streamsMax: number;
  readonly #streams = new Set<EventStream>();
  readonly #stopBeats: Cancel;
  #ended = false;

  /** `streamsMax`: how many may be open at a time. */
  constructor(world: World, options: { readonly heartbeatMs: number; readonly streamsMax: number }) {
    this.#world = world;
    this.#streamsMax = options.streamsMax;
    this.#stopBeats = repeat(world, options.heartbeatMs, () => {
      for (const stream of this.#streams) stream.beat();
    });
  }

  /** Errors: BUSY, DRAINING. To be asked before anything is written to a response. */
  admit(): void {
    if (this.#ended) throw new OperatingError('DRAINING', 'This node is stopping.', { retryAfterMs: 1_000 });
    if (this.#streams.size < this.#streamsMax) return;
    throw new OperatingError('BUSY', `${this.#streamsMax} event streams are open already.`, { retryAfterMs: 1_000 });
  }

  /** Opens a stream on a response whose head is written. */
  open(response: ServerResponse): EventStream {
    const stream = new EventStream(response, this.#world);
    this.#streams.add(stream);
    response.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  /** Ends all: their readers come back elsewhere, or later. */
  end(): void {
    this.#ended = true;
    this.#stopBeats();
    for (const stream of this.#streams) stream.end();
  }
}
