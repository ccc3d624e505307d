/** Shared state as the code of a call on a worker reaches it: each method is a request, done by the owner's own context. */
import { type SharedState, scopeOf } from '../../actors/state/state-context.ts';
import type { GivenFunctions } from './request.ts';

/** Asks the owner. */
export type AskOwner = (verb: string, args: readonly unknown[], given?: GivenFunctions) => Promise<unknown>;

/** The shared state of a scope; of the call's own task where none is named. Errors: INVALID_INPUT. */
export function workerState(ask: AskOwner, task: string, scope: string | undefined): SharedState {
  const place = scopeOf(task, scope);
  const request = (verb: string, args: readonly unknown[], given?: GivenFunctions): Promise<never> =>
    ask(`state.${verb}`, [scope ?? null, ...args], given) as Promise<never>;
  return {
    scope: place,
    get: (name) => request('get', [name]),
    set: (name, value, options) => request('set', [name, value, options]),
    remove: (name, options) => request('remove', [name, options]),
    update: (name, change, options) => request('update', [name, options], { do: change }),
    lock: (name, options) => request('lock', [name, options]),
    renew: (name, token, ttlMs) => request('renew', [name, token, ttlMs]),
    unlock: async (name, token) => {
      await request('unlock', [name, token]);
    },
  };
}
