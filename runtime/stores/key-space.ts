/**
 * The port under the drivers that keep ordered keys: a space of keys and bytes that is written in atomic batches. It knows
 * nothing of tasks and cells; the layout above it is written once (record-store.ts). Keys are printable ASCII and NUL.
 *
 * Everything but `open` is called on an open space only. A space translates the errors of its library: STORE_UNAVAILABLE
 * for what may pass, STORE_CORRUPT for damage.
 */

/** A key and its bytes. */
export type Row = readonly [key: string, record: Uint8Array];

/** Keys from `gte` on that are less than `lt`; with `reverse`, from the last. */
export interface Range {
  readonly gte: string;
  readonly lt: string;
  readonly reverse?: boolean;
}

/** Takes rows; `put` has copied the bytes when it returns. */
export interface RowSink {
  put(key: string, record: Uint8Array): void;
  del(key: string): void;
}

/** Rows that are written together or not at all. */
export interface Batch extends RowSink {
  /** At most once. `synced`: on stable storage when it resolves; otherwise it survives the process, but not the machine. */
  write(synced: boolean): Promise<void>;
  /** Instead of `write`. */
  discard(): void;
}

/** A walk over a range. A space may show it as of its beginning, or as of each step. */
export interface Scan {
  /** The next rows, at least one and at most `rowsMax`; none when the range is at its end. */
  next(rowsMax: number): Promise<readonly Row[]>;
  /** Goes on at the first key of the range that is not less than this one; forward scans only. */
  seek(key: string): void;
  close(): Promise<void>;
}

/** The space itself. */
export interface KeySpace {
  readonly driver: string;
  /** Errors: STORE_UNAVAILABLE, STORE_CORRUPT. After an error it is closed. */
  open(): Promise<void>;
  /** May be called at any time, and again. */
  close(): Promise<void>;
  batch(): Batch;
  get(key: string): Promise<Uint8Array | undefined>;
  /** All as of one moment. */
  getMany(keys: string[]): Promise<(Uint8Array | undefined)[]>;
  scan(range: Range): Scan;
  /** After `open` or the first write failed with this error: frees what is kept for that case. False where that cannot help. */
  makeRoom(error: unknown): Promise<boolean>;
  figures(): Promise<Readonly<Record<string, number>>>;
}
