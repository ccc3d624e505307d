/** Ranks of columns with holes in them: sorted once, then ranked among any subset of rows in linear time. */

/** The rows of a column from its smallest to its largest value; rows without a value (NaN) are left out. */
export function sortRows(values: Float64Array): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < values.length; row++) if (!Number.isNaN(values[row])) rows.push(row);
  return Int32Array.from(rows).sort((a, b) => (values[a] as number) - (values[b] as number));
}

/**
 * Writes the rank (from 1, ties share their mean) of each row with `chosen[row] === 1` into `ranks`.
 * Returns the tie term: the sum of t³ - t over groups of t equal values.
 */
export function rankChosen(order: Int32Array, values: Float64Array, chosen: Uint8Array, ranks: Float64Array): number {
  let ties = 0;
  let start = 0;
  const group: number[] = [];
  const close = (): void => {
    const size = group.length;
    if (size === 0) return;
    const mean = start + (size + 1) / 2;
    for (const row of group) ranks[row] = mean;
    ties += size ** 3 - size;
    start += size;
    group.length = 0;
  };
  let previous = Number.NaN;
  for (let index = 0; index < order.length; index++) {
    const row = order[index] as number;
    if (chosen[row] !== 1) continue;
    const value = values[row] as number;
    if (value !== previous) close();
    previous = value;
    group.push(row);
  }
  close();
  return ties;
}
