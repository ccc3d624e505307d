/**
 * Shared state as agents reach it, by `ctx.state`. What an agent read and wrote is in its journal: one that resumes after a
 * crash sees what it saw, and changes nothing twice.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { copyValue } from '../../runtime/value-copy.ts';
import type { JournalOptions } from '../journal.ts';
import type { Lease } from './lease.ts';
import { AGENTS, type ChangeOptions, type Piece, type PieceName, type StateDesk } from './state-desk.ts';

/** Shared state of one scope. Each call is an entry of the agent's journal. Errors: those of the desk (actors/state/state-desk.ts). */
export interface SharedState {
  readonly scope: string;
  /** `exists` false: it has no value now; `version` 0: it never had one. */
  get(name: string): Promise<{ readonly version: number; readonly exists: boolean; readonly value?: unknown }>;
  /** @returns the new version. Errors: STATE_CONFLICT. */
  set(name: string, value: unknown, options?: Pick<ChangeOptions, 'ifVersion' | 'token'>): Promise<number>;
  remove(name: string, options?: Pick<ChangeOptions, 'ifVersion' | 'token'>): Promise<number>;
  /**
   * Replaces a value by what `change` makes of it (undefined: there is none), and tries again where another was faster. @returns
   * the new value. Errors: STATE_CONFLICT, when others are always faster.
   */
  update<T>(
    name: string,
    change: (value: T | undefined) => T | Promise<T>,
    options?: { readonly token?: number },
  ): Promise<T>;
  /** The right to write, for a while. Errors: STATE_CONFLICT (another has it, and keeps it for `waitMs`). */
  lock(name: string, options: { readonly ttlMs: number; readonly waitMs?: number }): Promise<Lease>;
  renew(name: string, token: number, ttlMs: number): Promise<Lease>;
  unlock(name: string, token: number): Promise<void>;
}

/** What `ctx.state` needs of the call that it is part of. */
export interface SharedStateHost {
  readonly task: string;
  readonly signal: AbortSignal;
  journal<T>(name: string, fn: (idempotencyKey: string) => Promise<T>, options: JournalOptions): Promise<T>;
}

const UPDATES_MAX = 50;

/** The shared state of a scope; of the agent's own task where none is named. Errors: INVALID_INPUT. */
export function sharedState(desk: StateDesk, host: SharedStateHost, scope?: string): SharedState {
  const place = scopeOf(host.task, scope);
  const piece = (name: string): PieceName => ({ scope: place, name });
  const entry = (verb: string, name: string): string => `state.${verb} ${place}/${name}`;
  return {
    scope: place,
    get: (name) =>
      host.journal(entry('get', name), async () => viewOf(await desk.get(AGENTS, piece(name))), { kind: 'pure' }),
    set: (name, value, options = {}) =>
      host.journal(
        entry('set', name),
        async (op) => (await desk.set(AGENTS, piece(name), ownValue(value), { ...options, op })).version,
        {},
      ),
    remove: (name, options = {}) =>
      host.journal(entry('remove', name), (op) => desk.remove(AGENTS, piece(name), { ...options, op }), {}),
    update: (name, change, options = {}) =>
      host.journal(entry('update', name), (op) => update(desk, piece(name), change, { ...options, op }), {}),
    lock: (name, options) =>
      host.journal(
        entry('lock', name),
        (holder) => desk.lock(AGENTS, piece(name), { ...options, holder }, host.signal),
        {},
      ),
    renew: (name, token, ttlMs) =>
      host.journal(entry('renew', name), () => desk.renew(AGENTS, piece(name), token, ttlMs), {}),
    unlock: async (name, token) => {
      await host.journal(entry('unlock', name), () => desk.unlock(AGENTS, piece(name), token), {});
    },
  };
}

/** The scope that is meant: that of the task where none is named. Errors: INVALID_INPUT. */
export function scopeOf(task: string, scope: string | undefined): string {
  if (scope !== undefined) return scope;
  if (task !== '') return `task:${task}`;
  const message = 'A keyed agent works for no task: name the scope, such as ctx.state("global").';
  throw new OperatingError('INVALID_INPUT', message);
}

async function update<T>(
  desk: StateDesk,
  piece: PieceName,
  change: (value: T | undefined) => T | Promise<T>,
  options: ChangeOptions,
): Promise<T> {
  for (let round = 1; ; round++) {
    const { version, exists, value } = await desk.get(AGENTS, piece);
    const next = ownValue(await change(exists ? copyValue(value as T) : undefined));
    try {
      const made = await desk.set(AGENTS, piece, next, { ...options, ifVersion: exists ? version : 0 });
      return copyValue('value' in made ? (made.value as T) : next);
    } catch (error) {
      const isBeaten =
        error instanceof OperatingError && error.code === 'STATE_CONFLICT' && options.token === undefined;
      if (!isBeaten || round === UPDATES_MAX) throw error;
    }
  }
}

/** A copy; of what is no value at all the desk has to say so. */
function ownValue<T>(value: T): T {
  return typeof value === 'object' ? copyValue(value) : value;
}

function viewOf({ version, exists, value }: Piece): Pick<Piece, 'version' | 'exists' | 'value'> {
  return { version, exists, ...(exists && { value: copyValue(value) }) };
}
