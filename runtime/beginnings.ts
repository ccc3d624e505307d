/**
 * Calls that are about to begin. Those that may begin in one go of the event loop begin together at its end: whose code runs is
 * written down before it does, for the next process, and one write for all of them costs as much as one for each.
 */

/** Whose call it is, and under which key. */
export interface CallName {
  readonly address: string;
  readonly key: string;
}

/** Calls that are looked at together: however many wait, none is looked at again and again. */
const TOGETHER_MAX = 64;

interface Beginning extends CallName {
  begin(): void;
}

/** The calls of one node that are about to begin. */
export class Beginnings {
  /** How many of these, from the first on, may begin now; at least one. */
  readonly #entering: (calls: readonly CallName[]) => number;
  #waiting: Beginning[] = [];

  constructor(entering: (calls: readonly CallName[]) => number) {
    this.#entering = entering;
  }

  /** It begins before anything that is not at work already. `begin` must not throw. */
  add(beginning: Beginning): void {
    this.#waiting.push(beginning);
    if (this.#waiting.length === 1) queueMicrotask(this.#go);
  }

  readonly #go = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; ) {
      const upTo = at + this.#entering(waiting.slice(at, at + TOGETHER_MAX));
      for (; at < upTo; at++) waiting[at]?.begin();
    }
  };
}
