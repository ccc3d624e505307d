/** Who follows which pieces of shared state, in this run of the process. What is told here is committed. */
import { ChurnMap } from '../../runtime/churn-map.ts';
import type { PieceRow } from './piece.ts';

/** Hears of each committed version. Must not throw. */
export type StateListener = (row: PieceRow) => void;

/** The followers of one node. */
export class StateHub {
  readonly #listeners = new ChurnMap<string, Set<StateListener>>();

  /** Until the returned function is called. */
  listen(scope: string, name: string, listener: StateListener): () => void {
    const key = keyOf(scope, name);
    const listeners = this.#listeners.get(key) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(key, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** A version is committed. */
  changed(scope: string, name: string, row: PieceRow): void {
    for (const listener of this.#listeners.get(keyOf(scope, name)) ?? []) listener(row);
  }
}

function keyOf(scope: string, name: string): string {
  return `${scope}\0${name}`;
}
