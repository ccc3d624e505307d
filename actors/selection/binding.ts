/**
 * Whether a step may go on with another agent. What an agent has recorded stays with the step under that agent's name, and another
 * would not find it: where an unsafe call has begun, it would be made a second time.
 */
import type { JournalEntry } from '../journal.ts';

/**
 * Whether an unsafe call of the step has begun, by what is recorded beside its state; however it went, but for one that somebody
 * has said did not happen.
 */
export function isBound(recorded: ReadonlyMap<string, unknown>): boolean {
  for (const value of recorded.values()) {
    const { kind, state } = (value ?? {}) as Partial<JournalEntry>;
    if (kind === 'unsafe' && state !== 'retry') return true;
  }
  return false;
}
