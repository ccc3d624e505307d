/** The rows that a turn of a flow changes: written at its end, in order, unless the flow is over by then and they go with it. */
import type { CellPort } from '../../runtime/cell-port.ts';

/** The rows of one turn. */
export class PendingRows implements Pick<CellPort, 'attach' | 'attached'> {
  readonly #port: CellPort;
  #rows: [key: string, value: unknown][] = [];

  constructor(port: CellPort) {
    this.#port = port;
  }

  attach(key: string, value: unknown): void {
    this.#rows.push([key, value]);
  }

  /** What was there before the turn. */
  attached(): ReadonlyMap<string, unknown> {
    return this.#port.attached();
  }

  write(): void {
    for (const [key, value] of this.#rows) this.#port.attach(key, value);
    this.#rows = [];
  }
}
