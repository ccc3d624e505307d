/** "Did you mean": the name nearest to a mistyped one. */

const CHARS_MAX = 64;

/**
 * The name of `names` that is nearest to `word` in edits (swapped neighbours are one edit), if it is near enough that it
 * may have been meant: one edit, or one in three characters. The first of equals. O(names × 64²).
 */
export function closestName(word: string, names: Iterable<string>): string | undefined {
  if (word.length > CHARS_MAX) return undefined;
  let best: string | undefined;
  let bestEdits = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= bestEdits || name === word) continue;
    const edits = editsBetween(word.toLowerCase(), name.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [name, edits];
  }
  return best;
}

/** Letters that are put in, left out, changed, or swapped with their neighbours between two words. O(a × b). */
export function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
