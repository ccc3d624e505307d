/**
 * What anyone may ask of shared state, whatever door they came through (socket, REST, an agent's context). What it answers is
 * committed.
 */
import { formatAddress } from '../../protocol/addresses.ts';
import { msgpackCodec } from '../../protocol/codec.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import { type FrameBounds, LIMITS, NODE_FRAME } from '../../protocol/limits.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Store } from '../../runtime/stores/store.ts';
import type { Asks } from '../asks.ts';
import type { Principal } from '../desk.ts';
import type { Lease } from './lease.ts';
import { PIECE_LOGIC, type PieceRow } from './piece.ts';
import { parseScope } from './scope.ts';
import type { StateHub } from './state-hub.ts';

/** Which piece, and who asks. */
export interface PieceName {
  readonly scope: string;
  readonly name: string;
}

/** A piece as it is. `version` 0 and no value: it was never written; `exists` false: it has no value now. */
export interface Piece extends PieceName {
  readonly version: number;
  readonly exists: boolean;
  readonly value?: unknown;
  readonly lease?: Lease;
}

/** Under which conditions a change is made. */
export interface ChangeOptions {
  /** Only on this version; 0: only where there is none. */
  readonly ifVersion?: number;
  /** The token of the lease that the writer holds. */
  readonly token?: number;
  /** Names the change: asked for again, it is made once. The last 32 are remembered. */
  readonly op?: string;
}

/** What a list shows of a piece. */
export interface PieceEntry extends PieceName {
  readonly version: number;
  readonly bytes: number;
  readonly atMs: number;
}

/** What the desk needs of its node. */
export interface StateDeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly asks: Asks;
  readonly hub: StateHub;
  /** Errors: NOT_FOUND for a task that is not this principal's. */
  readonly ownsTask: (principal: Principal, task: string) => Promise<void>;
  /** Errors: DRAINING, BUSY, STORE_UNAVAILABLE where nothing is taken on. */
  readonly admit: () => void;
}

/** Who asks for an agent: it may use all scopes. */
export const AGENTS = 'agents';

const ANSWER_MS = 30_000;
const VALUE_BOUNDS: FrameBounds = { ...NODE_FRAME, bytesMax: LIMITS.stateValueBytesMax };

/** The desk for shared state of one node. Errors of all: INVALID_INPUT (scope, name), NOT_FOUND (the task of a scope), BUSY, TIMEOUT. */
export class StateDesk {
  readonly #deps: StateDeskDeps;

  constructor(deps: StateDeskDeps) {
    this.#deps = deps;
  }

  async get(principal: Principal, piece: PieceName): Promise<Piece> {
    const answer = await this.#ask(principal, piece, { type: 'state.get' });
    const { version, exists, value, lease } = answer as unknown as Piece;
    return {
      ...{ scope: piece.scope, name: piece.name, version, exists },
      ...(exists && { value }),
      ...(lease !== undefined && { lease }),
    };
  }

  /**
   * @returns the new version; with the value of then, where this change was made before under its `op`.
   * Errors: STATE_CONFLICT (version, lease), PROTOCOL_TOO_BIG.
   */
  async set(
    principal: Principal,
    piece: PieceName,
    value: unknown,
    options: ChangeOptions = {},
  ): Promise<{ readonly version: number; readonly value?: unknown }> {
    assertFits(value);
    const answer = await this.#ask(principal, piece, { type: 'state.set', value, by: principal, ...options });
    return { version: answer['version'] as number, ...('value' in answer && { value: answer['value'] }) };
  }

  /** @returns the version of the removal; that of before where there was nothing. Errors: STATE_CONFLICT. */
  async remove(principal: Principal, piece: PieceName, options: ChangeOptions = {}): Promise<number> {
    const answer = await this.#ask(principal, piece, { type: 'state.remove', by: principal, ...options });
    return answer['version'] as number;
  }

