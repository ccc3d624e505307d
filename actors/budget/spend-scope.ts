/**
 * Which journaled call the current code belongs to: what is spent in it is told apart from what the function spends beside it, so
 * that a function that runs again, and is given back what its calls brought, counts none of it twice and none of it for another.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** One making of one journaled call. */
export interface SpendScope {
  readonly name: string;
  /** Reports in it so far. */
  count: number;
}

const scopes = new AsyncLocalStorage<SpendScope>();

/** Runs the function of a journaled call. `made`: how often it was made before in this attempt. */
export function inSpendScope<T>(entry: string, made: number, fn: () => T): T {
  return scopes.run({ name: `${entry}~${made}`, count: 0 }, fn);
}

/** The call that the current code belongs to; undefined where it belongs to none. */
export function currentSpendScope(): SpendScope | undefined {
  return scopes.getStore();
}
