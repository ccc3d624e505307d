/** The rows that the kernel itself keeps beside a cell's state. Their names begin with a character that no actor's own have. */

/** A large input: written once. */
export const INPUT_ROW = '\0input';
/** The number of lives before this one; there is no such row in the first. */
export const LIFE_ROW = '\0life';
/** What the actor watches and is linked to (runtime/bonds.ts). */
export const BONDS_ROW = '\0bonds';
