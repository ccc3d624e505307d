/** What a session is asked about shared state. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { SessionState } from '../session.ts';
import type { Requests } from '../session-requests.ts';
import type { PieceRow } from './piece.ts';
import type { PieceName, StateDesk } from './state-desk.ts';

/** All of them. */
export function createStateRequests(desk: StateDesk): Requests {
  return {
    'state.get': async (piece, { principal }) => frameOf(piece, await desk.get(principal, piece)),
    'state.set': async ({ scope, name, value, ifVersion }, { principal }) => {
      const piece = { scope, name };
      const { version } = await desk.set(principal, piece, value, ifVersion === undefined ? {} : { ifVersion });
      return frameOf(piece, { version, value: value ?? null });
    },
  };
}

/**
 * A session that follows a piece: it is shown what there is, then each version that comes; a slow reader the last one there is
 * when it is ready, and none of those in between.
 */
export class StateWatch {
  readonly #desk: StateDesk;
  readonly #state: SessionState;
  readonly #piece: PieceName;
  #row: PieceRow | undefined;
  #phase: 'opening' | 'idle' | 'sending' | 'stopped' = 'opening';

  constructor(desk: StateDesk, state: SessionState, piece: PieceName) {
    this.#desk = desk;
    this.#state = state;
    this.#piece = piece;
  }

  /** The first answer. Errors: BUSY; those of the desk. What is followed already is followed anew, not twice. */
  async open(): Promise<object> {
    const { connection, follows, principal } = this.#state;
    const { scope, name } = this.#piece;
    const key = `state/${scope}/${name}`;
    if (follows.size >= LIMITS.sessionSubscriptionsMax && !follows.has(key)) {
      const message = `A connection follows at most ${LIMITS.sessionSubscriptionsMax} topics and pieces of state.`;
      throw new OperatingError('BUSY', message, { retryAfterMs: 1_000 });
    }
    const { piece, stop } = await this.#desk.watch(principal, this.#piece, (row) => this.#next(row));
    follows.get(key)?.stop();
    const end = (): void => {
      this.#phase = 'stopped';
      stop();
    };
    if (connection.lost) end();
    else follows.set(key, { stop: end });
    return frameOf(this.#piece, piece);
  }

  /** The first answer was sent: from now on what comes is. */
  begin(): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'idle';
    if (this.#row !== undefined) void this.#send();
  }

  #next(row: PieceRow): void {
    this.#row = row;
    if (this.#phase === 'idle') void this.#send();
  }

  async #send(): Promise<void> {
    const { connection } = this.#state;
    this.#phase = 'sending';
    await connection.ready();
    if (this.#phase !== 'sending' || this.#row === undefined) return;
    this.#phase = 'idle';
    const row = this.#row;
    this.#row = undefined;
    if (!connection.lost) connection.send(frameOf(this.#piece, row));
  }
}

function frameOf(
  { scope, name }: PieceName,
  piece: { readonly version: number; readonly value?: unknown; readonly exists?: boolean },
): object {
  const { version, value } = piece;
  return { type: 'state.value', scope, name, version, ...('value' in piece && { value }) };
}
