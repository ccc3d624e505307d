/** The smallest and the largest values of a stream with the rows they stand in. */

/** A number and the data row (from 1) it stands in. */
export interface PlacedValue {
  readonly value: number;
  readonly row: number;
}

/** Keeps `capacity` of each; of equal values the first met. */
export class Extremes {
  /** Ascending. */
  readonly lowest: PlacedValue[] = [];
  /** Descending. */
  readonly highest: PlacedValue[] = [];
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(value: number, row: number): void {
    const low = this.lowest.at(-1);
    if (low === undefined || this.lowest.length < this.capacity || value < low.value) {
      insert(this.lowest, { value, row }, (other) => other.value <= value, this.capacity);
    }
    const high = this.highest.at(-1);
    if (high === undefined || this.highest.length < this.capacity || value > high.value) {
      insert(this.highest, { value, row }, (other) => other.value >= value, this.capacity);
    }
  }
}

function insert(
  list: PlacedValue[],
  entry: PlacedValue,
  before: (other: PlacedValue) => boolean,
  capacity: number,
): void {
  let at = list.length;
  while (at > 0 && !before(list[at - 1] as PlacedValue)) at -= 1;
  list.splice(at, 0, entry);
  if (list.length > capacity) list.pop();
}
