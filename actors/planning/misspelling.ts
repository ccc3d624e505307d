/** How far a word may be misspelt and still be known, and what it counts for. Pure. */
import { editsBetween } from '../workflow/graph-suggestion.ts';

/** Letters of a word from which on one slip may be in it, and two. In a shorter one a slip makes too often another word of it. */
const ONE_SLIP_LETTERS = 5;
const TWO_SLIPS_LETTERS = 9;
/** What a misspelt word counts for: less than the same word as it should be, so that this one wins. */
export const MISSPELT_WORTH = 0.8;
/** Words of one goal, or stems of them, that are looked up as misspelt: each costs a good deal where there are many templates. */
const LOOKED_UP_MAX = 64;

/** Whether `word` may be meant to be `meant`. Swapped neighbours are one slip. */
export function isMisspelt(word: string, meant: string): boolean {
  const slips = meant.length >= TWO_SLIPS_LETTERS ? 2 : meant.length >= ONE_SLIP_LETTERS ? 1 : 0;
  return Math.abs(word.length - meant.length) <= slips && editsBetween(word, meant) <= slips;
}

/**
 * For one search: how many letters a word of the index may be away from one of the goal. An index counts swapped neighbours as two, so
 * that it finds more than `isMisspelt` takes.
 */
export function fuzziness(): (word: string) => number | false {
  let looks = 0;
  return (word) => {
    if (word.length < ONE_SLIP_LETTERS - 1 || ++looks > LOOKED_UP_MAX) return false;
    return word.length < TWO_SLIPS_LETTERS - 2 ? 2 : 3;
  };
}