  /** The versions that are kept, the newest first. */
  async history(principal: Principal, piece: PieceName): Promise<readonly PieceRow[]> {
    return (await this.#ask(principal, piece, { type: 'state.history' }))['versions'] as readonly PieceRow[];
  }

  /**
   * A lease for this holder; who holds it already has its time anew, under the same token.
   * Errors: STATE_CONFLICT (another holds it, and went on to for `waitMs`), BUSY (too many wait).
   */
  async lock(
    principal: Principal,
    piece: PieceName,
    { holder, ttlMs, waitMs = 0 }: { readonly holder: string; readonly ttlMs: number; readonly waitMs?: number },
    signal?: AbortSignal,
  ): Promise<Lease> {
    const event = { type: 'state.lock', holder, ttlMs, waitMs };
    return leaseIn(await this.#ask(principal, piece, event, waitMs, signal));
  }

  /** Errors: STATE_CONFLICT (it is over). */
  async renew(principal: Principal, piece: PieceName, token: number, ttlMs: number): Promise<Lease> {
    return leaseIn(await this.#ask(principal, piece, { type: 'state.renew', token, ttlMs }));
  }

  /** Also where it is over. */
  async unlock(principal: Principal, piece: PieceName, token: number): Promise<void> {
    await this.#ask(principal, piece, { type: 'state.unlock', token });
  }

  /** Names in a scope, ascending; `after` is the last one that the reader has. */
  async list(
    principal: Principal,
    scope: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): Promise<readonly PieceEntry[]> {
    await this.#check(principal, { scope, name: '*' });
    const page = { limit, after: { name: scope, version: after ?? '' } };
    const rows = await this.#deps.store.definitions('state', page);
    return rows
      .filter((row) => row.name === scope)
      .map(({ version: name, body }) => ({ scope, name, ...(body as Omit<PieceEntry, 'scope' | 'name'>) }));
  }

  /**
   * The piece as it is, then each version that is committed from then on, in order and without a gap, until the returned
   * function is called.
   */
  async watch(
    principal: Principal,
    piece: PieceName,
    onVersion: (row: PieceRow) => void,
  ): Promise<{ readonly piece: Piece; readonly stop: () => void }> {
    let early: PieceRow[] | undefined = [];
    const stop = this.#deps.hub.listen(piece.scope, piece.name, (row) => {
      if (early === undefined) onVersion(row);
      else early.push(row);
    });
    try {
      const now = await this.get(principal, piece);
      const missed = early.filter(({ version }) => version > now.version);
      early = undefined;
      for (const row of missed) queueMicrotask(() => onVersion(row));
      return { piece: now, stop };
    } catch (error) {
      stop();
      throw error;
    }
  }

  async #ask(
    principal: Principal,
    piece: PieceName,
    event: { readonly type: string; readonly [field: string]: unknown },
    waitMs = 0,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    // What agents have begun may end, also while the node drains.
    if (principal !== AGENTS) this.#deps.admit();
    await this.#check(principal, piece);
    const { scope, name } = piece;
    return await this.#deps.asks.ask({
      address: formatAddress(PIECE_LOGIC, scope, name),
      event,
      timeoutMs: waitMs + ANSWER_MS,
      who: `${scope}/${name}`,
      ...(signal !== undefined && { signal }),
    });
  }

  async #check(principal: Principal, { scope, name }: PieceName): Promise<void> {
    const { kind, name: task } = parseScope(scope);
    if (name === '' || name.length > LIMITS.stateNameCharactersMax || !name.isWellFormed()) {
      const message = `A piece of shared state has a name of 1 to ${LIMITS.stateNameCharactersMax} characters.`;
      throw new OperatingError('INVALID_INPUT', message);
    }
    if (kind === 'task' && principal !== AGENTS) await this.#deps.ownsTask(principal, task);
  }
}

function leaseIn({ holder, token, expiresAtMs }: Readonly<Record<string, unknown>>): Lease {
  return { holder, token, expiresAtMs } as Lease;
}

/** A value must fit into every frame that it may be shown in. Errors: PROTOCOL_TOO_BIG, INVALID_INPUT. */
function assertFits(value: unknown): void {
  try {
    msgpackCodec.encode({ value }, VALUE_BOUNDS);
  } catch (error) {
    const { code, message } = toErrorBody(error);
    throw new OperatingError(
      code === 'PROTOCOL_TOO_BIG' ? code : 'INVALID_INPUT',
      `This value cannot be kept: ${message} Shared state is for what is small; put the rest elsewhere and keep a reference.`,
    );
  }
}
