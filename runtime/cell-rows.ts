/** The rows that the kernel itself keeps beside a cell's state. Their names begin with a character that no actor's own have. */

/** A large input: written once. */
export const INPUT_ROW = '\0input';
/** The number of lives before this one; there is no such row in the first. */
export const LIFE_ROW = '\0life';
/** What the actor watches and is linked to (runtime/bonds.ts). */
export const BONDS_ROW = '\0bonds';

/** Of a cell that was made from a checkpoint: the task it was of, and the unsafe calls that were under way then. */
export const FORK_ROW = '\0fork';

/** What that row holds. */
export interface ForkRow {
  readonly of: string;
  readonly task: string;
  readonly entries: readonly string[];
}
