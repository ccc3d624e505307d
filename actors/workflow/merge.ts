/**
 * What becomes of a fan-out whose items end one by one: whether what the step asks for is there, can still be had, or cannot
 * any more. Counts alone: pure.
 *
 * | merge     | is met when                   | is lost when                                       |
 * |-----------|-------------------------------|----------------------------------------------------|
 * | `all`     | all items have ended well     | one has failed                                     |
 * | `reduce`  | the same; then they are folded | the same                                          |
 * | `any`     | one has ended well            | all have failed                                    |
 * | `first:N` | N have ended well             | fewer than N have ended well or can still do so    |
 * | `quorum`  | more than half have ended well | half of them, or more, have failed                |
 *
 * An optional step takes what there is: it bears every failure, and is over when all its items are.
 */

/** How the items of a fan-out stand. Those that are in neither count are under way, or have not begun. */
export interface ItemCounts {
  readonly items: number;
  readonly completed: number;
  readonly failed: number;
}

/** `partial`: over, with some of what was asked for; only of an optional step. */
export type MergeVerdict = 'open' | 'met' | 'partial' | 'lost';

/** How many items must end well, by the name of the merge alone; 0 where that depends on how many there are. */
export function neededBy(merge: string): number {
  if (merge === 'any') return 1;
  return merge.startsWith('first:') ? Number(merge.slice('first:'.length)) : 0;
}

/** How many of so many items must end well. */
export function neededOf(merge: string, items: number): number {
  if (merge === 'quorum') return Math.floor(items / 2) + 1;
  return merge === 'all' || merge === 'reduce' ? items : neededBy(merge);
}

/** Judges a fan-out by its counts. */
export function judgeMerge(merge: string, { items, completed, failed }: ItemCounts, isOptional: boolean): MergeVerdict {
  const needed = neededOf(merge, items);
  if (completed >= needed) return 'met';
  if (items - failed >= needed) return 'open';
  if (!isOptional) return 'lost';
  if (completed + failed < items) return 'open';
  return completed > 0 ? 'partial' : 'lost';
}
