/**
 * What may differ between a life that was never ended and one that was killed and restored. This is all of it; each has its
 * reason and the place where it is left out of what is compared. Everything else must be equal: state value, context,
 * status, output, error, tags, children with their ids and session ids, timers with their due times, messages to other
 * actors, calls with their keys, emitted events, logged words, crashes, and the order of all of these.
 *
 * - *The bodies of promises, callbacks and observables run again* in each new life, so the outside may see the same thing
 *   several times: `seen` has each thing once. (script.ts)
 * - *A call that waits for its outcome is asked for again* under the same key; the cell joins or repeats it by its kind. What
 *   a restoring start asks for is left out. (bench.ts, `kill`)
 * - *That a body has started is told to the machine again*: a turn in which nothing changes and nothing is said is left out.
 *   (bench.ts, `#note`)
 * - *What a turn emitted and logged that was never written*: nobody may act on that, and the turn says it again.
 *   (bench.ts, `#lose`)
 * - *The stack of an error* does not cross a restart. (show.ts)
 * - *Times* and the event `task.resumed`: there are none on the bench, whose clock only a script moves.
 */
import { expect } from 'vitest';
import type { CaseTrace } from './script.ts';

/** Fails with the name of the way of killing and what differs. */
export function assertSameLife(killed: CaseTrace, straight: CaseTrace, how: string): void {
  const { turns, failures, undelivered, seen, steps } = killed;
  expect({ turns, failures, undelivered, seen, steps }, `killed ${how}`).toEqual({
    turns: straight.turns,
    failures: straight.failures,
    undelivered: straight.undelivered,
    seen: straight.seen,
    steps: straight.steps,
  });
}
