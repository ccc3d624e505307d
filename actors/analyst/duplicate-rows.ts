/** Counts rows that repeat an earlier row in every cell, among the first rows of a file. */
import type { Cell } from './cells.ts';
import { hash64 } from './hyper-log-log.ts';
import { LIMITS } from './limits.ts';

/** Add rows; those beyond `LIMITS.duplicateRowsMax` are not looked at. */
export class DuplicateRows {
  /** Rows that repeat an earlier one. */
  count = 0;
  /** Rows looked at. */
  checked = 0;
  private readonly seen = new Set<number>();

  add(cells: readonly Cell[]): void {
    if (this.checked >= LIMITS.duplicateRowsMax) return;
    this.checked += 1;
    // 53 bits of hash: among 200,000 rows a false repeat has a chance of one in 400,000.
    const { high, low } = hash64(cells.join('\u001f'));
    const key = (high >>> 11) * 4_294_967_296 + low;
    if (this.seen.has(key)) this.count += 1;
    else this.seen.add(key);
  }
}
